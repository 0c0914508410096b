use super::*;
use crate::odoo::registry::test_connector::{connector, with_filter};

#[test]
fn conditions_follow_the_filter() {
    let filter = json!(["|", ["country_id", "=", 1], ["city", "=", "Lima"]]);
    let domain = Value::from(eligible(&with_filter(filter), 16, None));
    assert_eq!(
        domain,
        json!([
            "|",
            ["country_id", "=", 1],
            ["city", "=", "Lima"],
            ["is_registrant", "=", true],
            ["active", "=", true],
            ["is_group", "=", false],
            ["reg_ids.id_type", "=", 2],
            "!",
            ["reg_ids.id_type", "=", 3],
            ["id", ">", 16],
        ])
    );
}

#[test]
fn a_filter_that_speaks_of_groups_decides_about_them() {
    let domain = eligible(&with_filter(json!([["is_group", "in", [true, false]]])), 0, None);
    assert_eq!(domain.iter().filter(|term| is_about(term, "is_group")).count(), 1);
}

#[test]
fn a_delta_asks_for_both_rows() {
    let since = wire::time("2026-11-21 21:14:08");
    let domain = eligible(&connector(), 0, since);
    let delta = json!([
        "|",
        ["write_date", ">=", "2026-11-21 21:14:08.000000"],
        ["reg_ids.write_date", ">=", "2026-11-21 21:14:08.000000"]
    ]);
    assert_eq!(Value::from(&domain[domain.len() - 3..]), delta);
}

#[test]
fn who_holds_both_is_asked_whatever_the_filter_says() {
    let domain = Value::from(holders_of_both(&with_filter(json!([["city", "=", "Lima"]])), 4));
    assert_eq!(
        domain,
        json!([["is_registrant", "=", true], ["reg_ids.id_type", "=", 2], ["reg_ids.id_type", "=", 3], ["id", ">", 4]])
    );
}

#[test]
fn reading_keeps_the_filter_unless_told() {
    let connector = with_filter(json!([["city", "=", "Lima"]]));
    let ids = [RegistrantId(1), RegistrantId(2)];
    let all = json!([["city", "=", "Lima"], ["is_registrant", "=", true], ["active", "=", true], ["id", "in", [1, 2]]]);
    assert_eq!(Value::from(among(&connector, &ids, false)), all);
    assert_eq!(Value::from(among(&connector, &ids, true)), json!([["active", "=", true], ["id", "in", [1, 2]]]));
}
