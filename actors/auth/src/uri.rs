//! Redirect URIs: which may be registered, and which request matches which registration.

use crate::limits::REDIRECT_BYTES_MAX;

/// What is wrong with a redirect URI that somebody wants to register; nothing when it may be.
///
/// `https`, `http` to the own machine (RFC 8252 §7.3), or an app's own scheme with a dot in it (§7.1). No fragment
/// (RFC 6749 §3.1.2), no user information, no characters that a URI may not contain.
pub(crate) fn fault(uri: &str) -> Option<&'static str> {
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
                return Some("must name a host, and no user");
            }
            (scheme == "http" && loopback(authority).is_none())
                .then_some("must be https, unless it is this machine's own")
        }
        app => {
            let well_formed = app.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".+-".contains(&byte));
            let own = well_formed && app.contains('.') && app.as_bytes()[0].is_ascii_alphabetic();
            (!own).then_some("must be https, or an app's own scheme such as com.example.app")
        }
    }
}

/// Whether `asked` is one of the registered URIs: character by character, but for the port of a loopback address, which
/// an app learns when it starts listening (RFC 8252 §7.3).
pub(crate) fn registered(asked: &str, registered: &[String]) -> bool {
    registered.iter().any(|known| known == asked || same_but_for_the_port(known, asked))
}

fn same_but_for_the_port(known: &str, asked: &str) -> bool {
    // A URI that could not be registered matches nothing, whatever a parser makes of it.
    fault(asked).is_none()
        && match (without_port(known), without_port(asked)) {
            (Some(known), Some(asked)) => known == asked,
            (None, _) | (_, None) => false,
        }
}

/// The host and whatever follows the port of an `http` URI to a loopback address.
fn without_port(uri: &str) -> Option<(&str, &str)> {
    let rest = uri.strip_prefix("http://")?;
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    // A name could be anybody's: addresses only.
    loopback(authority).filter(|host| *host != "localhost").map(|host| (host, path))
}

/// The host, when it is this machine.
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
    fn what_may_be_registered() {
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
            assert_eq!(fault(uri), None, "{uri}");
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
            assert!(fault(uri).is_some(), "{uri}");
        }
    }

    #[test]
    fn what_matches_what() {
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
        for (asked, expected) in table {
            assert_eq!(registered(asked, &known), expected, "{asked}");
        }
    }
}
