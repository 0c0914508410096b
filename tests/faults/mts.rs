//! Faults of MTS, in the middle of the job: some tokens are written, a batch is on its way, and many registrants wait.

use std::time::Duration;

use serde_json::json;

use super::certificates::{Authority, write};
use super::evidence::MARKER;
use super::harness::{eventually, number};
use super::relay::{Fault, Strike, Strikes};
use super::row::{Row, rows};
use super::scene::{PEOPLE, Scene, Stage};

/// The call that gives MTS a batch.
const SENDING: &str = "POST /authtoken/json";
/// The call that asks how far one is.
const ASKING: &str = "GET /authtoken/status";

/// What does not apply, and why.
pub const NOT_APPLICABLE: [(&str, &str); 4] = [
    (
        "expired password",
        "MTS has no login. A certificate that OMC shows to it, or to a proxy before it, can expire: that is a TLS error",
    ),
    ("wrong database", "OMC names none to MTS"),
    ("row conflict", "MTS writes nothing of anybody else's; its own database, when it is locked, is its own 500"),
    ("missing model", "an MTS without callbacks (release 1.0.1) refuses every request: it shows as a refused request"),
];

/// An answer as MTS words its own errors, which quote the person.
fn refusal(status: &str, code: &str) -> Fault {
    let error = json!({"errorCode": code, "errorMessage": format!("[parameters: ('{MARKER}')]")});
    let body = json!({"id": "mosip.token.seeder", "version": "1.1.0", "metadata": {}, "responsetime": "2026-01-01T00:00:00.000Z",
        "errors": [error], "response": null});
    Fault::instead(status, "application/json", body.to_string())
}

fn page(status: &str) -> Fault {
    let text = format!("<html><head><title>{status}</title></head><body><h1>{status}</h1>{MARKER}</body></html>");
    Fault::instead(status, "text/html", text)
}

async fn passing(row: &'static Row, strikes: impl Into<Strikes>) -> Scene {
    meets(Scene::in_the_middle(row).await, strikes).await
}

async fn meets(scene: Scene, strikes: impl Into<Strikes>) -> Scene {
    scene.mts_strikes(strikes);
    let scene = scene.is_seen().await;
    assert!(scene.mts.struck() > 0, "{}: nobody met the fault", scene.row.name);
    scene.lifted()
}

/// Where nothing may be sent twice: no deadline passes, however busy the machine is.
async fn patient(row: &'static Row) -> Scene {
    let keys = vec![("reconcile.stuck_after", "\"5m\"".to_owned()), ("reconcile.callback_grace", "\"5m\"".to_owned())];
    Scene::with(row, Stage { keys, ..Stage::default() }).await
}

/// As [`passing`]; MTS took what it was sent, and nobody may be sent twice.
async fn taken(row: &'static Row, strike: Strike) -> Scene {
    let scene = meets(patient(row).await, strike).await;
    scene.world.all_tokens_are_there().await;
    let state = scene.world.mts_state().await;
    assert_eq!(number(&state, "records"), u64::from(PEOPLE), "{}: sent once: {state}", row.name);
    scene
}

/// OMC speaks TLS to MTS, which shows a certificate of this authority's.
async fn secure(row: &'static Row, authority: &Authority) -> (Scene, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let ca = write(folder.path(), "ca.pem", &authority.pem);
    let stage = Stage {
        mts_certificate: Some(authority.issue(&["localhost"])),
        keys: vec![("mts.ca_cert", format!("{ca:?}"))],
        ..Stage::default()
    };
    (Scene::with(row, stage).await, folder)
}

rows! { Mts;
    refused {
        fault: "refuses connections, with a batch on its way",
        does: "waits for callbacks of the batch on its way until its deadline, and sends it again then. Sends nothing else, and goes on with other MTSs. No attempt of a record is spent",
        sees: "log (warn): `fails; waiting`, `cannot connect`, `answers are lost; sending again`<br>status: `cannot connect`<br>check: `FAILED`<br>ready: `200`",
        recovers: "by itself: `works again`",
    } async |row| {
        let scene = Scene::in_the_middle(row).await;
        scene.mts_strikes(Fault::Refuse.always());
        scene.is_seen().await.lifted()
    };

    unknown_name {
        fault: "its name does not resolve (a wrong address in the connector)",
        does: "the same",
        sees: "log (warn): `fails; waiting`, `MTS http://mts.invalid/`, `cannot connect`<br>status: `MTS http://mts.invalid/`<br>Odoo: `cannot connect`",
        recovers: "by itself once the name resolves, or the connector's address is corrected",
    } async |row| {
        let scene = Scene::in_the_middle(row).await;
        scene.world.odoo.write("omc.connector", 1, json!({"mts_url": "http://mts.invalid/"})).await;
        let taken = async || scene.daemon.said("definition taken");
        eventually("the wrong address is taken", taken, |taken| *taken > 1).await;
        scene.mts.passes();
        let scene = scene.is_seen().await;
        scene.world.odoo.write("omc.connector", 1, json!({"mts_url": scene.mts.url})).await;
        scene.lifted()
    };

    closed_before_it_took {
        fault: "resets the connection before it took the batch",
        does: "cannot know that: waits for callbacks until the deadline, then sends the batch again",
        sees: "log (warn): `no clear answer from MTS; waiting for callbacks`, `the connection broke`, `answers are lost; sending again`<br>status: `the connection broke`",
        recovers: "by itself: `works again`",
    } async |row| passing(row, Fault::Reset { taken: false }.at(SENDING)).await;

    reset_after_it_took {
        fault: "takes the batch, and resets the connection in the middle of the answer",
        does: "waits for callbacks; they come, and nobody is sent twice",
        sees: "log (warn): `no clear answer from MTS; waiting for callbacks`, `the answer broke off`<br>status: `the answer broke off`",
        recovers: "by itself: `works again`",
    } async |row| taken(row, Fault::ResetInTheMiddle.at(SENDING)).await;

    cut_off {
        fault: "takes the batch, and cuts its answer off, with status 200",
        does: "the same",
        sees: "log (warn): `no clear answer from MTS; waiting for callbacks`, `the answer broke off`",
        recovers: "by itself: `works again`",
    } async |row| taken(row, Fault::Truncate.at(SENDING)).await;

    cut_off_unnoticed {
        fault: "a proxy cuts the answer off, and calls the half of it the whole",
        does: "the same",
        sees: "log (warn): `no clear answer from MTS; waiting for callbacks`, `the answer cannot be read`",
        recovers: "by itself: `works again`",
    } async |row| taken(row, Fault::TruncateUnnoticed.at(SENDING)).await;

    slow {
        fault: "slow: takes its time for every answer, as MTS does with a full queue",
        does: "waits: a minute, and 70 ms for each record that MTS holds; longer where this MTS has shown to be slower",
        sees: "ready: `200`<br>metrics: `omc_tokens_written_total`",
        recovers: "there is nothing to end",
    } async |row| {
        let scene = Scene::in_the_middle(row).await;
        scene.mts_strikes(Fault::Slow(Duration::from_millis(700)).always());
        let scene = scene.is_seen().await;
        scene.world.all_tokens_are_there().await;
        assert_eq!(scene.daemon.said("fails; waiting"), 0);
        assert!(scene.mts.struck() > 2);
        scene.lifted()
    };

    hanging {
        fault: "takes connections, and says nothing",
        does: "waits as long, for that MTS alone. What was sent counts as sent until the deadline, then it is sent again",
        sees: "check: `busy`<br>metrics: `omc_batches_in_flight 1`<br>ready: `200`",
        recovers: "by itself: `answers are lost; sending again`, `works again`",
    } async |row| passing(row, Fault::Hang { taken: false }.always()).await;

    status_500 {
        fault: "HTTP 500 of its own, for every batch (its database is locked, say)",
        does: "halves the batch, to find out whether one record is to blame; after 14 in a row it holds MTS to fail, and tries one record from time to time",
        sees: "log (warn): `fails; waiting`, `MTS failed on the batch (HTTP 500, ATS-REQ-100)`<br>status: `HTTP 500, ATS-REQ-100`<br>Odoo: `HTTP 500, ATS-REQ-100`",
        recovers: "by itself: `works again`",
    } async |row| passing(row, refusal("500 Internal Server Error", "ATS-REQ-100").at(SENDING)).await;

    proxy_500 {
        fault: "HTTP 500 of a proxy",
        does: "cannot know whether MTS has the batch: waits for callbacks until the deadline, then sends it again",
        sees: "log (warn): `no clear answer from MTS; waiting for callbacks`, `a server error that is not MTS's own`, `answers are lost; sending again`<br>status: `a server error that is not MTS's own`",
        recovers: "by itself: `works again`",
    } async |row| passing(row, page("500 Internal Server Error").always()).await;

    status_502 {
        fault: "a proxy's page with HTTP 502",
        does: "the same",
        sees: "log (warn): `no clear answer from MTS; waiting for callbacks`, `a server error that is not MTS's own`<br>check: `FAILED`",
        recovers: "by itself: `works again`",
    } async |row| passing(row, page("502 Bad Gateway").always()).await;

    garbage {
        fault: "takes the batch, and answers garbage",
        does: "waits for callbacks; they come, and nobody is sent twice",
        sees: "log (warn): `no clear answer from MTS; waiting for callbacks`, `the answer cannot be read`",
        recovers: "by itself: `works again`",
    } async |row| {
        let bytes: Vec<u8> = (0..4000_u32).map(|at| (at * 7919 % 251) as u8).chain(MARKER.bytes()).collect();
        taken(row, Fault::instead("200 OK", "application/json", bytes).taken().at(SENDING)).await
    };

    wrong_type {
        fault: "takes the batch, and answers a list where an object is due",
        does: "the same",
        sees: "log (warn): `no clear answer from MTS; waiting for callbacks`, `the answer cannot be read`",
        recovers: "by itself: `works again`",
    } async |row| {
        let body = json!([{"response": {"request_identifier": MARKER}}]).to_string();
        taken(row, Fault::instead("200 OK", "application/json", body).taken().at(SENDING)).await
    };

    huge {
        fault: "takes the batch, and answers without end",
        does: "stops reading at 1 MiB, and waits for callbacks",
        sees: "log (warn): `no clear answer from MTS; waiting for callbacks`, `the answer is far too long for MTS`",
        recovers: "by itself: `works again`",
    } async |row| taken(row, Fault::Huge.at(SENDING)).await;

    too_large {
        fault: "a gateway before it refuses batches of this size (HTTP 413)",
        does: "halves the batches until they go through; nobody waits",
        sees: "metrics: `omc_submit_failures_total{result=\"not_taken\"}`<br>ready: `200`",
        recovers: "there is nothing to end. `submit.batch_size` saves the attempts",
    } async |row| {
        let scene = Scene::in_the_middle(row).await;
        scene.world.mts_faults(json!({"max_body": 1700})).await;
        scene.mts.passes();
        let scene = scene.is_seen().await;
        scene.world.all_tokens_are_there().await;
        assert_eq!(scene.daemon.said("fails; waiting"), 0);
        scene.lifted()
    };

    access_denied {
        fault: "HTTP 403 of a gateway before it",
        does: "nothing was taken: the connector waits, and no attempt of a record is spent",
        sees: "log (warn): `fails; waiting`, `connector 1 at MTS`, `MTS refuses the request (HTTP 403, no code): check the connector`<br>status: `connector 1 at MTS`<br>Odoo: `HTTP 403, no code`",
        recovers: "by itself, once it is let in: `works again`",
    } async |row| passing(row, page("403 Forbidden").always()).await;

    login_wanted {
        fault: "HTTP 401 of a gateway before it",
        does: "nothing was taken: OMC has nothing to show there. The connectors of this MTS wait, others go on, and no attempt of a record is spent",
        sees: "log (warn): `fails; waiting`, `access to MTS`, `it wants to know who calls (HTTP 401), and no [[mts.access]] is for this address`<br>status: `access to MTS`<br>Odoo: `HTTP 401`<br>check: `FAILED`",
        recovers: "by itself, once it is let in: `works again`; see [access.md](access.md)",
    } async |row| passing(row, page("401 Unauthorized").always()).await;

    wrong_address {
        fault: "HTTP 404: something else answers at its address",
        does: "nothing was taken: the connector waits, and no attempt of a record is spent",
        sees: "log (warn): `fails; waiting`, `MTS refuses the request (HTTP 404, no code): check the connector`<br>status: `connector 1 at MTS`<br>check: `FAILED`",
        recovers: "by itself, once MTS is there, or the connector's address is corrected: `works again`",
    } async |row| {
        let body = json!({"detail": format!("Not Found: {MARKER}")}).to_string();
        passing(row, Fault::instead("404 Not Found", "application/json", body).always()).await
    };

    refused_request {
        fault: "refuses the request: a field of it is missing or wrong (HTTP 400 or 422 with a code)",
        does: "nothing was taken: the connector waits; no record is to blame",
        sees: "log (warn): `fails; waiting`, `connector 1 at MTS`, `MTS refuses the request (HTTP 422, ATS-REQ-102): check the connector`<br>status: `HTTP 422, ATS-REQ-102`<br>Odoo: `HTTP 422, ATS-REQ-102`",
        recovers: "by itself, once the connector is corrected (its output format and language first), or MTS takes it: `works again`",
    } async |row| passing(row, refusal("422 Unprocessable Entity", "ATS-REQ-102").at(SENDING)).await;

    unknown_authority {
        fault: "shows a certificate of a CA that is not trusted",
        does: "sends nothing; no attempt of a record is spent",
        sees: "log (warn): `fails; waiting`, `no secure connection: its certificate is by no CA that is trusted here`<br>status: `no secure connection`<br>check: `its certificate is by no CA that is trusted here`",
        recovers: "by itself, once the certificate is right: `works again`. Where the CA is new: `mts.ca_cert`, and reload",
    } async |row| {
        let authority = Authority::new("Ministry");
        let (scene, _folder) = secure(row, &authority).await;
        scene.mts.shows(&Authority::new("Stranger").issue(&["localhost"]));
        scene.mts.passes();
        let scene = scene.is_seen().await;
        scene.mts.shows(&authority.issue(&["localhost"]));
        scene.lifted()
    };

    no_tls {
        fault: "speaks plain HTTP where TLS is due",
        does: "sends nothing",
        sees: "log (warn): `fails; waiting`, `it does not speak TLS; look whether the address should begin with http://`<br>check: `it does not speak TLS`",
        recovers: "by itself: `works again`",
    } async |row| {
        let (scene, _folder) = secure(row, &Authority::new("Ministry")).await;
        scene.mts_strikes([Fault::NotTls.at("nothing that is ever sent")]);
        scene.is_seen().await.lifted()
    };

    forgets {
        fault: "restarts, and forgets what it was working on",
        does: "asks how far the batch is, and is told the same for ever: sends it again at the deadline, `reconcile.stuck_after` at most",
        sees: "log (warn): `answers are lost; sending again`<br>metrics: `omc_answers_lost_total{cause=\"server\"}`",
        recovers: "by itself",
    } async |row| {
        let scene = Scene::in_the_middle(row).await;
        scene.world.mts_faults(json!({"delay_callbacks_ms": 60_000})).await;
        scene.mts.passes();
        let accepted = async || scene.daemon.said("batch accepted");
        eventually("MTS has the second batch", accepted, |accepted| *accepted > 1).await;
        scene.world.mts_faults(json!({"restart": true, "delay_callbacks_ms": 0})).await;
        scene.is_seen().await.lifted()
    };

    stuck {
        fault: "its worker has died: it takes batches, and says `submitted` of them for ever",
        does: "sends them again at the deadline, and holds at most what MTS should do in an hour",
        sees: "log (warn): `answers are lost; sending again`<br>metrics: `omc_answers_lost_total{cause=\"server\"}`",
        recovers: "by itself, once MTS was restarted",
    } async |row| {
        let scene = Scene::in_the_middle(row).await;
        scene.world.mts_faults(json!({"drop_callbacks": 1.0})).await;
        let status = json!({"errors": null, "response": {"status": "submitted"}, "metadata": MARKER}).to_string();
        scene.mts_strikes(Fault::instead("200 OK", "application/json", status).at(ASKING));
        let scene = scene.is_seen().await;
        scene.world.mts_faults(json!({"drop_callbacks": 0})).await;
        scene.lifted()
    };

    says_404_once {
        fault: "answers 404 for each batch that it works on, once (its database is locked)",
        does: "does not believe it, and asks again ten seconds later; callbacks that come meanwhile count, and nobody is sent twice",
        sees: "metrics: `omc_oldest_batch_seconds`<br>ready: `200`",
        recovers: "there is nothing to end",
    } async |row| {
        let scene = patient(row).await;
        // So that it is asked again before they come.
        scene.world.mts_faults(json!({"delay_callbacks_ms": 12_000})).await;
        scene.mts_strikes(refusal("404 Not Found", "ATS-REQ-016").at(ASKING).once_each());
        let scene = scene.is_seen().await;
        scene.world.all_tokens_are_there().await;
        assert!(scene.mts.struck() > 0);
        let state = scene.world.mts_state().await;
        assert_eq!(number(&state, "records"), u64::from(PEOPLE), "{state}");
        scene.lifted()
    };

    says_404_again {
        fault: "answers 404 for a batch, and ten seconds later again: it has deleted it",
        does: "believes it then, and sends again what is missing",
        sees: "log (warn): `answers are lost; sending again`<br>metrics: `omc_answers_lost_total{cause=\"server\"}`",
        recovers: "by itself",
    } async |row| {
        let scene = patient(row).await;
        scene.world.mts_faults(json!({"drop_callbacks": 1.0})).await;
        scene.mts_strikes(refusal("404 Not Found", "ATS-REQ-016").at(ASKING));
        let scene = scene.is_seen().await;
        scene.world.mts_faults(json!({"drop_callbacks": 0})).await;
        scene.world.all_tokens_are_there().await;
        scene.lifted()
    };

    undelivered {
        fault: "says that it delivered, and nothing came",
        does: "sends again `reconcile.callback_grace` later. Where nothing of a whole batch came, the connector waits, and no record pays",
        sees: "log (warn): `fails; waiting`, `delivery by MTS for connector 1`, `check callback.public_url, and what lies between`, `answers are lost; sending again`<br>status: `delivery by MTS for connector 1`<br>Odoo: `check callback.public_url`",
        recovers: "by itself, once callbacks come: `works again`",
    } async |row| {
        let scene = Scene::in_the_middle(row).await;
        scene.world.mts_faults(json!({"drop_callbacks": 1.0})).await;
        scene.mts.passes();
        let scene = scene.is_seen().await;
        scene.world.mts_faults(json!({"drop_callbacks": 0})).await;
        scene.lifted()
    };
}
