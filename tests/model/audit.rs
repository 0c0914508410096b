//! The audit between the daemon's own steps and the simulated audit manager, which all go by the one clock: hours pass in seconds.

use std::collections::BTreeSet;
use std::sync::Arc;

use omc::access::Given;
use omc::clock::Clock;
use omc::domain::audit::Deed;
use omc::mosip::{Auditor, Config, Service};
use omc::seal::Personal;
use omc::sim::mosip::{Options, serve};
use omc::store::Outlet;
use omc::worker::{Halt, Progress, audit};
use serde_json::{Value, json};

use crate::operation::{Edit, History, Op, Part, Twist};
use crate::world::{Grounds, World};

const SECRET: &str = "correct-horse-battery";
const MINUTE: u64 = 60;

/// The audit manager, and its authmanager, at one address.
struct Mosip {
    address: String,
    http: reqwest::Client,
}

impl Mosip {
    async fn start(clock: Arc<dyn Clock>) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let options = Options { secret_key: SECRET.to_owned(), token_seconds: 600, ..Options::default() };
        tokio::spawn(serve(listener, options, clock, std::future::pending()));
        Self { address, http: reqwest::Client::builder().no_proxy().tls_certs_only([]).build().unwrap() }
    }

    async fn get(&self, path: &str) -> Value {
        let mut answer = self.http.get(format!("{}{path}", self.address)).send().await.unwrap();
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.unwrap() {
            body.extend_from_slice(&chunk);
        }
        serde_json::from_slice(&body).unwrap()
    }

    async fn faults(&self, faults: Value) {
        let request = self.http.post(format!("{}/_sim/faults", self.address)).body(faults.to_string());
        assert!(request.send().await.unwrap().status().is_success());
    }

    async fn number(&self, name: &str) -> u64 {
        self.get("/_sim/state").await[name].as_u64().unwrap()
    }

    /// Numbers of the events that it took, in the order of their coming.
    async fn taken(&self) -> Vec<u64> {
        let audits = self.get("/_sim/audits").await;
        let number = |event: &Value| {
            let (name, _) = event["description"].as_str().unwrap().split_once("; ").unwrap();
            name.rsplit_once('-').unwrap().1.parse().unwrap()
        };
        audits.as_array().unwrap().iter().map(number).collect()
    }
}

fn auditor(mosip: &Mosip, clock: &Arc<dyn Clock>) -> Auditor {
    let config =
        json!({"url": mosip.address, "kind": "mosip", "app_id": "registry", "client_id": "omc", "audit": true});
    let mut config: Config = serde_json::from_value(config).unwrap();
    config.secret = Some(Given { key: "secret_key", value: Personal::new(SECRET.to_owned()) });
    Auditor::new(Service::new(&config, clock).unwrap(), "model".into(), Arc::clone(clock))
}

/// Somebody's VID is corrected, and all that follows from that is done.
async fn work(world: &mut World<'_>, who: u8) {
    world.carry_out(Op::Edit(who, Edit::RemoveToken)).await;
    world.carry_out(Op::Edit(who, Edit::NewVid)).await;
    for op in [Op::Manual(0), Op::Round, Op::Deliver(0, Part::All, Twist::Plain), Op::Round, Op::Round] {
        world.carry_out(op).await;
    }
}

/// Tokens that the kept events say were written.
fn tokens(world: &World<'_>) -> usize {
    let events = world.worker().store.audits(Outlet::Manager, 10_000).unwrap();
    events.iter().filter(|(_, event)| matches!(event.deed, Deed::TokenWritten { .. })).count()
}

/// An hour of each: it closes connections, it does not accept the login, it answers errors. The runs go on, every event is there
/// afterwards and is told once, in its order; and nobody is asked, or logged in at, more often than the pauses say.
#[tokio::test]
async fn an_audit_manager_that_is_down_for_hours_loses_no_event_and_stops_no_run() {
    let mut grounds = Grounds::new().await;
    let history = History { door: true, two_mts: false, download: false, operations: Vec::new() };
    let mut world = World::new(&mut grounds, &history).await;
    let clock: Arc<dyn Clock> = Arc::new(world.clock.clone());
    let mosip = Mosip::start(Arc::clone(&clock)).await;
    let auditor = auditor(&mosip, &clock);
    world.worker().store.open_audit([Outlet::Manager].into(), 10_000);
    for (hour, faults) in [
        json!({"refuse": true}),
        json!({"refuse": false, "secret_key": "another"}),
        json!({"secret_key": SECRET, "error_rate": 1.0}),
    ]
    .into_iter()
    .enumerate()
    {
        mosip.faults(faults).await;
        let (before, refused) = (tokens(&world), mosip.number("refused_logins").await);
        for minute in 0..60 {
            if minute % 10 == 0 {
                work(&mut world, minute / 10).await;
            }
            let told = audit::call(&world.worker(), &auditor).await;
            assert!(matches!(told, Err(Halt::Until(_))), "hour {hour}, minute {minute}: {told:?}");
            // Asked again before its time, it is not called.
            assert!(matches!(audit::call(&world.worker(), &auditor).await, Err(Halt::Until(_))));
            world.pass(MINUTE);
        }
        assert!(tokens(&world) >= before + 3, "hour {hour}: the runs stood still");
        let logins = mosip.number("refused_logins").await - refused;
        assert_eq!(logins, if hour == 1 { 60 } else { 0 }, "a login for each try, and no more");
    }
    assert!(mosip.taken().await.is_empty());
    // What a kill leaves is all of it.
    let kept = world.worker().store.audits_kept();
    world.worker().store.sync().await.unwrap();
    world.carry_out(Op::Kill).await;
    world.worker().store.open_audit([Outlet::Manager].into(), 10_000);
    assert_eq!(world.worker().store.audits_kept(), kept);
    mosip.faults(json!({"error_rate": 0.0})).await;
    while !matches!(audit::call(&world.worker(), &auditor).await.unwrap(), Progress::Idle(_)) {}
    assert_eq!(mosip.taken().await, (0..kept).collect::<Vec<_>>(), "each once, in order, and none is missing");
    assert_eq!(world.worker().store.audits_dropped(), 0);

    // Its token is good for ten minutes: whatever comes later takes another login, and no event.
    let logins = mosip.number("logins").await;
    for hour in 0..3 {
        world.pass(60 * MINUTE);
        work(&mut world, hour).await;
        while !matches!(audit::call(&world.worker(), &auditor).await.unwrap(), Progress::Idle(_)) {}
    }
    let taken = mosip.taken().await;
    assert!(taken.len() as u64 > kept + 6, "{taken:?}");
    assert_eq!(taken.iter().collect::<BTreeSet<_>>().len(), taken.len());
    assert!(taken.is_sorted() && taken.last().is_some_and(|last| *last == taken.len() as u64 - 1), "{taken:?}");
    assert_eq!(mosip.number("logins").await, logins + 3, "one for each that had expired");
    world.end().await;
}
