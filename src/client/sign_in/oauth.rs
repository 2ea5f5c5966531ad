//! The OAuth 2.0 client of this program, over `reqwest`.

use anyhow::{Context, anyhow};
use oauth2::basic::BasicClient;
use oauth2::{
    ClientId, DeviceAuthorizationUrl, EndpointNotSet, EndpointSet, ErrorResponseType, HttpRequest,
    HttpResponse, RequestTokenError, StandardErrorResponse, TokenUrl,
};
use reqwest::StatusCode;

/// The public client that every cluster has for this program.
pub(super) const CLIENT_ID: &str = "cli";
/// Maximum length of a server's error description that is printed.
const DESCRIPTION_CHARS_MAX: usize = 300;

pub(super) type Client =
    BasicClient<EndpointNotSet, EndpointSet, EndpointNotSet, EndpointNotSet, EndpointSet>;

/// The client for the server at `url`.
///
/// # Errors
/// When `url` is not a valid URL.
pub(super) fn client(url: &str) -> anyhow::Result<Client> {
    let endpoint = |path: &str| format!("{url}{path}");
    let device = DeviceAuthorizationUrl::new(endpoint("/oauth/device_authorization"));
    let token = TokenUrl::new(endpoint("/oauth/token"));
    let invalid = || format!("{url} is not a valid URL");
    Ok(BasicClient::new(ClientId::new(CLIENT_ID.to_owned()))
        .set_device_authorization_url(device.with_context(invalid)?)
        .set_token_uri(token.with_context(invalid)?))
}

/// Why a request has no usable response.
#[derive(Debug, thiserror::Error)]
pub(super) enum SendError {
    #[error("no response: is the server running?")]
    NoResponse(#[source] reqwest::Error),
    /// The server is overloaded or failing; a later request may succeed.
    #[error("the server responded with {0}")]
    Unavailable(StatusCode),
}

/// Sends a request.
///
/// # Errors
/// When there is no response, or its status is 429 or 5xx.
pub(super) async fn send(http: reqwest::Client, request: HttpRequest) -> Result<HttpResponse, SendError> {
    let request = request.try_into().map_err(SendError::NoResponse)?;
    let response = http.execute(request).await.map_err(SendError::NoResponse)?;
    let status = response.status();
    if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
        return Err(SendError::Unavailable(status));
    }
    let headers = response.headers().clone();
    let body = response.bytes().await.map_err(SendError::NoResponse)?.to_vec();
    let mut response = HttpResponse::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    Ok(response)
}

/// Describes a failed request in one line.
pub(super) fn describe<E, T>(
    url: &str,
    error: RequestTokenError<E, StandardErrorResponse<T>>,
) -> anyhow::Error
where
    E: std::error::Error + Send + Sync + 'static,
    T: ErrorResponseType + std::fmt::Display + 'static,
{
    match error {
        RequestTokenError::Request(error) => anyhow::Error::new(error).context(url.to_owned()),
        RequestTokenError::ServerResponse(response) => {
            let description = response.error_description().map(|text| format!(": {}", printable(text)));
            let code = printable(&response.error().to_string());
            anyhow!("{url} refused: {code}{}", description.unwrap_or_default())
        }
        RequestTokenError::Parse(..) | RequestTokenError::Other(_) => {
            anyhow!("the response of {url} is not valid OAuth 2.0: is it an Auberge server?")
        }
    }
}

/// Text of a server without control characters, which a terminal would interpret.
fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(DESCRIPTION_CHARS_MAX).collect()
}
