//! OAuth clients, for operators: what `auberge client` calls.

use ::token::random_secret;
use contracts::auth::{
    Answer, Auth, ClientKind, ClientProfile, Command, GrantType, NewClient, Query, Refusal, Reply,
    client_secret_hash,
};
use edge::{
    ApiError, Cursor, Cursors, Instant, Json, Limit, NoContent, Page, Problem, SerdeJson, problem_types,
};
use group::Client as Groups;
use poem_openapi::{Enum, Object, OpenApi, param};
use serde::Serialize;

use super::Tag;
use super::responses::NoStore;

pub(super) struct Clients {
    pub client: Groups,
    pub cursors: Cursors,
}

/// Whether a client can keep a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum, Serialize)]
#[oai(rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Has a secret.
    Confidential,
    /// Runs where its users can look inside: no secret, PKCE.
    Public,
}

/// How a client may come by tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum, Serialize)]
#[oai(rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum Grant {
    /// A person signs in and agrees (RFC 6749 §4.1).
    AuthorizationCode,
    /// And need not do so again (RFC 6749 §6).
    RefreshToken,
    /// In the client's own name (RFC 6749 §4.4).
    ClientCredentials,
    /// A person agrees elsewhere (RFC 8628).
    DeviceCode,
}

/// A client to be made.
#[derive(Debug, Clone, Object)]
pub struct NewClientBody {
    /// What people are shown when they are asked to agree.
    #[oai(validator(min_length = 1, max_length = 100))]
    pub name: String,
    /// The most that it can have, separated by spaces.
    #[oai(validator(min_length = 1, max_length = 500))]
    pub scope: String,
    /// `confidential` unless said otherwise.
    pub kind: Option<Kind>,
    /// How it may come by tokens. Without this: `client_credentials` without redirect URIs,
    /// `authorization_code` and `refresh_token` with some.
    #[oai(validator(max_items = 4))]
    pub grant_types: Option<Vec<Grant>>,
    /// Where browsers may be sent back to.
    #[oai(validator(max_items = 10))]
    pub redirect_uris: Option<Vec<String>>,
    /// The hotels that its own tokens are bound to; none: unbound.
    #[oai(validator(max_items = 100))]
    pub hotels: Option<Vec<String>>,
}

/// A client.
#[derive(Debug, Clone, Object, Serialize)]
pub struct ClientBody {
    /// Its id.
    pub client_id: String,
    /// What people are shown when they are asked to agree.
    pub name: String,
    /// Whether it has a secret.
    pub kind: Kind,
    /// The most that it can have, separated by spaces.
    pub scope: String,
    /// How it may come by tokens.
    pub grant_types: Vec<Grant>,
    /// Where browsers may be sent back to.
    pub redirect_uris: Vec<String>,
    /// The hotels that its own tokens are bound to.
    pub hotels: Vec<String>,
    /// When it was made.
    pub created_at: Instant,
    /// Void since.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Instant>,
}

/// A client that was made just now.
#[derive(Debug, Clone, Object)]
pub struct MadeClient {
    /// Its id.
    pub client_id: String,
    /// Its secret, shown this once; none for public clients.
    #[oai(skip_serializing_if_is_none)]
    pub client_secret: Option<String>,
    /// The client.
    pub client: ClientBody,
}

#[OpenApi(prefix_path = "/v1", tag = "Tag::Clients")]
impl Clients {
    /// Make a client
    ///
    /// Its secret is shown this once, which is why there is no `Idempotency-Key` here: a repeated answer would have to
    /// be kept somewhere. Revoke what was made twice.
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
        let usual = match redirect_uris.is_empty() {
            true => vec![Grant::ClientCredentials],
            false => vec![Grant::AuthorizationCode, Grant::RefreshToken],
        };
        let new = NewClient {
            id: None,
            name: body.name,
            kind: match kind {
                Kind::Confidential => ClientKind::Confidential,
                Kind::Public => ClientKind::Public,
            },
            secret_hash: secret.as_deref().map(client_secret_hash),
            redirect_uris,
            scopes: body.scope.split_ascii_whitespace().map(str::to_owned).collect(),
            grant_types: body.grant_types.unwrap_or(usual).into_iter().map(grant_type).collect(),
            hotels: body.hotels.unwrap_or_default(),
        };
        let made = self.client.command::<Auth>(&caller.call(), Command::CreateClient(new)).await;
        match made.map_err(|failure| edge::api_error(failure, problem))? {
            Reply::Client(profile) => {
                let client = ClientBody::from(profile);
                Ok(NoStore(MadeClient { client_id: client.client_id.clone(), client_secret: secret, client }))
            }
            _ => Err(ApiError::unavailable(1)),
        }
    }

    /// Clients
    ///
    /// By id, revoked ones included.
    #[oai(path = "/clients", method = "get", operation_id = "listClients")]
    async fn list(
        &self,
        #[oai(scope = "rest::scope::CLUSTER_READ")] caller: edge::SignedIn,
        limit: param::Query<Limit>,
        cursor: param::Query<Option<Cursor>>,
    ) -> Result<SerdeJson<Page<ClientBody>>, ApiError> {
        let list = "listClients";
        let after: Option<String> = self.cursors.decode(&list, cursor.0)?;
        let query = Query::Clients { after, limit: limit.get() as u32 };
        let found = self.client.query::<Auth>(&caller.call(), query).await;
        let Answer::Clients { clients, more } = found.map_err(|failure| edge::api_error(failure, problem))?
        else {
            return Err(ApiError::unavailable(1));
        };
        let next_cursor = clients.last().filter(|_| more).map(|last| self.cursors.encode(&list, &last.id));
        Ok(SerdeJson(Page { items: clients.into_iter().map(ClientBody::from).collect(), next_cursor }))
    }

    /// One client
    #[oai(path = "/clients/:client_id", method = "get", operation_id = "getClient")]
    async fn get(
        &self,
        #[oai(scope = "rest::scope::CLUSTER_READ")] caller: edge::SignedIn,
        /// The client's id
        client_id: param::Path<String>,
    ) -> Result<Json<ClientBody>, ApiError> {
        let query = Query::Client { client_id: client_id.0 };
        let found = self.client.query::<Auth>(&caller.call(), query).await;
        match found.map_err(|failure| edge::api_error(failure, problem))? {
            Answer::Client(profile) => Ok(Json(profile.into())),
            _ => Err(ApiError::unavailable(1)),
        }
    }

    /// Revoke a client
    ///
    /// For good: its tokens are void within seconds, and it gets no others.
    #[oai(path = "/clients/:client_id", method = "delete", operation_id = "revokeClient")]
    async fn revoke(
        &self,
        #[oai(scope = "rest::scope::CLUSTER_MANAGE")] caller: edge::SignedIn,
        /// The client's id
        client_id: param::Path<String>,
    ) -> Result<NoContent, ApiError> {
        let command = Command::RevokeClient { client_id: client_id.0 };
        let revoked = self.client.command::<Auth>(&caller.call(), command).await;
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
        }
    }
}

/// A refusal as a problem, for the operations that are not OAuth's.
pub(super) fn problem(refusal: Refusal) -> Problem {
    match refusal {
        Refusal::Invalid { field, why } => {
            let field = if field.starts_with("scopes") { "scope".to_owned() } else { field };
            Problem::new(&problem_types::INVALID).field(format!("/{field}"), why)
        }
        Refusal::NoSuchClient => Problem::new(&problem_types::NOT_FOUND).detail("There is no such client."),
        Refusal::ClientExists => {
            Problem::new(&problem_types::CONFLICT).detail("There is a client with this id.")
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
        | Refusal::NoSuchKey
        | Refusal::LastKey
        | Refusal::NoSuchService => {
            Problem::new(&problem_types::BAD_REQUEST).detail("The request was refused.")
        }
        Refusal::NoKey => Problem::new(&problem_types::UNAVAILABLE).retry_after(1),
    }
}
