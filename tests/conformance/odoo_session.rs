//! The web session a callback may log in to, and RPC in JSON.

use serde_json::{Value as Json, json};

use super::client::{Answer, Odoo};
use super::fact;

const JSON: &str = "Content-Type: application/json\r\n";

async fn login(odoo: &Odoo, method: &str, body: &Json) -> (Answer, Json) {
    let answer = odoo.http(method, "/web/session/authenticate", JSON, body.to_string().as_bytes()).await;
    let json = serde_json::from_str(&answer.body).unwrap_or(Json::Null);
    (answer, json)
}

fn session(answer: &Answer) -> Option<String> {
    let cookies = answer.headers.iter().filter(|(name, _)| name == "Set-Cookie");
    let mut sessions = cookies.filter_map(|(_, value)| value.strip_prefix("session_id="));
    sessions.next().and_then(|rest| rest.split(';').next()).map(str::to_owned)
}

fn params(odoo: &Odoo, password: &str) -> Json {
    json!({"jsonrpc": "2.0", "method": "call", "id": 7,
        "params": {"db": odoo.database, "login": odoo.user, "password": password}})
}

async fn count(odoo: &Odoo, cookie: &str) -> Json {
    let call = json!({"jsonrpc": "2.0", "method": "call", "id": 1,
        "params": {"model": "res.partner", "method": "search_count", "args": [[["id", "=", -1]]], "kwargs": {}}});
    let headers = format!("{JSON}{cookie}");
    let answer = odoo.http("POST", "/web/dataset/call_kw", &headers, call.to_string().as_bytes()).await;
    serde_json::from_str(&answer.body).unwrap()
}

fact!(get_with_a_body_logs_in_as_well_as_post, odoo, {
    for method in ["POST", "GET"] {
        let (answer, body) = login(odoo, method, &params(odoo, &odoo.password)).await;
        assert_eq!(answer.code(), 200, "{method}");
        assert!(answer.header("Content-Type").unwrap().starts_with("application/json"));
        assert_eq!((&body["id"], &body["result"]["uid"]), (&json!(7), &json!(odoo.uid)), "{method}");
        let id = session(&answer).unwrap();
        assert_eq!(id.len(), 40);
        let cookie = answer
            .headers
            .iter()
            .find(|(name, value)| name == "Set-Cookie" && value.starts_with("session_id="))
            .unwrap();
        assert!(cookie.1.contains("HttpOnly") && cookie.1.contains("Path=/"), "{}", cookie.1);
    }
});

fact!(the_envelope_may_be_left_out, odoo, {
    let bare = json!({"params": {"db": odoo.database, "login": odoo.user, "password": odoo.password}});
    let (_, body) = login(odoo, "GET", &bare).await;
    assert_eq!((&body["id"], &body["result"]["uid"]), (&json!(null), &json!(odoo.uid)));
});

fact!(a_wrong_login_is_http_200_without_a_cookie, odoo, {
    let (answer, body) = login(odoo, "POST", &params(odoo, "wrong")).await;
    assert_eq!(answer.code(), 200);
    assert_eq!(session(&answer), None);
    assert_eq!(body["error"]["code"], json!(200));
    assert_eq!(body["error"]["data"]["name"], json!("odoo.exceptions.AccessDenied"));
    assert_eq!(body["error"]["data"]["message"], json!("Access Denied"));
});

fact!(an_unknown_database_is_an_error, odoo, {
    let mut unknown = params(odoo, &odoo.password);
    unknown["params"]["db"] = json!("nosuchdb");
    let (answer, body) = login(odoo, "POST", &unknown).await;
    assert_eq!(answer.code(), 200);
    assert_eq!(body["error"]["data"]["name"], json!("odoo.exceptions.AccessError"));
    assert_eq!(body["error"]["data"]["message"], json!("Database not found."));
});

fact!(what_is_not_json_is_400, odoo, {
    let answer = odoo.http("POST", "/web/session/authenticate", JSON, b"zz").await;
    assert_eq!((answer.code(), answer.body.as_str()), (400, "Invalid JSON data"));
    let answer = odoo.http("POST", "/web/session/authenticate", "Content-Type: text/plain\r\n", b"{}").await;
    assert_eq!(answer.code(), 400);
});

fact!(a_session_works_until_logout, odoo, {
    let (answer, _) = login(odoo, "POST", &params(odoo, &odoo.password)).await;
    let cookie = format!("Cookie: session_id={}\r\n", session(&answer).unwrap());
    assert_eq!(count(odoo, &cookie).await["result"], json!(0));
    let out = odoo.http("GET", "/web/session/logout", &cookie, b"").await;
    assert_eq!((out.code(), out.header("Location")), (303, Some("/web")));
    assert!(session(&out).is_some());
    let expired = count(odoo, &cookie).await;
    assert_eq!(expired["error"]["code"], json!(100));
    assert_eq!(expired["error"]["data"]["name"], json!("odoo.http.SessionExpiredException"));
    assert_eq!(count(odoo, "").await["error"]["code"], json!(100));
});

fact!(jsonrpc_names_the_exception, odoo, {
    let call = json!({"jsonrpc": "2.0", "method": "call", "id": 3, "params": {"service": "object", "method": "execute_kw",
        "args": [odoo.database, odoo.uid, odoo.password, "g2p.reg.id", "create", [{"partner_id": false}]]}});
    let answer = odoo.http("POST", "/jsonrpc", JSON, call.to_string().as_bytes()).await;
    let body: Json = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(body["error"]["code"], json!(200));
    assert_eq!(body["error"]["data"]["name"], json!("odoo.exceptions.ValidationError"));
});
