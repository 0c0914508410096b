//! Results that are not, brought with the right credentials.

use omc::domain::identity::{ConnectorId, IdTypeId, RegistrantId};
use omc::seal::receiver::Credential;
use omc::seal::{Purpose, Seal};
use serde_json::{Value, json};

use super::stand::{
    CALLBACKS, RESULTS, Stand, TOKEN, Told, VID, changed, good, hostile, made_up, named, registrant, result, stored,
    unauthorised,
};
use crate::evidence::MARKER;
use crate::harness::{eventually, number};
use crate::row::Row;
use crate::scene::Scene;
use crate::silent_mts::{Mts, Sent};

/// A proxy's page, cut JSON, JSON of another form.
pub async fn garbage(row: &'static Row) -> Scene {
    let stand = Stand::of(row).await;
    let whole = json!(stand.mts.records().iter().map(good).collect::<Vec<Value>>()).to_string();
    let deep = "[".repeat(100_000);
    let bodies = [
        &format!("<html>{MARKER}</html>"),
        &format!("\"{MARKER}\""),
        &whole[..whole.len() / 2],
        &format!("{whole},"),
        "42",
        "[1 2]",
        "\u{0}",
        &deep,
    ];
    for body in bodies {
        let told = stand.show("1", &stand.bearer(), body).await;
        assert_eq!(told, (400, "not JSON results".to_owned()), "{:.40}", body);
    }
    stand.counted(&[(CALLBACKS, "garbage", 8)]).await;
    stand.goes_on().await
}

pub async fn too_many(row: &'static Row) -> Scene {
    let stand = Stand::of(row).await;
    let many = json!(vec![json!({}); 20_001]);
    assert_eq!(stand.bring(&many).await, (413, "too many results at once".to_owned()));
    stand.counted(&[(CALLBACKS, "too_many", 1)]).await;
    stand.goes_on().await
}

/// Entries that are no results, or are without a reference, or under one that OMC did not make.
pub async fn unknown_correlation(row: &'static Row) -> Scene {
    let stand = Stand::of(row).await;
    let people = stand.mts.records();
    let somebody = named(&people[0].reference);
    let stranger = Seal::fleeting().unwrap();
    let of_another_key = somebody.to_text(stranger.mac(Purpose::Correlation, &somebody.signed()));
    let strange = [
        json!([]),
        json!([null, 5, MARKER, [MARKER]]),
        json!({MARKER: MARKER}),
        hostile(""),
        hostile(MARKER),
        hostile(&somebody.to_text([0; 16])),
        hostile(&of_another_key),
        json!({"omc_ref": 7, "status": MARKER, "token": [MARKER]}),
    ];
    for body in &strange {
        assert_eq!(stand.bring(body).await, stored(), "{body}");
    }
    stand.counted(&[(RESULTS, "stranger", 5), (RESULTS, "shapeless", 4), (RESULTS, "empty", 1)]).await;
    stand.goes_on().await
}

/// Of a store that is no more: by the same key, and of nothing that is known.
pub async fn of_a_lost_store(row: &'static Row) -> Scene {
    let stand = Stand::of(row).await;
    let somebody = u32::try_from(registrant(&stand.mts.records()[0].reference)).unwrap();
    for registrant in [somebody, 1_000_000] {
        let correlation = made_up(registrant);
        let mac = stand.seal.mac(Purpose::Correlation, &correlation.signed());
        assert_eq!(stand.bring(&hostile(&correlation.to_text(mac))).await, stored());
    }
    stand.counted(&[(RESULTS, "stale", 1), (RESULTS, "late", 1)]).await;
    stand.goes_on().await
}

pub async fn anothers_correlation(row: &'static Row) -> Scene {
    let stand = Stand::of(row).await;
    let values = json!({"name": "Elsewhere", "g2p_search_domain": "[[\"id\", \"=\", 0]]"});
    assert_eq!(stand.scene.world.odoo.another_connector(values).await, 2);
    let definition = async || stand.scene.daemon.connector(2).await;
    eventually("it is read", definition, |connector| !connector.is_null()).await;
    let bearer = stand.anothers(Credential::Bearer, 2);
    let reference = &stand.mts.records()[0].reference;
    let readdressed = changed(reference, |correlation| correlation.connector = ConnectorId(2));
    for reference in [reference, &readdressed] {
        let body = hostile(reference).to_string();
        assert_eq!(stand.show("2", &bearer, &body).await, stored(), "as its own");
        assert_eq!(stand.show("1", &bearer, &body).await, unauthorised());
    }
    stand.counted(&[(RESULTS, "stranger", 2), (CALLBACKS, "unauthorised", 2)]).await;
    stand.goes_on().await
}

/// Two good results, and one in which something is changed. Nobody else is changed.
async fn within_a_good_batch(row: &'static Row, wrong: impl FnOnce(&[Sent]) -> String) -> Scene {
    let stand = Stand::of(row).await;
    let people = stand.mts.records();
    let told: Told = stand.bring(&json!([good(&people[0]), hostile(&wrong(&people)), good(&people[1])])).await;
    assert_eq!(told, stored());
    for sent in &people[..2] {
        stand.has_a_token(sent).await;
    }
    for sent in &people[2..] {
        let registrant = registrant(&sent.reference);
        assert_eq!(stand.ids(registrant, VID).await, std::slice::from_ref(&sent.vid));
        assert!(stand.ids(registrant, TOKEN).await.is_empty());
    }
    stand.counted(&[(RESULTS, "stranger", 1), (RESULTS, "token", 2)]).await;
    stand.goes_on_changed().await
}

pub async fn another_registrant(row: &'static Row) -> Scene {
    let wrong = |people: &[Sent]| {
        let other = RegistrantId(u32::try_from(registrant(&people[3].reference)).unwrap());
        changed(&people[2].reference, |correlation| correlation.key.registrant = other)
    };
    within_a_good_batch(row, wrong).await
}

pub async fn wrong_token_type(row: &'static Row) -> Scene {
    let wrong = |people: &[Sent]| changed(&people[2].reference, |correlation| correlation.key.token_type = IdTypeId(1));
    within_a_good_batch(row, wrong).await
}

/// The administrator corrects a VID while MTS has the old one.
pub async fn corrected_vid(row: &'static Row) -> Scene {
    let stand = Stand::of(row).await;
    let old = stand.mts.records().remove(0);
    let registrant = registrant(&old.reference);
    let vid = "5827160394";
    stand.scene.world.odoo.edit(json!({"registrant": registrant, "vid": vid})).await;
    assert_eq!(stand.bring(&good(&old)).await, stored());
    let again = async || stand.mts.records().into_iter().find(|sent| sent.vid == vid);
    let again = eventually("the new VID is sent", again, Option::is_some).await.unwrap();
    // And once more, now that OMC knows of the new one.
    assert_eq!(stand.bring(&good(&old)).await, stored());
    assert!(stand.ids(registrant, TOKEN).await.is_empty());
    assert_eq!(stand.ids(registrant, VID).await, [vid]);
    assert_eq!(stand.bring(&good(&again)).await, stored());
    stand.has_a_token(&again).await;
    stand.counted(&[(RESULTS, "stale", 1)]).await;
    stand.goes_on_changed().await
}

pub async fn replay(row: &'static Row) -> Scene {
    let stand = Stand::of(row).await;
    let sent = stand.mts.records().remove(0);
    let twice = json!([good(&sent), good(&sent)]);
    assert_eq!(stand.bring(&twice).await, stored());
    assert_eq!(stand.bring(&twice).await, stored());
    stand.has_a_token(&sent).await;
    let open = async || number(&stand.scene.daemon.connector(1).await["records"], "to_write");
    eventually("it is done", open, |open| *open == 0).await;
    let told = futures_util::future::join_all((0..20).map(|_| stand.bring(&twice))).await;
    assert!(told.iter().all(|told| *told == stored()), "{told:?}");
    stand.has_a_token(&sent).await;
    stand.goes_on_changed().await
}

pub async fn second_token(row: &'static Row) -> Scene {
    let stand = Stand::of(row).await;
    let sent = stand.mts.records().remove(0);
    assert_eq!(stand.bring(&json!([good(&sent), hostile(&sent.reference)])).await, stored());
    stand.has_a_token(&sent).await;
    stand.counted(&[(RESULTS, "disputed", 1)]).await;
    stand.goes_on_changed().await
}

/// Brings something else than a good result for a record, until it is sent again; gives the record as it is sent then.
async fn sent_again(stand: &Stand, sent: &Sent, instead: impl Fn(&str) -> Value) -> Sent {
    let before = stand.mts.records().len();
    assert_eq!(stand.bring(&instead(&sent.reference)).await, stored());
    let records = async || stand.mts.records();
    let records = eventually("it is sent again", records, |records| records.len() > before).await;
    let again = records.last().unwrap().clone();
    assert_eq!(again.vid, sent.vid);
    again
}

pub async fn empty_token(row: &'static Row) -> Scene {
    let stand = Stand::with(row, "staticBearer", &[("retry.attempts", "3")]).await;
    let mut sent = stand.mts.records().remove(0);
    for _ in 0..2 {
        sent = sent_again(&stand, &sent, |reference| result(reference, "processed", "")).await;
    }
    assert_eq!(stand.bring(&result(&sent.reference, "processed", "")).await, stored());
    stand.goes_on().await
}

pub async fn unknown_status(row: &'static Row) -> Scene {
    let stand = Stand::of(row).await;
    let mut sent = stand.mts.records().remove(0);
    for status in [MARKER, "PROCESSED", ""] {
        sent = sent_again(&stand, &sent, |reference| result(reference, status, MARKER)).await;
    }
    sent_again(
        &stand,
        &sent,
        |reference| json!({"omc_ref": reference, "status": "error", "token": MARKER, "code": MARKER}),
    )
    .await;
    stand.counted(&[(RESULTS, "error", 4)]).await;
    stand.goes_on().await
}

pub async fn long_token(row: &'static Row) -> Scene {
    let mut stand = Stand::of(row).await;
    let sent = stand.mts.records().remove(0);
    let long = format!("{MARKER}{}", "7".repeat(100));
    assert_eq!(stand.bring(&result(&sent.reference, "processed", &long)).await, stored());
    stand.scene = stand.scene.is_seen().await;
    let before = stand.mts.records().len();
    let requeued = stand.scene.world.configuration.command(&["requeue", "1", "--all"]).await;
    assert_eq!(requeued.code, Some(0), "{requeued:?}");
    let records = async || stand.mts.records().len();
    eventually("it is sent again", records, |records| *records > before).await;
    stand.goes_on().await
}

pub async fn before_the_answer(row: &'static Row) -> Scene {
    let mts = Mts::start().await;
    let silence = mts.keeps_silent().await;
    let stand = Stand::before(row, mts, "staticBearer", &[]).await;
    let first = async || stand.mts.records().first().cloned();
    let sent = eventually("MTS has the first batch", first, Option::is_some).await.unwrap();
    let forged = changed(&sent.reference, |correlation| correlation.nonce.0 = [7; 12]);
    assert_eq!(stand.bring(&hostile(&forged)).await, stored());
    let registrant = registrant(&sent.reference);
    assert!(stand.ids(registrant, TOKEN).await.is_empty());
    assert_eq!(stand.ids(registrant, VID).await, std::slice::from_ref(&sent.vid));
    // MTS's own may come so early, and counts.
    assert_eq!(stand.bring(&good(&sent)).await, stored());
    stand.has_a_token(&sent).await;
    assert_eq!(stand.scene.daemon.metric("omc_submitted_total").await, 0.0, "nothing is answered yet");
    drop(silence);
    stand.everybody_is_at_mts().await;
    stand.counted(&[(RESULTS, "stranger", 1)]).await;
    stand.goes_on_changed().await
}
