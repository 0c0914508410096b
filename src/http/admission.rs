//! How MTS shows who it is: by a bearer, by a login as at Odoo and then a cookie, or by an access token. All of it is made from
//! OMC's key, so that it outlives a restart: MTS logs in once per delivery and does not look at a refusal.
//!
//! Each names its generation. It is good while that is the present one, or while a batch that was sent with it waits for answers;
//! the store is asked only once the rest is right.

use axum::http::{HeaderMap, header};
use chrono::TimeDelta;

use super::callback::Receiver;
use crate::domain::generation::Generation;
use crate::domain::identity::ConnectorId;
use crate::seal::receiver::{Credential, DATABASE, Pass, of_username};

/// How long a session or an access token lasts. MTS gets one for each delivery, right before it.
pub(super) const LIFETIME: TimeDelta = TimeDelta::hours(1);
/// Cookies that are looked at. MTS sends one of them.
const COOKIES: usize = 4;

/// Who is let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Admitted {
    /// Its credentials are good.
    Known,
    /// The connector is open to anybody.
    Anybody,
}

impl Receiver {
    /// Checks a login as at Odoo; gives the pass for a session.
    pub(super) fn log_in(&self, database: &str, login: &str, password: &str) -> Option<Pass> {
        self.pass(Credential::Password, login, password).filter(|_| database == DATABASE)
    }

    /// Checks an OAuth client; gives the pass for an access token.
    pub(super) fn client(&self, id: &str, secret: &str) -> Option<Pass> {
        self.pass(Credential::ClientSecret, id, secret)
    }

    fn pass(&self, kind: Credential, username: &str, given: &str) -> Option<Pass> {
        let connector = of_username(username)?;
        let generation = self.seal.credential_generation(kind, connector, given)?;
        let until = (self.steady.now() + LIFETIME).timestamp();
        self.is_honoured(connector, generation).then_some(Pass { connector, generation, until })
    }

    /// An access token for a pass. MTS goes by the wall clock, and OMC by what time has passed.
    pub(super) fn access_token(&self, pass: &Pass) -> String {
        self.seal.access_token(pass, (self.steady.wall() + LIFETIME).timestamp())
    }

    /// Whether a request may deliver results for this connector, and as whom.
    pub(super) fn admit(&self, connector: ConnectorId, headers: &HeaderMap) -> Option<Admitted> {
        let now = self.steady.now().timestamp();
        let shown = bearer(headers).and_then(|given| self.of_bearer(connector, given, now)).or_else(|| {
            let passes = sessions(headers).take(COOKIES).filter_map(|session| self.seal.read_session(session));
            passes.filter(|pass| is_for(pass, connector, now)).map(|pass| pass.generation).next()
        });
        match shown {
            Some(generation) if self.is_honoured(connector.0, generation) => Some(Admitted::Known),
            _ => (self.open_to_anybody)(connector).then_some(Admitted::Anybody),
        }
    }

    fn of_bearer(&self, connector: ConnectorId, given: &str, now: i64) -> Option<u32> {
        self.seal.credential_generation(Credential::Bearer, connector.0, given).or_else(|| {
            let pass = self.seal.read_access_token(given).filter(|pass| is_for(pass, connector, now));
            pass.map(|pass| pass.generation)
        })
    }

    fn is_honoured(&self, connector: u32, generation: u32) -> bool {
        self.store.honours(ConnectorId(connector), Generation(generation))
    }
}

fn is_for(pass: &Pass, connector: ConnectorId, now: i64) -> bool {
    pass.connector == connector.0 && pass.until > now
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, given) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(given.trim())
}

fn sessions(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let lines = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    lines.flat_map(|line| line.split(';')).filter_map(|cookie| cookie.trim().strip_prefix("session_id="))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use axum::http::HeaderName;
    use chrono::DateTime;
    use tempfile::TempDir;
    use url::Url;

    use super::*;
    use crate::clock::{ManualClock, Steady};
    use crate::domain::batch::{Access, Batch, Patience};
    use crate::domain::connector::CallbackAuth;
    use crate::domain::generation::{Current, Generation};
    use crate::domain::identity::{IdTypeId, RegIdRow, RegistrantId, RunId};
    use crate::domain::opaque::{Digest, Nonce};
    use crate::domain::record::{HeldVid, RecordKey};
    use crate::domain::retry::Backoff;
    use crate::domain::transition::{Event, Fault, Occasion};
    use crate::seal::{DIGEST, Seal};
    use crate::store::{Config, Store};

    const OURS: ConnectorId = ConnectorId(4);
    const OTHER: ConnectorId = ConnectorId(5);
    const KEY: RecordKey = RecordKey { token_type: IdTypeId(2), registrant: RegistrantId(7) };
    /// The generation that is begun first: when it is.
    const FIRST: u32 = 86_400_000;
    const SECOND: Duration = Duration::from_secs(1);

    struct World {
        receiver: Receiver,
        clock: ManualClock,
        _folder: TempDir,
    }

    impl World {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let config = Config { path: folder.path().join("store"), key_file: folder.path().join("key") };
            let clock = ManualClock::at(DateTime::UNIX_EPOCH + TimeDelta::seconds(FIRST.into()));
            let receiver = Receiver {
                store: Store::open(&config, &["k"]).unwrap(),
                seal: Arc::new(Seal::fleeting().unwrap()),
                steady: Steady::resume(Arc::new(clock.clone()), None),
                backoff: Backoff::new(SECOND, SECOND, 1).unwrap(),
                patience: Patience { interval: SECOND, callback_grace: SECOND, stuck_after: SECOND },
                max_body: 1,
                on_delivery: Arc::new(|_, _| {}),
                on_refusal: Arc::new(|_, _| {}),
                open_to_anybody: Arc::new(|connector| connector == ConnectorId(9)),
            };
            let world = Self { receiver, clock, _folder: folder };
            world.renew();
            world
        }

        /// Begins a generation, and gives its number.
        fn renew(&self) -> u32 {
            let now = self.receiver.steady.now();
            let renewed = self.receiver.store.change_now(|change| {
                let current = change.generation().map_or_else(|| Current::first(now), |current| current.next(now));
                change.put_generation(current);
                Ok(current.generation.0)
            });
            renewed.unwrap()
        }

        fn credential(&self, kind: Credential, generation: u32) -> String {
            self.receiver.seal.credential(kind, OURS.0, generation).into_exposed()
        }

        fn may(&self, connector: ConnectorId, name: HeaderName, value: &str) -> bool {
            self.receiver.admit(connector, &HeaderMap::from_iter([(name, value.parse().unwrap())])).is_some()
        }

        fn may_with_bearer(&self, connector: ConnectorId, bearer: &str) -> bool {
            self.may(connector, header::AUTHORIZATION, &format!("Bearer {bearer}"))
        }

        fn may_with_session(&self, connector: ConnectorId, session: &str) -> bool {
            self.may(connector, header::COOKIE, &format!("frontend_lang=en_US; session_id={session}"))
        }
    }

    #[test]
    fn a_bearer_is_for_its_connector() {
        let world = World::new();
        let bearer = world.credential(Credential::Bearer, FIRST);
        assert!(world.may_with_bearer(OURS, &bearer));
        assert!(world.may(OURS, header::AUTHORIZATION, &format!("bearer  {bearer} ")));
        assert!(!world.may_with_bearer(OTHER, &bearer));
        assert!(!world.may(OURS, header::AUTHORIZATION, &format!("Basic {bearer}")));
        assert!(!world.may_with_bearer(OURS, ""));
        assert!(!world.may_with_bearer(OURS, &world.credential(Credential::Password, FIRST)), "another way's");
        assert_eq!(world.receiver.admit(OURS, &HeaderMap::new()), None);
    }

    #[test]
    fn sessions_and_access_tokens_are_for_one_connector_and_end() {
        let world = World::new();
        let (password, secret) =
            (world.credential(Credential::Password, FIRST), world.credential(Credential::ClientSecret, FIRST));
        let receiver = &world.receiver;
        assert_eq!(receiver.log_in("other", "omc-4", &password), None);
        assert_eq!(receiver.log_in(DATABASE, "omc-5", &password), None);
        assert_eq!(receiver.log_in(DATABASE, "admin", &password), None);
        assert_eq!(receiver.log_in(DATABASE, "omc-4", &secret), None);
        assert_eq!(receiver.client("omc-4", &password), None);
        let session = receiver.seal.session(&receiver.log_in(DATABASE, "omc-4", &password).unwrap());
        let token = receiver.access_token(&receiver.client("omc-4", &secret).unwrap());
        assert!(world.may_with_session(OURS, &session) && world.may_with_bearer(OURS, &token));
        assert!(!world.may_with_session(OTHER, &session) && !world.may_with_bearer(OTHER, &token));
        assert!(!world.may_with_session(OURS, &token) && !world.may_with_bearer(OURS, &session));
        world.clock.step(TimeDelta::days(400));
        world.clock.advance((LIFETIME - TimeDelta::seconds(1)).to_std().unwrap());
        assert!(world.may_with_session(OURS, &session) && world.may_with_bearer(OURS, &token));
        world.clock.step(TimeDelta::days(-800));
        world.clock.advance(SECOND);
        assert!(!world.may_with_session(OURS, &session) && !world.may_with_bearer(OURS, &token), "over");
    }

    /// A batch that a registrant's answer is awaited of.
    fn send(world: &World, generation: u32) {
        let now = world.receiver.steady.now();
        let occasion = Occasion { now, wall: now, backoff: &world.receiver.backoff, jitter: 0.0 };
        let key = KEY;
        let sent = world.receiver.store.change_now(|change| {
            change.admit(RunId::NONE, OURS, key.token_type, &[key.registrant], &occasion)?;
            let batch = change.new_batch_id();
            let vid =
                HeldVid { row: RegIdRow(1), written: String::new(), digest: Digest([1; DIGEST]), also: Vec::new() };
            change.apply(
                key,
                Event::Sent { batch, line: 0, nonce: Nonce([1; 12]), vid, data: Digest([2; DIGEST]) },
                &occasion,
            )?;
            let url = Url::parse("http://mts.example").unwrap();
            let access = Access { auth: CallbackAuth::Odoo, generation: Generation(generation) };
            change.put_batch(Batch::sent(batch, OURS, url, 1, access, SECOND, &world.receiver.patience, now));
            Ok(batch)
        });
        let batch = sent.unwrap();
        assert!(world.receiver.store.batches().iter().any(|kept| kept.id == batch));
    }

    #[test]
    fn what_went_out_with_a_batch_is_good_until_it_is_settled() {
        let world = World::new();
        let old = [Credential::Bearer, Credential::Password, Credential::ClientSecret]
            .map(|kind| world.credential(kind, FIRST));
        let session = world.receiver.seal.session(&world.receiver.log_in(DATABASE, "omc-4", &old[1]).unwrap());
        let all_good = || {
            [
                world.may_with_bearer(OURS, &old[0]),
                world.receiver.log_in(DATABASE, "omc-4", &old[1]).is_some(),
                world.receiver.client("omc-4", &old[2]).is_some(),
                world.may_with_session(OURS, &session),
            ]
        };
        send(&world, FIRST);
        assert_eq!(world.renew(), FIRST + 1);
        assert_eq!(world.renew(), FIRST + 2);
        assert_eq!(all_good(), [true; 4]);
        assert!(
            !world.may_with_bearer(OURS, &world.credential(Credential::Bearer, FIRST + 1)),
            "nothing went out with it"
        );
        assert!(!world.may_with_bearer(OURS, &world.credential(Credential::Bearer, FIRST + 3)), "not begun");
        assert!(world.may_with_bearer(OURS, &world.credential(Credential::Bearer, FIRST + 2)));
        let batch = world.receiver.store.batches()[0].id;
        let now = world.receiver.steady.now();
        let settled = world.receiver.store.change_now(|change| {
            let occasion = Occasion { now, wall: now, backoff: &world.receiver.backoff, jitter: 0.0 };
            change.apply(KEY, Event::NotTaken { batch, fault: Fault::Server }, &occasion).map(|_| ())
        });
        settled.unwrap();
        assert_eq!(all_good(), [false; 4], "and no longer");
    }

    #[test]
    fn anybody_may_deliver_only_where_that_is_allowed() {
        let world = World::new();
        assert_eq!(world.receiver.admit(ConnectorId(9), &HeaderMap::new()), Some(Admitted::Anybody));
        assert!(world.may_with_bearer(ConnectorId(9), "nonsense"));
        assert_eq!(world.receiver.admit(OURS, &HeaderMap::new()), None);
    }

    #[test]
    fn not_all_cookies_are_looked_at() {
        let world = World::new();
        let password = world.credential(Credential::Password, FIRST);
        let session = world.receiver.seal.session(&world.receiver.log_in(DATABASE, "omc-4", &password).unwrap());
        let after = |others: usize| format!("{}session_id={session}", "session_id=x; ".repeat(others));
        assert!(world.may(OURS, header::COOKIE, &after(COOKIES - 1)));
        assert!(!world.may(OURS, header::COOKIE, &after(COOKIES)));
    }
}
