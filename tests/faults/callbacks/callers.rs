//! Callers who are not MTS.

use futures_util::future::join_all;
use omc::clock::{Clock, SystemClock};
use omc::seal::receiver::{Credential, DATABASE, Pass};
use serde_json::{Value, json};

use super::stand::{CALLBACKS, LOGINS, RESULTS, Stand, Told, changed, good, hostile, stored, unauthorised};
use crate::row::Row;
use crate::scene::Scene;

/// No bearer, password or secret of anybody.
const GUESS: &str = "Zenobia-7319930244186650";
/// More than a source may have refused at once.
const OFTEN: usize = 26;

/// The whole result of everybody: whoever believes the caller writes all tokens.
fn everything(stand: &Stand) -> String {
    json!(stand.mts.records().iter().map(good).collect::<Vec<Value>>()).to_string()
}

/// Refused, and after some time not even told why.
fn all_refused(told: &[Told]) {
    let slowed = (429, "refused too often".to_owned());
    assert!(told.iter().all(|told| *told == unauthorised() || *told == slowed), "{told:?}");
    assert!(told.contains(&slowed), "{told:?}");
}

pub async fn nothing_shown(row: &'static Row) -> Scene {
    let stand = Stand::of(row).await;
    let body = everything(&stand);
    all_refused(&join_all((0..OFTEN).map(|_| stand.call("1", &[], &body))).await);
    stand.goes_on().await
}

pub async fn wrong_bearer(row: &'static Row) -> Scene {
    let stand = Stand::of(row).await;
    let body = everything(&stand);
    let not_begun = stand.seal.credential(Credential::Bearer, 1, stand.generation + 1).into_exposed();
    let wrong = [
        GUESS.to_owned(),
        String::new(),
        stand.anothers(Credential::Bearer, 2),
        not_begun,
        stand.credential(Credential::Password),
        format!("{}.{GUESS}", stand.generation),
    ];
    for bearer in &wrong {
        assert_eq!(stand.show("1", bearer, &body).await, unauthorised());
    }
    let basic = format!("Basic {}", stand.bearer());
    assert_eq!(stand.call("1", &[("Authorization", &basic)], &body).await, unauthorised());
    all_refused(&join_all((0..OFTEN).map(|_| stand.show("1", GUESS, &body))).await);
    stand.goes_on().await
}

pub async fn wrong_login(row: &'static Row) -> Scene {
    let stand = Stand::with(row, "odoo", &[]).await;
    let body = everything(&stand);
    let password = stand.credential(Credential::Password);
    let anothers = stand.anothers(Credential::Password, 2);
    for (database, login, password) in [
        (DATABASE, "omc-1", GUESS),
        (DATABASE, "omc-1", &anothers),
        (DATABASE, "admin", "admin"),
        (DATABASE, GUESS, &password),
        (GUESS, "omc-1", &password),
    ] {
        let (answer, cookie) = stand.log_in(database, login, password).await;
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!((&answer["error"]["data"]["message"], cookie), (&json!("Access Denied"), None));
        assert!(!answer.to_string().contains(GUESS), "{answer}");
    }
    // MTS goes on without a session where the login fails.
    let made_up = format!("session_id={GUESS}");
    for cookie in ["frontend_lang=en_US", "session_id=", &made_up] {
        assert_eq!(stand.call("1", &[("Cookie", cookie)], &body).await, unauthorised());
    }
    stand.counted(&[(LOGINS, "refused", 5), (CALLBACKS, "unauthorised", 3)]).await;
    stand.goes_on_as("odoo").await
}

pub async fn wrong_client(row: &'static Row) -> Scene {
    let stand = Stand::with(row, "oauth", &[]).await;
    let body = everything(&stand);
    let right = stand.credential(Credential::ClientSecret);
    let anothers = stand.anothers(Credential::ClientSecret, 2);
    for (client, secret) in [("omc-1", GUESS), ("omc-1", &anothers), ("omc-2", &right), (GUESS, &right)] {
        assert_eq!(stand.ask(client, secret).await, (401, json!({"error": "invalid_client"}).to_string()));
    }
    // An access token without a signature, as some readers of them believe it.
    let unsigned = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJvbWMtMSIsImdlbiI6MSwidW50aWwiOjk5OTk5OTk5OTl9.";
    for token in [unsigned, GUESS, &right] {
        assert_eq!(stand.show("1", token, &body).await, unauthorised());
    }
    stand.counted(&[(LOGINS, "refused", 4), (CALLBACKS, "unauthorised", 3)]).await;
    stand.goes_on_as("oauth").await
}

fn expired(stand: &Stand) -> Pass {
    Pass { connector: 1, generation: stand.generation, until: SystemClock.now().timestamp() - 1 }
}

pub async fn expired_session(row: &'static Row) -> Scene {
    let stand = Stand::with(row, "odoo", &[]).await;
    let cookie = format!("session_id={}", stand.seal.session(&expired(&stand)));
    assert_eq!(stand.call("1", &[("Cookie", &cookie)], &everything(&stand)).await, unauthorised());
    stand.counted(&[(CALLBACKS, "unauthorised", 1)]).await;
    stand.goes_on_as("odoo").await
}

pub async fn expired_access_token(row: &'static Row) -> Scene {
    let stand = Stand::with(row, "oauth", &[]).await;
    // MTS may think that it is good for another while.
    let token = stand.seal.access_token(&expired(&stand), expired(&stand).until + 3600);
    assert_eq!(stand.show("1", &token, &everything(&stand)).await, unauthorised());
    stand.counted(&[(CALLBACKS, "unauthorised", 1)]).await;
    stand.goes_on_as("oauth").await
}

pub async fn no_such_connector(row: &'static Row) -> Scene {
    let stand = Stand::of(row).await;
    let body = everything(&stand);
    let nobody = (404, "no such connector".to_owned());
    for connector in ["0", "-1", "4294967296", "99999999999999999999", GUESS, "%00", "%ff"] {
        assert_eq!(stand.show(connector, &stand.bearer(), &body).await, nobody, "{connector}");
    }
    // One that could be, and is not: nobody is told which there are.
    assert_eq!(stand.show("77", &stand.bearer(), &body).await, unauthorised());
    stand.counted(&[(CALLBACKS, "unknown", 7), (CALLBACKS, "unauthorised", 1)]).await;
    stand.goes_on().await
}

/// Anybody may call, and knows no correlation.
pub async fn nothing_asked(row: &'static Row) -> Scene {
    let stand = Stand::with(row, "none", &[("callback.allow_unauthenticated", "true")]).await;
    let reference = &stand.mts.records()[0].reference;
    let guessed = changed(reference, |correlation| correlation.nonce.0 = [7; 12]);
    assert_eq!(stand.call("1", &[], &hostile(&guessed).to_string()).await, stored());
    // Another connector's callbacks are as well guarded as ever.
    assert_eq!(stand.call("2", &[], &everything(&stand)).await, unauthorised());
    stand.counted(&[(RESULTS, "stranger", 1), (CALLBACKS, "unauthorised", 1)]).await;
    stand.goes_on_as("none").await
}
