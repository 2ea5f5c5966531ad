//! Protection of forms against cross-site request forgery.
//!
//! Each form contains a token that is bound to the session of its page. Each time the form is shown, the token is another
//! one, so that the length of a compressed page does not reveal it (BREACH).

use data_encoding::BASE64URL_NOPAD;
use poem::Request;
use poem::http::header;

const NONCE_BYTES: usize = 16;
const MAC_BYTES: usize = 16;

/// Creates and verifies form tokens.
#[derive(Clone)]
pub struct Csrf {
    key: [u8; 32],
}

impl std::fmt::Debug for Csrf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Csrf")
    }
}

impl Csrf {
    /// Uses a secret that all edges of the cluster share.
    pub fn new(secret: &[u8]) -> Self {
        Self { key: blake3::derive_key("auberge edge csrf v1", secret) }
    }

    /// A token for a form on a page of `session`, the value of the session's cookie.
    pub fn token(&self, session: &str) -> String {
        let nonce: [u8; NONCE_BYTES] = rand::random();
        let mut bytes = nonce.to_vec();
        bytes.extend(self.mac(&nonce, session));
        BASE64URL_NOPAD.encode(&bytes)
    }

    /// Whether a form's token was created for `session`.
    pub fn verify(&self, session: &str, token: &str) -> bool {
        let Ok(bytes) = BASE64URL_NOPAD.decode(token.as_bytes()) else { return false };
        let Some((nonce, mac)) = bytes.split_at_checked(NONCE_BYTES) else { return false };
        // Hashes are compared, so that the duration of the comparison reveals nothing about the MAC.
        blake3::hash(mac) == blake3::hash(&self.mac(nonce, session))
    }

    fn mac(&self, nonce: &[u8], session: &str) -> [u8; MAC_BYTES] {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        hasher.update(nonce).update(session.as_bytes());
        let mut mac = [0; MAC_BYTES];
        mac.copy_from_slice(&hasher.finalize().as_bytes()[..MAC_BYTES]);
        mac
    }
}

/// Whether another site sent the request, by the headers `Sec-Fetch-Site` and `Origin`. Form tokens are the first
/// protection, so requests without these headers are accepted. The own origin is that of `public_url`, or the address in
/// `Host`, which another site cannot choose.
pub fn is_cross_site(request: &Request, public_url: &str) -> bool {
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    match (header("sec-fetch-site"), header(header::ORIGIN.as_str())) {
        (Some(site), _) => !matches!(site, "same-origin" | "none"),
        (None, Some(origin)) => {
            let host = origin.split_once("://").map(|(_, host)| host);
            origin != origin_of(public_url) && (host.is_none() || host != header(header::HOST.as_str()))
        }
        (None, None) => false,
    }
}

/// Scheme, host and port of a URL.
pub(crate) fn origin_of(url: &str) -> &str {
    let host = url.find("://").map_or(0, |at| at + 3);
    url[host..].find('/').map_or(url, |end| &url[..host + end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_valid_for_its_session_only() {
        let csrf = Csrf::new(b"secret");
        let token = csrf.token("session");
        assert!(csrf.verify("session", &token));
        assert_ne!(token, csrf.token("session"), "each token is different");
        assert!(!csrf.verify("another", &token));
        assert!(!Csrf::new(b"other").verify("session", &token));
        for forged in ["", "x", &token[1..], &token.replace(|_: char| true, "A")] {
            assert!(!csrf.verify("session", forged), "{forged}");
        }
    }

    #[test]
    fn requests_of_other_sites_are_recognised() {
        let check = |name: &str, value: &str| {
            let request = Request::builder().header("host", "localhost:8080").header(name, value).finish();
            is_cross_site(&request, "https://inn.example/base")
        };
        for (name, value, other) in [
            ("sec-fetch-site", "same-origin", false),
            ("sec-fetch-site", "none", false),
            ("sec-fetch-site", "cross-site", true),
            ("sec-fetch-site", "same-site", true),
            ("origin", "https://inn.example", false),
            ("origin", "http://localhost:8080", false),
            ("origin", "http://localhost:9090", true),
            ("origin", "https://evil.example", true),
            ("origin", "null", true),
            ("accept", "*/*", false),
        ] {
            assert_eq!(check(name, value), other, "{name}: {value}");
        }
    }
}
