//! `/oauth/token`, `/oauth/revoke`, `/oauth/introspect`, `/oauth/device_authorization`.

use std::sync::Arc;

use ::token::{AUDIENCE, random_bytes, random_secret};
use contracts::auth::{
    AuthorizationPending, BearerToken, ClientAuthentication, DevicePollReply, ExchangeCode, GetClient,
    GrantType, IntrospectAccessToken, IntrospectRefreshToken, Introspection, IssueClientToken,
    IssueSessionToken, IssuedToken, PollDeviceAuthorization, RefreshSession, RevokeAccessToken,
    RevokeRefreshToken, SessionGrant, StartDeviceAuthorization, TokenExchangeReply, code_hash, device_hash,
    refresh_hash,
};
use data_encoding::BASE64URL_NOPAD;
use edge::{ClientAddress, Form, Parameters};
use group::Call;
use poem::Request;
use poem_openapi::{Object, OpenApi};
use sha2::{Digest, Sha256};

use super::client_authentication::authenticate_client;
use super::error::OAuthError;
use super::form::{self, required};
use super::responses::{DeviceAuthorizationResponse, IntrospectionResponse, NoStore, Revoked, TokenResponse};
use super::{Context, Tag, device, fresh_token_id};

/// The grant type of devices (RFC 8628 §3.4).
pub(super) const DEVICE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

pub(super) struct Tokens {
    pub context: Arc<Context>,
}

/// An access token request (RFC 6749 §4.1.3).
#[derive(Debug, Object)]
#[allow(dead_code)]
struct TokenRequest {
    /// `authorization_code`, `refresh_token`, `client_credentials` or `urn:ietf:params:oauth:grant-type:device_code`
    grant_type: String,
    /// The client's id, unless it is in the Authorization header
    client_id: Option<String>,
    /// The client's secret, unless it is in the Authorization header
    client_secret: Option<String>,
    /// authorization_code: the code
    code: Option<String>,
    /// authorization_code: the same as in the authorization request
    redirect_uri: Option<String>,
    /// authorization_code: the code verifier (RFC 7636)
    code_verifier: Option<String>,
    /// refresh_token: the refresh token, which can be used once
    refresh_token: Option<String>,
    /// device_code: the device code
    device_code: Option<String>,
    /// client_credentials, refresh_token: a subset of the scopes, separated by spaces
    scope: Option<String>,
}

/// A token to revoke or introspect.
#[derive(Debug, Object)]
#[allow(dead_code)]
struct TokenReference {
    /// An access token or a refresh token
    token: String,
    /// `access_token` or `refresh_token`. Ignored, because the token itself shows its type.
    token_type_hint: Option<String>,
    /// The client's id, unless it is in the Authorization header
    client_id: Option<String>,
    /// The client's secret, unless it is in the Authorization header
    client_secret: Option<String>,
}

/// A device authorization request (RFC 8628 §3.1).
#[derive(Debug, Object)]
#[allow(dead_code)]
struct DeviceRequest {
    /// The client's id, unless it is in the Authorization header
    client_id: Option<String>,
    /// The client's secret, unless it is in the Authorization header
    client_secret: Option<String>,
    /// Scopes, separated by spaces
    scope: Option<String>,
}

#[OpenApi(prefix_path = "/oauth", tag = "Tag::OAuth")]
impl Tokens {
    /// Create a token
    ///
    /// RFC 6749 §3.2. Clients authenticate with `Authorization: Basic` or in the form. Public clients use PKCE.
    #[oai(path = "/token", method = "post", operation_id = "createToken")]
    async fn token(
        &self,
        request: &Request,
        form: Form<TokenRequest>,
    ) -> Result<NoStore<TokenResponse>, OAuthError> {
        let form = form.checked()?;
        let authentication = authenticate_client(request, &form)?;
        match self.issue(request, &form, &authentication).await {
            Ok(issued) => Ok(NoStore(issued)),
            Err(error) => Err(self.context.client_error(request, &authentication, error).await),
        }
    }

    /// Revoke a token
    ///
    /// RFC 7009. Revoking a refresh token ends its session.
    #[oai(path = "/revoke", method = "post", operation_id = "revokeToken")]
    async fn revoke(&self, request: &Request, form: Form<TokenReference>) -> Result<Revoked, OAuthError> {
        let form = form.checked()?;
        let authentication = authenticate_client(request, &form)?;
        match self.revoke_token(request, &form, &authentication).await {
            Ok(()) => Ok(Revoked),
            Err(error) => Err(self.context.client_error(request, &authentication, error).await),
        }
    }

    /// Introspect a token
    ///
    /// RFC 7662. For confidential clients.
    #[oai(path = "/introspect", method = "post", operation_id = "introspectToken")]
    async fn introspect(
        &self,
        request: &Request,
        form: Form<TokenReference>,
    ) -> Result<NoStore<IntrospectionResponse>, OAuthError> {
        let form = form.checked()?;
        let authentication = authenticate_client(request, &form)?;
        // Introspection requires client authentication (RFC 7662 §2.1).
        if authentication.secret_hash.is_none() {
            return Err(OAuthError::invalid_client());
        }
        match self.introspect_token(request, &form, &authentication).await {
            Ok(Some(found)) => Ok(NoStore(self.introspection_response(found))),
            Ok(None) => Ok(NoStore(IntrospectionResponse::default())),
            Err(error) => Err(self.context.client_error(request, &authentication, error).await),
        }
    }

    /// Start a device authorization
    ///
    /// RFC 8628, for devices without a browser. Show the user code, and poll `/oauth/token` with the device code.
    #[oai(path = "/device_authorization", method = "post", operation_id = "createDeviceAuthorization")]
    async fn device(
        &self,
        request: &Request,
        form: Form<DeviceRequest>,
    ) -> Result<NoStore<DeviceAuthorizationResponse>, OAuthError> {
        let form = form.checked()?;
        let authentication = authenticate_client(request, &form)?;
        // Anyone can start one for a public client, so that starts are limited, not only failures.
        self.context.attempts.device_start(ClientAddress::of(request)).await?;
        match self.start_device(request, &form, &authentication).await {
            Ok(started) => Ok(NoStore(started)),
            Err(error) => Err(self.context.client_error(request, &authentication, error).await),
        }
    }
}

impl Tokens {
    async fn issue(
        &self,
        request: &Request,
        form: &Parameters,
        authentication: &ClientAuthentication,
    ) -> Result<TokenResponse, OAuthError> {
        let call = self.context.call(request).await?;
        let refresh_token = random_secret("rt_");
        let (client, refresh_hash) = (authentication.clone(), refresh_hash(&refresh_token));
        let grant = match required(form, "grant_type")? {
            "client_credentials" => {
                let request =
                    IssueClientToken { client, scopes: form::scopes(form), token_id: fresh_token_id() };
                let issued = self.context.client.call(&call, request).await?;
                return Ok(token_response(issued, None));
            }
            "authorization_code" => {
                let request = ExchangeCode {
                    client,
                    code_hash: code_hash(required(form, "code")?),
                    redirect_uri: form.get("redirect_uri").unwrap_or_default().to_owned(),
                    challenge: challenge_of(required(form, "code_verifier")?)?,
                    refresh_hash,
                };
                granted(self.context.client.call(&call, request).await?)?
            }
            "refresh_token" => {
                let request = RefreshSession {
                    client,
                    old_hash: contracts::auth::refresh_hash(required(form, "refresh_token")?),
                    new_hash: refresh_hash,
                    scopes: form.get("scope").map(|_| form::scopes(form)),
                };
                granted(self.context.client.call(&call, request).await?)?
            }
            DEVICE_GRANT => {
                let device_hash = device_hash(required(form, "device_code")?);
                let request = PollDeviceAuthorization { client, device_hash, refresh_hash };
                match self.context.client.call(&call, request).await? {
                    DevicePollReply::Granted(grant) => grant,
                    DevicePollReply::Pending(AuthorizationPending { slow_down: true }) => {
                        return Err(OAuthError::new("slow_down", "Poll less often."));
                    }
                    DevicePollReply::Pending(AuthorizationPending { slow_down: false }) => {
                        let description = "The user has not decided yet.";
                        return Err(OAuthError::new("authorization_pending", description));
                    }
                }
            }
            _ => return Err(OAuthError::new("unsupported_grant_type", "The grant type is not supported.")),
        };
        self.session_tokens(&call, grant, refresh_token).await
    }

    /// The tokens of a session.
    async fn session_tokens(
        &self,
        call: &Call,
        grant: SessionGrant,
        refresh_token: String,
    ) -> Result<TokenResponse, OAuthError> {
        let client = self.context.client.call(call, GetClient { client_id: grant.client_id }).await?;
        let scopes = Some(grant.scopes);
        let request = IssueSessionToken { session: grant.session, scopes, token_id: fresh_token_id() };
        let issued = self.context.client.call(call, request).await?;
        // A client without the refresh token grant gets no refresh token. Its session expires.
        let can_refresh = client.grant_types.contains(&GrantType::RefreshToken);
        Ok(token_response(issued, can_refresh.then_some(refresh_token)))
    }

    async fn revoke_token(
        &self,
        request: &Request,
        form: &Parameters,
        authentication: &ClientAuthentication,
    ) -> Result<(), OAuthError> {
        let token = required(form, "token")?;
        let call = self.context.call(request).await?;
        let client = authentication.clone();
        if !token.starts_with("v4.") {
            let request = RevokeRefreshToken { client, refresh_hash: refresh_hash(token) };
            return Ok(self.context.client.call(&call, request).await?);
        }
        let request = IntrospectAccessToken { client: client.clone(), token: BearerToken(token.to_owned()) };
        let found = self.context.client.call(&call, request).await?;
        // An invalid token needs no revocation (RFC 7009 §2.2).
        let Some(Introspection { token_id: Some(token_id), client_id, expires_at, .. }) = found else {
            return Ok(());
        };
        let request = RevokeAccessToken { client, issued_to: client_id, token_id, expires_at };
        Ok(self.context.client.call(&call, request).await?)
    }

    async fn introspect_token(
        &self,
        request: &Request,
        form: &Parameters,
        authentication: &ClientAuthentication,
    ) -> Result<Option<Introspection>, OAuthError> {
        let token = required(form, "token")?;
        let client = authentication.clone();
        let call = self.context.call(request).await?;
        let found = if token.starts_with("v4.") {
            let request = IntrospectAccessToken { client, token: BearerToken(token.to_owned()) };
            self.context.client.call(&call, request).await?
        } else {
            let request = IntrospectRefreshToken { client, refresh_hash: refresh_hash(token) };
            self.context.client.call(&call, request).await?
        };
        Ok(found)
    }

    fn introspection_response(&self, found: Introspection) -> IntrospectionResponse {
        let token_type = if found.refresh { "refresh_token" } else { "Bearer" };
        IntrospectionResponse {
            active: true,
            scope: Some(found.scopes.join(" ")),
            client_id: Some(found.client_id),
            sub: Some(found.subject),
            token_type: Some(token_type.to_owned()),
            exp: Some(found.expires_at.seconds()),
            iat: Some(found.issued_at.seconds()),
            jti: found.token_id,
            iss: Some(self.context.public_url.clone()),
            aud: Some(AUDIENCE.to_owned()),
            obo: found.on_behalf_of,
        }
    }

    async fn start_device(
        &self,
        request: &Request,
        form: &Parameters,
        authentication: &ClientAuthentication,
    ) -> Result<DeviceAuthorizationResponse, OAuthError> {
        let (device_code, user_code) = (random_secret("dc_"), device::generate_user_code(&random_bytes()));
        let request_message = StartDeviceAuthorization {
            client: authentication.clone(),
            scopes: form::scopes(form),
            device_hash: device_hash(&device_code),
            user_code_tag: self.context.user_codes.tag(&[&device::normalize(&user_code)]),
        };
        let call = self.context.call(request).await?;
        let started = self.context.client.call(&call, request_message).await?;
        let verification_uri = format!("{}/oauth/device", self.context.public_url);
        Ok(DeviceAuthorizationResponse {
            device_code,
            verification_uri_complete: format!("{verification_uri}?user_code={user_code}"),
            user_code,
            verification_uri,
            expires_in: crate::limits::DEVICE_SECS,
            interval: started.interval_secs,
        })
    }
}

fn granted(reply: TokenExchangeReply) -> Result<SessionGrant, OAuthError> {
    match reply {
        TokenExchangeReply::Granted(grant) => Ok(grant),
        TokenExchangeReply::Reused => {
            Err(OAuthError::invalid_grant("The grant was used before. The session has ended."))
        }
    }
}

fn token_response(issued: IssuedToken, refresh_token: Option<String>) -> TokenResponse {
    TokenResponse {
        access_token: issued.token.0,
        token_type: "Bearer".to_owned(),
        expires_in: crate::ACCESS_TOKEN_SECS,
        refresh_token,
        scope: issued.scopes.join(" "),
    }
}

/// The S256 code challenge of a code verifier (RFC 7636 §4.2).
pub(super) fn challenge_of(verifier: &str) -> Result<String, OAuthError> {
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    if !(43..=128).contains(&verifier.len()) || !verifier.bytes().all(unreserved) {
        return Err(OAuthError::invalid_grant(
            "The code verifier must have 43 to 128 characters of A-Z a-z 0-9 - . _ ~",
        ));
    }
    Ok(BASE64URL_NOPAD.encode(&Sha256::digest(verifier.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_challenge_matches_rfc_7636_appendix_b() {
        let challenge = challenge_of("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
        assert_eq!(challenge.unwrap(), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
        let (short, long, odd) = ("a".repeat(42), "a".repeat(129), format!("{}+", "a".repeat(43)));
        for bad in ["", &short, &long, &odd] {
            assert_eq!(challenge_of(bad).unwrap_err().error, "invalid_grant", "{bad}");
        }
    }
}
