//! `POST /_sim/edit`: the administrator's hand in tests, past the RPC.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use super::super::fault::{Fault, Outcome};
use super::super::orm::{self, Env};
use super::super::population::{TOKEN_TYPE, VID_TYPE};
use super::super::wire::{Key, Value, from_json};

/// What to do to one registrant. Everything named is done in one transaction.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Edit {
    registrant: i32,
    /// Fields of `res.partner`.
    #[serde(default)]
    set: Map<String, Json>,
    /// A text becomes the only VID; null removes every VID.
    #[serde(default, deserialize_with = "named")]
    vid: Option<Json>,
    /// Fields of the VID rows: `status`, `expiry_date`.
    #[serde(default)]
    vid_set: Map<String, Json>,
    /// A text becomes the only token; null removes every token.
    #[serde(default, deserialize_with = "named")]
    token: Option<Json>,
    #[serde(default)]
    archive: Option<bool>,
    #[serde(default)]
    delete: bool,
}

/// Tells a null from a key that is not there.
fn named<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Json>, D::Error> {
    Json::deserialize(deserializer).map(Some)
}

/// Carries the edit out; the answer names the VID row left, if one is.
pub fn edit(env: &mut Env, edit: &Edit) -> Outcome<Json> {
    let (partner, reg_id) = (env.db.names.partner, env.db.names.reg_id);
    env.must_exist(partner, &[edit.registrant])?;
    let mut values = members(&edit.set);
    if let Some(archive) = edit.archive {
        values.push((Cow::Borrowed("active"), Value::Bool(!archive)));
    }
    if !values.is_empty() {
        orm::write(env, partner, &[edit.registrant], &values)?;
    }
    if let Some(vid) = &edit.vid {
        only(env, edit.registrant, VID_TYPE, vid)?;
    }
    if !edit.vid_set.is_empty() {
        let rows = rows(env, edit.registrant, VID_TYPE);
        orm::write(env, reg_id, &rows, &members(&edit.vid_set))?;
    }
    if let Some(token) = &edit.token {
        only(env, edit.registrant, TOKEN_TYPE, token)?;
    }
    let left = rows(env, edit.registrant, VID_TYPE);
    if edit.delete {
        let all = env.db.reg_ids(edit.registrant).to_vec();
        orm::unlink(env, reg_id, &all)?;
        orm::unlink(env, partner, &[edit.registrant])?;
    }
    Ok(json!({ "registrant": edit.registrant, "vid_id": left.first() }))
}

fn members(map: &Map<String, Json>) -> Vec<(Key, Value)> {
    map.iter().map(|(name, value)| (Cow::Owned(name.clone()), from_json(value))).collect()
}

fn rows(env: &Env, partner: i32, kind: i32) -> Vec<i32> {
    let column = env.db.columns.id_type;
    let of_kind =
        |id: &i32| env.db.row(env.db.names.reg_id, *id).is_some_and(|row| row.cell(column).as_ref_id() == Some(kind));
    env.db.reg_ids(partner).iter().copied().filter(of_kind).collect()
}

/// Changes the one row of a type in place, makes it, or removes all.
fn only(env: &mut Env, partner: i32, kind: i32, value: &Json) -> Outcome<()> {
    let model = env.db.names.reg_id;
    let rows = rows(env, partner, kind);
    match value {
        Json::Null => {
            orm::unlink(env, model, &rows)?;
            if kind == VID_TYPE {
                // The administrator took it away: nobody else did.
                env.db.forget_vids(partner);
            }
            Ok(())
        }
        Json::String(text) => {
            let text: (Key, Value) = (Cow::Borrowed("value"), text.as_str().into());
            match rows.split_first() {
                Some((first, rest)) => {
                    orm::unlink(env, model, rest)?;
                    orm::write(env, model, &[*first], &[text])
                }
                None => {
                    let values = [
                        (Cow::Borrowed("partner_id"), Value::from(partner)),
                        (Cow::Borrowed("id_type"), Value::from(kind)),
                        text,
                    ];
                    orm::create(env, model, &[&values]).map(drop)
                }
            }
        }
        _ => Err(Fault::value_error("a text or null is wanted")),
    }
}
