//! Messages to people and to Odoo, in one queue.

use super::*;
use crate::domain::alarm::{Alarm, Message, News, Numbers, Threshold, Turn};

fn letter(number: usize) -> Message {
    Message { subject: format!("{number}"), text: String::new(), activity: None }
}

fn for_odoo(number: usize) -> Message {
    let numbers = Some(Numbers { count: 3, found: 9, limit: Some(Threshold::Percent(10)) });
    let news = News { connector: CONNECTOR, alarm: Alarm::ManyRefused, turn: Turn::Begins, numbers };
    Message { activity: Some(news), ..letter(number) }
}

#[test]
fn each_kind_is_found_by_itself_also_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let is_letter = |message: &Message| message.activity.is_none();
    {
        let store = Store::open(&config(folder.path()), &["key"]).unwrap();
        store
            .change_now(|change| {
                change.put_message(for_odoo(1));
                change.put_message(letter(2));
                Ok(())
            })
            .unwrap();
    }
    let store = Store::open(&config(folder.path()), &["key"]).unwrap();
    assert_eq!(store.message(is_letter), Some((2, letter(2))));
    assert_eq!(store.message(|message| !is_letter(message)), Some((1, for_odoo(1))));
    store
        .change_now(|change| {
            change.remove_message(2);
            Ok(())
        })
        .unwrap();
    assert_eq!(store.message(is_letter), None);
}

/// As an OMC wrote it that made no activities.
#[test]
fn a_message_of_an_older_omc_is_for_people() {
    let message: Message = serde_json::from_str(r#"{"subject": "S", "text": "T"}"#).unwrap();
    assert_eq!(message, Message { subject: "S".into(), text: "T".into(), activity: None });
    assert!(!serde_json::to_string(&message).unwrap().contains("activity"));
}

#[test]
fn however_many_are_put_at_once_only_so_many_wait() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&config(folder.path()), &["key"]).unwrap();
    let mut dropped = 0;
    for pair in 0..510 {
        store
            .change_now(|change| {
                dropped += usize::from(change.put_message(for_odoo(2 * pair)));
                dropped += usize::from(change.put_message(letter(2 * pair + 1)));
                Ok(())
            })
            .unwrap();
    }
    let mut waiting = 0;
    store.message(|_| {
        waiting += 1;
        false
    });
    assert_eq!((waiting, dropped), (1000, 20));
    assert_eq!(store.message(|_| true).unwrap().1, for_odoo(20), "the oldest went");
}
