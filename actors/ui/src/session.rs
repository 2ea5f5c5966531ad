//! The browser session: one sealed cookie, which is set only when it is needed.

use poem::http::HeaderValue;
use protocol::Timestamp;
use serde::{Deserialize, Serialize};
use token::Seal;

/// The cookie's name.
pub(crate) const COOKIE: &str = "auberge";

/// Lifetime of the cookie, in seconds.
const COOKIE_SECS: i64 = 180 * 24 * 3600;

/// A browser's session.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Session {
    /// The owner of bookings without an account: `gst_…`.
    pub guest: String,
    /// The signed-in user.
    pub user: Option<SignedIn>,
    /// A message for the next page.
    pub flash: Option<Flash>,
}

/// A signed-in user.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SignedIn {
    /// `usr_…`.
    pub user: String,
    /// The id of the session in `auth`, `ses_…`.
    pub session: String,
    /// The refresh token.
    pub refresh: String,
    /// When the refresh token was issued.
    pub made: Timestamp,
}

/// A message that is shown once.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Flash {
    /// The CSS class: empty, `heed` or `failed`.
    pub tone: String,
    pub text: String,
}

impl std::fmt::Debug for Session {
    // The session contains a refresh token, which must not be logged.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Session")
    }
}

impl Session {
    /// A session for a new browser.
    pub fn new() -> Self {
        Self { guest: token::random_secret("gst_"), user: None, flash: None }
    }

    /// Opens the session in a `Cookie` header, if its seal is valid and has not expired.
    pub fn of_header(seal: &Seal, header: &str, now: Timestamp) -> Option<Self> {
        let value = header.split(';').find_map(|pair| {
            let (name, value) = pair.split_once('=')?;
            (name.trim() == COOKIE).then(|| value.trim())
        })?;
        seal.open(value, now).ok()
    }

    /// The value of `Set-Cookie`.
    pub fn to_header(&self, seal: &Seal, now: Timestamp, secure: bool) -> HeaderValue {
        let sealed = seal.seal(self, Some(now.plus_secs(COOKIE_SECS)));
        let secure = if secure { "; Secure" } else { "" };
        let text =
            format!("{COOKIE}={sealed}; Path=/; Max-Age={COOKIE_SECS}; HttpOnly; SameSite=Lax{secure}");
        HeaderValue::from_str(&text).expect("a sealed value is base64url")
    }

    /// What form tokens are bound to. It changes with each sign-in and sign-out.
    pub fn form_subject(&self) -> String {
        format!("{}/{}", self.guest, self.user.as_ref().map_or("", |user| &user.session))
    }
}

#[cfg(test)]
mod tests {
    use token::ClusterKey;

    use super::*;

    #[test]
    fn only_cookies_with_a_valid_seal_are_accepted() {
        let (seal, now) = (ClusterKey::random().seal("ui-session"), Timestamp(1_000));
        let session = Session::new();
        let header = session.to_header(&seal, now, true);
        let header = header.to_str().unwrap();
        for part in ["HttpOnly", "SameSite=Lax", "Secure", "Path=/"] {
            assert!(header.contains(part), "{part}");
        }
        assert!(!session.to_header(&seal, now, false).to_str().unwrap().contains("Secure"));
        let value = header.split(';').next().unwrap();
        assert_eq!(Session::of_header(&seal, &format!("a=b; {value}; c=d"), now), Some(session));
        assert_eq!(Session::of_header(&seal, value, now.plus_secs(COOKIE_SECS)), None);
        for forged in ["", "auberge=", "auberge=x", "auberge=v4.local.AAAA", "other=1"] {
            assert_eq!(Session::of_header(&seal, forged, now), None, "{forged}");
        }
        let other = ClusterKey::random().seal("ui-session");
        assert_eq!(Session::of_header(&other, value, now), None);
    }
}
