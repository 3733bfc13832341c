//! Fresh touches of people of these tests: their password with a code that was not used before.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex};

use protocol::{Credential, Fresh, PageReply, PageRequest, Shown};

use crate::site::{PASSWORD, Site};

/// Recovery codes that are left, by the session's token.
static CODES: LazyLock<Mutex<HashMap<String, Vec<String>>>> = LazyLock::new(Mutex::default);

pub fn keep(who: &Credential, codes: &[String]) {
    let Credential::Session { token, .. } = who else { panic!("a device") };
    CODES.lock().unwrap().insert(token.clone(), codes.to_vec());
}

impl Site {
    /// A touch for one act; of somebody who cannot begin one, a touch that does not hold.
    pub async fn touch(&self, who: &Credential, words: &[&str]) -> Fresh {
        let begun = self.ask_as(who, PageRequest::FreshBegin { act: dpop::act_digest(words) }).await;
        let Ok(PageReply::FreshChallenge { ceremony, .. }) = begun else { return nothing() };
        let Credential::Session { token, .. } = who else { return nothing() };
        let code = CODES.lock().unwrap().get_mut(token).and_then(Vec::pop).expect("a code is left");
        Fresh { ceremony, shown: Shown::PasswordAndCode { password: PASSWORD.to_owned(), code } }
    }
}

/// A touch that does not hold.
pub fn nothing() -> Fresh {
    let shown = Shown::PasswordAndCode { password: String::new(), code: String::new() };
    Fresh { ceremony: String::new(), shown }
}
