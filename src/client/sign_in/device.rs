//! The device grant (RFC 8628): requests a code for the user, and polls for the token.

use std::time::Duration;

use anyhow::{anyhow, bail};
use oauth2::basic::{BasicErrorResponseType, BasicTokenResponse};
use oauth2::{
    AsyncHttpClient, DeviceCodeErrorResponseType, RequestTokenError, Scope,
    StandardDeviceAuthorizationResponse,
};

use super::oauth::{self, SendError};

/// Maximum interval between two polls while the server is unavailable.
const BACKOFF_MAX: Duration = Duration::from_secs(20);
/// Maximum time to wait for the user's decision, even if the code is valid for longer.
const EXPIRES_IN_MAX: Duration = Duration::from_secs(60 * 60);

/// The codes of a sign-in that awaits the user's decision.
#[derive(Debug, Clone)]
pub struct DeviceAuthorization(StandardDeviceAuthorizationResponse);

impl DeviceAuthorization {
    /// The code that the user types.
    pub fn user_code(&self) -> &str {
        self.0.user_code().secret()
    }

    /// The page where the user types the code.
    pub fn verification_uri(&self) -> &str {
        self.0.verification_uri()
    }

    /// The same page with the code filled in.
    pub fn verification_uri_complete(&self) -> Option<&str> {
        self.0.verification_uri_complete().map(|uri| uri.secret().as_str())
    }

    pub fn expires_in(&self) -> Duration {
        self.0.expires_in().min(EXPIRES_IN_MAX)
    }
}

/// Requests the codes of a new sign-in with these scopes, separated by spaces (all scopes if empty).
///
/// # Errors
/// When the server cannot be reached, or has no client for this program.
pub async fn begin(http: &reqwest::Client, url: &str, scope: &str) -> anyhow::Result<DeviceAuthorization> {
    let client = oauth::client(url)?;
    let scopes = scope.split_whitespace().map(|scope| Scope::new(scope.to_owned()));
    let send = |request| oauth::send(http.clone(), request);
    let response: Result<StandardDeviceAuthorizationResponse, _> =
        client.exchange_device_code().add_scopes(scopes).request_async(&send).await;
    let codes = response.map(DeviceAuthorization).map_err(|error| match &error {
        RequestTokenError::ServerResponse(response) => match response.error() {
            BasicErrorResponseType::InvalidClient => {
                anyhow!("{url} has no client for this program: is it an Auberge server, and its cluster initialised?")
            }
            BasicErrorResponseType::InvalidScope => {
                anyhow!("{url} does not have the scopes `{scope}`; without --scope all scopes are requested")
            }
            _ => oauth::describe(url, error),
        },
        _ => oauth::describe(url, error),
    })?;
    // They are printed to a terminal, which would interpret control characters.
    let printed =
        [Some(codes.user_code()), Some(codes.verification_uri()), codes.verification_uri_complete()];
    if printed.into_iter().flatten().any(|text| text.chars().any(char::is_control)) {
        bail!("the response of {url} is not valid");
    }
    Ok(codes)
}

/// Polls for the token until the user has decided.
///
/// # Errors
/// When the user refuses, the code expires, or the server rejects the code.
pub async fn wait(
    http: &reqwest::Client,
    url: &str,
    codes: &DeviceAuthorization,
) -> anyhow::Result<BasicTokenResponse> {
    let client = oauth::client(url)?;
    let send = |request| oauth::send(http.clone(), request);
    poll(&client, &send, tokio::time::sleep, url, codes).await
}

async fn poll<'a, C, S, F>(
    client: &'a oauth::Client,
    send: &'a C,
    sleep: S,
    url: &str,
    codes: &'a DeviceAuthorization,
) -> anyhow::Result<BasicTokenResponse>
where
    C: AsyncHttpClient<'a, Error = SendError>,
    S: Fn(Duration) -> F + 'a,
    F: Future<Output = ()>,
{
    let request = client.exchange_device_access_token(&codes.0).set_max_backoff_interval(BACKOFF_MAX);
    request.request_async(send, sleep, Some(codes.expires_in())).await.map_err(|error| match &error {
        RequestTokenError::ServerResponse(response) => match response.error() {
            DeviceCodeErrorResponseType::AccessDenied => {
                anyhow!("the sign-in was refused in the browser: nobody is signed in")
            }
            DeviceCodeErrorResponseType::ExpiredToken => {
                anyhow!("the code has expired: `auberge login` gets another code")
            }
            DeviceCodeErrorResponseType::Basic(BasicErrorResponseType::InvalidGrant) => {
                anyhow!("{url} does not accept the code: `auberge login` gets another one")
            }
            _ => oauth::describe(url, error),
        },
        _ => oauth::describe(url, error),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::sync::Mutex;

    use oauth2::{HttpRequest, HttpResponse, TokenResponse};
    use reqwest::StatusCode;

    use super::*;

    const TOKEN: &str = r#"{"access_token":"v4","token_type":"Bearer","expires_in":600,"refresh_token":"r"}"#;

    /// Polls a server that gives these responses, and returns the outcome and the intervals between polls in seconds.
    async fn poll_responses(responses: &[(u16, &str)]) -> (anyhow::Result<BasicTokenResponse>, Vec<u64>) {
        let codes = r#"{"device_code":"d","user_code":"u","verification_uri":"http://inn/device","expires_in":600,
                        "interval":5}"#;
        let codes = DeviceAuthorization(serde_json::from_str(codes).unwrap());
        let responses: VecDeque<(u16, String)> =
            responses.iter().map(|(status, body)| (*status, (*body).to_owned())).collect();
        let responses = Mutex::new(responses);
        let send = |_: HttpRequest| {
            let (status, body) = responses.lock().unwrap().pop_front().unwrap();
            let status = StatusCode::from_u16(status).unwrap();
            std::future::ready(if status.is_server_error() {
                Err(SendError::Unavailable(status))
            } else {
                let mut response = HttpResponse::new(body.into_bytes());
                *response.status_mut() = status;
                Ok(response)
            })
        };
        let intervals = Mutex::new(Vec::new());
        let sleep = |interval: Duration| {
            intervals.lock().unwrap().push(interval.as_secs());
            std::future::ready(())
        };
        let client = oauth::client("http://inn").unwrap();
        let outcome = poll(&client, &send, sleep, "http://inn", &codes).await;
        let intervals = intervals.lock().unwrap().clone();
        (outcome, intervals)
    }

    #[tokio::test]
    async fn each_response_is_handled_as_the_rfc_says() {
        let pending = (400, r#"{"error":"authorization_pending"}"#);
        let (granted, intervals) = poll_responses(&[pending, pending, (200, TOKEN)]).await;
        assert_eq!(granted.unwrap().access_token().secret(), "v4");
        assert_eq!(intervals, [5, 5]);
        for (error, message) in [
            ("access_denied", "refused in the browser"),
            ("expired_token", "another code"),
            ("invalid_grant", "another one"),
            ("invalid_client", "invalid_client"),
        ] {
            let (outcome, _) = poll_responses(&[(400, &format!(r#"{{"error":"{error}"}}"#))]).await;
            let refused = outcome.unwrap_err().to_string();
            assert!(refused.contains(message), "{error}: {refused}");
        }
        assert!(poll_responses(&[(200, "{}")]).await.0.is_err());
    }

    #[tokio::test]
    async fn polls_become_slower_when_the_server_asks_for_it_and_while_it_is_unavailable() {
        let slow_down = (400, r#"{"error":"slow_down"}"#);
        let (granted, intervals) =
            poll_responses(&[slow_down, (503, ""), (502, "<html>"), (200, TOKEN)]).await;
        assert!(granted.is_ok());
        assert_eq!(intervals, [10, 20, 20]);
    }
}
