//! Management of OAuth clients, for operators and `auberge client`.

use ::token::random_secret;
use contracts::auth::{
    ClientKind, ClientProfile, CreateClient, GetClient, GrantType, ListClients, Refusal, RevokeClient,
    RotateClientSecret, client_secret_hash,
};
use edge::{
    ApiError, Cursor, Cursors, Instant, Json, Limit, NoContent, OptionalJson, Page, Problem, ProblemType,
    SerdeJson, problem_types,
};
use group::Client;
use poem_openapi::{Enum, Object, OpenApi, param};
use serde::Serialize;

use super::Tag;
use super::responses::NoStore;

/// How long the previous secret stays valid after a rotation unless the request says otherwise: a day (in seconds).
const OVERLAP_SECS: u32 = 86_400;

edge::problems! {
    /// A revoked client cannot be changed.
    CLIENT_REVOKED = "client-revoked", "The client is revoked", 409;
    /// A public client has no secret that could be rotated.
    NO_SECRET = "no-client-secret", "The client has no secret", 409;
    /// A client must not revoke the client that its token was issued to.
    OWN_CLIENT = "own-client", "A client cannot revoke itself", 409;
    /// Without a client that can operate the cluster, nobody could.
    LAST_OPERATOR = "last-operator", "This is the last client that can operate the cluster", 409;
    /// The only active signing key must not be withdrawn.
    LAST_KEY = "last-key", "This is the only active signing key", 409;
}

/// The problem types of this API.
pub static PROBLEMS: &[&ProblemType] = ALL;

pub(super) struct Clients {
    pub client: Client,
    pub cursors: Cursors,
}

/// The client type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum, Serialize)]
#[oai(rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Has a secret.
    Confidential,
    /// Cannot keep a secret and uses PKCE.
    Public,
}

/// A grant type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum, Serialize)]
#[oai(rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum Grant {
    /// RFC 6749 §4.1, with PKCE.
    AuthorizationCode,
    /// RFC 6749 §6.
    RefreshToken,
    /// RFC 6749 §4.4.
    ClientCredentials,
    /// RFC 8628.
    DeviceCode,
}

/// A new client.
#[derive(Debug, Clone, Object)]
pub struct NewClientBody {
    /// The name on the consent page.
    #[oai(validator(min_length = 1, max_length = 100))]
    pub name: String,
    /// All scopes that the client can have, separated by spaces.
    #[oai(validator(min_length = 1, max_length = 500))]
    pub scope: String,
    /// The default is `confidential`.
    pub kind: Option<Kind>,
    /// The default is `client_credentials` without redirect URIs, and `authorization_code` and `refresh_token` with
    /// redirect URIs.
    #[oai(validator(max_items = 4))]
    pub grant_types: Option<Vec<Grant>>,
    /// Redirect URIs, compared exactly.
    #[oai(validator(max_items = 10))]
    pub redirect_uris: Option<Vec<String>>,
    /// Hotels (`htl_…`) that tokens of the client itself may manage with the scope `hotel:manage`, or only `*` for all
    /// hotels. Without any, the scope is valid for no hotel.
    #[oai(validator(max_items = 100))]
    pub hotels: Option<Vec<String>>,
}

/// A client.
#[derive(Debug, Clone, Object, Serialize)]
pub struct ClientBody {
    /// The client's id.
    pub client_id: String,
    /// The name on the consent page.
    pub name: String,
    /// The client type.
    pub kind: Kind,
    /// All scopes that the client can have, separated by spaces.
    pub scope: String,
    /// Grant types that the client can use.
    pub grant_types: Vec<Grant>,
    /// Redirect URIs, compared exactly.
    pub redirect_uris: Vec<String>,
    /// Hotels (`htl_…`) that tokens of the client itself may manage, or only `*` for all hotels.
    pub hotels: Vec<String>,
    /// When the client was created.
    pub created_at: Instant,
    /// When the client was revoked.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Instant>,
    /// Until when the previous secret is valid, after a rotation.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub previous_secret_expires_at: Option<Instant>,
}

/// A rotation of a client's secret.
#[derive(Debug, Clone, Object)]
pub struct SecretRotation {
    /// How long the previous secret stays valid, in seconds: 0 to 2592000 (30 days). The default is 86400 (a day). Use 0 if
    /// the previous secret may be known to others.
    #[oai(validator(minimum(value = "0"), maximum(value = "2592000")))]
    pub overlap_secs: Option<u32>,
}

/// A created client.
#[derive(Debug, Clone, Object)]
pub struct MadeClient {
    /// The client's id.
    pub client_id: String,
    /// The client's secret, which cannot be read again. Absent for public clients.
    #[oai(skip_serializing_if_is_none)]
    pub client_secret: Option<String>,
    /// The client.
    pub client: ClientBody,
}

#[OpenApi(prefix_path = "/v1", tag = "Tag::Clients")]
impl Clients {
    /// Create a client
    ///
    /// The response contains the secret, which cannot be read again. Therefore this operation has no `Idempotency-Key`:
    /// a repeated response would have to be stored. If you create a client twice, revoke one of them.
    #[oai(path = "/clients", method = "post", operation_id = "createClient")]
    async fn create(
        &self,
        #[oai(scope = "rest::scope::CLUSTER_MANAGE")] caller: edge::SignedIn,
        body: Json<NewClientBody>,
    ) -> Result<NoStore<MadeClient>, ApiError> {
        let body = body.0;
        let kind = body.kind.unwrap_or(Kind::Confidential);
        let secret = (kind == Kind::Confidential).then(|| random_secret("sec_"));
        let redirect_uris = body.redirect_uris.unwrap_or_default();
        let default_grants = match redirect_uris.is_empty() {
            true => vec![Grant::ClientCredentials],
            false => vec![Grant::AuthorizationCode, Grant::RefreshToken],
        };
        let request = CreateClient {
            id: None,
            name: body.name,
            kind: match kind {
                Kind::Confidential => ClientKind::Confidential,
                Kind::Public => ClientKind::Public,
            },
            secret_hash: secret.as_deref().map(client_secret_hash),
            redirect_uris,
            scopes: body.scope.split_ascii_whitespace().map(str::to_owned).collect(),
            grant_types: body.grant_types.unwrap_or(default_grants).into_iter().map(grant_type).collect(),
            hotels: body.hotels.unwrap_or_default(),
        };
        let created = self.client.call(&caller.call(), request).await;
        let client = ClientBody::from(created.map_err(|failure| edge::api_error(failure, problem))?);
        Ok(NoStore(MadeClient { client_id: client.client_id.clone(), client_secret: secret, client }))
    }

    /// List clients
    ///
    /// Sorted by id, including revoked clients.
    #[oai(path = "/clients", method = "get", operation_id = "listClients")]
    async fn list(
        &self,
        #[oai(scope = "rest::scope::CLUSTER_READ")] caller: edge::SignedIn,
        limit: param::Query<Limit>,
        cursor: param::Query<Option<Cursor>>,
    ) -> Result<SerdeJson<Page<ClientBody>>, ApiError> {
        let list = "listClients";
        let after: Option<String> = self.cursors.decode(&list, cursor.0)?;
        let request = ListClients { after, limit: limit.get() as u32 };
        let page = self.client.call(&caller.call(), request).await;
        let page = page.map_err(|failure| edge::api_error(failure, problem))?;
        let next_cursor =
            page.clients.last().filter(|_| page.more).map(|last| self.cursors.encode(&list, &last.id));
        Ok(SerdeJson(Page { items: page.clients.into_iter().map(ClientBody::from).collect(), next_cursor }))
    }

    /// Get a client
    #[oai(path = "/clients/:client_id", method = "get", operation_id = "getClient")]
    async fn get(
        &self,
        #[oai(scope = "rest::scope::CLUSTER_READ")] caller: edge::SignedIn,
        /// The client's id
        client_id: param::Path<String>,
    ) -> Result<Json<ClientBody>, ApiError> {
        let found = self.client.call(&caller.call(), GetClient { client_id: client_id.0 }).await;
        found.map(|client| Json(client.into())).map_err(|failure| edge::api_error(failure, problem))
    }

    /// Rotate a client's secret
    ///
    /// The response contains the new secret, which cannot be read again. The previous secret stays valid for a while, so that
    /// the client's installations can be changed one after another. Tokens that were issued before stay valid until they
    /// expire, for at most 10 minutes.
    #[oai(path = "/clients/:client_id/secret", method = "post", operation_id = "rotateClientSecret")]
    async fn rotate(
        &self,
        #[oai(scope = "rest::scope::CLUSTER_MANAGE")] caller: edge::SignedIn,
        /// The client's id
        client_id: param::Path<String>,
        body: OptionalJson<SecretRotation>,
    ) -> Result<NoStore<MadeClient>, ApiError> {
        let secret = random_secret("sec_");
        let request = RotateClientSecret {
            client_id: client_id.0,
            secret_hash: client_secret_hash(&secret),
            overlap_secs: body.0.and_then(|body| body.overlap_secs).unwrap_or(OVERLAP_SECS),
        };
        let rotated = self.client.call(&caller.call(), request).await;
        let client = ClientBody::from(rotated.map_err(|failure| edge::api_error(failure, problem))?);
        Ok(NoStore(MadeClient { client_id: client.client_id.clone(), client_secret: Some(secret), client }))
    }

    /// Revoke a client
    ///
    /// This cannot be undone. The client's tokens become invalid within seconds. Refused for the client that the token of the
    /// request was issued to, and for the last client that can operate the cluster.
    #[oai(path = "/clients/:client_id", method = "delete", operation_id = "revokeClient")]
    async fn revoke(
        &self,
        #[oai(scope = "rest::scope::CLUSTER_MANAGE")] caller: edge::SignedIn,
        /// The client's id
        client_id: param::Path<String>,
    ) -> Result<NoContent, ApiError> {
        let revoked = self.client.call(&caller.call(), RevokeClient { client_id: client_id.0 }).await;
        revoked.map(|_| NoContent).map_err(|failure| edge::api_error(failure, problem))
    }
}

fn grant_type(grant: Grant) -> GrantType {
    match grant {
        Grant::AuthorizationCode => GrantType::AuthorizationCode,
        Grant::RefreshToken => GrantType::RefreshToken,
        Grant::ClientCredentials => GrantType::ClientCredentials,
        Grant::DeviceCode => GrantType::DeviceCode,
    }
}

impl From<ClientProfile> for ClientBody {
    fn from(profile: ClientProfile) -> Self {
        let grant = |grant: GrantType| match grant {
            GrantType::AuthorizationCode => Grant::AuthorizationCode,
            GrantType::RefreshToken => Grant::RefreshToken,
            GrantType::ClientCredentials => Grant::ClientCredentials,
            GrantType::DeviceCode => Grant::DeviceCode,
        };
        Self {
            client_id: profile.id,
            name: profile.name,
            kind: match profile.kind {
                ClientKind::Confidential => Kind::Confidential,
                ClientKind::Public => Kind::Public,
            },
            scope: profile.scopes.join(" "),
            grant_types: profile.grant_types.into_iter().map(grant).collect(),
            redirect_uris: profile.redirect_uris,
            hotels: profile.hotels,
            created_at: profile.created_at.into(),
            revoked_at: profile.revoked_at.map(Into::into),
            previous_secret_expires_at: profile.overlap_until.map(Into::into),
        }
    }
}

/// The problem for a refusal, for operations outside OAuth.
pub(super) fn problem(refusal: Refusal) -> Problem {
    match refusal {
        Refusal::Invalid { field, why } => {
            let field = if field.starts_with("scopes") { "scope".to_owned() } else { field };
            Problem::new(&problem_types::INVALID).field(format!("/{field}"), why)
        }
        Refusal::NoSuchClient => Problem::new(&problem_types::NOT_FOUND).detail("The client does not exist."),
        Refusal::ClientExists => {
            Problem::new(&problem_types::CONFLICT).detail("A client with this id exists.")
        }
        Refusal::InvalidClient
        | Refusal::InvalidGrant(_)
        | Refusal::UnauthorizedClient
        | Refusal::InvalidScope
        | Refusal::InvalidRedirect
        | Refusal::AccessDenied
        | Refusal::ExpiredToken
        | Refusal::NoSuchSession
        | Refusal::NoSuchDevice
        | Refusal::NoSuchService => {
            Problem::new(&problem_types::BAD_REQUEST).detail("The request was refused.")
        }
        Refusal::NoSuchKey => Problem::new(&problem_types::NOT_FOUND).detail("The key does not exist."),
        Refusal::LastKey => Problem::new(&LAST_KEY)
            .detail("Rotate keys first, and wait until the new key is active: a minute."),
        Refusal::ClientRevoked => {
            Problem::new(&CLIENT_REVOKED).detail("A revocation cannot be undone. Create another client.")
        }
        Refusal::NoSecret => {
            Problem::new(&NO_SECRET).detail("The client is public: it uses PKCE in place of a secret.")
        }
        Refusal::OwnClient => Problem::new(&OWN_CLIENT)
            .detail("Your token was issued to this client. Revoke it with the token of another client."),
        Refusal::LastOperator => Problem::new(&LAST_OPERATOR).detail(
            "Create another client with the scope cluster:manage and the grant type client_credentials first.",
        ),
        Refusal::TooManyAttempts(secs) => Problem::new(&problem_types::RATE_LIMITED).retry_after(secs),
        Refusal::NoKey => Problem::new(&problem_types::UNAVAILABLE).retry_after(1),
    }
}
