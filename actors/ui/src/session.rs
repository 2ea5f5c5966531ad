//! What a browser keeps for us: one sealed cookie, made only when there is something to keep.

use poem::http::HeaderValue;
use protocol::Timestamp;
use serde::{Deserialize, Serialize};
use token::Seal;

/// The cookie's name.
pub(crate) const COOKIE: &str = "auberge";

/// How long a browser keeps its session, in seconds.
const KEPT_SECS: i64 = 180 * 24 * 3600;

/// A browser's session.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Session {
    /// In whose name a guest without an account books: `gst_…`.
    pub guest: String,
    /// Somebody with an account.
    pub user: Option<SignedIn>,
    /// Said once, on the next page.
    pub flash: Option<Flash>,
}

/// Who is signed in.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SignedIn {
    /// `usr_…`.
    pub user: String,
    /// The session at `auth`.
    pub session: String,
    /// Its refresh token.
    pub refresh: String,
    /// When the refresh token was made.
    pub made: Timestamp,
}

/// One line for the next page.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Flash {
    /// A class of notices: empty, `heed` or `failed`.
    pub tone: String,
    pub text: String,
}

impl std::fmt::Debug for Session {
    // A refresh token is in it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Session")
    }
}

impl Session {
    /// A browser that is here for the first time.
    pub fn fresh() -> Self {
        Self { guest: token::random_secret("gst_"), user: None, flash: None }
    }

    /// What a `Cookie` header brings back, if we made it and it has not expired.
    pub fn of_header(seal: &Seal, header: &str, now: Timestamp) -> Option<Self> {
        let value = header.split(';').find_map(|pair| {
            let (name, value) = pair.split_once('=')?;
            (name.trim() == COOKIE).then(|| value.trim())
        })?;
        seal.open(value, now).ok()
    }

    /// The `Set-Cookie` header that keeps it.
    pub fn to_header(&self, seal: &Seal, now: Timestamp, secure: bool) -> HeaderValue {
        let sealed = seal.seal(self, Some(now.plus_secs(KEPT_SECS)));
        let secure = if secure { "; Secure" } else { "" };
        let text = format!("{COOKIE}={sealed}; Path=/; Max-Age={KEPT_SECS}; HttpOnly; SameSite=Lax{secure}");
        HeaderValue::from_str(&text).expect("a sealed value is base64url")
    }

    /// What form tokens are bound to: they change when somebody signs in or out.
    pub fn form_subject(&self) -> String {
        format!("{}/{}", self.guest, self.user.as_ref().map_or("", |user| &user.session))
    }
}

#[cfg(test)]
mod tests {
    use token::ClusterKey;

    use super::*;

    #[test]
    fn only_our_own_cookies_open() {
        let (seal, now) = (ClusterKey::random().seal("ui-session"), Timestamp(1_000));
        let session = Session::fresh();
        let header = session.to_header(&seal, now, true);
        let header = header.to_str().unwrap();
        for part in ["HttpOnly", "SameSite=Lax", "Secure", "Path=/"] {
            assert!(header.contains(part), "{part}");
        }
        assert!(!session.to_header(&seal, now, false).to_str().unwrap().contains("Secure"));
        let value = header.split(';').next().unwrap();
        assert_eq!(Session::of_header(&seal, &format!("a=b; {value}; c=d"), now), Some(session));
        assert_eq!(Session::of_header(&seal, value, now.plus_secs(KEPT_SECS)), None);
        for forged in ["", "auberge=", "auberge=x", "auberge=v4.local.AAAA", "other=1"] {
            assert_eq!(Session::of_header(&seal, forged, now), None, "{forged}");
        }
        let other = ClusterKey::random().seal("ui-session");
        assert_eq!(Session::of_header(&other, value, now), None);
    }
}
