//! `/oauth/token`, `/oauth/revoke`, `/oauth/introspect`, `/oauth/device_authorization`.

use std::sync::Arc;

use ::token::{AUDIENCE, random_bytes, random_secret};
use contracts::auth::{
    Answer, BearerToken, ClientAuthentication, Command, GrantType, Introspection, IssuedToken, Query, Reply,
    SessionGrant, code_hash, device_hash, refresh_hash,
};
use data_encoding::BASE64URL_NOPAD;
use group::Call;
use poem::Request;
use poem_openapi::{Object, OpenApi};
use sha2::{Digest, Sha256};

use super::client_authentication::authenticate_client;
use super::error::OAuthError;
use super::form::{Form, Parameters};
use super::responses::{DeviceAuthorizationResponse, IntrospectionResponse, NoStore, Revoked, TokenResponse};
use super::{Context, Tag, device, fresh_token_id};
use crate::bootstrap::unexpected;

/// How a device names its grant type (RFC 8628 §3.4).
pub(super) const DEVICE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

pub(super) struct Tokens {
    pub context: Arc<Context>,
}

/// What a client asks for.
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
    /// authorization_code: as in the authorization request
    redirect_uri: Option<String>,
    /// authorization_code: the verifier behind the challenge (RFC 7636)
    code_verifier: Option<String>,
    /// refresh_token: the token, which is void from now on
    refresh_token: Option<String>,
    /// device_code: the device's code
    device_code: Option<String>,
    /// client_credentials, refresh_token: fewer scopes, separated by spaces
    scope: Option<String>,
}

/// Which token.
#[derive(Debug, Object)]
#[allow(dead_code)]
struct TokenReference {
    /// An access token or a refresh token
    token: String,
    /// `access_token` or `refresh_token`; we see which it is
    token_type_hint: Option<String>,
    /// The client's id, unless it is in the Authorization header
    client_id: Option<String>,
    /// The client's secret, unless it is in the Authorization header
    client_secret: Option<String>,
}

/// What a device asks for.
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
    /// A token
    ///
    /// RFC 6749 §3.2. Clients authenticate by `Authorization: Basic` or in the form; public ones by PKCE.
    #[oai(path = "/token", method = "post", operation_id = "createToken")]
    async fn token(
        &self,
        request: &Request,
        form: Form<TokenRequest>,
    ) -> Result<NoStore<TokenResponse>, OAuthError> {
        let form = form.checked()?;
        let authentication = authenticate_client(request, &form)?;
        self.context.check_client_attempts(request, &authentication)?;
        let issued = self.issue(request, &form, &authentication).await;
        issued
            .map(NoStore)
            .inspect_err(|error| self.context.count_client_failure(request, &authentication, error))
    }

    /// Take a token back
    ///
    /// RFC 7009. A refresh token takes its whole session along.
    #[oai(path = "/revoke", method = "post", operation_id = "revokeToken")]
    async fn revoke(&self, request: &Request, form: Form<TokenReference>) -> Result<Revoked, OAuthError> {
        let form = form.checked()?;
        let authentication = authenticate_client(request, &form)?;
        self.context.check_client_attempts(request, &authentication)?;
        let revoked = self.take_back(request, &form, &authentication).await;
        revoked
            .map(|()| Revoked)
            .inspect_err(|error| self.context.count_client_failure(request, &authentication, error))
    }

    /// What a token says
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
        // Whoever has no secret is anybody (RFC 7662 §2.1).
        if authentication.secret_hash.is_none() {
            return Err(OAuthError::invalid_client());
        }
        self.context.check_client_attempts(request, &authentication)?;
        let found = self.look_at(request, &form, &authentication).await;
        let found =
            found.inspect_err(|error| self.context.count_client_failure(request, &authentication, error))?;
        Ok(NoStore(found.map_or_else(IntrospectionResponse::default, |found| self.said(found))))
    }

    /// Codes for a device
    ///
    /// RFC 8628: for programs without a browser. Show the user code, poll `/oauth/token` with the device code.
    #[oai(path = "/device_authorization", method = "post", operation_id = "createDeviceAuthorization")]
    async fn device(
        &self,
        request: &Request,
        form: Form<DeviceRequest>,
    ) -> Result<NoStore<DeviceAuthorizationResponse>, OAuthError> {
        let form = form.checked()?;
        let authentication = authenticate_client(request, &form)?;
        self.context.check_client_attempts(request, &authentication)?;
        let started = self.start_device(request, &form, &authentication).await;
        started
            .map(NoStore)
            .inspect_err(|error| self.context.count_client_failure(request, &authentication, error))
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
        let refresh = random_secret("rt_");
        let (client, refresh_hash) = (authentication.clone(), refresh_hash(&refresh));
        let command = match form.required("grant_type")? {
            "client_credentials" => {
                let query = Query::ClientToken { client, scopes: form.scopes(), token_id: fresh_token_id() };
                return Ok(answer(self.ask_token(&call, query).await?, None));
            }
            "authorization_code" => Command::Exchange {
                client,
                code_hash: code_hash(form.required("code")?),
                redirect_uri: form.get("redirect_uri").unwrap_or_default().to_owned(),
                challenge: challenge_of(form.required("code_verifier")?)?,
                refresh_hash,
            },
            "refresh_token" => Command::Refresh {
                client,
                old_hash: contracts::auth::refresh_hash(form.required("refresh_token")?),
                new_hash: refresh_hash,
                scopes: form.get("scope").map(|_| form.scopes()),
            },
            DEVICE_GRANT => Command::PollDevice {
                client,
                device_hash: device_hash(form.required("device_code")?),
                refresh_hash,
            },
            _ => return Err(OAuthError::new("unsupported_grant_type", "There is no such grant type here.")),
        };
        let grant = match self.context.command(&call, command).await? {
            Reply::Granted(grant) => grant,
            Reply::Reused => {
                return Err(OAuthError::invalid_grant("It was used before: the session has ended."));
            }
            Reply::Wait { slow_down: true } => return Err(OAuthError::new("slow_down", "Poll less often.")),
            Reply::Wait { slow_down: false } => {
                return Err(OAuthError::new("authorization_pending", "Nobody has decided yet."));
            }
            Reply::Done | Reply::Client(_) | Reply::DeviceStarted { .. } => return Err(unexpected().into()),
        };
        self.of_session(&call, grant, refresh).await
    }

    async fn of_session(
        &self,
        call: &Call,
        grant: SessionGrant,
        refresh: String,
    ) -> Result<TokenResponse, OAuthError> {
        let query = Query::Client { client_id: grant.client_id };
        let Answer::Client(client) = self.context.query(call, query).await? else {
            return Err(unexpected().into());
        };
        let scopes = Some(grant.scopes);
        let query = Query::SessionToken { session: grant.session, scopes, token_id: fresh_token_id() };
        let issued = self.ask_token(call, query).await?;
        // A client that may not refresh gets nothing to refresh with; its session ends by itself.
        let may_refresh = client.grant_types.contains(&GrantType::RefreshToken);
        Ok(answer(issued, may_refresh.then_some(refresh)))
    }

    async fn ask_token(&self, call: &Call, query: Query) -> Result<IssuedToken, OAuthError> {
        match self.context.query(call, query).await? {
            Answer::Token(issued) => Ok(issued),
            _ => Err(unexpected().into()),
        }
    }

    async fn take_back(
        &self,
        request: &Request,
        form: &Parameters,
        authentication: &ClientAuthentication,
    ) -> Result<(), OAuthError> {
        let token = form.required("token")?;
        let call = self.context.call(request).await?;
        let client = authentication.clone();
        let command = if token.starts_with("v4.") {
            let query =
                Query::IntrospectAccess { client: client.clone(), token: BearerToken(token.to_owned()) };
            match self.context.query(&call, query).await? {
                Answer::Introspection(Some(Introspection {
                    token_id: Some(token_id),
                    client_id,
                    expires_at,
                    ..
                })) => Command::RevokeAccess { client, issued_to: client_id, token_id, expires_at },
                // It is void already: as it should be (RFC 7009 §2.2).
                _ => return Ok(()),
            }
        } else {
            Command::RevokeRefresh { client, refresh_hash: refresh_hash(token) }
        };
        self.context.command(&call, command).await?;
        Ok(())
    }

    async fn look_at(
        &self,
        request: &Request,
        form: &Parameters,
        authentication: &ClientAuthentication,
    ) -> Result<Option<Introspection>, OAuthError> {
        let token = form.required("token")?;
        let client = authentication.clone();
        let query = match token.starts_with("v4.") {
            true => Query::IntrospectAccess { client, token: BearerToken(token.to_owned()) },
            false => Query::IntrospectRefresh { client, refresh_hash: refresh_hash(token) },
        };
        let call = self.context.call(request).await?;
        match self.context.query(&call, query).await? {
            Answer::Introspection(found) => Ok(found),
            _ => Err(unexpected().into()),
        }
    }

    fn said(&self, found: Introspection) -> IntrospectionResponse {
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
        let (device_code, user_code) = (random_secret("dc_"), device::draw_user_code(&random_bytes()));
        let command = Command::StartDevice {
            client: authentication.clone(),
            scopes: form.scopes(),
            device_hash: device_hash(&device_code),
            user_code_tag: self.context.user_codes.tag(&[&device::plain(&user_code)]),
        };
        let call = self.context.call(request).await?;
        let Reply::DeviceStarted { interval_secs, .. } = self.context.command(&call, command).await? else {
            return Err(unexpected().into());
        };
        let verification_uri = format!("{}/oauth/device", self.context.public_url);
        Ok(DeviceAuthorizationResponse {
            device_code,
            verification_uri_complete: format!("{verification_uri}?user_code={user_code}"),
            user_code,
            verification_uri,
            expires_in: crate::limits::DEVICE_SECS,
            interval: interval_secs,
        })
    }
}

fn answer(issued: IssuedToken, refresh_token: Option<String>) -> TokenResponse {
    TokenResponse {
        access_token: issued.token.0,
        token_type: "Bearer".to_owned(),
        // It was signed a moment ago.
        expires_in: crate::ACCESS_TOKEN_SECS,
        refresh_token,
        scope: issued.scopes.join(" "),
    }
}

/// The S256 challenge of a verifier (RFC 7636 §4.2).
pub(super) fn challenge_of(verifier: &str) -> Result<String, OAuthError> {
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    if !(43..=128).contains(&verifier.len()) || !verifier.bytes().all(unreserved) {
        return Err(OAuthError::invalid_grant("The code verifier is not 43 to 128 of A-Z a-z 0-9 - . _ ~"));
    }
    Ok(BASE64URL_NOPAD.encode(&Sha256::digest(verifier.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_challenge_is_that_of_rfc_7636_appendix_b() {
        let challenge = challenge_of("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
        assert_eq!(challenge.unwrap(), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
        let (short, long, odd) = ("a".repeat(42), "a".repeat(129), format!("{}+", "a".repeat(43)));
        for bad in ["", &short, &long, &odd] {
            assert_eq!(challenge_of(bad).unwrap_err().error, "invalid_grant", "{bad}");
        }
    }
}
