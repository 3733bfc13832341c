//! The front's side of the conversation with the warden: one connection, made again whenever it breaks.
//!
//! While the warden is away every call answers [`Refusal::WardenAway`] within [`CONNECT_SECONDS_MAX`], also when its process is
//! there but stands still ([`crate::pulse`]); taking images in goes on, with devices admitted from the last signed list.

use std::{
    future::Future,
    net::IpAddr,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError, RwLock, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use model::{DeviceId, Origin, SiteId};
use policy::Service;
use protocol::{
    AssociationRefusal, Credential, FrontDisk, HandoverRecord, HandoverReply, Hello, LinkRequest, ListReply,
    ListRequest, OpenReply, OpenRequest, OpinionRequest, OrderAsk, OrderCaller, OrderReply, PROTOCOL_VERSION,
    PageReply, PageRequest, Refusal, SecretText, SignInReply, SignInRequest, WardenClient,
};
use tarpc::{client::RpcError, context::Context};

use crate::{
    clock::Clock,
    devices::{Caller, DeviceList, Held, NotAdmitted},
    dial::Dial,
    pulse::Pulse,
    refused::RefusedAssociations,
    site::Site,
};

/// How long one attempt to connect may take, in seconds.
pub const CONNECT_SECONDS_MAX: u64 = 2;

/// How long a refused connection is taken as the answer for further calls, in milliseconds.
const RECONNECT_MILLISECONDS: u64 = 100;

/// How often the connection is looked at and the device list fetched, in seconds.
const HELLO_SECONDS: u64 = 2;

/// How long a connection that was not used is trusted without asking, in milliseconds.
const TRUSTED_MILLISECONDS: u64 = 500;

/// How long listing, opening and signing in may take, in seconds.
const CALL_SECONDS_MAX: u64 = 20;

/// How long handing over one call's records may take, in seconds.
const HANDOVER_SECONDS_MAX: u64 = 120;

/// How long everything else may take, exposure and snapshots among it, in seconds.
const ASK_SECONDS_MAX: u64 = 1800;

/// The connection to the warden. Clones share it.
#[derive(Clone)]
pub struct WardenLink {
    inner: Arc<Inner>,
}

struct Inner {
    dial: Dial,
    pulse: Pulse,
    front: PathBuf,
    site: Site,
    clock: Clock,
    runtime: tokio::runtime::Handle,
    connection: tokio::sync::Mutex<Connection>,
    devices: RwLock<Devices>,
    tls_key_pem: Mutex<Option<SecretText>>,
    proof_nonces: RwLock<Arc<[String]>>,
    leases_ended: AtomicU64,
    refused: RefusedAssociations,
    strange: Mutex<Strange>,
}

/// What the warden's last answer had that this front does not take over: said once in the log, and again when it changed.
#[derive(Default)]
struct Strange {
    site: Option<SiteId>,
    root: Option<Vec<u8>>,
    devices: Option<protocol::SignedDevices>,
}

#[derive(Default)]
struct Connection {
    client: Option<WardenClient>,
    /// Counts connections, so that a call that failed on an old one does not drop its successor.
    number: u64,
    used: Option<Instant>,
    failed: Option<(Instant, Refusal)>,
}

#[derive(Default)]
struct Devices {
    signed: Option<protocol::SignedDevices>,
    list: Arc<DeviceList>,
}

impl WardenLink {
    /// Starts the conversation with the warden that `dial` leads to, a socket's path for instance, on the current runtime. `front`
    /// is `DIR/front`, where the device list is kept. Returns at once, whether the warden is there or not.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn start(dial: impl Into<Dial>, front: &Path, site: Site, clock: Clock) -> Self {
        let dial = dial.into();
        let inner = Arc::new(Inner {
            pulse: Pulse::start(dial.clone()),
            dial,
            front: front.to_owned(),
            runtime: tokio::runtime::Handle::current(),
            connection: tokio::sync::Mutex::default(),
            devices: RwLock::new(kept_devices(front, &site)),
            site,
            clock,
            tls_key_pem: Mutex::default(),
            proof_nonces: RwLock::new(Arc::new([])),
            leases_ended: AtomicU64::new(0),
            refused: RefusedAssociations::default(),
            strange: Mutex::default(),
        });
        tokio::spawn(keep_up(Arc::downgrade(&inner)));
        Self { inner }
    }

    /// The site, as `site.json` has it.
    #[must_use]
    pub fn site(&self) -> &Site {
        &self.inner.site
    }

    /// Whether the warden answers now.
    pub async fn is_there(&self) -> bool {
        self.hello().await.is_ok()
    }

    /// Asks the warden who it is; adopts the device list that it answers with. The certificate's key stays in
    /// [`WardenLink::tls_key_pem`] and is left out of the answer.
    pub async fn hello(&self) -> Result<Hello, Refusal> {
        let hello = self.repeatable(CALL_SECONDS_MAX, |client, context| async move {
            client.hello(context, PROTOCOL_VERSION).await
        });
        let mut hello = hello.await?;
        self.inner.adopt(&mut hello)?;
        Ok(hello)
    }

    /// The private key of the front's certificate, once the warden has released it.
    #[must_use]
    pub fn tls_key_pem(&self) -> Option<SecretText> {
        self.inner.tls_key_pem.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The nonces that the warden takes proofs with, the newest first; none before it has answered once.
    #[must_use]
    pub fn proof_nonces(&self) -> Arc<[String]> {
        Arc::clone(&self.inner.proof_nonces.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Hands outbox records over. A silent warden is waited for: nobody stands at a screen for this.
    pub async fn handover(&self, records: Vec<HandoverRecord>) -> Result<HandoverReply, Refusal> {
        self.repeated(HANDOVER_SECONDS_MAX, |client, context| {
            let records = records.clone();
            async move { client.handover(context, records).await }
        })
        .await
    }

    /// Says which disk this front keeps images on. The entry is durable before this returns.
    pub async fn lies_on(&self, disk: &FrontDisk) -> Result<(), Refusal> {
        self.repeatable(CALL_SECONDS_MAX, |client, context| {
            let disk = disk.clone();
            async move { client.lies_on(context, disk).await }
        })
        .await
    }

    /// Lists. The entry is durable before this returns.
    pub async fn list(&self, credential: &Credential, request: &ListRequest) -> Result<ListReply, Refusal> {
        self.repeatable(CALL_SECONDS_MAX, |client, context| {
            let (credential, request) = (credential.clone(), request.clone());
            async move { client.list(context, credential, request).await }
        })
        .await
    }

    /// Asks for the keys of a study. The entry is durable before this returns. Use [`crate::Reader::open`], which keeps
    /// what was released for the length of the lease.
    pub async fn open(&self, credential: &Credential, request: &OpenRequest) -> Result<OpenReply, Refusal> {
        self.repeatable(CALL_SECONDS_MAX, |client, context| {
            let (credential, request) = (credential.clone(), request.clone());
            async move { client.open(context, credential, request).await }
        })
        .await
    }

    /// Signs in, enrols, signs out.
    pub async fn sign_in(&self, origin: Origin, request: SignInRequest) -> Result<SignInReply, Refusal> {
        let ends = matches!(request, SignInRequest::SignOut { .. });
        let reply = self
            .once(CALL_SECONDS_MAX, |client, context| async move { client.sign_in(context, origin, request).await })
            .await;
        self.inner.end_leases_if(ends && may_have_happened(&reply));
        reply
    }

    /// Asks for everything else.
    pub async fn ask(&self, credential: &Credential, request: PageRequest) -> Result<PageReply, Refusal> {
        use PageRequest::{Approvals, BreakGlass, EndSession, Links, MoveStudy, Opinions, Relate, Removals, Unrelate};
        let ends = matches!(
            request,
            EndSession { .. }
                | Unrelate { .. }
                | Relate { .. }
                | MoveStudy { .. }
                | Approvals(_)
                | Removals(_)
                | BreakGlass(_)
                | Links(LinkRequest::End { .. } | LinkRequest::EndOwn | LinkRequest::EndAll { .. })
                | Opinions(OpinionRequest::End { .. })
        );
        let credential = credential.clone();
        let reply = self
            .once(ASK_SECONDS_MAX, |client, context| async move { client.ask(context, credential, request).await })
            .await;
        self.inner.end_leases_if(ends && may_have_happened(&reply));
        reply
    }

    /// The device of this AE title that calls like this, if it may do `service`: the one decision for every DIMSE service.
    /// A device that is not admitted is looked up once more in a fresh list, so that a device just added can send.
    ///
    /// Blocks for up to [`CONNECT_SECONDS_MAX`]; never call it on a runtime's thread.
    pub fn admit_ae_title(&self, ae_title: &str, caller: Caller, service: Service) -> Result<DeviceId, NotAdmitted> {
        let admitted = self.inner.device_list().admit(ae_title, caller, service, self.inner.clock.now());
        match admitted {
            Err(_) => {
                let _ = self.inner.runtime.block_on(self.hello());
                self.inner.device_list().admit(ae_title, caller, service, self.inner.clock.now())
            }
            admitted => admitted,
        }
    }

    /// The device that tells orders like this. Without a name: whether there is any that calls like this.
    pub async fn admit_order_sender(&self, name: Option<&str>, caller: Caller) -> Result<DeviceId, NotAdmitted> {
        let admitted = self.inner.device_list().admit_order_sender(name, caller, self.inner.clock.now());
        match admitted {
            Err(_) => {
                let _ = self.hello().await;
                self.inner.device_list().admit_order_sender(name, caller, self.inner.clock.now())
            }
            admitted => admitted,
        }
    }

    /// Asks about an order. The entries are durable before this returns. The same message may be asked about twice: it counts once.
    pub async fn order(&self, caller: &OrderCaller, ask: OrderAsk) -> Result<OrderReply, Refusal> {
        let decides = matches!(ask, OrderAsk::Decide(_));
        let reply = self
            .repeatable(CALL_SECONDS_MAX, |client, context| {
                let (caller, ask) = (caller.clone(), ask.clone());
                async move { client.order(context, caller, ask).await }
            })
            .await;
        // a cancelled order ends reach
        self.inner.end_leases_if(decides && may_have_happened(&reply));
        reply
    }

    /// Has the ledger count a refused association, within seconds while the warden answers. Returns at once.
    pub fn count_refused(&self, calling_ae_title: &str, peer: IpAddr, reason: AssociationRefusal) {
        self.inner.refused.count(calling_ae_title, peer, reason, self.inner.clock.now());
    }

    /// Reports refused associations that were counted.
    async fn report_refused(&self) {
        let rows = self.inner.refused.take(self.inner.clock.now());
        if rows.is_empty() {
            return;
        }
        let reported = self.once(CALL_SECONDS_MAX, |client, context| {
            let rows = rows.clone();
            async move { client.refused(context, rows).await }
        });
        if let Err(refusal) = reported.await {
            tracing::warn!(%refusal, "refused associations are counted on until the warden records them");
            self.inner.refused.give_back(rows);
        }
    }

    /// The device that holds this bearer token, at this address, if it may do `service`.
    pub async fn admit_token(
        &self,
        token: &str,
        held: Held,
        from: IpAddr,
        service: Service,
    ) -> Result<DeviceId, NotAdmitted> {
        let admitted = self.inner.device_list().admit_token(token, held, from, service, self.inner.clock.now());
        match admitted {
            Err(_) => {
                let _ = self.hello().await;
                self.inner.device_list().admit_token(token, held, from, service, self.inner.clock.now())
            }
            admitted => admitted,
        }
    }

    /// Counts how often something happened that may end a lease early: a session ended, a relationship changed, a study
    /// moved. What was kept under an older count is not used any more.
    pub(crate) fn leases_ended(&self) -> u64 {
        self.inner.leases_ended.load(Ordering::Acquire)
    }

    /// A call that may be done twice, for as long as the warden is not silent.
    async fn repeatable<T, F, Reply>(&self, seconds: u64, call: F) -> Result<T, Refusal>
    where
        F: Fn(WardenClient, Context) -> Reply,
        Reply: Future<Output = Result<Result<T, Refusal>, RpcError>>,
    {
        self.unless_silent(self.repeated(seconds, call)).await
    }

    /// An answer, or that the warden is away as soon as it is silent. A call that was on its way may still happen.
    async fn unless_silent<T>(&self, answer: impl Future<Output = Result<T, Refusal>>) -> Result<T, Refusal> {
        if self.inner.pulse.is_silent() {
            return Err(Refusal::WardenAway);
        }
        tokio::select! {
            answer = answer => answer,
            () = self.inner.pulse.silence() => Err(Refusal::WardenAway),
        }
    }

    /// A call that may be done twice: it is tried again on a fresh connection when the old one broke.
    async fn repeated<T, F, Reply>(&self, seconds: u64, call: F) -> Result<T, Refusal>
    where
        F: Fn(WardenClient, Context) -> Reply,
        Reply: Future<Output = Result<Result<T, Refusal>, RpcError>>,
    {
        let (client, number) = self.inner.client().await?;
        match call(client, within(seconds)).await {
            Ok(reply) => self.inner.answered(number, reply).await,
            Err(error) if self.inner.broke(number, &error).await => {
                let (client, number) = self.inner.client().await?;
                match call(client, within(seconds)).await {
                    Ok(reply) => self.inner.answered(number, reply).await,
                    Err(error) => {
                        self.inner.broke(number, &error).await;
                        Err(Refusal::WardenAway)
                    }
                }
            }
            Err(_) => Err(Refusal::WardenAway),
        }
    }

    /// A call that must not be done twice: a connection that was idle is tried with a harmless call first.
    async fn once<T, F, Reply>(&self, seconds: u64, call: F) -> Result<T, Refusal>
    where
        F: FnOnce(WardenClient, Context) -> Reply,
        Reply: Future<Output = Result<Result<T, Refusal>, RpcError>>,
    {
        if self.inner.is_idle().await {
            self.hello().await?;
        }
        let answer = async {
            let (client, number) = self.inner.client().await?;
            match call(client, within(seconds)).await {
                Ok(reply) => self.inner.answered(number, reply).await,
                Err(error) => {
                    self.inner.broke(number, &error).await;
                    Err(Refusal::WardenAway)
                }
            }
        };
        self.unless_silent(answer).await
    }
}

impl Inner {
    /// The connection of the moment, made when there is none. Callers that come while it is being made share it.
    async fn client(&self) -> Result<(WardenClient, u64), Refusal> {
        let mut connection = self.connection.lock().await;
        if let Some(client) = &connection.client {
            return Ok((client.clone(), connection.number));
        }
        if let Some((at, refusal)) = &connection.failed
            && at.elapsed() < Duration::from_millis(RECONNECT_MILLISECONDS)
        {
            return Err(refusal.clone());
        }
        let made = tokio::time::timeout(Duration::from_secs(CONNECT_SECONDS_MAX), self.connect()).await;
        match made.unwrap_or(Err(Refusal::WardenAway)) {
            Ok(client) => {
                connection.number += 1;
                connection.used = Some(Instant::now());
                connection.failed = None;
                connection.client = Some(client.clone());
                Ok((client, connection.number))
            }
            Err(refusal) => {
                connection.failed = Some((Instant::now(), refusal.clone()));
                Err(refusal)
            }
        }
    }

    async fn connect(&self) -> Result<WardenClient, Refusal> {
        let client = protocol::converse(self.dial.stream().await.map_err(|_| Refusal::WardenAway)?);
        let hello = client.hello(within(CONNECT_SECONDS_MAX), PROTOCOL_VERSION).await;
        let mut hello = hello
            .map_err(|_| Refusal::WardenAway)?
            .inspect_err(|refusal| tracing::error!(%refusal, "the warden does not talk to this front"))?;
        self.adopt(&mut hello)?;
        tracing::info!("the warden answers");
        Ok(client)
    }

    fn adopt(&self, hello: &mut Hello) -> Result<(), Refusal> {
        let mut strange = self.strange.lock().unwrap_or_else(PoisonError::into_inner);
        let another_site = hello.site != self.site.id;
        if is_news(&mut strange.site, another_site.then_some(hello.site)) {
            tracing::error!("the warden behind the socket serves another site; check --dir of front and warden");
        }
        if another_site {
            return Err(Refusal::WardenAway);
        }
        // not taken over: whoever held an earlier root can pose as the warden on the line, and would name a key of their own
        let another_root = hello.site_public_key != self.site.public_key.to_bytes();
        if is_news(&mut strange.root, another_root.then(|| hello.site_public_key.clone())) {
            tracing::warn!(
                "the site has another root than this front knows; start it again, on another machine with a new introduction before \
                 (`leadglass warden pin` there, `leadglass front pin FILE` here)"
            );
        }
        *self.tls_key_pem.lock().unwrap_or_else(PoisonError::into_inner) = hello.tls_key_pem.take();
        *self.proof_nonces.write().unwrap_or_else(PoisonError::into_inner) =
            std::mem::take(&mut hello.proof_nonces).into();
        let mut devices = self.devices.write().unwrap_or_else(PoisonError::into_inner);
        if devices.signed.as_ref() == Some(&hello.devices) {
            return Ok(());
        }
        match DeviceList::verified(&hello.devices, &self.site.verifying_key) {
            Ok(list) => {
                devices.list = Arc::new(list);
                devices.signed = Some(hello.devices.clone());
                strange.devices = None;
            }
            Err(error) => {
                if is_news(&mut strange.devices, Some(hello.devices.clone())) {
                    tracing::error!(%error, "the warden's device list is not used");
                }
                return Ok(());
            }
        }
        // a crash before or within this line leaves the older list, which the next hello replaces
        if let Err(error) = DeviceList::keep(&self.front, &hello.devices) {
            tracing::warn!(%error, "the device list is not kept for times without the warden");
        }
        Ok(())
    }

    async fn is_idle(&self) -> bool {
        let connection = self.connection.lock().await;
        connection.used.is_none_or(|used| used.elapsed() > Duration::from_millis(TRUSTED_MILLISECONDS))
    }

    async fn answered<T>(&self, number: u64, reply: Result<T, Refusal>) -> Result<T, Refusal> {
        let mut connection = self.connection.lock().await;
        if connection.number == number {
            connection.used = Some(Instant::now());
        }
        reply
    }

    /// Drops the connection when the error says that it is gone; whether it was.
    async fn broke(&self, number: u64, error: &RpcError) -> bool {
        let gone = !matches!(error, RpcError::DeadlineExceeded | RpcError::Server(_));
        let mut connection = self.connection.lock().await;
        if gone && connection.number == number && connection.client.take().is_some() {
            tracing::warn!("the connection to the warden broke; reading waits until it answers again");
        }
        gone
    }

    fn device_list(&self) -> Arc<DeviceList> {
        self.devices.read().unwrap_or_else(PoisonError::into_inner).list.clone()
    }

    fn end_leases_if(&self, ends: bool) {
        if ends {
            self.leases_ended.fetch_add(1, Ordering::AcqRel);
        }
    }
}

/// Notes what is strange now, or nothing; whether that is to be said.
fn is_news<T: PartialEq>(noted: &mut Option<T>, strange: Option<T>) -> bool {
    let news = strange.is_some() && *noted != strange;
    *noted = strange;
    news
}

/// Whether a call may have changed something: it did, or its answer was lost on the way. What the warden refused ends nobody's
/// leases, or a stranger who signs out over and over would.
fn may_have_happened<T>(reply: &Result<T, Refusal>) -> bool {
    matches!(reply, Ok(_) | Err(Refusal::WardenAway | Refusal::Internal | Refusal::CannotRecord))
}

fn within(seconds: u64) -> Context {
    let mut context = tarpc::context::current();
    context.deadline = Instant::now() + Duration::from_secs(seconds);
    context
}

/// The list that the last run kept; without one that this site signed nobody is admitted until the warden answers.
fn kept_devices(front: &Path, site: &Site) -> Devices {
    let kept = DeviceList::read(front).and_then(|signed| {
        let Some(signed) = signed else { return Ok(Devices::default()) };
        let list = Arc::new(DeviceList::verified(&signed, &site.verifying_key)?);
        Ok(Devices { signed: Some(signed), list })
    });
    kept.unwrap_or_else(|error| {
        tracing::error!(%error, "no device is admitted until the warden answers");
        Devices::default()
    })
}

/// Looks at the connection every few seconds for as long as somebody holds the link.
async fn keep_up(link: Weak<Inner>) {
    while let Some(inner) = link.upgrade() {
        let link = WardenLink { inner };
        // what it refuses is told to whoever asks next
        if link.hello().await.is_ok() {
            link.report_refused().await;
        }
        drop(link);
        tokio::time::sleep(Duration::from_secs(HELLO_SECONDS)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::is_news;

    #[test]
    fn what_is_strange_is_said_once_and_again_when_it_changed() {
        let mut noted = None;
        let said: Vec<bool> = [Some(1), Some(1), Some(2), Some(2), None, None, Some(2)]
            .map(|strange| is_news(&mut noted, strange))
            .into();
        assert_eq!(said, [true, false, true, false, false, false, true]);
    }
}
