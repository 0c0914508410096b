//! The parts of a `multipart/form-data` body.

/// One part: the name of its field, its file name, its content.
#[derive(Debug, PartialEq, Eq)]
pub struct Part<'b> {
    pub name: String,
    pub file_name: Option<String>,
    pub content: &'b [u8],
}

/// Takes a body apart; nothing where the content type names no boundary.
pub fn parts<'b>(content_type: &str, body: &'b [u8]) -> Vec<Part<'b>> {
    let Some(boundary) = parameter(content_type, "boundary") else {
        return Vec::new();
    };
    let mark = format!("--{boundary}").into_bytes();
    let mut parts = Vec::new();
    let mut rest = find(body, &mark).map_or(&body[body.len()..], |at| &body[at + mark.len()..]);
    let mut between = b"\r\n".to_vec();
    between.extend_from_slice(&mark);
    while let Some(part) = rest.strip_prefix(b"\r\n") {
        let Some(end) = find(part, &between) else { break };
        parts.extend(one(&part[..end]));
        rest = &part[end + between.len()..];
    }
    parts
}

fn one(part: &[u8]) -> Option<Part<'_>> {
    let end = find(part, b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&part[..end]).into_owned();
    let disposition = head.lines().find(|line| line.to_ascii_lowercase().starts_with("content-disposition:"))?;
    let name = parameter(disposition, "name")?;
    let file_name = parameter(disposition, "filename");
    Some(Part { name, file_name, content: &part[end + 4..] })
}

fn parameter(header: &str, name: &str) -> Option<String> {
    header.split(';').skip(1).find_map(|pair| {
        let (key, value) = pair.trim().split_once('=')?;
        key.eq_ignore_ascii_case(name).then(|| value.trim_matches('"').to_owned())
    })
}

fn find(within: &[u8], what: &[u8]) -> Option<usize> {
    within.windows(what.len()).position(|window| window == what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_a_body_apart() {
        let body = b"--B\r\nContent-Disposition: form-data; name=\"request\"\r\n\r\n{}\r\n--B\r\n\
            Content-Disposition: form-data; name=\"csv_file\"; filename=\"a.csv\"\r\nContent-Type: text/csv\r\n\r\nvid\r\n1\r\n--B--\r\n";
        let parts = parts("multipart/form-data; boundary=B", body);
        assert_eq!(parts[0], Part { name: "request".into(), file_name: None, content: b"{}" });
        assert_eq!(parts[1], Part { name: "csv_file".into(), file_name: Some("a.csv".into()), content: b"vid\r\n1" });
        assert!(super::parts("application/json", body).is_empty());
    }
}
