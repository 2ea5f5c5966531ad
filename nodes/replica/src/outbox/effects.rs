//! The effects of any service, so that the outbox is compiled once and not once a service.

use std::marker::PhantomData;
use std::sync::Arc;

use futures::future::BoxFuture;
use group::{EffectContext, Effects, Outcome, Service};
use protocol::codec;

/// The [`Effects`] of any service: an encoded effect in, an encoded command out.
pub(crate) trait AnyEffects: Send + Sync {
    fn perform<'a>(&'a self, context: &'a EffectContext, effect: &'a [u8])
    -> BoxFuture<'a, Outcome<Vec<u8>>>;
}

/// The effects of one service as [`AnyEffects`].
pub(crate) struct TypedEffects<S, E>(Arc<E>, PhantomData<fn() -> S>);

impl<S, E> TypedEffects<S, E> {
    pub fn new(effects: Arc<E>) -> Self {
        Self(effects, PhantomData)
    }
}

impl<S: Service, E: Effects<S>> AnyEffects for TypedEffects<S, E> {
    fn perform<'a>(
        &'a self,
        context: &'a EffectContext,
        effect: &'a [u8],
    ) -> BoxFuture<'a, Outcome<Vec<u8>>> {
        Box::pin(async move {
            let effect = match codec::decode(effect) {
                Ok(effect) => effect,
                Err(unreadable) => return Outcome::Poison(unreadable.to_string()),
            };
            match self.0.perform(context, effect).await {
                Outcome::Done => Outcome::Done,
                Outcome::Report(command) => Outcome::Report(codec::encode(&command)),
                Outcome::Retry(why) => Outcome::Retry(why),
                Outcome::Poison(why) => Outcome::Poison(why),
            }
        })
    }
}
