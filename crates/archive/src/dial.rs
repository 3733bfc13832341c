//! How the front comes to a stream that leads to the warden: by the socket's path, or by asking its parent, which connects for it.

use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::future::BoxFuture;
use tokio::net::UnixStream;

/// Makes connected streams. Clones share it.
#[derive(Clone)]
pub struct Dial {
    make: Arc<dyn Fn() -> BoxFuture<'static, io::Result<UnixStream>> + Send + Sync>,
}

impl Dial {
    /// Streams that `make` connects.
    pub fn by<F, Stream>(make: F) -> Self
    where
        F: Fn() -> Stream + Send + Sync + 'static,
        Stream: Future<Output = io::Result<UnixStream>> + Send + 'static,
    {
        Self { make: Arc::new(move || Box::pin(make())) }
    }

    /// A stream that leads to the warden, or an error when nobody listens.
    pub async fn stream(&self) -> io::Result<UnixStream> {
        (self.make)().await
    }
}

impl From<&Path> for Dial {
    fn from(socket: &Path) -> Self {
        let socket = Arc::new(socket.to_owned());
        Self::by(move || {
            let socket = Arc::clone(&socket);
            async move { UnixStream::connect(&*socket).await }
        })
    }
}

impl From<&PathBuf> for Dial {
    fn from(socket: &PathBuf) -> Self {
        Self::from(socket.as_path())
    }
}
