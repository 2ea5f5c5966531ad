//! What effects call other services with.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;

use super::{Call, Client, Unavailable};

/// Where a service gets the tokens with which it calls others.
pub trait Credentials: Send + Sync + 'static {
    /// A token of `svc:SERVICE`, acting for `on_behalf_of` if given.
    fn service_token<'a>(
        &'a self,
        service: &'a str,
        on_behalf_of: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Arc<str>, Unavailable>>;
}

/// What an effect is given: its stable name, and the means to call other services.
#[derive(Clone)]
pub struct EffectContext {
    /// The same at each attempt and after each restart: `reservations/0:1234:0`, behind the cluster's id.
    pub id: String,
    /// How often it was attempted before.
    pub attempt: u32,
    /// To call others with.
    pub client: Client,
    /// Whose effect it is.
    pub service: &'static str,
    /// Where [`EffectContext::call`] gets its tokens.
    pub credentials: Arc<dyn Credentials>,
}

impl EffectContext {
    /// A call of this service in its own name.
    ///
    /// # Errors
    /// When no token can be had now.
    pub async fn call(&self, timeout: Duration) -> Result<Call, Unavailable> {
        Ok(Call::bearer(self.credentials.service_token(self.service, None).await?, timeout))
    }

    /// A call of this service for somebody.
    ///
    /// # Errors
    /// When no token can be had now.
    pub async fn call_for(&self, on_behalf_of: &str, timeout: Duration) -> Result<Call, Unavailable> {
        Ok(Call::bearer(self.credentials.service_token(self.service, Some(on_behalf_of)).await?, timeout))
    }
}
