//! Redirect URIs: which can be registered, and how requests are matched against registered URIs.

use crate::limits::REDIRECT_BYTES_MAX;

/// The reason why a redirect URI cannot be registered, or `None` when it can.
///
/// Allowed are `https`, `http` to a loopback address (RFC 8252 §7.3), and private-use schemes that contain a dot (§7.1).
/// Fragments (RFC 6749 §3.1.2), user information and characters that are invalid in a URI are refused.
pub(crate) fn registration_error(uri: &str) -> Option<&'static str> {
    if uri.is_empty() || uri.len() > REDIRECT_BYTES_MAX {
        return Some("must have 1 to 500 characters");
    }
    if !uri.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"<>\\^`{|}#".contains(&byte)) {
        return Some("must be a URI without a fragment");
    }
    let Some((scheme, rest)) = uri.split_once(':') else { return Some("must be absolute") };
    match scheme {
        "https" | "http" => {
            let Some(rest) = rest.strip_prefix("//") else { return Some("must be absolute") };
            let authority = rest.split(['/', '?']).next().unwrap_or_default();
            if authority.is_empty() || authority.contains('@') {
                return Some("must contain a host and no user information");
            }
            (scheme == "http" && loopback(authority).is_none())
                .then_some("must use https, unless it is a loopback address")
        }
        app => {
            let well_formed = app.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".+-".contains(&byte));
            let own = well_formed && app.contains('.') && app.as_bytes()[0].is_ascii_alphabetic();
            (!own).then_some("must use https or a private-use scheme such as com.example.app")
        }
    }
}

/// Whether `requested` is one of the registered URIs. The comparison is exact, except that the port of a loopback
/// address can be any: native apps receive it when they start listening (RFC 8252 §7.3).
pub(crate) fn is_registered(requested: &str, registered: &[String]) -> bool {
    registered.iter().any(|known| known == requested || equal_except_port(known, requested))
}

fn equal_except_port(known: &str, requested: &str) -> bool {
    // A URI that cannot be registered matches nothing.
    registration_error(requested).is_none()
        && match (without_port(known), without_port(requested)) {
            (Some(known), Some(requested)) => known == requested,
            (None, _) | (_, None) => false,
        }
}

/// The host and the path of an `http` URI to a loopback address.
fn without_port(uri: &str) -> Option<(&str, &str)> {
    let rest = uri.strip_prefix("http://")?;
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    // `localhost` can resolve to another machine, so only addresses are accepted.
    loopback(authority).filter(|host| *host != "localhost").map(|host| (host, path))
}

/// The host of an authority, when it is a loopback address or `localhost`.
fn loopback(authority: &str) -> Option<&str> {
    let host = match authority.rsplit_once(':') {
        Some((host, port))
            if !port.is_empty() && port.len() <= 5 && port.bytes().all(|byte| byte.is_ascii_digit()) =>
        {
            host
        }
        Some((_, port)) if port.ends_with(']') => authority,
        Some(_) => return None,
        None => authority,
    };
    ["127.0.0.1", "[::1]", "localhost"].into_iter().find(|own| *own == host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_loopback_and_private_use_uris_can_be_registered() {
        let good = [
            "https://app.example/cb",
            "https://app.example/cb?tenant=1",
            "https://app.example:8443/",
            "http://127.0.0.1/cb",
            "http://127.0.0.1:3000/cb",
            "http://[::1]:3000/cb",
            "http://localhost:3000/cb",
            "com.example.app:/cb",
        ];
        for uri in good {
            assert_eq!(registration_error(uri), None, "{uri}");
        }
        let long = format!("https://app.example/{}", "a".repeat(500));
        let bad = [
            "",
            "/cb",
            "app.example/cb",
            "http://app.example/cb",
            "http://127.0.0.1.evil.example/cb",
            "http://localhost.evil.example/cb",
            "http://127.0.0.1@evil.example/cb",
            "http://127.0.0.1:80@evil.example/cb",
            "https://user@app.example/cb",
            "https:///cb",
            "https:app.example",
            "https://app.example/#fragment",
            "https://app.example/a b",
            "https://app.example/\r\nSet-Cookie:a=b",
            "https://app.example/\u{e9}",
            "javascript:alert(1)",
            "data:text/html,hi",
            "myapp://cb",
            ".a:/cb",
            &long,
        ];
        for uri in bad {
            assert!(registration_error(uri).is_some(), "{uri}");
        }
    }

    #[test]
    fn redirect_uris_match_exactly_except_for_loopback_ports() {
        let known = [
            "https://app.example/cb".to_owned(),
            "http://127.0.0.1/cb".to_owned(),
            "http://localhost:1/cb".to_owned(),
        ];
        let table = [
            ("https://app.example/cb", true),
            ("https://app.example/cb/", false),
            ("https://app.example/CB", false),
            ("https://app.example/cb?x=1", false),
            ("https://app.example:443/cb", false),
            ("http://127.0.0.1/cb", true),
            ("http://127.0.0.1:51004/cb", true),
            ("http://127.0.0.1:51004/cb2", false),
            ("http://127.0.0.1:51004/cb#x", false),
            ("http://[::1]:51004/cb", false),
            ("https://127.0.0.1:51004/cb", false),
            ("http://127.0.0.1:80@evil.example/cb", false),
            ("http://localhost:1/cb", true),
            ("http://localhost:2/cb", false),
            ("", false),
        ];
        for (requested, expected) in table {
            assert_eq!(is_registered(requested, &known), expected, "{requested}");
        }
    }
}
