//! What is shown with a call.

use reqwest::RequestBuilder;
use reqwest::header::{AUTHORIZATION, COOKIE, HeaderName, HeaderValue};

use crate::seal::Personal;

/// Longest token or secret that is shown. Servers refuse headers that are longer together.
const LONGEST: usize = 16 << 10;

/// One header, with a secret in it.
#[derive(Debug, Clone)]
pub struct Credential {
    header: HeaderName,
    value: Personal<HeaderValue>,
    /// Which one of its access it is.
    pub(super) number: u64,
}

impl Credential {
    /// `Authorization: Bearer`. `None`: no header can hold it.
    pub(super) fn bearer(token: &Personal<String>) -> Option<Self> {
        is_token(token.expose()).then(|| Self::of(AUTHORIZATION, format!("Bearer {}", token.expose())))?
    }

    /// MOSIP's services look for the token in this cookie.
    pub(super) fn cookie(token: &Personal<String>) -> Option<Self> {
        is_token(token.expose()).then(|| Self::of(COOKIE, format!("Authorization={}", token.expose())))?
    }

    /// `Authorization: Basic`. The user name holds no colon.
    pub(super) fn basic(username: &str, password: &Personal<String>) -> Option<Self> {
        use base64::Engine;
        let pair = format!("{username}:{}", password.expose());
        let encoded = base64::engine::general_purpose::STANDARD.encode(pair);
        (encoded.len() <= LONGEST).then(|| Self::of(AUTHORIZATION, format!("Basic {encoded}")))?
    }

    fn of(header: HeaderName, value: String) -> Option<Self> {
        let mut value = HeaderValue::try_from(value).ok()?;
        value.set_sensitive(true);
        Some(Self { header, value: Personal::new(value), number: 0 })
    }

    /// Puts it into a request.
    pub fn show(&self, request: RequestBuilder) -> RequestBuilder {
        request.header(self.header.clone(), self.value.expose().clone())
    }
}

/// What a cookie and a bearer can hold both (RFC 6265, section 4.1.1).
pub(super) fn is_token(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_graphic() && !b"\",;\\".contains(&byte);
    (1..=LONGEST).contains(&text.len()) && text.bytes().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Personal<String> {
        Personal::new(text.to_owned())
    }

    #[test]
    fn each_kind_has_its_header() {
        let value = |credential: Option<Credential>| credential.unwrap().value.expose().to_str().unwrap().to_owned();
        assert_eq!(value(Credential::bearer(&secret("a.b.c"))), "Bearer a.b.c");
        assert_eq!(value(Credential::cookie(&secret("a.b.c"))), "Authorization=a.b.c");
        // RFC 7617, section 2.
        assert_eq!(value(Credential::basic("Aladdin", &secret("open sesame"))), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    }

    #[test]
    fn nothing_breaks_out_of_a_header_and_nothing_is_printed() {
        for wrong in ["", "a b", "a\r\nX: y", "a;b", "a,b", "\u{e9}"] {
            assert!(Credential::cookie(&secret(wrong)).is_none(), "{wrong}");
            assert!(Credential::bearer(&secret(wrong)).is_none(), "{wrong}");
        }
        assert!(Credential::bearer(&secret(&"x".repeat(LONGEST + 1))).is_none());
        let shown = format!("{:?}", Credential::bearer(&secret("sesame")));
        assert!(!shown.contains("sesame"), "{shown}");
    }
}
