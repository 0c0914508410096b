//! Faults of Odoo, in the middle of the job: some tokens are written, others come, and many registrants wait.

use std::time::Duration;

use serde_json::json;

use super::certificates::{Authority, write};
use super::evidence::MARKER;
use super::relay::{Fault, Strikes};
use super::row::{Row, rows};
use super::scene::{Scene, Stage};

/// The calls that store tokens, and that read registrants, through the addon's door.
const WRITING: &str = "<string>omc_apply</string>";
const READING: &str = "<string>omc_pull</string>";

/// A fault in XML-RPC, as Odoo words it.
fn xml_fault(code: u8, text: &str) -> Fault {
    let text = text.replace('<', "&lt;");
    let code = format!("<member><name>faultCode</name><value><int>{code}</int></value></member>");
    let text = format!("<member><name>faultString</name><value><string>{text}</string></value></member>");
    xml(&format!("<fault><value><struct>{code}{text}</struct></value></fault>"))
}

/// An exception that nobody caught, in a call about somebody.
fn exception(last_line: &str) -> Fault {
    let frames = format!("  File \"/opt/odoo/odoo/models.py\", line 1, in write\n    vals = {{'name': '{MARKER}'}}");
    xml_fault(1, &format!("Traceback (most recent call last):\n{frames}\n{last_line}\n"))
}

fn xml(inner: &str) -> Fault {
    let text = format!("<?xml version='1.0'?>\n<methodResponse>\n{inner}\n</methodResponse>\n");
    Fault::instead("200 OK", "text/xml; charset=utf-8", text)
}

fn page(status: &str) -> Fault {
    let text = format!("<html><head><title>{status}</title></head><body><h1>{status}</h1>{MARKER}</body></html>");
    Fault::instead(status, "text/html", text)
}

/// Strikes, is seen, and goes.
async fn passing(row: &'static Row, strikes: impl Into<Strikes>) -> Scene {
    let scene = Scene::in_the_middle(row).await;
    scene.odoo_strikes(strikes);
    let scene = scene.is_seen().await;
    assert!(scene.odoo.struck() > 0, "{}: nobody met the fault", row.name);
    scene.lifted()
}

/// As [`passing`], of what the sockets do: no call meets it.
async fn unmet(row: &'static Row, strikes: impl Into<Strikes>) -> Scene {
    let scene = Scene::in_the_middle(row).await;
    scene.odoo_strikes(strikes);
    scene.is_seen().await.lifted()
}

/// As [`passing`], of an Odoo that takes longer than it is given.
async fn outlasting(row: &'static Row, strikes: impl Into<Strikes>) -> Scene {
    let keys = vec![("odoo.timeout", "\"2s\"".to_owned())];
    let scene = Scene::with(row, Stage { keys, ..Stage::default() }).await;
    scene.odoo_strikes(strikes);
    scene.is_seen().await.lifted()
}

/// OMC speaks TLS to Odoo, which shows a certificate of this authority's.
async fn secure(row: &'static Row, authority: &Authority) -> (Scene, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let ca = write(folder.path(), "ca.pem", &authority.pem);
    let stage = Stage {
        odoo_certificate: Some(authority.issue(&["localhost"])),
        keys: vec![("odoo.ca_cert", format!("{ca:?}"))],
        ..Stage::default()
    };
    (Scene::with(row, stage).await, folder)
}

rows! { Odoo;
    refused {
        fault: "refuses connections",
        does: "reads and writes nothing. Takes callbacks and keeps what they bring. Sends MTS nothing new, since it reads each registrant anew before",
        sees: "log (warn): `fails; waiting`, `Odoo cannot be reached: connection refused`<br>status: `Odoo: Odoo cannot be reached`<br>check: `connection refused`<br>metrics: `omc_remote_up{remote=\"Odoo\"} 0`<br>ready: `200`",
        recovers: "by itself: `works again`",
    } async |row| unmet(row, Fault::Refuse.always()).await;

    unknown_name {
        fault: "its name does not resolve",
        does: "the same",
        sees: "log (warn): `fails; waiting`, `Odoo cannot be reached: the host name is not known`<br>status: `the host name is not known`<br>check: `the host name is not known`",
        recovers: "by itself once the name resolves. Where `odoo.url` is wrong: correct it, and reload",
    } async |row| {
        let mut scene = Scene::in_the_middle(row).await;
        scene.reloads(&[("odoo.url", "http://odoo.invalid:8069")]).await;
        let mut scene = scene.is_seen().await;
        let url = scene.odoo.url.clone();
        scene.reloads(&[("odoo.url", &url)]).await;
        scene
    };

    closed_before_a_write {
        fault: "closes the connection when tokens are to be stored, and stores nothing (a worker was killed)",
        does: "keeps the tokens, sealed, and stores them again later",
        sees: "log (warn): `fails; waiting`, `the connection to Odoo broke off: closed without an answer`<br>status: `the call may or may not have taken effect`",
        recovers: "by itself: `works again`",
    } async |row| passing(row, Fault::Reset { taken: false }.at(WRITING)).await;

    reset_after_a_write {
        fault: "stores tokens, and resets the connection in the middle of the answer",
        does: "stores them again later, and learns that they are there: none is stored twice",
        sees: "log (warn): `fails; waiting`, `the connection to Odoo broke off: the answer is cut off`<br>status: `the call may or may not have taken effect`",
        recovers: "by itself: `works again`",
    } async |row| passing(row, Fault::ResetInTheMiddle.at(WRITING)).await;

    reset_after_a_write_without_the_addon {
        fault: "the same, without the addon",
        does: "reads what is there before it stores anything again, and takes one token away where two were stored",
        sees: "log (warn): `fails; waiting`, `the connection to Odoo broke off: the answer is cut off`",
        recovers: "by itself: `works again`",
    } async |row| {
        let scene = Scene::with(row, Stage { stock: true, ..Stage::default() }).await;
        scene.odoo_strikes(Fault::ResetInTheMiddle.at("<string>create</string>"));
        let scene = scene.is_seen().await;
        assert!(scene.odoo.struck() > 0);
        scene.lifted()
    };

    cut_off {
        fault: "cuts its answer off, with status 200, after the tokens were stored",
        does: "takes no part of the answer, and stores again later",
        sees: "log (warn): `fails; waiting`, `the connection to Odoo broke off: the answer is cut off`",
        recovers: "by itself: `works again`",
    } async |row| passing(row, [Fault::Truncate.at(WRITING), Fault::TruncateChunks.at(READING)]).await;

    cut_off_unnoticed {
        fault: "a proxy cuts the answer off, and calls the half of it the whole",
        does: "takes no part of the answer",
        sees: "log (warn): `fails; waiting`, `Odoo's answer cannot be read`<br>status: `Odoo's answer cannot be read`",
        recovers: "by itself: `works again`",
    } async |row| passing(row, Fault::TruncateUnnoticed.always()).await;

    slow {
        fault: "slow, within `odoo.timeout`",
        does: "waits",
        sees: "ready: `200`<br>metrics: `omc_tokens_written_total`",
        recovers: "there is nothing to end",
    } async |row| {
        let scene = Scene::in_the_middle(row).await;
        scene.odoo_strikes(Fault::Slow(Duration::from_millis(700)).always());
        let scene = scene.is_seen().await;
        scene.world.all_tokens_are_there().await;
        assert_eq!(scene.daemon.said("fails; waiting"), 0);
        assert!(scene.odoo.struck() > 5);
        scene.lifted()
    };

    dripping {
        fault: "slow: answers byte by byte, beyond `odoo.timeout`",
        does: "gives the call up at `odoo.timeout`; one that was to store something is made again later",
        sees: "log (warn): `fails; waiting`, `the connection to Odoo broke off: no answer within [odoo] timeout`",
        recovers: "by itself: `works again`",
    } async |row| outlasting(row, Fault::Drip(Duration::from_millis(50)).always()).await;

    hanging {
        fault: "stores tokens, and then hangs",
        does: "the same: stores them again later, and none twice",
        sees: "log (warn): `fails; waiting`, `the connection to Odoo broke off: no answer within [odoo] timeout`<br>metrics: `omc_remote_up{remote=\"Odoo\"} 0`",
        recovers: "by itself: `works again`",
    } async |row| outlasting(row, Fault::Hang { taken: true }.at(WRITING)).await;

    status_500 {
        fault: "HTTP 500",
        does: "waits; reads no word of the answer",
        sees: "log (warn): `fails; waiting`, `the address answers with HTTP status 500`<br>check: `HTTP status 500`",
        recovers: "by itself: `works again`",
    } async |row| passing(row, page("500 Internal Server Error").always()).await;

    status_502 {
        fault: "a proxy's page with HTTP 502",
        does: "waits; reads no word of the answer",
        sees: "log (warn): `fails; waiting`, `the address answers with HTTP status 502; the proxy before Odoo gets no answer from it`<br>check: `HTTP status 502`",
        recovers: "by itself: `works again`",
    } async |row| passing(row, page("502 Bad Gateway").always()).await;

    page_with_200 {
        fault: "a page for people, with status 200",
        does: "waits; reads no word of the answer",
        sees: "log (warn): `fails; waiting`, `the address answers with a web page instead of XML-RPC`<br>check: `check [odoo] url and the proxy before Odoo`",
        recovers: "by itself: `works again`",
    } async |row| passing(row, page("200 OK").always()).await;

    garbage {
        fault: "garbage, called XML",
        does: "waits; nothing of it is kept",
        sees: "log (warn): `fails; waiting`, `Odoo's answer cannot be read`<br>check: `Odoo's answer cannot be read`",
        recovers: "by itself: `works again`",
    } async |row| {
        let bytes: Vec<u8> = (0..4000_u32).map(|at| (at * 7919 % 251) as u8).chain(MARKER.bytes()).collect();
        passing(row, Fault::instead("200 OK", "text/xml", bytes).always()).await
    };

    json_for_xml {
        fault: "JSON where XML is due",
        does: "the same",
        sees: "log (warn): `fails; waiting`, `Odoo's answer cannot be read`",
        recovers: "by itself: `works again`",
    } async |row| {
        let text = json!({"jsonrpc": "2.0", "result": [{"name": MARKER}]}).to_string();
        passing(row, Fault::instead("200 OK", "application/json", text).always()).await
    };

    wrong_type_at_a_write {
        fault: "a text where the outcomes of a write are due",
        does: "takes nothing for stored; the connector's writes wait, all else goes on",
        sees: "log (warn): `fails; waiting`, `write-back of connector 1`, `is not of the expected form`<br>status: `write-back of connector 1`<br>Odoo: `is not of the expected form`",
        recovers: "by itself: `works again`",
    } async |row| {
        let text = format!("<params><param><value><string>{MARKER}</string></value></param></params>");
        passing(row, xml(&text).at(WRITING)).await
    };

    wrong_type_at_a_read {
        fault: "a text where registrants are due",
        does: "blames no registrant, as nobody can be read; the connector waits, others go on",
        sees: "log (warn): `fails; waiting`, `connector 1 in Odoo`, `is not of the expected form`<br>status: `connector 1 in Odoo`",
        recovers: "by itself: `works again`",
    } async |row| {
        let text = format!("<params><param><value><string>{MARKER}</string></value></param></params>");
        passing(row, xml(&text).at(READING)).await
    };

    huge {
        fault: "an answer without end",
        does: "stops reading at 64 MiB; the connector's writes wait",
        sees: "log (warn): `fails; waiting`, `Odoo's answer is larger than 67108864 bytes`",
        recovers: "by itself: `works again`",
    } async |row| passing(row, Fault::Huge.at(WRITING)).await;

    expired_password {
        fault: "refuses the login that worked (the password has expired, or was changed)",
        does: "asks again; after three refusals, once a minute",
        sees: "log (warn): `fails; waiting`, `the login to Odoo is no longer valid`<br>status: `Odoo refused the login 3 times in a row; the next attempt waits`<br>check: `Odoo refuses the login; check [odoo] database, username and password`",
        recovers: "by itself within a minute, where the old password counts again. Else give OMC the new one, and reload: the login is tried at once",
    } async |row| {
        let scene = Scene::in_the_middle(row).await;
        let no = "<params><param><value><boolean>0</boolean></value></param></params>";
        scene.odoo_strikes([
            xml(no).at("<methodName>authenticate</methodName>"),
            xml_fault(3, "Access Denied").at("<methodName>execute_kw</methodName>"),
        ]);
        let mut scene = scene.is_seen().await.lifted();
        scene.reloads(&[]).await;
        scene
    };

    wrong_database {
        fault: "does not know the database (a wrong name in the configuration)",
        does: "waits, as for an Odoo that is down",
        sees: "log (warn): `fails; waiting`, `the database does not exist; check [odoo] database`<br>status: `the database does not exist`<br>check: `the database does not exist`",
        recovers: "by itself, where the database comes back. Else correct `odoo.database`, and reload",
    } async |row| {
        let mut scene = Scene::in_the_middle(row).await;
        scene.reloads(&[("odoo.database", "registry")]).await;
        let mut scene = scene.is_seen().await;
        scene.reloads(&[("odoo.database", "omc")]).await;
        scene
    };

    database_down {
        fault: "its PostgreSQL is down",
        does: "waits, as for an Odoo that is down",
        sees: "log (warn): `fails; waiting`, `its database is not available now`<br>status: `its database is not available now`",
        recovers: "by itself: `works again`",
    } async |row| {
        let text = format!("psycopg2.OperationalError: connection to server at \"{MARKER}\", port 5432 failed: Connection refused");
        passing(row, exception(&text).at("<methodName>execute_kw</methodName>")).await
    };

    missing_model {
        fault: "the model of the connectors is gone (the addon was removed)",
        does: "keeps the definitions it had; sends and writes nothing",
        sees: "log (warn): `fails; waiting`, `omc.connector does not exist in this Odoo; is the addon installed?`<br>status: `omc.connector does not exist in this Odoo`<br>check: `is the addon installed?`",
        recovers: "by itself, once the addon is back: `works again`",
    } async |row| passing(row, xml_fault(2, "Object omc.connector doesn't exist").at("omc.connector")).await;

    missing_method {
        fault: "a method of the addon is gone (the addon is of another version)",
        does: "the connector waits",
        sees: "log (warn): `fails; waiting`, `is the addon installed, and of this version?`<br>status: `is the addon installed, and of this version?`",
        recovers: "by itself, once the addon is the right one: `works again`",
    } async |row| {
        let text = "AttributeError: The method 'omc_apply' does not exist on the model 'omc.connector'";
        passing(row, exception(text).at(WRITING)).await
    };

    missing_field {
        fault: "a field of the registrants is gone (another addon was removed)",
        does: "blames no registrant; the connector waits, others go on. Tokens that come are stored",
        sees: "log (warn): `fails; waiting`, `connector 1 in Odoo`, `the field given_name does not exist (res.partner)`<br>status: `the field given_name does not exist`<br>Odoo: `the field given_name does not exist`",
        recovers: "by itself, once the field is back, or out of the connector: `works again`",
    } async |row| {
        passing(row, exception("ValueError: Invalid field 'given_name' on model 'res.partner'").at(READING)).await
    };

    wrong_definition {
        fault: "somebody enters a field that there is not into the connector",
        does: "sends nothing new for this connector, and lets go of who waited; what MTS has of it is written",
        sees: "log (error): `the definition is wrong; it does not run`, `g2p_selected_fields`<br>log (info): `what waited for it is let go`<br>status: `wrong`<br>Odoo: `g2p_selected_fields`<br>metrics: `omc_connectors_wrong 1`",
        recovers: "once the field is corrected, with a run that begins at once and looks at everybody",
    } async |row| {
        let scene = Scene::in_the_middle(row).await;
        let fields = scene.world.odoo.connector(1, &["g2p_selected_fields"]).await["g2p_selected_fields"].clone();
        scene.world.odoo.write("omc.connector", 1, json!({"g2p_selected_fields": "[\"no_such_field\"]"})).await;
        let scene = scene.is_seen().await;
        scene.world.odoo.write("omc.connector", 1, json!({"g2p_selected_fields": fields})).await;
        let taken = async || scene.daemon.said("definition taken");
        super::harness::eventually("the corrected definition is taken", taken, |taken| *taken > 1).await;
        let scene = scene.lifted();
        let run = scene.world.configuration.command(&["run", "1"]).await;
        assert_eq!(run.code, Some(0), "{run:?}");
        scene
    };

    access_denied_at_a_write {
        fault: "the daemon's user may read, and not store",
        does: "keeps the tokens, sealed; the connector's writes wait",
        sees: "log (warn): `fails; waiting`, `write-back of connector 1`, `Odoo's access rights refuse the daemon's user (g2p.reg.id)`<br>status: `write-back of connector 1`<br>Odoo: `access rights refuse the daemon's user`",
        recovers: "by itself, once the user has its rights again: `works again`",
    } async |row| {
        let text = "You are not allowed to modify 'Registrant ID' (g2p.reg.id) records.\n\nContact your administrator.";
        passing(row, xml_fault(4, text).at(WRITING)).await
    };

    access_denied {
        fault: "the daemon's user has lost its rights",
        does: "the connector waits, and nobody is blamed",
        sees: "log (warn): `fails; waiting`, `Odoo's access rights refuse the daemon's user`<br>status: `access rights refuse the daemon's user`<br>check: `access rights refuse the daemon's user`",
        recovers: "by itself, once the user has its rights again: `works again`",
    } async |row| {
        let text = "You are not allowed to access 'Connector' (omc.connector) records.\n\nContact your administrator.";
        passing(row, xml_fault(4, text).at("<methodName>execute_kw</methodName>")).await
    };

    busy_rows {
        fault: "other transactions hold the rows that are to be written",
        does: "writes the others, and tries these again; no attempt of a record is spent",
        sees: "status: `TO WRITE`<br>ready: `200`",
        recovers: "by itself",
    } async |row| {
        let scene = Scene::in_the_middle(row).await;
        scene.world.odoo.faults(json!({"busy_rate": 1.0})).await;
        scene.mts.passes();
        let scene = scene.is_seen().await;
        let waiting = async || scene.daemon.connector(1).await["records"]["to_write"].as_u64();
        super::harness::eventually("tokens wait to be written", waiting, |waiting| *waiting > Some(0)).await;
        scene.world.odoo.faults(json!({})).await;
        scene.lifted()
    };

    conflict {
        fault: "a write fails on others that write at the same time (serialization failure)",
        does: "it was rolled back: stores again later; the connector's writes wait meanwhile",
        sees: "log (warn): `fails; waiting`, `write-back of connector 1`, `others work on the same records now`<br>status: `others work on the same records now`",
        recovers: "by itself: `works again`",
    } async |row| {
        let text = format!("psycopg2.errors.SerializationFailure: could not serialize access due to concurrent update\nDETAIL: {MARKER}");
        passing(row, exception(&text).at(WRITING)).await
    };

    unknown_authority {
        fault: "shows a certificate of a CA that is not trusted",
        does: "sends nothing, not even the login",
        sees: "log (warn): `fails; waiting`, `no secure connection: its certificate is by no CA that is trusted here`<br>status: `no secure connection`<br>check: `its certificate is by no CA that is trusted here`",
        recovers: "by itself, once the certificate is right: `works again`. Where the CA is new: `odoo.ca_cert`, and reload",
    } async |row| {
        let authority = Authority::new("Ministry");
        let (scene, _folder) = secure(row, &authority).await;
        scene.odoo.shows(&Authority::new("Stranger").issue(&["localhost"]));
        scene.mts.passes();
        let scene = scene.is_seen().await;
        scene.odoo.shows(&authority.issue(&["localhost"]));
        scene.lifted()
    };

    no_tls {
        fault: "speaks plain HTTP where TLS is due",
        does: "sends nothing, not even the login",
        sees: "log (warn): `fails; waiting`, `it does not speak TLS; look whether the address should begin with http://`<br>check: `it does not speak TLS`",
        recovers: "by itself: `works again`",
    } async |row| {
        let (scene, _folder) = secure(row, &Authority::new("Ministry")).await;
        scene.odoo_strikes(Fault::NotTls.always());
        scene.is_seen().await.lifted()
    };
}
