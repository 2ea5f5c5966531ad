//! The device grant's two requests: for codes, and, again and again, for a token.

use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail};
use reqwest::StatusCode;
use serde::Deserialize;
use serde_json::Value;

use super::CLIENT;
use super::tokens::Granted;

/// RFC 8628 §3.4.
const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
/// How long to wait between two polls where the server does not say (RFC 8628 §3.2).
const INTERVAL: Duration = Duration::from_secs(5);
/// What `slow_down` adds to that, for good (RFC 8628 §3.5).
const SLOWER: Duration = Duration::from_secs(5);
/// After polls without an answer the pause is doubled, up to this.
const PAUSE_MAX: Duration = Duration::from_secs(60);
/// The longest that a code is waited for, whatever the server says: an hour.
const EXPIRES_SECS_MAX: u64 = 3600;

/// What the server answers a device that wants to sign in.
#[derive(Debug, Clone, Deserialize)]
pub struct DeviceAuthorization {
    device_code: String,
    pub user_code: String,
    pub verification_uri: String,
    pub verification_uri_complete: Option<String>,
    /// In seconds.
    pub expires_in: u64,
    /// In seconds.
    interval: Option<u64>,
}

/// Asks for codes.
///
/// # Errors
/// When there is no server, or it has no such client.
pub async fn begin(http: &reqwest::Client, url: &str, scope: &str) -> anyhow::Result<DeviceAuthorization> {
    let mut form = vec![("client_id", CLIENT)];
    if !scope.trim().is_empty() {
        form.push(("scope", scope));
    }
    let answer = http.post(format!("{url}/oauth/device_authorization")).form(&form).send().await;
    let answer = answer.with_context(|| format!("no answer from {url}: is the server running?"))?;
    let status = answer.status();
    let bytes = answer.bytes().await.context("the answer broke off")?;
    if !status.is_success() {
        return Err(match word(&bytes).as_str() {
            "invalid_client" => {
                anyhow!("{url} does not know this program: is it an Auberge, and its cluster made?")
            }
            "invalid_scope" => {
                anyhow!("{url} knows none of the scopes `{scope}`; without --scope all are asked for")
            }
            _ => refusal(url, status, &bytes),
        });
    }
    let mut codes: DeviceAuthorization =
        serde_json::from_slice(&bytes).with_context(|| format!("{url} does not answer as an Auberge"))?;
    codes.expires_in = codes.expires_in.min(EXPIRES_SECS_MAX);
    // They go to a terminal, which must not be told anything else by them.
    let shown =
        [Some(&codes.user_code), Some(&codes.verification_uri), codes.verification_uri_complete.as_ref()];
    if shown.into_iter().flatten().any(|text| text.chars().any(char::is_control)) {
        bail!("{url} does not answer as an Auberge");
    }
    Ok(codes)
}

/// What came of a poll.
#[derive(Debug, PartialEq, Eq)]
enum Polled {
    Granted(Box<Granted>),
    /// Nobody has decided yet.
    Pending,
    /// The same, and too soon; for how long not to come again, where the server says so.
    SlowDown(Option<Duration>),
    /// The server could not answer just now.
    Unavailable,
}

/// Polls until somebody has decided.
///
/// # Errors
/// When they refuse, nobody decides in time, or the server does not take the code any more.
pub async fn wait(http: &reqwest::Client, url: &str, codes: &DeviceAuthorization) -> anyhow::Result<Granted> {
    let until = Instant::now() + Duration::from_secs(codes.expires_in);
    let mut pause = Pause::new(codes.interval.map_or(INTERVAL, Duration::from_secs));
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            bail!("nobody agreed in time: `auberge login` gives you another code");
        }
        tokio::time::sleep(pause.next().min(left)).await;
        let polled = poll(http, url, &codes.device_code).await?;
        if let Polled::Granted(granted) = polled {
            return Ok(*granted);
        }
        pause.after(&polled);
    }
}

async fn poll(http: &reqwest::Client, url: &str, device_code: &str) -> anyhow::Result<Polled> {
    let form = [("grant_type", GRANT), ("client_id", CLIENT), ("device_code", device_code)];
    // No answer is no reason to give up: the code is good for as long as was said.
    let Ok(answer) = http.post(format!("{url}/oauth/token")).form(&form).send().await else {
        return Ok(Polled::Unavailable);
    };
    let status = answer.status();
    let wait = answer.headers().get(reqwest::header::RETRY_AFTER);
    let wait = wait.and_then(|secs| secs.to_str().ok()?.parse().ok()).map(Duration::from_secs);
    let Ok(bytes) = answer.bytes().await else { return Ok(Polled::Unavailable) };
    told(url, status, wait, &bytes)
}

/// What an answer to a poll means.
fn told(url: &str, status: StatusCode, wait: Option<Duration>, bytes: &[u8]) -> anyhow::Result<Polled> {
    if status.is_success() {
        let granted = serde_json::from_slice(bytes).context("the answer is no token")?;
        return Ok(Polled::Granted(Box::new(granted)));
    }
    match word(bytes).as_str() {
        "authorization_pending" => Ok(Polled::Pending),
        "slow_down" => Ok(Polled::SlowDown(wait)),
        "access_denied" => bail!("the sign-in was refused in the browser: nobody is signed in"),
        "expired_token" => bail!("nobody agreed in time: `auberge login` gives you another code"),
        "invalid_grant" => {
            bail!("{url} does not know the code any more: `auberge login` gives you another one")
        }
        _ if status.is_server_error() => Ok(Polled::Unavailable),
        _ if status == StatusCode::TOO_MANY_REQUESTS => Ok(Polled::SlowDown(wait)),
        _ => Err(refusal(url, status, bytes)),
    }
}

/// How long to wait before the next poll.
#[derive(Debug)]
struct Pause {
    interval: Duration,
    /// Longer, once: after polls without an answer, and where the server asks for it.
    next: Option<Duration>,
}

impl Pause {
    fn new(interval: Duration) -> Self {
        Self { interval: interval.clamp(Duration::from_secs(1), PAUSE_MAX), next: None }
    }

    fn next(&self) -> Duration {
        self.next.unwrap_or_default().max(self.interval)
    }

    fn after(&mut self, polled: &Polled) {
        match polled {
            Polled::Granted(_) | Polled::Pending => self.next = None,
            Polled::SlowDown(wait) => {
                self.interval += SLOWER;
                self.next = *wait;
            }
            Polled::Unavailable => self.next = Some((self.next() * 2).min(PAUSE_MAX)),
        }
    }
}

/// OAuth's word for what went wrong.
pub(super) fn word(bytes: &[u8]) -> String {
    let problem = serde_json::from_slice::<Value>(bytes).unwrap_or_default();
    problem["error"].as_str().unwrap_or_default().to_owned()
}

/// What the server says, in a line.
pub(super) fn refusal(url: &str, status: StatusCode, bytes: &[u8]) -> anyhow::Error {
    let problem = serde_json::from_slice::<Value>(bytes).unwrap_or_default();
    let said = problem["error_description"].as_str().or_else(|| problem["detail"].as_str());
    let said = said.map(|said| said.chars().filter(|c| !c.is_control()).take(300).collect::<String>());
    anyhow!("{url} answered {}: {}", status.as_u16(), said.unwrap_or_else(|| "no more was said".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_answer_means_what_the_rfc_says() {
        let at = |status: u16, body: &str| {
            told("http://inn", StatusCode::from_u16(status).unwrap(), None, body.as_bytes())
        };
        assert_eq!(at(400, r#"{"error":"authorization_pending"}"#).unwrap(), Polled::Pending);
        assert_eq!(at(400, r#"{"error":"slow_down"}"#).unwrap(), Polled::SlowDown(None));
        assert_eq!(at(503, r#"{"error":"temporarily_unavailable"}"#).unwrap(), Polled::Unavailable);
        assert_eq!(at(502, "<html>").unwrap(), Polled::Unavailable);
        for (error, words) in [
            ("access_denied", "refused in the browser"),
            ("expired_token", "another code"),
            ("invalid_grant", "another one"),
            ("invalid_client", "answered 400"),
        ] {
            let refused = at(400, &format!(r#"{{"error":"{error}"}}"#)).unwrap_err().to_string();
            assert!(refused.contains(words), "{error}: {refused}");
        }
        let granted =
            at(200, r#"{"access_token":"v4","token_type":"Bearer","expires_in":600,"refresh_token":"r"}"#);
        assert!(matches!(granted.unwrap(), Polled::Granted(granted) if granted.access_token == "v4"));
        assert!(at(200, "{}").is_err());
    }

    #[test]
    fn polls_become_slower_when_told_to_and_when_nobody_answers() {
        let secs = |pause: &Pause| pause.next().as_secs();
        let mut pause = Pause::new(Duration::from_secs(5));
        pause.after(&Polled::Pending);
        assert_eq!(secs(&pause), 5);
        pause.after(&Polled::SlowDown(None));
        assert_eq!(secs(&pause), 10);
        pause.after(&Polled::SlowDown(Some(Duration::from_secs(40))));
        assert_eq!(secs(&pause), 40, "once");
        pause.after(&Polled::Pending);
        assert_eq!(secs(&pause), 15, "slower for good");
        for expected in [30, 60, 60] {
            pause.after(&Polled::Unavailable);
            assert_eq!(secs(&pause), expected);
        }
        pause.after(&Polled::Pending);
        assert_eq!(secs(&pause), 15);
        assert_eq!(secs(&Pause::new(Duration::ZERO)), 1, "never at once");
    }
}
