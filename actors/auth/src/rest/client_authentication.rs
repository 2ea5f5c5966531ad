//! Client authentication with `Authorization: Basic`, or with `client_id` and `client_secret` in the form (RFC 6749
//! §2.3.1).

use contracts::auth::{ClientAuthentication, UI_CLIENT, client_secret_hash};
use data_encoding::BASE64;
use edge::{ClientAddress, Parameters};
use poem::Request;
use poem::http::header;
use rest::attempts::AttemptRefused;

use super::Context;
use super::error::OAuthError;

/// The longest id or secret, in bytes.
const BYTES_MAX: usize = 256;

/// The client's authentication with a hashed secret. The group verifies it.
pub(super) fn authenticate_client(
    request: &Request,
    form: &Parameters,
) -> Result<ClientAuthentication, OAuthError> {
    let (client_id, secret) = match request.headers().get(header::AUTHORIZATION) {
        Some(value) => {
            if form.get("client_secret").is_some() {
                return Err(OAuthError::invalid_request("Use one method of client authentication only."));
            }
            let (id, secret) = basic(value.as_bytes()).ok_or_else(OAuthError::invalid_client)?;
            if form.get("client_id").is_some_and(|named| named != id) {
                return Err(OAuthError::invalid_request(
                    "`client_id` differs from the Authorization header.",
                ));
            }
            (id, Some(secret).filter(|secret| !secret.is_empty()))
        }
        None => {
            let id = form.get("client_id").ok_or_else(OAuthError::invalid_client)?;
            (id.to_owned(), form.get("client_secret").map(str::to_owned))
        }
    };
    // The UI authenticates with its service token only.
    if client_id == UI_CLIENT
        || client_id.len() > BYTES_MAX
        || secret.as_ref().is_some_and(|secret| secret.len() > BYTES_MAX)
    {
        return Err(OAuthError::invalid_client());
    }
    Ok(ClientAuthentication { client_id, secret_hash: secret.as_deref().map(client_secret_hash) })
}

fn basic(value: &[u8]) -> Option<(String, String)> {
    let value = std::str::from_utf8(value).ok()?;
    let (scheme, encoded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(BASE64.decode(encoded.trim().as_bytes()).ok()?).ok()?;
    let (id, secret) = decoded.split_once(':')?;
    // Id and secret are form-encoded (RFC 6749 §2.3.1).
    let plain = |part: &str| -> Option<String> {
        let (name, _) = form_urlencoded::parse(part.as_bytes()).next()?;
        Some(name.into_owned())
    };
    Some((plain(id)?, plain(secret).unwrap_or_default()))
}

impl Context {
    /// Counts a failed client authentication. Beyond the limit of this client at this address, the error is 429. A client
    /// with the right secret is never limited, whatever others have tried with its id.
    pub(super) async fn client_error(
        &self,
        request: &Request,
        authentication: &ClientAuthentication,
        error: OAuthError,
    ) -> OAuthError {
        if error.error != "invalid_client" {
            return error;
        }
        match self.attempts.client_failed(&authentication.client_id, ClientAddress::of(request)).await {
            Err(AttemptRefused::TooEarly(secs)) => OAuthError::rate_limited(secs),
            Ok(()) | Err(AttemptRefused::Unavailable(_)) => error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(header: Option<&str>, form: &str) -> Result<ClientAuthentication, OAuthError> {
        let mut request = Request::builder();
        if let Some(value) = header {
            request = request.header("Authorization", value);
        }
        authenticate_client(&request.finish(), &Parameters::parse(form.as_bytes()))
    }

    #[test]
    fn clients_authenticate_with_one_method() {
        let basic = |text: &str| format!("Basic {}", BASE64.encode(text.as_bytes()));
        let authentication = |id: &str, secret: Option<&str>| {
            Ok(ClientAuthentication { client_id: id.into(), secret_hash: secret.map(client_secret_hash) })
        };
        let table = [
            (Some(basic("cli:sec")), "", authentication("cli", Some("sec"))),
            (Some(basic("cli:sec")), "client_id=cli", authentication("cli", Some("sec"))),
            (Some(basic("a%20b:s%3Ac")), "", authentication("a b", Some("s:c"))),
            (Some(basic("cli:")), "", authentication("cli", None)),
            (None, "client_id=cli", authentication("cli", None)),
            (None, "client_id=cli&client_secret=sec", authentication("cli", Some("sec"))),
        ];
        for (header, form, expected) in table {
            assert_eq!(with(header.as_deref(), form), expected, "{header:?} {form}");
        }
        let table = [
            (None, "", "invalid_client"),
            (None, "client_secret=sec", "invalid_client"),
            (None, "client_id=ui", "invalid_client"),
            (Some(basic("ui:x")), "", "invalid_client"),
            (Some("Basic ???".into()), "", "invalid_client"),
            (Some("Bearer abc".into()), "client_id=cli", "invalid_client"),
            (Some(basic("nocolon")), "", "invalid_client"),
            (Some(basic("cli:sec")), "client_secret=sec", "invalid_request"),
            (Some(basic("cli:sec")), "client_id=other", "invalid_request"),
        ];
        for (header, form, error) in table {
            assert_eq!(with(header.as_deref(), form).unwrap_err().error, error, "{header:?} {form}");
        }
    }
}
