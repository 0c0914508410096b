//! Faults: the four codes and what they say.

use serde_json::{Value as Json, json};

use super::client::{Fault, Odoo, marker};
use super::{fact, xml};

/// A fault 1 ends in this line.
async fn ends_in(odoo: &Odoo, model: &str, method: &str, args: Json, line: &str) {
    let fault = odoo.fault(model, method, args, json!({})).await;
    assert_eq!((fault.code, fault.last_line()), (1, line));
    assert!(fault.text.starts_with("Traceback (most recent call last):\n"), "{}", fault.text);
}

fact!(an_unknown_field_is_told_in_three_ways, odoo, {
    let partner = "res.partner";
    ends_in(
        odoo,
        partner,
        "search_read",
        json!([[], ["nosuch"]]),
        "ValueError: Invalid field 'nosuch' on model 'res.partner'",
    )
    .await;
    ends_in(
        odoo,
        partner,
        "search_read",
        json!([[["id", "=", 1]], ["reg_ids.value"]]),
        "ValueError: Invalid field 'reg_ids.value' on model 'res.partner'",
    )
    .await;
    ends_in(
        odoo,
        partner,
        "search",
        json!([[["nosuch", "=", 1]]]),
        "ValueError: Invalid field res.partner.nosuch in leaf ('nosuch', '=', 1)",
    )
    .await;
    ends_in(
        odoo,
        partner,
        "search",
        json!([[["reg_ids.nosuch", "=", 1]]]),
        "ValueError: Invalid field g2p.reg.id.nosuch in leaf ('nosuch', '=', 1)",
    )
    .await;
    ends_in(
        odoo,
        partner,
        "search",
        json!([[], 0, 1, "nosuch"]),
        "ValueError: Invalid field 'nosuch' on model 'res.partner'",
    )
    .await;
    ends_in(
        odoo,
        "g2p.reg.id",
        "create",
        json!([{"nosuch": 1}]),
        "ValueError: Invalid field 'nosuch' on model 'g2p.reg.id'",
    )
    .await;
});

fact!(a_domain_that_is_none, odoo, {
    let partner = "res.partner";
    ends_in(odoo, partner, "search", json!([[["name", "~=", "x"]]]), "ValueError: Invalid leaf ('name', '~=', 'x')")
        .await;
    ends_in(
        odoo,
        partner,
        "search",
        json!([["&", ["name", "=", "x"]]]),
        "ValueError: Domain ['&', ['name', '=', 'x']] is syntactically not correct.",
    )
    .await;
    ends_in(
        odoo,
        partner,
        "search",
        json!([[["name", "="]]]),
        "ValueError: not enough values to unpack (expected 3, got 2)",
    )
    .await;
    ends_in(
        odoo,
        partner,
        "search",
        json!([["is_registrant", "=", true]]),
        "TypeError: 'bool' object is not subscriptable",
    )
    .await;
    ends_in(
        odoo,
        partner,
        "search",
        json!(["x"]),
        "AssertionError: Domains to normalize must have a 'domain' form: a list or tuple of domain components",
    )
    .await;
    ends_in(
        odoo,
        partner,
        "search",
        json!([[["name", "in", "abc"]]]),
        "ValueError: Invalid domain term ('name', 'in', 'abc')",
    )
    .await;
    ends_in(
        odoo,
        partner,
        "search",
        json!([[["color", "=", "x"]]]),
        "ValueError: invalid literal for int() with base 10: 'x'",
    )
    .await;
    ends_in(
        odoo,
        partner,
        "search",
        json!([[["name.x", "=", 1]]]),
        "AssertionError: Invalid field 'name.x' in domain term ('name.x', '=', 1)",
    )
    .await;
    // The field is looked at before the operator of any term.
    ends_in(
        odoo,
        partner,
        "search",
        json!([[["name", "~=", 1], ["nosuch", "=", 1]]]),
        "ValueError: Invalid field res.partner.nosuch in leaf ('nosuch', '=', 1)",
    )
    .await;
});

fact!(an_id_that_postgresql_refuses_ends_in_a_caret, odoo, {
    let text = odoo.fault("res.partner", "search", json!([[["id", "=", "abc"]]]), json!({})).await;
    let long = |operator: &str, right: &str| {
        format!(
            "<value><array><data><value><array><data><value><array><data><value>id</value><value>{operator}</value>{right}\
             </data></array></value></data></array></value></data></array></value>"
        )
    };
    let none = xml::encode(&json!({}));
    let number = "<value><i8>99999999999</i8></value>";
    let range = odoo.call_xml("res.partner", "search", &long("=", number), &none).await.unwrap_err();
    for (fault, line) in [
        (text, "psycopg2.errors.InvalidTextRepresentation: invalid input syntax for type integer: \"abc\""),
        (range, "psycopg2.errors.NumericValueOutOfRange: value \"99999999999\" is out of range for type integer"),
    ] {
        assert_eq!((fault.code, fault.last_line().trim()), (1, "^"));
        assert!(fault.text.lines().any(|one| one == line), "{}", fault.text);
    }
    let list = format!("<value><array><data>{number}</data></array></value>");
    assert_eq!(odoo.call_xml("res.partner", "search", &long("in", &list), &none).await.unwrap(), json!([]));
});

fact!(a_value_of_the_wrong_kind, odoo, {
    let id = odoo.registrant(&marker("kind")).await;
    let partner = "res.partner";
    ends_in(
        odoo,
        partner,
        "write",
        json!([[id], {"gender": "Klingon"}]),
        "ValueError: Wrong value for res.partner.gender: 'Klingon'",
    )
    .await;
    ends_in(
        odoo,
        partner,
        "write",
        json!([[id], {"birthdate": "28/02/1990"}]),
        "ValueError: time data '28/02/1990' does not match format '%Y-%m-%d'",
    )
    .await;
    ends_in(odoo, partner, "write", json!([[id], {"birthdate": 5}]), "TypeError: 'int' object is not subscriptable")
        .await;
    ends_in(
        odoo,
        partner,
        "write",
        json!([[id], {"disabled": "2026-01-01 00:00:00.123"}]),
        "ValueError: unconverted data remains: .123",
    )
    .await;
    ends_in(
        odoo,
        partner,
        "write",
        json!([[id], {"disabled": "2026-01-01T00:00:00"}]),
        "ValueError: time data '2026-01-01T00:00:00' does not match format '%Y-%m-%d %H:%M:%S'",
    )
    .await;
    ends_in(
        odoo,
        partner,
        "write",
        json!([[id], {"color": "x"}]),
        "ValueError: invalid literal for int() with base 10: 'x'",
    )
    .await;
    ends_in(
        odoo,
        partner,
        "write",
        json!([[id], {"reg_ids": 5}]),
        "ValueError: Wrong value for res.partner.reg_ids: 5",
    )
    .await;
    ends_in(
        odoo,
        "g2p.reg.id",
        "create",
        json!([{"partner_id": id, "status": "nope"}]),
        "ValueError: Wrong value for g2p.reg.id.status: 'nope'",
    )
    .await;
    odoo.clean(&[id], &[]).await;
});

fact!(unknown_models_and_methods, odoo, {
    let fault = odoo.fault("no.such.model", "search", json!([[]]), json!({})).await;
    assert_eq!(fault, Fault { code: 2, text: "Object no.such.model doesn't exist".into() });
    ends_in(
        odoo,
        "res.partner",
        "nosuchmethod",
        json!([]),
        "AttributeError: The method 'nosuchmethod' does not exist on the model 'res.partner'",
    )
    .await;
    let fault = odoo.fault("res.partner", "_search", json!([[]]), json!({})).await;
    assert_eq!(fault, Fault { code: 4, text: "Private methods (such as _search) cannot be called remotely.".into() });
    ends_in(odoo, "res.partner", "read", json!([]), "IndexError: tuple index out of range").await;
    ends_in(
        odoo,
        "res.partner",
        "search",
        json!([]),
        "TypeError: BaseModel.search() missing 1 required positional argument: 'domain'",
    )
    .await;
    let fault = odoo.service("nosuch", "version", &[]).await.unwrap_err();
    assert_eq!((fault.code, fault.last_line()), (1, "KeyError: 'nosuch'"));
});

fact!(a_bad_order_is_a_fault, odoo, {
    let fault = odoo.fault("res.partner", "search", json!([[]]), json!({"order": "id;drop"})).await;
    assert_eq!(fault.code, 2);
    assert!(fault.text.starts_with("Invalid \"order\" specified (id;drop)."), "{}", fault.text);
});

fact!(writing_or_deleting_what_is_gone_is_a_missing_error, odoo, {
    let id = odoo.registrant(&marker("missing")).await;
    odoo.unlink("res.partner", &[id]).await;
    let text = format!("Record does not exist or has been deleted.\n(Record: res.partner({id},), User: {})", odoo.uid);
    let expected = Fault { code: 2, text };
    assert_eq!(odoo.fault("res.partner", "write", json!([[id], {"ref": "x"}]), json!({})).await, expected);
    assert_eq!(odoo.fault("res.partner", "write", json!([[id], {"reg_ids": []}]), json!({})).await, expected);
    assert_eq!(odoo.fault("res.partner", "unlink", json!([[id]]), json!({})).await, expected);
});

fact!(a_method_that_returns_nothing_commits_and_faults, odoo, {
    let id = odoo.registrant(&marker("none")).await;
    odoo.call("res.partner", "write", json!([[id], {"disabled": "2020-01-01 00:00:00"}]), json!({})).await;
    ends_in(
        odoo,
        "res.partner",
        "enable_registrant",
        json!([[id]]),
        "TypeError: cannot marshal None unless allow_none is enabled",
    )
    .await;
    assert_eq!(odoo.read("res.partner", id, &["disabled"]).await["disabled"], json!(false));
    odoo.clean(&[id], &[]).await;
});

fact!(a_contact_needs_a_name, odoo, {
    let fault = odoo.fault("res.partner", "create", json!([{}]), json!({})).await;
    assert_eq!(fault, Fault { code: 2, text: "The operation cannot be completed: Contacts require a name".into() });
});

fact!(a_fault_takes_the_whole_request_back, odoo, {
    let id = odoo.registrant(&marker("back")).await;
    let values = json!({"ref": "written", "reg_ids": [[0, 0, {"value": "no type"}]]});
    let fault = odoo.fault("res.partner", "write", json!([[id], values]), json!({})).await;
    assert_eq!(fault.code, 2);
    assert_eq!(odoo.read("res.partner", id, &["ref", "reg_ids"]).await, json!({"id": id, "ref": false, "reg_ids": []}));
    odoo.clean(&[id], &[]).await;
});

fact!(the_first_version_has_codes_of_text, odoo, {
    let params =
        [json!(odoo.database), json!(odoo.uid), json!(odoo.password), json!("no.such.model"), json!("x"), json!([])];
    let params: Vec<String> = params.iter().map(xml::encode).collect();
    let body = xml::call("execute_kw", &params);
    let answer = odoo.http("POST", "/xmlrpc/object", "Content-Type: text/xml\r\n", body.as_bytes()).await;
    assert!(
        answer.body.contains("<name>faultCode</name>\n<value><string>warning -- UserError\n\nObject no.such.model doesn't exist</string></value>"),
        "{}",
        answer.body
    );
});
