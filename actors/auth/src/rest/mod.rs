//! The API: OAuth endpoints, consent pages, and the management of clients.

mod authorize;
mod client_authentication;
mod clients;
mod device;
mod discovery;
mod error;
mod form;
mod keys;
mod pages;
mod redirect;
mod responses;
mod sign_in;
mod token;

use std::sync::Arc;

use ::token::{ClusterKey, LinkKey, Seal};
use contracts::auth::{Refusal, access_token_id};
use edge::Cursors;
use edge::csrf::Csrf;
use group::{Call, Client, Credentials, Failure};
use poem_openapi::{OpenApi, Tags};
use render::Renderer;
use rest::attempts::AttemptLimits;

pub use clients::PROBLEMS;

use crate::credentials::half;

#[derive(Tags)]
enum Tag {
    /// OAuth 2 endpoints
    OAuth,
    /// OAuth clients, for operators
    Clients,
    /// Signing keys, for operators
    Keys,
}

/// Dependencies and state of the OAuth endpoints.
pub(crate) struct Context {
    client: Client,
    credentials: Arc<dyn Credentials>,
    /// The issuer, without a trailing slash.
    public_url: String,
    csrf: Csrf,
    /// Seals authorization requests into the form of the consent page.
    requests: Seal,
    /// Tags user codes, which are too short to be hashed without a key.
    user_codes: LinkKey,
    attempts: AttemptLimits,
    pages: Renderer,
}

/// The API of `auth`. `credentials` issue the tokens of `svc:auth`. The pages use the same `attempts`, so that failed
/// sign-ins are counted together.
///
/// # Panics
/// When a template of this crate does not compile, which is a bug.
pub fn api(
    client: Client,
    credentials: Arc<dyn Credentials>,
    cluster: &ClusterKey,
    public_url: &str,
    attempts: AttemptLimits,
    cursors: Cursors,
) -> impl OpenApi + use<> {
    let context = Arc::new(Context {
        client: client.clone(),
        credentials,
        public_url: public_url.trim_end_matches('/').to_owned(),
        csrf: Csrf::new(cluster.derive_bytes("auth forms").as_slice()),
        requests: cluster.seal("authorization request"),
        user_codes: cluster.links("device user code"),
        attempts,
        pages: pages::renderer(),
    });
    (
        authorize::Authorize { context: Arc::clone(&context) },
        device::Device { context: Arc::clone(&context) },
        token::Tokens { context: Arc::clone(&context) },
        discovery::Discovery { context },
        clients::Clients { client: client.clone(), cursors },
        keys::Keys { client },
    )
}

impl Context {
    /// A call as `svc:auth`, with the id and deadline of the request.
    async fn call(&self, request: &poem::Request) -> Result<Call, Failure<Refusal>> {
        let token = self.credentials.service_token("auth", None).await?;
        Ok(edge::Caller::with_token(request, Some(token)).call())
    }
}

/// A random access token id.
fn fresh_token_id() -> String {
    access_token_id(u128::from_be_bytes(half(::token::random_bytes())))
}
