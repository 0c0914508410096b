//! The registry API against the simulator over HTTP, through the addon's door and by plain calls: both must leave the same
//! registry behind.

#![forbid(unsafe_code)]
#![cfg(feature = "sim")]

use std::collections::BTreeMap;
use std::sync::Arc;

use omc::clock::SystemClock;
use omc::domain::connector::{Connector, Model};
use omc::domain::identity::{ConnectorId, RegIdRow, RegistrantId};
use omc::domain::mapping::Mandatory;
use omc::domain::run::Kind;
use omc::odoo::connectors;
use omc::odoo::error::Failure;
use omc::odoo::registry::report::{Change, ConnectorReport, RunReport, RunState};
use omc::odoo::registry::{ApplyRefusal, Outcome, Registrant, Registry, Report, StaleVid, WriteBack};
use omc::odoo::{Client, Config, Error};
use omc::seal::Personal;
use omc::sim::odoo::{Options, serve};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// One simulator and the registry in front of it. The simulator ends with the test's runtime.
struct World {
    base: String,
    client: Arc<Client>,
    registry: Registry,
    connector: Connector,
    http: reqwest::Client,
    partner_id: String,
}

impl World {
    async fn new(options: Options) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}/", listener.local_addr().unwrap());
        let model = if options.addon { Model::Omc } else { Model::Stock };
        let partner_id = options.partner_id.clone();
        tokio::spawn(serve(listener, options, Arc::new(SystemClock), std::future::pending()));
        let config = Config {
            url: Some(base.parse().unwrap()),
            database: "omc".into(),
            username: "admin".into(),
            password: Some("admin".into()),
            connector_model: model,
            timeout: "2s".parse().unwrap(),
            ..Config::default()
        };
        let client = Arc::new(Client::new(&config).unwrap());
        let registry = Registry::detect(client.clone(), model, None).await.unwrap();
        let connector = connector(&client, model).await;
        let http = reqwest::Client::builder().tls_certs_only([]).no_proxy().build().unwrap();
        Self { base, client, registry, connector, http, partner_id }
    }

    /// Both ways to the same people.
    async fn both(registrants: u32, invalid_percent: u8) -> [Self; 2] {
        let options = Options { registrants, invalid_percent, ..Options::default() };
        let door = Self::new(Options { addon: true, ..options.clone() }).await;
        let plain = Self::new(Options { addon: false, ..options }).await;
        assert!(door.registry.through_door() && !plain.registry.through_door());
        [door, plain]
    }

    async fn control(&self, request: reqwest::RequestBuilder) -> Value {
        let mut response = request.send().await.unwrap();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.unwrap() {
            body.extend_from_slice(&chunk);
        }
        assert!(response.status().is_success(), "{}", String::from_utf8_lossy(&body));
        if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).unwrap() }
    }

    async fn state(&self) -> Value {
        self.control(self.http.get(format!("{}_sim/state", self.base))).await
    }

    async fn edit(&self, edit: Value) -> Value {
        self.control(self.http.post(format!("{}_sim/edit", self.base)).body(edit.to_string())).await
    }

    async fn faults(&self, faults: Value) {
        self.control(self.http.post(format!("{}_sim/faults", self.base)).body(faults.to_string())).await;
    }

    /// All who may be taken, page by page.
    async fn eligible(&self, page_size: u32) -> Vec<RegistrantId> {
        let mut ids = Vec::new();
        loop {
            let after = ids.last().map_or(0, |last: &RegistrantId| last.0);
            let page = self.registry.page(&self.connector, after, page_size, None).await.unwrap();
            assert!(page.ids.len() <= page_size as usize);
            ids.extend(page.ids);
            if page.complete {
                return ids;
            }
        }
    }

    async fn holders_of_both(&self) -> Vec<RegistrantId> {
        self.registry.holders_of_both(&self.connector, 0, 1000).await.unwrap().ids
    }

    async fn read(&self, ids: &[RegistrantId]) -> Vec<Registrant> {
        self.registry.read(&self.connector, ids, false).await.unwrap()
    }

    /// The right results for these people, as of what they hold now.
    async fn results(&self, ids: &[RegistrantId]) -> Results {
        let mut results = Results::default();
        for registrant in self.read(ids).await {
            let Some(vid) = registrant.vids.first() else { continue };
            let value = vid.value.expose().clone();
            results.write_backs.push(WriteBack {
                registrant: registrant.id,
                token: Personal::new(token(&value, &self.partner_id)),
                vid_row: Some(vid.row),
                vid_written: Some(vid.written_text.clone()),
                values: None,
            });
            results.vids.insert(registrant.id, value);
        }
        results
    }

    async fn apply(&self, results: &Results) -> Result<Vec<Outcome>, Error> {
        let matches = |registrant: RegistrantId, vid: &Personal<String>| {
            results.vids.get(&registrant).is_some_and(|submitted| submitted == vid.expose())
        };
        self.registry.apply(&self.connector, &results.write_backs, &matches).await
    }
}

#[derive(Default)]
struct Results {
    write_backs: Vec<WriteBack>,
    /// The VIDs that were submitted: the daemon keeps only their digests.
    vids: BTreeMap<RegistrantId, String>,
}

/// MTS's token, as the simulators make it: the registry's own state says whether it is right.
fn token(vid: &str, partner_id: &str) -> String {
    omc::sim::psut::token(vid, partner_id)
}

async fn connector(client: &Client, model: Model) -> Connector {
    let definitions = connectors::definitions(client, model).await.unwrap();
    let types = connectors::id_types(client).await.unwrap();
    let of = |name: &str| types.iter().find(|(_, known)| known == name).unwrap().0;
    let mandatory = serde_json::to_value(Mandatory::default()).unwrap();
    let connector = json!({
        "id": definitions[0].id, "model": model, "name": "Main", "activity": "Started", "mts_url": "http://mts.example/",
        "timetable": {"Every": {"minutes": 1}}, "filter": [["is_registrant", "=", true]],
        "fields": [{"name": "id", "kind": "integer"}, {"name": "given_name", "kind": "text"},
                   {"name": "gender", "kind": "selection"}, {"name": "birthdate", "kind": "date"}],
        "mapping": {"vid": "vid", "name": ["given_name"], "gender": "gender", "dob": "birthdate", "phoneNumber": "phone",
                    "emailId": "email", "fullAddress": ["address"]},
        "mandatory": mandatory,
        "input_format": null, "output_format": null, "language": "eng",
        "callback": {"auth": "StaticBearer", "method": "POST", "timeout": {"secs": 10, "nanos": 0}, "extra_headers": []},
        "vid_type": of("MOSIP VID"), "token_type": of("MOSIP UIN TOKEN"), "remove_vid": true, "batch_size": null,
        "phone_country_code": null, "value_fields": [],
    });
    serde_json::from_value(connector).unwrap()
}

fn written(outcomes: &[Outcome]) -> usize {
    outcomes.iter().filter(|outcome| matches!(outcome, Outcome::Written { vid_removed: true })).count()
}

#[tokio::test]
async fn pages_hold_every_eligible_registrant_once_in_order() {
    let mut found = Vec::new();
    for world in World::both(200, 20).await {
        let ids = world.eligible(7).await;
        assert!(ids.is_sorted_by(|a, b| a < b), "{ids:?}");
        assert_eq!(ids, world.eligible(1000).await);
        let registrants = world.registry.read(&world.connector, &ids, true).await.unwrap();
        assert_eq!(registrants.len(), ids.len());
        for registrant in &registrants {
            assert!(!registrant.vids.is_empty() && registrant.tokens.is_empty());
        }
        let state = world.state().await;
        let expected = state["with_vid"].as_u64().unwrap() - state["with_both"].as_u64().unwrap();
        assert_eq!(ids.len() as u64, expected);
        found.push(ids);
    }
    assert_eq!(found[0], found[1]);
}

#[tokio::test]
async fn a_delta_holds_whose_row_or_vid_was_written_since() {
    for world in World::both(60, 0).await {
        let page = world.registry.page(&world.connector, 0, 100, None).await.unwrap();
        let since = page.horizon;
        assert_eq!(world.registry.page(&world.connector, 0, 100, Some(since)).await.unwrap().ids, []);
        let [vid_edited, edited, ..] = page.ids[..] else { panic!("nobody is eligible") };
        world.edit(json!({"registrant": vid_edited, "vid": "2012345678901234"})).await;
        world.edit(json!({"registrant": edited, "set": {"given_name": "Ana"}})).await;
        let delta = world.registry.page(&world.connector, 0, 100, Some(since)).await.unwrap();
        assert_eq!(delta.ids, [vid_edited, edited]);
        assert!(delta.complete && delta.horizon >= page.horizon);
    }
}

#[tokio::test]
async fn the_registrants_are_read_alike() {
    let mut printed = Vec::new();
    for world in World::both(60, 30).await {
        let ids = world.eligible(100).await;
        let rows: Vec<_> = world
            .read(&ids)
            .await
            .into_iter()
            .map(|registrant| {
                let vids: Vec<_> = registrant
                    .vids
                    .iter()
                    .map(|vid| (vid.row, vid.value.expose().clone(), vid.status.clone(), vid.expiry_date))
                    .collect();
                (registrant.id, registrant.values.into_exposed(), vids)
            })
            .collect();
        let gender = rows.iter().find_map(|(_, values, _)| values.get("gender").filter(|gender| !gender.is_boolean()));
        assert!(gender.is_some());
        printed.push(rows.into_iter().map(|row| format!("{row:?}")).collect::<Vec<_>>());
    }
    // Row ids are as the seed makes them; only times differ, by the moment of the start.
    assert_eq!(printed[0], printed[1]);
}

#[tokio::test]
async fn who_left_the_filter_is_archived_or_gone_is_not_read() {
    for world in World::both(30, 0).await {
        let ids = world.eligible(100).await;
        let [unregistered, archived, deleted, stays, ..] = ids[..] else { panic!("too few") };
        world.edit(json!({"registrant": unregistered, "set": {"is_registrant": false}})).await;
        world.edit(json!({"registrant": archived, "archive": true})).await;
        world.edit(json!({"registrant": deleted, "delete": true})).await;
        let asked = [unregistered, archived, deleted, stays];
        let read = |found: Vec<Registrant>| found.into_iter().map(|registrant| registrant.id).collect::<Vec<_>>();
        assert_eq!(read(world.read(&asked).await), [stays]);
        let unfiltered = world.registry.read(&world.connector, &asked, true).await.unwrap();
        assert!(read(unfiltered).contains(&stays));
    }
}

#[tokio::test]
async fn tokens_are_written_and_vids_leave_once() {
    for world in World::both(100, 20).await {
        let before = world.state().await;
        let ids = world.eligible(1000).await;
        let results = world.results(&ids).await;
        let outcomes = world.apply(&results).await.unwrap();
        assert_eq!(written(&outcomes), results.write_backs.len());
        let again = world.apply(&results).await.unwrap();
        assert!(again.iter().all(|outcome| *outcome == Outcome::Already { vid_removed: false }), "{again:?}");
        let after = world.state().await;
        for zero in ["wrong_tokens", "duplicate_token_rows", "vids_cleared_without_token"] {
            assert_eq!(after[zero], 0, "{zero}");
        }
        let tokens = |state: &Value| state["with_token"].as_u64().unwrap();
        assert_eq!(tokens(&after), tokens(&before) + outcomes.len() as u64);
        // Nothing else of anybody was touched.
        assert_eq!(after["untouched"], before["untouched"]);
    }
}

#[tokio::test]
async fn a_vid_that_is_kept_stays() {
    for mut world in World::both(20, 0).await {
        world.connector.remove_vid = false;
        let ids = world.eligible(100).await;
        let results = world.results(&ids).await;
        let outcomes = world.apply(&results).await.unwrap();
        assert!(outcomes.iter().all(|outcome| *outcome == Outcome::Written { vid_removed: false }), "{outcomes:?}");
        assert_eq!(world.state().await["with_both"], outcomes.len());
    }
}

#[tokio::test]
async fn everybody_else_is_written_when_some_cannot_be() {
    for world in World::both(40, 0).await {
        let ids = world.eligible(100).await;
        let mut results = world.results(&ids).await;
        let [conflicting, edited, deleted, empty, long, held, ..] = ids[..] else { panic!("too few") };
        world.edit(json!({"registrant": conflicting, "token": "somebody-elses"})).await;
        world.edit(json!({"registrant": edited, "vid": "2012345678901234"})).await;
        world.edit(json!({"registrant": deleted, "delete": true})).await;
        let right = results.write_backs.iter().find(|result| result.registrant == held).unwrap();
        world.edit(json!({"registrant": held, "token": right.token.expose()})).await;
        for result in &mut results.write_backs {
            if result.registrant == empty {
                result.token = Personal::new(String::new());
            } else if result.registrant == long {
                result.token = Personal::new("7".repeat(101));
            }
        }
        let outcomes = world.apply(&results).await.unwrap();
        let of = |id: RegistrantId| {
            let at = results.write_backs.iter().position(|result| result.registrant == id).unwrap();
            outcomes[at].clone()
        };
        assert_eq!(of(conflicting), Outcome::Conflict);
        assert_eq!(of(edited), Outcome::Superseded);
        assert_eq!(of(deleted), Outcome::Superseded);
        assert_eq!(of(empty), Outcome::Refused(ApplyRefusal::TokenEmpty));
        assert_eq!(of(long), Outcome::Refused(ApplyRefusal::TokenTooLong));
        assert_eq!(of(held), Outcome::Already { vid_removed: true });
        assert_eq!(written(&outcomes), outcomes.len() - 6);
        // Those who were not written keep what they had.
        let kept = world.registry.read(&world.connector, &[conflicting, edited, empty, long], true).await.unwrap();
        assert!(kept.iter().all(|registrant| registrant.vids.len() == 1), "{kept:?}");
        assert_eq!(world.state().await["vids_cleared_without_token"], 0);
    }
}

#[tokio::test]
async fn an_archived_registrant_in_flight_is_written_all_the_same() {
    for world in World::both(10, 0).await {
        let ids = world.eligible(100).await;
        let results = world.results(&ids[..1]).await;
        world.edit(json!({"registrant": ids[0], "archive": true})).await;
        assert_eq!(world.apply(&results).await.unwrap(), [Outcome::Written { vid_removed: true }]);
    }
}

#[tokio::test]
async fn a_token_never_lands_on_another_person() {
    for world in World::both(10, 0).await {
        let ids = world.eligible(100).await;
        let mut results = world.results(&ids[..2]).await;
        // The second one's VID row under the first one's name.
        results.write_backs[0].vid_row = results.write_backs[1].vid_row;
        results.write_backs[0].vid_written = results.write_backs[1].vid_written.clone();
        let outcomes = world.apply(&results).await.unwrap();
        assert_eq!(outcomes, [Outcome::Superseded, Outcome::Written { vid_removed: true }]);
        assert_eq!(world.state().await["wrong_tokens"], 0);
    }
}

#[tokio::test]
async fn two_writers_at_once_leave_one_token_each() {
    let options = Options { registrants: 60, invalid_percent: 0, addon: false, ..Options::default() };
    let world = World::new(options).await;
    world.faults(json!({"race_token": true, "latency_ms": 5})).await;
    let ids = world.eligible(1000).await;
    let results = world.results(&ids).await;
    let (one, other) = tokio::join!(world.apply(&results), world.apply(&results));
    for outcome in one.unwrap().iter().chain(&other.unwrap()) {
        assert!(
            matches!(outcome, Outcome::Written { .. } | Outcome::Already { .. } | Outcome::TokenWritten(_)),
            "{outcome:?}"
        );
    }
    let state = world.state().await;
    assert_eq!((&state["duplicate_token_rows"], &state["wrong_tokens"]), (&json!(0), &json!(0)));
    assert_eq!(state["with_token"], ids.len());
    assert_eq!(state["with_vid"], 0);
}

#[tokio::test]
async fn a_busy_registrant_is_asked_for_again() {
    let world = World::new(Options { registrants: 10, invalid_percent: 0, ..Options::default() }).await;
    world.faults(json!({"busy_rate": 1.0})).await;
    let ids = world.eligible(100).await;
    let results = world.results(&ids).await;
    let outcomes = world.apply(&results).await.unwrap();
    assert!(outcomes.iter().all(|outcome| *outcome == Outcome::Busy), "{outcomes:?}");
    world.faults(json!({})).await;
    assert_eq!(written(&world.apply(&results).await.unwrap()), ids.len());
}

/// Whatever breaks off in between, repeating ends well, and at no moment is a VID gone without its token.
#[tokio::test]
async fn repeating_after_any_fault_ends_well() {
    for world in World::both(60, 0).await {
        let ids = world.eligible(1000).await;
        let results = world.results(&ids).await;
        world.faults(json!({"error_rate": 0.3, "truncate_rate": 0.15, "garbage_rate": 0.1})).await;
        let (mut repeats, mut failures) = (0, 0);
        for chunk in results.write_backs.chunks(10) {
            let chunk = Results { write_backs: chunk.to_vec(), vids: results.vids.clone() };
            loop {
                repeats += 1;
                assert!(repeats < 2000, "no end");
                match world.apply(&chunk).await {
                    Ok(outcomes) => {
                        let open = |outcome: &Outcome| matches!(outcome, Outcome::TokenWritten(_) | Outcome::Busy);
                        let wrong = |outcome: &Outcome| {
                            matches!(outcome, Outcome::Conflict | Outcome::Superseded | Outcome::Refused(_))
                        };
                        assert!(!outcomes.iter().any(wrong), "{outcomes:?}");
                        if !outcomes.iter().any(open) {
                            break;
                        }
                    }
                    Err(error) => {
                        failures += 1;
                        let contention = Error::Application(Failure::Contention);
                        assert!(error.concerns_every_call() || error == contention, "{error}");
                    }
                }
            }
        }
        assert!(failures > 0, "the faults did not bite");
        world.faults(json!({})).await;
        let state = world.state().await;
        for zero in ["wrong_tokens", "duplicate_token_rows", "vids_cleared_without_token", "with_vid"] {
            assert_eq!(state[zero], 0, "{zero}");
        }
        assert_eq!(state["with_token"], ids.len());
    }
}

#[tokio::test]
async fn clean_up_takes_old_vids_and_leaves_corrections() {
    for world in World::both(200, 50).await {
        let before = world.state().await;
        let both = world.holders_of_both().await;
        let registrants = world.registry.read(&world.connector, &both, true).await.unwrap();
        let mut stale = Vec::new();
        let mut older = 0;
        for registrant in &registrants {
            for vid in &registrant.vids {
                older += u64::from(registrant.tokens.iter().any(|token| vid.written < token.created));
                stale.push(StaleVid {
                    registrant: registrant.id,
                    vid_row: vid.row,
                    vid_written: Some(vid.written_text.clone()),
                });
            }
        }
        let newer = stale.len() as u64 - older;
        assert!(older > 0 && newer > 0, "{older} {newer}");
        let outcomes = world.registry.remove_vids(&world.connector, &stale).await.unwrap();
        let removed = outcomes.iter().filter(|outcome| **outcome == Outcome::Already { vid_removed: true }).count();
        let left = outcomes.iter().filter(|outcome| **outcome == Outcome::Superseded).count();
        assert_eq!((removed as u64, left as u64), (older, newer));
        let after = world.state().await;
        assert_eq!(after["with_both"], newer);
        assert_eq!(after["vids_cleared_without_token"], 0);
        assert_eq!(after["with_token"], before["with_token"]);
        assert_eq!(after["untouched"], before["untouched"]);
    }
}

#[tokio::test]
async fn clean_up_never_takes_the_vid_of_who_holds_no_token() {
    for world in World::both(20, 0).await {
        let ids = world.eligible(100).await;
        let registrants = world.read(&ids).await;
        let stale: Vec<StaleVid> = registrants
            .iter()
            .map(|registrant| StaleVid {
                registrant: registrant.id,
                vid_row: registrant.vids[0].row,
                vid_written: None,
            })
            .collect();
        let outcomes = world.registry.remove_vids(&world.connector, &stale).await.unwrap();
        assert!(outcomes.iter().all(|outcome| *outcome == Outcome::Superseded), "{outcomes:?}");
        let unknown = StaleVid { registrant: RegistrantId(999_999), vid_row: RegIdRow(999_999), vid_written: None };
        assert_eq!(world.registry.remove_vids(&world.connector, &[unknown]).await.unwrap(), [Outcome::Superseded]);
        assert_eq!(world.state().await["vids_cleared_without_token"], 0);
    }
}

#[tokio::test]
async fn a_report_makes_a_run_and_goes_on_with_it() {
    let [door, plain] = World::both(5, 0).await;
    let at = door.registry.page(&door.connector, 0, 1, None).await.unwrap().horizon;
    let mut run = RunReport {
        id: None,
        trigger: Kind::Schedule,
        state: RunState::Running,
        started_at: at,
        ended_at: None,
        found: 5,
        submitted: 0,
        tokens: 0,
        rejected: 0,
        abandoned: 0,
        message: None,
    };
    let report = |run: &RunReport| Report {
        connector: ConnectorReport {
            last_error: Change::Clear,
            next_run: Change::Set(at),
            ..ConnectorReport::default()
        },
        run: Some(run.clone()),
        ..Report::default()
    };
    let made = door.registry.report(door.connector.id, &report(&run)).await.unwrap();
    assert!(made.is_some());
    run.id = made;
    run.state = RunState::Done;
    run.ended_at = Some(at);
    assert_eq!(door.registry.report(door.connector.id, &report(&run)).await.unwrap(), made);
    assert_eq!(plain.registry.report(plain.connector.id, &report(&run)).await.unwrap(), None);
}

#[tokio::test]
async fn definitions_and_requests_are_read() {
    let [door, plain] = World::both(5, 0).await;
    let definitions = connectors::definitions(&door.client, Model::Omc).await.unwrap();
    assert_eq!(definitions[0].fields.expose()["job_status"], "started");
    assert!(definitions[0].fields.expose().contains_key("schedule_cron"));
    let definitions = connectors::definitions(&plain.client, Model::Stock).await.unwrap();
    assert!(!definitions[0].fields.expose().contains_key("schedule_cron"));

    let connector = door.connector.id;
    let run = json!({"connector_id": connector, "trigger": "manual", "state": "requested"});
    let run = door.client.create("omc.run", vec![run]).await.unwrap()[0];
    let requested = connectors::requested_runs(&door.client).await.unwrap();
    assert_eq!(
        requested.iter().map(|request| (request.run, request.connector)).collect::<Vec<_>>(),
        [(run, connector)]
    );
    assert_eq!(connectors::requeued_rejections(&door.client).await.unwrap(), []);

    assert_eq!(connectors::config_parameter(&plain.client, "g2p_mts.vid_id_type").await.unwrap().as_deref(), Some("1"));
    assert_eq!(connectors::config_parameter(&plain.client, "no.such").await.unwrap(), None);
    let fields = connectors::registrant_fields(&plain.client).await.unwrap();
    assert_eq!((fields["birthdate"].kind.as_str(), fields["birthdate"].stored), ("date", true));
    assert_eq!(plain.client.version().await.unwrap(), "17.0");
}

/// The door belongs to the model: it is asked through the connector with the lowest id, but no definition and no lack of
/// connectors hides it.
#[tokio::test]
async fn the_door_is_found_whatever_the_first_connector_is_like() {
    let world = World::new(Options { registrants: 5, ..Options::default() }).await;
    let id = world.connector.id.0;
    for wrong in [
        json!({"g2p_search_domain": "[[\"shoe_size\", \"=\", 44]]"}),
        json!({"g2p_selected_fields": "[\"shoe_size\"]"}),
        json!({"active": false}),
    ] {
        let write = vec![json!([id]), wrong.clone()];
        world.client.execute_kw("omc.connector", "write", write, Default::default()).await.unwrap();
        let registry = Registry::detect(world.client.clone(), Model::Omc, None).await.unwrap();
        assert!(registry.through_door(), "{wrong}");
    }
    let unlink = vec![json!([id])];
    let stop = vec![json!([id]), json!({"job_status": "draft"})];
    world.client.execute_kw("omc.connector", "write", stop, Default::default()).await.unwrap();
    world.client.execute_kw("omc.connector", "unlink", unlink, Default::default()).await.unwrap();
    assert!(
        Registry::detect(world.client.clone(), Model::Omc, None).await.unwrap().through_door(),
        "no connector at all"
    );
}

#[tokio::test]
async fn a_connector_that_is_gone_is_an_error_and_no_empty_page() {
    let world = World::new(Options { registrants: 5, ..Options::default() }).await;
    let mut gone = world.connector.clone();
    gone.id = ConnectorId(4711);
    let result = world.registry.page(&gone, 0, 10, None).await;
    assert!(result.is_err(), "{result:?}");
}

/// The server that `LIVE_ODOO_URL` names, without OMC's addon; `None` where there is none.
async fn live() -> Option<(Arc<Client>, Registry, Connector)> {
    let url = std::env::var("LIVE_ODOO_URL").ok()?;
    let named = |name: &str| std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set"));
    let _ = rustls::crypto::ring::default_provider().install_default();
    let config = Config {
        url: Some(url.parse().unwrap()),
        database: named("LIVE_ODOO_DB"),
        username: named("LIVE_ODOO_USER"),
        password: Some(named("LIVE_ODOO_PASSWORD").into()),
        connector_model: Model::Stock,
        ..Config::default()
    };
    let client = Arc::new(Client::new(&config).unwrap());
    let registry = Registry::detect(client.clone(), Model::Stock, None).await.unwrap();
    let connector = connector(&client, Model::Stock).await;
    Some((client, registry, connector))
}

/// Reads only.
#[tokio::test]
async fn a_real_odoo_is_read() {
    let Some((client, registry, connector)) = live().await else {
        return;
    };
    assert!(client.version().await.unwrap().starts_with("17."));
    let page = registry.page(&connector, 0, 500, None).await.unwrap();
    registry.read(&connector, &page.ids, false).await.unwrap();
    registry.holders_of_both(&connector, 0, 500).await.unwrap();
    let changed = registry.page(&connector, 0, 500, Some(page.horizon)).await.unwrap();
    assert!(changed.horizon >= page.horizon);
    let fields = connectors::registrant_fields(&client).await.unwrap();
    assert!(fields["given_name"].stored);
    connectors::config_parameter(&client, "g2p_mts.vid_id_type").await.unwrap();
    let missing = connectors::requested_runs(&client).await.unwrap_err();
    assert!(missing.is_missing_model(), "{missing}");
}

/// Makes three people of its own, writes to them, and removes them again.
#[tokio::test]
async fn a_real_odoo_is_written_to() {
    let Some((client, registry, mut connector)) = live().await else {
        return;
    };
    let person = json!({"name": "OMC TEST", "given_name": "Test", "is_registrant": true, "is_group": false});
    let people = client.create("res.partner", vec![person; 3]).await.unwrap();
    connector.filter = serde_json::from_value(json!([["id", "in", people]])).unwrap();
    let seen = live_round(&client, &registry, &mut connector, &people).await;
    // Whatever came of it, nothing is left behind.
    let left =
        client.search("g2p.reg.id", vec![json!(["partner_id", "in", people])], Default::default()).await.unwrap();
    client.unlink("g2p.reg.id", &left).await.unwrap();
    client.unlink("res.partner", &people).await.unwrap();
    let [kept, removed] = [Outcome::Written { vid_removed: false }, Outcome::Already { vid_removed: true }];
    assert_eq!(
        seen.unwrap(),
        LiveRound {
            eligible: [3, 1],
            both: [2, 0],
            outcomes: [
                vec![kept.clone(), kept],
                vec![removed.clone(), removed],
                vec![Outcome::Conflict, Outcome::Superseded],
            ],
        }
    );
    assert_eq!(left.len(), 3, "two tokens and the third one's VID");
}

#[derive(Debug, PartialEq)]
struct LiveRound {
    eligible: [usize; 2],
    both: [usize; 2],
    outcomes: [Vec<Outcome>; 3],
}

/// Tokens for the first two of three people, whose VIDs are kept; again, and the VIDs leave; then another token for the
/// first, and one for the third that was made for another's VID.
async fn live_round(
    client: &Client,
    registry: &Registry,
    connector: &mut Connector,
    people: &[u32],
) -> Result<LiveRound, Error> {
    let vid =
        |person: &u32| json!({"partner_id": person, "id_type": connector.vid_type, "value": format!("2{person:015}")});
    let vids = client.create("g2p.reg.id", people.iter().map(vid).collect()).await?;
    let result = |at: usize, token: &str, vid_row: u32| WriteBack {
        registrant: RegistrantId(people[at]),
        token: Personal::new(token.to_owned()),
        vid_row: Some(RegIdRow(vid_row)),
        vid_written: None,
        values: None,
    };
    let right = [result(0, "live-token-1", vids[0]), result(1, "live-token-2", vids[1])];
    let wrong = [result(0, "live-token-3", vids[0]), result(2, "live-token-4", vids[0])];
    let before = registry.page(connector, 0, 10, None).await?.ids.len();
    connector.remove_vid = false;
    let written = registry.apply(connector, &right, &|_, _| true).await?;
    let after = registry.page(connector, 0, 10, None).await?.ids.len();
    let with_both = registry.holders_of_both(connector, people[0] - 1, 10).await?.ids.len();
    connector.remove_vid = true;
    let again = registry.apply(connector, &right, &|_, _| true).await?;
    let refused = registry.apply(connector, &wrong, &|_, _| true).await?;
    let with_both_after = registry.holders_of_both(connector, people[0] - 1, 10).await?.ids.len();
    Ok(LiveRound { eligible: [before, after], both: [with_both, with_both_after], outcomes: [written, again, refused] })
}
