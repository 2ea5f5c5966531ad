//! What the kernel provides to effects.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;

use super::{Call, Client, Unavailable, Why};
use crate::view::View;

/// Issues the tokens with which a service calls others.
pub trait Credentials: Send + Sync + 'static {
    /// A token of `svc:SERVICE`, on behalf of `on_behalf_of` if given.
    fn service_token<'a>(
        &'a self,
        service: &'a str,
        on_behalf_of: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Arc<str>, Unavailable>>;
}

/// Reads the state of the replica that performs an effect. See [`EffectContext::read`].
pub trait StateReader: Send + Sync + 'static {
    /// Returns once the state includes everything that was acknowledged before this call.
    ///
    /// # Errors
    /// When this replica does not lead.
    fn barrier(&self) -> BoxFuture<'_, Result<(), Unavailable>>;

    /// Calls `read` once, with one consistent version of the state, where blocking is allowed.
    ///
    /// # Errors
    /// When the state cannot be read now.
    fn read(&self, read: &mut dyn FnMut(&View<'_>)) -> Result<(), Unavailable>;
}

/// The context of an effect: its stable id, its own group's state, and the means to call other services.
#[derive(Clone)]
pub struct EffectContext {
    /// The same for each attempt and after each restart: the epoch of the cluster, the group and the outbox row, as in
    /// `1/reservations/0:1234`.
    pub id: String,
    /// The number of earlier attempts.
    pub attempt: u32,
    /// Calls other services.
    pub client: Client,
    /// The service whose effect it is.
    pub service: &'static str,
    /// Issues the tokens of [`EffectContext::call`].
    pub credentials: Arc<dyn Credentials>,
    /// The state of the group whose effect it is.
    pub state: Arc<dyn StateReader>,
}

impl EffectContext {
    /// A call in the service's own name.
    ///
    /// # Errors
    /// When no token is available now.
    pub async fn call(&self, timeout: Duration) -> Result<Call, Unavailable> {
        Ok(Call::bearer(self.credentials.service_token(self.service, None).await?, timeout))
    }

    /// A call of the service on behalf of somebody.
    ///
    /// # Errors
    /// When no token is available now.
    pub async fn call_for(&self, on_behalf_of: &str, timeout: Duration) -> Result<Call, Unavailable> {
        Ok(Call::bearer(self.credentials.service_token(self.service, Some(on_behalf_of)).await?, timeout))
    }

    /// Reads one consistent version of the effect's own group: at least as new as the turn that created the effect, and as
    /// everything that was acknowledged before this call. Keep `read` short: no batch is committed while it runs.
    ///
    /// # Errors
    /// When this replica does not lead any more, or its state cannot be read: retry the effect.
    pub async fn read<T: Send>(&self, read: impl FnOnce(&View<'_>) -> T + Send) -> Result<T, Unavailable> {
        self.state.barrier().await?;
        let mut read = Some(read);
        let mut result = None;
        self.state.read(&mut |view| result = read.take().map(|read| read(view)))?;
        result.ok_or_else(|| Unavailable::new(Why::NoLeader))
    }
}
