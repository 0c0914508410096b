//! Callbacks as they are sent: headers, methods, bodies.

use std::time::Duration;

use omc::sim::mts::Release;
use serde_json::{Value, json};

use super::harness::{Server, callback, record, servers, token};
use super::receiver::{Received, Receiver};

/// Posts the records with these properties and waits for `n` requests at the receiver and the end of the work.
pub async fn called(
    server: &Server,
    receiver: &Receiver,
    records: Value,
    more: Value,
    n: usize,
) -> (Vec<Received>, String) {
    let mut properties = json!({"url": format!("{}/cb", receiver.url)});
    properties.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let answer = server.post(&callback(records, properties)).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let id = answer.identifier();
    let got = receiver.got(n).await;
    (got, server.settled(&id).await)
}

fn row(n: u64) -> String {
    let token = token(&format!("70000000000000{n}"));
    format!(
        r#"{{"vid": "70000000000000{n}", "status": "processed", "token": "{token}", "errorCode": null, "errorMessage": null}}"#
    )
}

#[tokio::test]
async fn each_record_comes_alone_in_order_on_its_own_connection() {
    for server in servers(Release::V1_1).await {
        let receiver = Receiver::new().await;
        let (got, status) =
            called(&server, &receiver, json!([record(71), {"vid": "2"}, record(72)]), json!({}), 3).await;
        let invalid = r#"{"vid": "2", "status": "invalid", "token": null, "errorCode": "ATS-REQ-010", "errorMessage": "name or its mapping not present"}"#;
        assert_eq!(
            got.iter().map(|r| r.body.as_str()).collect::<Vec<_>>(),
            [&row(71), invalid, &row(72)],
            "{}",
            server.name
        );
        assert_eq!(status, "processed_with_errors", "{}", server.name);
        let first = &got[0];
        assert_eq!((first.method.as_str(), first.target.as_str()), ("POST", "/cb"));
        for (name, value) in [
            ("Host", receiver.url.trim_start_matches("http://")),
            ("User-Agent", "python-requests/2.28.1"),
            ("Accept-Encoding", "gzip, deflate"),
            ("Accept", "*/*"),
            ("Connection", "keep-alive"),
            ("Content-Length", &row(71).len().to_string()),
            ("Content-Type", "application/json"),
        ] {
            assert_eq!(first.header(name), Some(value), "{}: {name}", server.name);
        }
        assert_eq!(first.headers.len(), 7, "{}: {:?}", server.name, first.headers);
        let connections: Vec<usize> = got.iter().map(|r| r.connection).collect();
        assert!(connections[0] < connections[1] && connections[1] < connections[2], "{}: {connections:?}", server.name);
    }
}

#[tokio::test]
async fn in_bulk_there_is_one_array() {
    for server in servers(Release::V1_1).await {
        let receiver = Receiver::new().await;
        let (got, _) =
            called(&server, &receiver, json!([record(71), record(72)]), json!({"callInBulk": true}), 1).await;
        assert_eq!(got[0].body, format!("[{}, {}]", row(71), row(72)), "{}", server.name);
        let (got, _) = called(&server, &receiver, json!([record(73)]), json!({"callInBulk": "yes"}), 2).await;
        assert_eq!(got[1].body, format!("[{}]", row(73)), "{}", server.name);
        let (got, status) = called(&server, &receiver, json!([{"vid": "2"}, {}]), json!({"callInBulk": 1}), 3).await;
        assert_eq!(
            (got[2].json().as_array().unwrap().len(), status.as_str()),
            (2, "processed_with_errors"),
            "{}",
            server.name
        );
    }
}

#[tokio::test]
async fn a_result_of_nothing_has_no_body() {
    for server in servers(Release::V1_1).await {
        for (format, alone, bulk) in [
            (".input.vid.a.b", "", "[null]"),
            ("empty", "", "[null]"),
            ("null", "", "[null]"),
            ("false", "false", "[false]"),
            ("0", "0", "[0]"),
            ("\"\"", "\"\"", "[\"\"]"),
            ("{}", "{}", "[{}]"),
        ] {
            let receiver = Receiver::new().await;
            for in_bulk in [false, true] {
                let mut body = callback(json!([record(74)]), json!({"url": receiver.url, "callInBulk": in_bulk}));
                body["request"]["outputFormat"] = json!(format);
                server.post(&body).await.identifier();
                let got = receiver.got(1 + usize::from(in_bulk)).await.pop().unwrap();
                assert_eq!(got.body, if in_bulk { bulk } else { alone }, "{}: {format}", server.name);
                let empty = got.body.is_empty();
                assert_eq!(got.header("content-type").is_none(), empty, "{}: {format}", server.name);
                assert_eq!(
                    got.header("content-length"),
                    Some(got.body.len().to_string().as_str()),
                    "{}: {format}",
                    server.name
                );
            }
        }
    }
}

#[tokio::test]
async fn any_usual_method_carries_the_body() {
    for server in servers(Release::V1_1).await {
        let receiver = Receiver::new().await;
        let methods = ["get", "POST", "Put", "PATCH", "DELETE", "HEAD", "options"];
        for (i, method) in methods.into_iter().enumerate() {
            let (got, _) = called(&server, &receiver, json!([record(75)]), json!({"httpMethod": method}), i + 1).await;
            assert_eq!((&got[i].method, &got[i].body), (&method.to_uppercase(), &row(75)), "{}", server.name);
        }
        for method in ["BREW", "", "request", "session"] {
            let body = callback(json!([record(75)]), json!({"url": receiver.url, "httpMethod": method}));
            let id = server.post(&body).await.identifier();
            let status = server.status_until(&id, |s| s.starts_with("error")).await;
            assert_eq!(
                (receiver.all().len(), status.as_str()),
                (methods.len(), "error_making_callback_request"),
                "{}: {method}",
                server.name
            );
        }
    }
}

#[tokio::test]
async fn extra_headers_win() {
    for server in servers(Release::V1_1).await {
        let receiver = Receiver::new().await;
        let more = json!({"authType": "staticBearer", "authStaticBearer": {"token": "tok-123"}});
        let (got, _) = called(&server, &receiver, json!([record(76)]), more.clone(), 1).await;
        assert_eq!(got[0].header("authorization"), Some("Bearer tok-123"), "{}", server.name);

        let mut more = more;
        more["extraHeaders"] = json!({"X-Run": "run-7", "user-agent": "mine/1", "Content-Type": "application/x-thing",
            "authorization": "Basic zzz", "Cookie": "c=1", "Accept": null});
        let (got, _) = called(&server, &receiver, json!([record(76)]), more, 2).await;
        for (name, value) in [
            ("X-Run", "run-7"),
            ("User-Agent", "mine/1"),
            ("Content-Type", "application/x-thing"),
            ("Authorization", "Basic zzz"),
            ("Cookie", "c=1"),
        ] {
            let all: Vec<&str> =
                got[1].headers.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str()).collect();
            assert_eq!(all, [value], "{}: {name}", server.name);
        }
        let (got, _) =
            called(&server, &receiver, json!([record(76)]), json!({"extraHeaders": {"User-Agent": null}}), 3).await;
        assert!(got[2].header("user-agent").unwrap().starts_with("python-urllib3/"), "{}", server.name);
        let unused = json!({"authStaticBearer": {"token": "tok-123"}});
        let (got, _) = called(&server, &receiver, json!([record(76)]), unused, 4).await;
        assert_eq!(got[3].header("authorization"), None, "{}: authType is none", server.name);
    }
}

#[tokio::test]
async fn urls_keep_query_and_login() {
    for server in servers(Release::V1_1).await {
        let receiver = Receiver::new().await;
        let url = format!("{}/cb?a=1&b=%20x#fragment", receiver.url.replace("http://", "http://user:pw@"));
        server
            .post(&callback(json!([record(77)]), json!({"url": url, "unknown": 1, "timeoutSeconds": 2.7})))
            .await
            .identifier();
        let got = receiver.got(1).await;
        assert_eq!(got[0].target, "/cb?a=1&b=%20x", "{}", server.name);
        assert_eq!(got[0].header("authorization"), Some("Basic dXNlcjpwdw=="), "{}", server.name);
    }
}

#[tokio::test]
async fn csv_is_a_form_of_one_part() {
    for server in servers(Release::V1_1).await {
        let receiver = Receiver::new().await;
        let mut body = callback(
            json!([record(78), {"vid": "2"}]),
            json!({"url": receiver.url, "callInBulk": true, "requestFileName": "tokens"}),
        );
        body["request"]["output"] = json!("csv");
        server.post(&body).await.identifier();
        let got = receiver.got(1).await.remove(0);
        let boundary =
            got.header("content-type").unwrap().strip_prefix("multipart/form-data; boundary=").unwrap().to_owned();
        let expected = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"tokens\"; filename=\"tokens\"\r\n\r\n\
             vid,status,token,errorCode,errorMessage\n7000000000000078,processed,{},,\n\
             2,invalid,,ATS-REQ-010,name or its mapping not present\n\r\n--{boundary}--\r\n",
            token("7000000000000078")
        );
        assert_eq!(got.body, expected, "{}", server.name);

        body["request"]["outputFormat"] = json!("[.output.vid, 1]");
        server.post(&body).await.identifier();
        let got = receiver.got(2).await.remove(1);
        assert!(
            got.body.contains("\r\n\r\n7000000000000078,1\n2,1\n\r\n--"),
            "{}: no header: {}",
            server.name,
            got.body
        );

        body["request"]["outputFormat"] = json!("null");
        let id = server.post(&body).await.identifier();
        let failed = server.status_until(&id, |s| s.starts_with("error")).await;
        assert_eq!((failed.as_str(), receiver.all().len()), ("error_making_callback_request", 2), "{}", server.name);
    }
}

#[tokio::test]
async fn callbacks_outlive_a_client_that_goes_away() {
    for server in servers(Release::V1_1).await {
        let receiver = Receiver::new().await;
        let records: Vec<Value> = (0..30).map(|_| record(84)).collect();
        let body = callback(json!(records), json!({"url": receiver.url})).to_string();
        let gone = server.request("POST", "/authtoken/json").header("Content-Type", "application/json").body(body);
        // Whether the answer came in that time or not, the request was taken.
        _ = server.try_answer(gone.timeout(Duration::from_millis(200))).await;
        receiver.got(30).await;
    }
}
