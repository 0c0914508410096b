//! The common service, logging in, and who may call.

use serde_json::{Value as Json, json};

use super::client::marker;
use super::fact;

fact!(version_needs_no_login, odoo, {
    let version = odoo.common("version", &json!([])).await.unwrap();
    assert_eq!(version["server_version"], "17.0");
    assert_eq!(version["server_serie"], "17.0");
    assert_eq!(version["protocol_version"], 1);
    assert_eq!(version["server_version_info"].as_array().unwrap().len(), 6);
});

fact!(a_good_login_gives_the_uid, odoo, {
    let uid = odoo.common("authenticate", &odoo.credentials(&odoo.user, &odoo.password)).await.unwrap();
    assert_eq!(uid, json!(odoo.uid));
});

fact!(a_wrong_password_gives_false_and_no_fault, odoo, {
    let answer = odoo.common("authenticate", &odoo.credentials(&odoo.user, "wrong")).await.unwrap();
    assert_eq!(answer, Json::Bool(false));
});

fact!(an_unknown_user_gives_false_and_no_fault, odoo, {
    let answer = odoo.common("authenticate", &odoo.credentials(&marker("nobody"), &odoo.password)).await.unwrap();
    assert_eq!(answer, Json::Bool(false));
});

fact!(a_login_wants_four_arguments, odoo, {
    let three = json!([odoo.database, odoo.user, odoo.password]);
    let fault = odoo.common("authenticate", &three).await.unwrap_err();
    assert_eq!(fault.code, 1);
    assert!(fault.last_line().starts_with("TypeError: "), "{}", fault.text);
    assert!(fault.last_line().ends_with("missing 1 required positional argument: 'user_agent_env'"), "{}", fault.text);
});

fact!(a_missing_database_is_a_fault_of_postgresql, odoo, {
    let missing = json!(["no-such-database", odoo.user, odoo.password, {}]);
    let fault = odoo.common("authenticate", &missing).await.unwrap_err();
    assert_eq!(fault.code, 1);
    assert!(fault.last_line().starts_with("psycopg2.OperationalError: "), "{}", fault.text);
    assert!(fault.last_line().ends_with("FATAL:  database \"no-such-database\" does not exist"), "{}", fault.text);
});

fact!(the_database_service_answers_without_login, odoo, {
    let exists = odoo.service("db", "db_exist", &[super::xml::encode(&json!(odoo.database))]).await.unwrap();
    assert_eq!(exists, Json::Bool(true));
    let list = odoo.service("db", "list", &[]).await.unwrap();
    assert!(list.as_array().unwrap().contains(&json!(odoo.database)));
});

/// `execute_kw` counting partners as somebody.
async fn count_as(
    odoo: &super::client::Odoo,
    database: &str,
    uid: i64,
    password: &str,
) -> Result<Json, super::client::Fault> {
    let params =
        [json!(database), json!(uid), json!(password), json!("res.partner"), json!("search_count"), json!([[]])];
    let params: Vec<String> = params.iter().map(super::xml::encode).collect();
    odoo.service("object", "execute_kw", &params).await
}

fact!(a_call_with_a_wrong_password_is_fault_3, odoo, {
    for password in ["wrong", ""] {
        let fault = count_as(odoo, &odoo.database, odoo.uid, password).await.unwrap_err();
        assert_eq!((fault.code, fault.text.as_str()), (3, "Access Denied"), "password {password:?}");
    }
});

fact!(a_call_as_an_unknown_user_is_fault_2, odoo, {
    let fault = count_as(odoo, &odoo.database, 987_654, &odoo.password).await.unwrap_err();
    assert_eq!(fault.code, 2);
    assert_eq!(fault.text, "Record does not exist or has been deleted.\n(Record: res.users(987654,), User: 987654)");
});

fact!(a_call_on_a_missing_database_is_fault_1, odoo, {
    let fault = count_as(odoo, "no-such-database", odoo.uid, &odoo.password).await.unwrap_err();
    assert_eq!(fault.code, 1);
    assert!(fault.last_line().starts_with("psycopg2.OperationalError: "), "{}", fault.text);
});

fact!(execute_takes_its_arguments_flat, odoo, {
    let params = [
        json!(odoo.database),
        json!(odoo.uid),
        json!(odoo.password),
        json!("res.partner"),
        json!("search_count"),
        json!([["id", "=", -1]]),
    ];
    let params: Vec<String> = params.iter().map(super::xml::encode).collect();
    assert_eq!(odoo.service("object", "execute", &params).await.unwrap(), json!(0));
});

fact!(execute_kw_without_arguments_is_a_type_error, odoo, {
    let params =
        [json!(odoo.database), json!(odoo.uid), json!(odoo.password), json!("res.partner"), json!("search_count")];
    let params: Vec<String> = params.iter().map(super::xml::encode).collect();
    let fault = odoo.service("object", "execute_kw", &params).await.unwrap_err();
    assert_eq!(fault.code, 1);
    assert_eq!(fault.last_line(), "TypeError: execute_kw() missing 1 required positional argument: 'args'");
});
