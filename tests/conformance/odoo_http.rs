//! HTTP around the calls.

use serde_json::json;

use super::{fact, xml};

fn version() -> String {
    xml::call("version", &[])
}

fact!(one_request_a_connection, odoo, {
    let body = version();
    let request = format!(
        "POST /xmlrpc/2/common HTTP/1.1\r\nHost: x\r\nContent-Type: text/xml\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    // The second of two pipelined requests is dropped.
    let answer = odoo.raw(request.repeat(2).as_bytes()).await;
    let text = String::from_utf8(answer).unwrap();
    assert_eq!(text.matches("<methodResponse>").count(), 1);
});

fact!(headers_of_a_good_answer, odoo, {
    let answer = odoo.post("common", version().as_bytes()).await;
    assert_eq!(answer.status, "HTTP/1.0 200 OK");
    assert_eq!(answer.header("Content-Type"), Some("text/xml; charset=utf-8"));
    assert_eq!(answer.header("Connection"), Some("close"));
    assert_eq!(answer.header("Content-Length"), Some(answer.body.len().to_string().as_str()));
    assert!(answer.header("Server").unwrap().starts_with("Werkzeug/"));
    assert!(answer.header("Date").unwrap().ends_with(" GMT"));
    assert_eq!(answer.header("X-Content-Type-Options"), Some("nosniff"));
    assert_eq!(answer.header("Content-Encoding"), None);
});

fact!(nothing_is_compressed, odoo, {
    let headers = "Content-Type: text/xml\r\nAccept-Encoding: gzip\r\n";
    let answer = odoo.http("POST", "/xmlrpc/2/common", headers, version().as_bytes()).await;
    assert_eq!(answer.header("Content-Encoding"), None);
    assert!(answer.body.contains("server_version"));
    let headers = "Content-Type: text/xml\r\nContent-Encoding: gzip\r\n";
    let answer = odoo.http("POST", "/xmlrpc/2/common", headers, b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03").await;
    let fault = xml::decode(&answer.body).unwrap_err();
    assert_eq!(fault.last_line(), "xml.parsers.expat.ExpatError: not well-formed (invalid token): line 1, column 0");
});

fact!(a_fault_is_http_200_too, odoo, {
    let answer = odoo.post("object", xml::call("nosuch", &[]).as_bytes()).await;
    assert_eq!(answer.code(), 200);
    assert_eq!(xml::decode(&answer.body).unwrap_err().code, 1);
});

fact!(get_is_not_allowed, odoo, {
    let answer = odoo.http("GET", "/xmlrpc/2/common", "", b"").await;
    assert_eq!(answer.status, "HTTP/1.0 405 METHOD NOT ALLOWED");
    assert!(answer.header("Allow").unwrap().contains("POST"));
    assert!(answer.header("Content-Type").unwrap().starts_with("text/html"));
});

fact!(a_wrong_path_is_a_page_with_cookies, odoo, {
    for path in ["/xmlrpc/3/common", "/RPC2"] {
        let answer = odoo.http("POST", path, "Content-Type: text/xml\r\n", version().as_bytes()).await;
        assert_eq!(answer.code(), 404, "{path}");
        assert!(answer.header("Content-Type").unwrap().starts_with("text/html"), "{path}");
        assert!(
            answer.headers.iter().any(|(name, value)| name == "Set-Cookie" && value.starts_with("session_id=")),
            "{path}"
        );
        assert!(answer.body.to_ascii_lowercase().starts_with("<!doctype html>"), "{path}");
    }
});

fact!(a_trailing_slash_is_fine, odoo, {
    let answer = odoo.http("POST", "/xmlrpc/2/common/", "Content-Type: text/xml\r\n", version().as_bytes()).await;
    assert!(xml::decode(&answer.body).is_ok());
});

fact!(without_a_host_it_is_500, odoo, {
    let body = version();
    let request = format!("POST /xmlrpc/2/common HTTP/1.1\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let answer = super::client::split(&odoo.raw(request.as_bytes()).await);
    assert_eq!(answer.code(), 500);
});

fact!(the_content_type_matters_only_where_it_is_a_forms, odoo, {
    for kind in ["text/plain", "application/octet-stream"] {
        let answer =
            odoo.http("POST", "/xmlrpc/2/common", &format!("Content-Type: {kind}\r\n"), version().as_bytes()).await;
        assert!(xml::decode(&answer.body).is_ok(), "{kind}");
    }
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    let answer = odoo.http("POST", "/xmlrpc/2/common", form, version().as_bytes()).await;
    let fault = xml::decode(&answer.body).unwrap_err();
    assert_eq!(
        (fault.code, fault.last_line()),
        (1, "xml.parsers.expat.ExpatError: no element found: line 1, column 0")
    );
});

fact!(what_is_no_call_is_told_by_the_parser, odoo, {
    let control = xml::call("version", &["<value>a&#1;b</value>".to_owned()]);
    for (body, line) in [
        ("", "xml.parsers.expat.ExpatError: no element found: line 1, column 0"),
        ("hello", "xml.parsers.expat.ExpatError: syntax error: line 1, column 0"),
        ("<a/>", "xmlrpc.client.ResponseError: ResponseError()"),
        (
            "\n<?xml version='1.0'?><methodCall/>",
            "xml.parsers.expat.ExpatError: XML or text declaration not at start of entity: line 2, column 0",
        ),
        (control.as_str(), "xml.parsers.expat.ExpatError: reference to invalid character number: line 6, column 8"),
    ] {
        let answer = odoo.post("common", body.as_bytes()).await;
        assert_eq!(answer.code(), 200);
        let fault = xml::decode(&answer.body).unwrap_err();
        assert_eq!((fault.code, fault.last_line()), (1, line), "{body}");
    }
});

fact!(utf_16_is_xml_too, odoo, {
    let body = version().replace("<?xml version='1.0'?>", "<?xml version='1.0' encoding='UTF-16'?>");
    let bytes: Vec<u8> = std::iter::once(0xFEFF).chain(body.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    assert!(xml::decode(&odoo.post("common", &bytes).await.body).is_ok());
});

fact!(a_body_may_come_in_chunks_and_after_a_100, odoo, {
    let body = version();
    let (first, second) = body.split_at(30);
    let chunks = format!("{:x}\r\n{first}\r\n{:x}\r\n{second}\r\n0\r\n\r\n", first.len(), second.len());
    let head =
        "POST /xmlrpc/2/common HTTP/1.1\r\nHost: x\r\nContent-Type: text/xml\r\nTransfer-Encoding: chunked\r\n\r\n";
    let answer = super::client::split(&odoo.raw(format!("{head}{chunks}").as_bytes()).await);
    assert_eq!(xml::decode(&answer.body).unwrap()["server_version"], json!("17.0"));
    let answer = odoo.http("POST", "/xmlrpc/2/common", "Expect: 100-continue\r\n", body.as_bytes()).await;
    assert!(answer.code() == 200 || answer.code() == 100, "{}", answer.status);
});

fact!(a_body_beyond_128_mib_is_413, odoo, {
    let answer =
        odoo.http("POST", "/xmlrpc/2/common", "Content-Type: text/xml\r\n", &vec![b'x'; 129 * 1024 * 1024]).await;
    assert_eq!(answer.code(), 413);
    assert!(answer.header("Content-Type").unwrap().starts_with("text/html"));
});

fact!(a_body_that_stops_coming_is_a_fault_after_two_seconds, odoo, {
    let head = "POST /xmlrpc/2/common HTTP/1.1\r\nHost: x\r\nContent-Type: text/xml\r\nContent-Length: 100\r\n\r\n<methodCall>";
    let answer = super::client::split(&odoo.raw(head.as_bytes()).await);
    assert_eq!(answer.code(), 200);
    let fault = xml::decode(&answer.body).unwrap_err();
    assert_eq!(
        (fault.code, fault.last_line()),
        (
            1,
            "werkzeug.exceptions.ClientDisconnected: 400 Bad Request: The browser (or proxy) sent a request that this \
             server could not understand."
        )
    );
});
