//! The HTML a client of an RPC server must not take for an answer.

use super::super::rpc::Server;
use super::answer::Answer;

fn page(title: &str, text: &str) -> String {
    format!("<!doctype html>\n<html lang=en>\n<title>{title}</title>\n<h1>{}</h1>\n<p>{text}</p>\n", &title[4..])
}

pub fn bad_request(server: &Server) -> Answer {
    let text = "The browser (or proxy) sent a request that this server could not understand.";
    Answer::html(server, "400 BAD REQUEST", page("400 Bad Request", text)).sniffable()
}

pub fn method_not_allowed(server: &Server) -> Answer {
    let text = "The method is not allowed for the requested URL.";
    Answer::html(server, "405 METHOD NOT ALLOWED", page("405 Method Not Allowed", text))
        .header("Allow: POST, OPTIONS")
        .sniffable()
}

pub fn too_large(server: &Server) -> Answer {
    let text = "The data value transmitted exceeds the capacity limit.";
    Answer::html(server, "413 REQUEST ENTITY TOO LARGE", page("413 Request Entity Too Large", text)).sniffable()
}

pub fn server_error(server: &Server) -> Answer {
    let text = "The server encountered an internal error and was unable to complete your request. Either the server is \
                overloaded or there is an error in the application.";
    Answer::html(server, "500 INTERNAL SERVER ERROR", page("500 Internal Server Error", text)).sniffable()
}

/// The website's own page, with cookies.
pub fn not_found(server: &Server) -> Answer {
    let body = "<!DOCTYPE html>\n<html>\n    <head>\n        <meta charset=\"utf-8\"/>\n        <title>Odoo</title>\n    \
                </head>\n    <body>\n        <div id=\"wrapwrap\">\n            <main>\n                <h1>404: Page not \
                found!</h1>\n            </main>\n        </div>\n    </body>\n</html>\n";
    let session = server.dice().hex40();
    Answer::new(server, "404 NOT FOUND", "text/html;charset=utf-8", body)
        .header("Set-Cookie: frontend_lang=en_US; Path=/")
        .session(&session)
}

/// What a proxy answers while the server behind it is away.
pub fn bad_gateway(server: &Server) -> Answer {
    let body = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad \
                Gateway</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n";
    Answer::new(server, "502 Bad Gateway", "text/html", body).sniffable()
}

/// A portal's page in place of the answer.
pub fn garbage(server: &Server) -> Answer {
    Answer::html(server, "200 OK", "<!DOCTYPE html><html><body><p>Please sign in to the network.</p></body></html>\n")
}
