//! The API: OAuth's endpoints, the pages that people see of it, and clients for operators.

mod authorize;
mod client_authentication;
mod clients;
mod device;
mod discovery;
mod error;
mod form;
mod pages;
mod redirect;
mod responses;
mod sign_in;
mod token;

use std::sync::Arc;

use ::token::{ClusterKey, LinkKey, Seal};
use contracts::auth::{Auth, Command, Query, Refusal, Reply, access_token_id};
use edge::Cursors;
use edge::csrf::Csrf;
use edge::rate_limit::SignInLimiter;
use group::{Call, Client, Credentials, Failure};
use poem_openapi::{OpenApi, Tags};
use render::Renderer;

use crate::credentials::half;

#[derive(Tags)]
enum Tag {
    /// OAuth 2: tokens, and where to get them
    OAuth,
    /// OAuth clients, for operators
    Clients,
}

/// What every part of the API needs.
pub(crate) struct Context {
    client: Client,
    credentials: Arc<dyn Credentials>,
    /// Without a slash at its end: the issuer.
    public_url: String,
    csrf: Csrf,
    /// Authorization requests, between the page that shows one and the form that decides it.
    requests: Seal,
    /// Tags of the codes that people type for devices: too short to be hashed without a key.
    user_codes: LinkKey,
    sign_ins: Arc<SignInLimiter>,
    pages: Renderer,
}

/// The API of `auth`. `credentials` yields the tokens of `svc:auth`; `sign_ins` is shared with the UI, so that failed
/// attempts count wherever they are made.
///
/// # Panics
/// When a template of this crate does not compile: a mistake in the program.
pub fn api(
    client: Client,
    credentials: Arc<dyn Credentials>,
    cluster: &ClusterKey,
    public_url: &str,
    sign_ins: Arc<SignInLimiter>,
    cursors: Cursors,
) -> impl OpenApi + use<> {
    let context = Arc::new(Context {
        client: client.clone(),
        credentials,
        public_url: public_url.trim_end_matches('/').to_owned(),
        csrf: Csrf::new(cluster.derive_bytes("auth forms").as_slice()),
        requests: cluster.seal("authorization request"),
        user_codes: cluster.links("device user code"),
        sign_ins,
        pages: pages::renderer(),
    });
    (
        authorize::Authorize { context: Arc::clone(&context) },
        device::Device { context: Arc::clone(&context) },
        token::Tokens { context: Arc::clone(&context) },
        discovery::Discovery { context },
        clients::Clients { client, cursors },
    )
}

impl Context {
    /// A call of `svc:auth`, with the request's id and deadline.
    async fn call(&self, request: &poem::Request) -> Result<Call, Failure<Refusal>> {
        let token = self.credentials.service_token("auth", None).await?;
        Ok(edge::Caller::with_token(request, Some(token)).call())
    }

    async fn command(&self, call: &Call, command: Command) -> Result<Reply, Failure<Refusal>> {
        self.client.command::<Auth>(call, command).await
    }

    async fn query(&self, call: &Call, query: Query) -> Result<contracts::auth::Answer, Failure<Refusal>> {
        self.client.query::<Auth>(call, query).await
    }
}

/// A new access token's id.
fn fresh_token_id() -> String {
    access_token_id(u128::from_be_bytes(half(::token::random_bytes())))
}
