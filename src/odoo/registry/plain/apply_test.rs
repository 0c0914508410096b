use super::*;
use crate::domain::identity::RegIdRow;
use crate::odoo::registry::row::IdRow;
use crate::odoo::wire;
use crate::seal::Personal;

const VID: &str = "2045678901234567";
const TOKEN: &str = "364827364827364827364827364827364827";

fn id_row(row: u32, value: &str) -> IdRow {
    let at = wire::time("2026-11-21 21:14:08").unwrap();
    IdRow {
        row: RegIdRow(row),
        value: Personal::new(value.to_owned()),
        status: None,
        expiry_date: None,
        created: at,
        written: at,
        written_text: wire::time_text(at),
    }
}

fn ids(vids: &[(u32, &str)], tokens: &[(u32, &str)]) -> Ids {
    let rows = |rows: &[(u32, &str)]| rows.iter().map(|(row, value)| id_row(*row, value)).collect();
    Ids { vids: rows(vids), tokens: rows(tokens) }
}

fn result() -> WriteBack {
    WriteBack {
        registrant: RegistrantId(17),
        token: Personal::new(TOKEN.to_owned()),
        vid_row: Some(RegIdRow(5)),
        vid_written: None,
        values: None,
    }
}

fn before_with(ids: &Ids) -> Before {
    before(&result(), ids, &|registrant, vid| registrant == RegistrantId(17) && vid.expose() == VID)
}

#[test]
fn a_token_is_made_only_for_the_vid_that_was_submitted() {
    assert!(matches!(before_with(&ids(&[(5, VID)], &[])), Before::Missing));
    assert!(matches!(before_with(&ids(&[(4, "2099"), (5, VID)], &[])), Before::Missing));
    for wrong in [ids(&[], &[]), ids(&[(6, VID)], &[]), ids(&[(5, "2045678901234568")], &[])] {
        assert!(matches!(before_with(&wrong), Before::Not(Outcome::Superseded)), "{wrong:?}");
    }
}

#[test]
fn another_token_is_a_conflict_even_beside_the_right_one() {
    assert!(matches!(before_with(&ids(&[(5, VID)], &[(8, TOKEN)])), Before::Present));
    assert!(matches!(before_with(&ids(&[], &[(8, TOKEN)])), Before::Present));
    for wrong in [ids(&[(5, VID)], &[(8, "99")]), ids(&[(5, VID)], &[(8, TOKEN), (9, "99")]), ids(&[], &[(8, "")])] {
        assert!(matches!(before_with(&wrong), Before::Not(Outcome::Conflict)), "{wrong:?}");
    }
}

#[test]
fn what_was_not_read_back_is_not_written() {
    let ours = Created::from([(RegistrantId(17), RegIdRow(8))]);
    let none = Created::new();
    assert_eq!(after(&result(), &ids(&[(5, VID)], &[]), &ours), Outcome::Busy);
    assert_eq!(after(&result(), &ids(&[], &[(8, TOKEN)]), &ours), Outcome::Written { vid_removed: false });
    assert_eq!(after(&result(), &ids(&[], &[(8, TOKEN)]), &none), Outcome::Already { vid_removed: false });
    // Ours came second and was taken back.
    assert_eq!(after(&result(), &ids(&[], &[(7, TOKEN)]), &ours), Outcome::Already { vid_removed: false });
    assert_eq!(after(&result(), &ids(&[], &[(7, "99")]), &ours), Outcome::Conflict);
    assert_eq!(after(&result(), &ids(&[], &[(8, TOKEN), (9, "99")]), &ours), Outcome::Conflict);
}

#[test]
fn a_single_refusal_says_what_is_wrong_with_the_row() {
    assert_eq!(refused(&Error::Refused(Refusal::IdTypeTaken)), None);
    assert_eq!(refused(&Error::Refused(Refusal::ForeignKey)), Some(Outcome::Superseded));
    assert_eq!(refused(&Error::Refused(Refusal::InvalidId)), Some(Outcome::Refused(ApplyRefusal::TokenInvalid)));
    assert_eq!(refused(&Error::Refused(Refusal::Other)), Some(Outcome::Refused(ApplyRefusal::Other)));
}
