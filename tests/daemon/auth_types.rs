//! Every way in which MTS can show who it is, from the definition to the token in the registry; and who is none of it.

use omc::clock::{Clock, SystemClock};
use omc::seal::receiver::{Credential, DATABASE, Pass};
use rustix::process::Signal;
use serde_json::{Value, json};

use super::harness::{Configuration, Daemon, Setup, World, answer, client, eventually};

/// The whole job with one kind of authentication.
async fn delivered(auth: &str, configure: impl FnOnce(&mut Configuration)) -> (World, Daemon) {
    let mut world = World::start(Setup { registrants: 60, ..Setup::default() }).await;
    world.configuration.set("submit.batch_size", "20");
    configure(&mut world.configuration);
    world.odoo.write("omc.connector", 1, json!({"callback_authtype": auth})).await;
    let daemon = Daemon::start(&world.configuration).await;
    world.all_tokens_are_there().await;
    let awaited = async || daemon.status().await["batches_in_flight"].clone();
    eventually("nothing is awaited", awaited, |batches| *batches == 0).await;
    assert_eq!(daemon.metric("omc_callbacks_total{result=\"unauthorised\"}").await, 0.0);
    assert_eq!(daemon.metric("omc_answers_lost_total").await, 0.0);
    (world, daemon)
}

async fn logins(daemon: &Daemon) -> f64 {
    daemon.metric("omc_callback_logins_total{result=\"accepted\"}").await
}

#[tokio::test]
async fn static_bearer() {
    let (_world, daemon) = delivered("staticBearer", |_| {}).await;
    assert_eq!(logins(&daemon).await, 0.0);
}

#[tokio::test]
async fn odoo() {
    let (_world, daemon) = delivered("odoo", |_| {}).await;
    assert!(logins(&daemon).await >= 3.0);
}

#[tokio::test]
async fn oauth() {
    let (_world, daemon) = delivered("oauth", |_| {}).await;
    assert!(logins(&daemon).await >= 3.0);
}

#[tokio::test]
async fn none_where_it_is_allowed() {
    let allow = |configuration: &mut Configuration| _ = configuration.set("callback.allow_unauthenticated", "true");
    let (mut world, daemon) = delivered("none", allow).await;
    assert_eq!(logins(&daemon).await, 0.0);
    // Another connector's callbacks are as well guarded as ever.
    assert_eq!(daemon.deliver(1, "", "[]").await, 200);
    assert_eq!(daemon.deliver(2, "", "[]").await, 401);
    daemon.stop().await;

    world.configuration.set("callback.allow_unauthenticated", "false");
    let daemon = Daemon::start(&world.configuration).await;
    let definition = async || daemon.connector(1).await;
    let wrong = eventually("it is wrong now", definition, |connector| connector["definition"] == "wrong").await;
    let problems = wrong["problems"].to_string();
    assert!(problems.contains("callback_authtype") && problems.contains("allow_unauthenticated = true"), "{problems}");
    assert_eq!(daemon.deliver(1, "", "[]").await, 401);
}

/// Callers by hand: what is given, what it is good for, and what is not.
#[tokio::test]
async fn passes_are_given_for_the_right_credentials_and_end() {
    let world = World::start(Setup { registrants: 10, ..Setup::default() }).await;
    let daemon = Daemon::start(&world.configuration).await;
    let (seal, http) = (world.configuration.seal(), client());
    let secret = |kind, connector| seal.credential(kind, connector, daemon.generation()).into_exposed();

    let token = async |kind: &str, id: &str, secret: &str| {
        let form = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs([("client_id", id), ("grant_type", kind), ("client_secret", secret)])
            .finish();
        let request = http.post(format!("{}/oauth/token", daemon.callback));
        let request = request.header("Content-Type", "application/x-www-form-urlencoded").body(form);
        let (status, body) = answer(request).await;
        (status, serde_json::from_str::<Value>(&body).unwrap())
    };
    let right = secret(Credential::ClientSecret, 1);
    let (status, given) = token("client_credentials", "omc-1", &right).await;
    assert_eq!((status, &given["token_type"], &given["expires_in"]), (200, &json!("Bearer"), &json!(3600)), "{given}");
    assert_eq!(daemon.deliver(1, given["access_token"].as_str().unwrap(), "[]").await, 200);
    assert_eq!(daemon.deliver(2, given["access_token"].as_str().unwrap(), "[]").await, 401);
    assert_eq!(token("password", "omc-1", &right).await, (400, json!({"error": "unsupported_grant_type"})));
    for (id, secret) in [("omc-2", &right), ("admin", &right), ("omc-1", &secret(Credential::Bearer, 1))] {
        assert_eq!(token("client_credentials", id, secret).await, (401, json!({"error": "invalid_client"})), "{id}");
    }

    let login = async |password: &str| {
        let params = json!({"db": DATABASE, "login": "omc-1", "password": password});
        let body = json!({"jsonrpc": "2.0", "params": params}).to_string();
        let request = http.get(format!("{}/web/session/authenticate", daemon.callback)).body(body);
        answer(request).await
    };
    let (status, body) = login(&secret(Credential::Password, 1)).await;
    assert!(status == 200 && body.contains("\"result\""), "{body}");
    let (status, body) = login(&right).await;
    assert!(status == 200 && body.contains("Access Denied"), "{body}");

    // With a session or an access token of an hour that is over; and of one that is not.
    let now = SystemClock.now().timestamp();
    for (until, expected) in [(now - 1, 401), (now + 60, 200)] {
        let pass = Pass { connector: 1, generation: daemon.generation(), until };
        assert_eq!(daemon.deliver(1, &seal.access_token(&pass, until), "[]").await, expected);
        let cookie = format!("session_id={}", seal.session(&pass));
        let request = http.post(format!("{}/callback/1", daemon.callback)).header("Cookie", cookie).body("[]");
        assert_eq!(answer(request).await.0, expected);
    }
}

/// Whoever guesses waits, and whoever knows does not, though both come from one address.
#[tokio::test]
async fn refusals_are_slowed_down_and_the_right_caller_is_not() {
    let world = World::start(Setup { registrants: 10, ..Setup::default() }).await;
    let daemon = Daemon::start(&world.configuration).await;
    let bearer = world.configuration.seal().credential(Credential::Bearer, 1, daemon.generation()).into_exposed();
    let mut refused = Vec::new();
    for _ in 0..25 {
        refused.push(daemon.deliver(1, "wrong", "[]").await);
        assert_eq!(daemon.deliver(1, &bearer, "[]").await, 200);
    }
    assert_eq!(refused[..20], [401; 20]);
    assert!(refused[20..].contains(&429), "{refused:?}");
    let line = daemon.says(&["calls with wrong credentials, again and again"]).await;
    assert!(line.contains("127.0.0.1"), "{line}");
    assert_eq!(daemon.said("calls with wrong credentials"), 1, "not for each of them");
}

/// Renewed while MTS is at it: what it was given before is good for what it was given for, and then no more.
#[tokio::test]
async fn credentials_are_renewed_without_losing_what_is_under_way() {
    for auth in ["staticBearer", "oauth"] {
        let mut world = World::start(Setup { registrants: 60, ..Setup::default() }).await;
        world.configuration.set("submit.batch_size", "20").set("reconcile.stuck_after", "\"5m\"");
        world.configuration.set("reconcile.callback_grace", "\"5m\"");
        world.odoo.write("omc.connector", 1, json!({"callback_authtype": auth})).await;
        world.mts_faults(json!({"delay_callbacks_ms": 3000})).await;
        let daemon = Daemon::start(&world.configuration).await;
        world.mts_has_seen(20).await;
        let first = daemon.generation();
        // Shorter than anything: with each reading of the configuration, to begin with.
        world.configuration.set("callback.renew_credentials", "\"1ms\"").write();
        daemon.process.signal(Signal::HUP);
        let given = async || daemon.said("MTS is given new credentials");
        eventually("the credentials are renewed", given, |given| *given > 1).await;
        assert!(daemon.generation() > first);
        daemon.says(&["the configuration is read again"]).await;
        world.mts_faults(json!({"delay_callbacks_ms": 0})).await;
        world.all_tokens_are_there().await;
        let awaited = async || daemon.status().await["batches_in_flight"].clone();
        eventually("nothing is awaited", awaited, |batches| *batches == 0).await;
        assert_eq!(daemon.metric("omc_callbacks_total{result=\"unauthorised\"}").await, 0.0, "{auth}");
        assert_eq!(daemon.metric("omc_answers_lost_total").await, 0.0, "{auth}");
        let bearer = |generation| world.configuration.seal().credential(Credential::Bearer, 1, generation);
        assert_eq!(daemon.deliver(1, bearer(first).expose(), "[]").await, 401, "{auth}: its batches are settled");
        assert_eq!(daemon.deliver(1, bearer(daemon.generation()).expose(), "[]").await, 200, "{auth}");
        daemon.stop().await;
    }
}
