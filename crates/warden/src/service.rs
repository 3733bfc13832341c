//! The sockets: one for the front, one for the owner, the same service on both.

use std::io;
use std::sync::Arc;

use futures::StreamExt;
use model::{Instant, Origin};
use protocol::{
    Credential, FrontDisk, HandoverRecord, HandoverReply, Hello, ListReply, ListRequest, OpenReply, OpenRequest,
    OrderAsk, OrderCaller, OrderReply, PROTOCOL_VERSION, PageReply, PageRequest, Refusal, RefusedAssociation,
    SignInReply, SignInRequest, SignedDevices, Warden as Protocol, WardenRequest,
};
use tarpc::context::Context;
use tarpc::server::{BaseChannel, Channel as _, Config};
use tokio::net::UnixListener;

use crate::pages::HELD;
use crate::state::{Channel, Warden};

/// The most connections at a time on one socket.
const CONNECTIONS_MAX: usize = 64;
/// The most records in one handover.
pub const HANDOVER_RECORDS_MAX: usize = 10_000;
/// How long a socket waits after a connection that could not be accepted.
const ACCEPT_RETRY: std::time::Duration = std::time::Duration::from_millis(100);
/// How often sessions' last use is written, in seconds.
const FLUSH_SECONDS: u64 = 5;
/// How often what is due goes cold, in seconds.
const SWEEP_SECONDS: i64 = 3_600;
/// After so many of these readers are compared with their peers, and the day with the month: once an hour.
const FLUSHES_PER_LOOK: u64 = 720;

/// Serves a socket until the task is dropped. Reading the socket and the pulse stay on the current runtime, which should have a
/// thread of its own; what may take long or wait for a lock is done on `workers`.
pub async fn serve(
    warden: Arc<Warden>,
    listener: UnixListener,
    channel: Channel,
    workers: tokio::runtime::Handle,
) -> io::Result<()> {
    let counts = async {
        let mut interval = tokio::time::interval(crate::repeats::FLUSH);
        loop {
            interval.tick().await;
            warden.flush_repeats().await;
        }
    };
    tokio::select! {
        served = accept(Arc::clone(&warden), listener, channel, workers) => served,
        () = counts => Ok(()),
    }
}

async fn accept(
    warden: Arc<Warden>,
    listener: UnixListener,
    channel: Channel,
    workers: tokio::runtime::Handle,
) -> io::Result<()> {
    let owner = rustix::process::geteuid().as_raw();
    let places = Arc::new(tokio::sync::Semaphore::new(CONNECTIONS_MAX));
    loop {
        let place = Arc::clone(&places).acquire_owned().await.map_err(io::Error::other)?;
        let stream = match listener.accept().await {
            Ok((stream, _)) if is_of(&stream, owner) => stream,
            Ok(_) => {
                tracing::warn!("another user's connection was closed");
                continue;
            }
            Err(error) => {
                // out of file descriptors, or a caller who went away: those who are connected go on
                tracing::warn!(%error, "a connection was not accepted");
                tokio::time::sleep(ACCEPT_RETRY).await;
                continue;
            }
        };
        let service = Service { warden: Arc::clone(&warden), channel };
        let workers = workers.clone();
        tokio::spawn(async move {
            let transport = protocol::listen(stream);
            let config = Config { pending_response_buffer: 1024 };
            let mut requests = std::pin::pin!(BaseChannel::new(config, transport).requests());
            while let Some(request) = requests.next().await {
                let request = match request {
                    Ok(request) => request,
                    Err(error) => {
                        tracing::warn!(%error, "a connection said something that is no message, and was closed");
                        break;
                    }
                };
                let pulse = matches!(request.get().message, WardenRequest::Pulse {});
                let answer = request.execute(service.clone().serve());
                if pulse {
                    tokio::spawn(answer);
                } else {
                    workers.spawn(answer);
                }
            }
            drop(place);
        });
    }
}

/// Whether the process at the other end runs as this user or as root. The socket's mode says the same; this holds when it is changed.
fn is_of(stream: &tokio::net::UnixStream, owner: u32) -> bool {
    stream.peer_cred().is_ok_and(|peer| peer.uid() == owner || peer.uid() == 0)
}

/// Writes sessions' last use now and then, and sweeps what ended by itself.
pub async fn keep_house(warden: Arc<Warden>) {
    let mut interval = tokio::time::interval(std::time::Duration::from_secs(FLUSH_SECONDS));
    for turn in 0u64.. {
        interval.tick().await;
        if turn % FLUSHES_PER_LOOK == 0
            && let Err(refusal) = warden.look_for_the_unusual().await
        {
            tracing::error!(%refusal, "unusual reading and intake could not be told");
        }
        warden.tell_signs().await;
        let warden = Arc::clone(&warden);
        let swept = tokio::task::spawn_blocking(move || {
            warden.look_at_places();
            warden.look_at_witnesses();
            warden.tidy_up();
            warden.record_refusals(false);
        });
        if swept.await.is_err() {
            tracing::error!("keeping house failed");
        }
    }
}

#[derive(Clone)]
struct Service {
    warden: Arc<Warden>,
    channel: Channel,
}

impl Protocol for Service {
    async fn hello(self, _: Context, version: u16) -> Result<Hello, Refusal> {
        if version != PROTOCOL_VERSION {
            return Err(Refusal::Version { theirs: PROTOCOL_VERSION });
        }
        let warden = &self.warden;
        let (sequence, chain) = warden.database.lock().expect(HELD).outbox().map_err(|_| Refusal::Internal)?;
        Ok(Hello {
            site: warden.site(),
            site_name: warden.site_name.clone(),
            site_public_key: warden.secrets.site_key.public().to_bytes(),
            next_outbox_sequence: sequence + 1,
            outbox_chain: chain,
            devices: warden.signed_devices(),
            tls_key_pem: (self.channel == Channel::Front).then(|| warden.tls_key_pem.clone()).flatten(),
            proof_nonces: warden.proofs.nonces(),
        })
    }

    async fn handover(self, _: Context, records: Vec<HandoverRecord>) -> Result<HandoverReply, Refusal> {
        if records.len() > HANDOVER_RECORDS_MAX || self.channel == Channel::Holder {
            return Err(Refusal::NotAllowed);
        }
        let warden = self.warden;
        tokio::task::spawn_blocking(move || warden.take_over(&records)).await.unwrap_or(Err(Refusal::Internal))
    }

    async fn list(self, _: Context, credential: Credential, request: ListRequest) -> Result<ListReply, Refusal> {
        self.warden.list(&credential, self.channel, &request, self.warden.now()).await
    }

    async fn open(self, _: Context, credential: Credential, request: OpenRequest) -> Result<OpenReply, Refusal> {
        self.warden.open(&credential, self.channel, &request, self.warden.now()).await
    }

    async fn sign_in(self, _: Context, origin: Origin, request: SignInRequest) -> Result<SignInReply, Refusal> {
        if self.channel == Channel::Holder {
            return Err(Refusal::NotAllowed);
        }
        let now = self.warden.now();
        let reply = self.warden.sign_in(&origin, request, now).await;
        if matches!(reply, Ok(SignInReply::SignedIn { .. })) {
            self.warden.tell_signs().await;
        }
        reply
    }

    /// On a thread that may block: a report folds the ledger, and a change waits for its sync. Reading goes on meanwhile.
    async fn ask(self, _: Context, credential: Credential, request: PageRequest) -> Result<PageReply, Refusal> {
        let (now, runtime) = (self.warden.now(), tokio::runtime::Handle::current());
        let answer = tokio::task::spawn_blocking(move || {
            runtime.block_on(self.warden.ask(&credential, self.channel, request, now))
        });
        answer.await.unwrap_or(Err(Refusal::Internal))
    }

    async fn refused(self, _: Context, associations: Vec<RefusedAssociation>) -> Result<(), Refusal> {
        if self.channel == Channel::Holder {
            return Err(Refusal::NotAllowed);
        }
        self.warden.record_refused(associations, self.warden.now()).await
    }

    async fn pulse(self, _: Context) {}

    async fn lies_on(self, _: Context, disk: FrontDisk) -> Result<(), Refusal> {
        if self.channel != Channel::Front {
            return Err(Refusal::NotAllowed);
        }
        let now = self.warden.now();
        tokio::task::spawn_blocking(move || self.warden.front_lies_on(disk, now))
            .await
            .unwrap_or(Err(Refusal::Internal))
    }

    /// Only a front tells orders, and a front tells only what a device may.
    async fn order(self, _: Context, caller: OrderCaller, ask: OrderAsk) -> Result<OrderReply, Refusal> {
        if self.channel != Channel::Front {
            return Err(Refusal::NotAllowed);
        }
        let now = self.warden.now();
        let sender = self.warden.sender_of_orders(&caller, &ask, now).await?;
        tokio::task::spawn_blocking(move || self.warden.order(&sender, ask, now))
            .await
            .unwrap_or(Err(Refusal::Internal))
    }
}

impl Warden {
    /// One round of keeping house.
    pub fn tidy_up(&self) {
        // before anything that may fail
        self.forget_exchange(self.now());
        self.lapse_accounts(self.now());
        self.people.lock().expect(HELD).sweep(self.now());
        self.flush_people();
        self.carry_out_due(self.now());
        self.look_at_leak_lists(self.now());
        self.end_links_due(self.now());
        self.keep_keys();
        if let Err(error) = self.bundle_registry() {
            tracing::error!(%error, "the registry's records could not be bundled; it is tried again");
        }
    }

    /// Ends warmings at their deadline, and sweeps now and then.
    fn keep_keys(&self) {
        let now = self.now();
        let since = self.swept.load(std::sync::atomic::Ordering::Relaxed);
        let outcome = if Instant(since).plus_seconds(SWEEP_SECONDS) <= now {
            self.swept.store(now.0, std::sync::atomic::Ordering::Relaxed);
            if let Err(refusal) = self.drop_old_kept(now) {
                tracing::error!(%refusal, "old messages that were not taken are still kept; it is tried again");
            }
            self.sweep(now).map(drop)
        } else {
            // a sweep that runs ends them itself
            match self.key_work.try_lock() {
                Ok(_work) => self.end_warmings(now, false).map(drop),
                Err(_) => Ok(()),
            }
        };
        if let Err(refusal) = outcome {
            tracing::error!(%refusal, "what is due did not go cold; it is tried again");
        }
    }

    /// The device list, signed for times when the warden is away.
    fn signed_devices(&self) -> SignedDevices {
        let list = self.people.lock().expect(HELD).device_entries();
        let list = serde_json::to_vec(&list).expect("devices are JSON");
        let message = [b"leadglass device list v1\n".as_slice(), &list].concat();
        SignedDevices { signature: self.secrets.signing.sign(&message).to_vec(), list }
    }
}
