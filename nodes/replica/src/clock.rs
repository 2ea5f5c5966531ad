//! The actor that fires timers when they are due, and has old idempotency keys forgotten. It does so on the leader only.

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use group::Service;
use group::engine::{Entry, Verdict};
use protocol::Timestamp;
use ractor::{Actor, ActorProcessingErr, ActorRef};

use crate::core::Core;
use crate::settings::Limits;

/// How many rows of keys are forgotten in one entry.
const FORGOTTEN_ROWS_MAX: u16 = 64;
/// How often old keys are looked for.
const FORGET_EVERY: Duration = Duration::from_secs(60);
/// The wall clock is looked at so often while a timer is set: it may be put forward, or the machine sleep.
const LOOK_EVERY: Duration = Duration::from_secs(30);
/// The pause after a proposal failed.
const RETRY: Duration = Duration::from_millis(200);

/// What the clock is told.
#[derive(Debug)]
pub(crate) enum ClockMessage {
    /// This replica leads now, or no longer does.
    Leading(bool),
    /// A timer was set for then.
    Due(Timestamp),
    /// Time to look.
    Wake(u64),
    /// Time to forget.
    Forget,
}

impl ractor::Message for ClockMessage {}

/// See the module.
pub(crate) struct Clock<S>(PhantomData<fn() -> S>);

impl<S> Default for Clock<S> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

/// What the clock knows.
pub(crate) struct ClockState<S: Service> {
    core: Arc<Core<S>>,
    limits: Limits,
    leading: bool,
    next: Option<Timestamp>,
    /// Wakes of before the last change are stale.
    alarm: u64,
}

impl<S: Service> ClockState<S> {
    fn set(&mut self, myself: &ActorRef<ClockMessage>, next: Option<Timestamp>) {
        self.next = next;
        self.alarm += 1;
        if let Some(next) = next {
            let wait = next.millis().saturating_sub(Timestamp::wall_clock().millis()).max(0);
            let wait = Duration::from_millis(wait.unsigned_abs()).min(LOOK_EVERY);
            let alarm = self.alarm;
            myself.send_after(wait, move || ClockMessage::Wake(alarm));
        }
    }

    async fn fire(&mut self, myself: &ActorRef<ClockMessage>) {
        if self.next.is_none_or(|next| next > Timestamp::wall_clock()) {
            return self.set(myself, self.next);
        }
        match self.core.propose(&Entry::Fire { stamp: self.core.stamp() }).await {
            Ok(Verdict::More(true)) => self.set(myself, Some(Timestamp::default())),
            Ok(_) => match self.core.engine.next_timer() {
                Ok(next) => self.set(myself, next),
                Err(halt) => tracing::error!(group = %self.core.name, %halt, "timers cannot be read"),
            },
            Err(why) => {
                tracing::debug!(group = %self.core.name, %why, "timers wait");
                self.alarm += 1;
                let alarm = self.alarm;
                myself.send_after(RETRY, move || ClockMessage::Wake(alarm));
            }
        }
    }

    async fn forget(&self) {
        let hour = Timestamp::wall_clock().seconds() / 3600 - i64::from(self.limits.remembered_hours) - 1;
        let Ok(hour) = u32::try_from(hour) else { return };
        while matches!(self.core.engine.oldest_hour(), Ok(Some(oldest)) if oldest <= hour) {
            let entry = Entry::Forget { hour, rows_max: FORGOTTEN_ROWS_MAX };
            if !matches!(self.core.propose(&entry).await, Ok(Verdict::More(true))) {
                return;
            }
        }
    }
}

impl<S: Service> Actor for Clock<S> {
    type Msg = ClockMessage;
    type State = ClockState<S>;
    type Arguments = (Arc<Core<S>>, Limits);

    async fn pre_start(
        &self,
        myself: ActorRef<Self::Msg>,
        (core, limits): Self::Arguments,
    ) -> Result<Self::State, ActorProcessingErr> {
        myself.send_interval(FORGET_EVERY, || ClockMessage::Forget);
        Ok(ClockState { core, limits, leading: false, next: None, alarm: 0 })
    }

    async fn handle(
        &self,
        myself: ActorRef<Self::Msg>,
        message: Self::Msg,
        state: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            ClockMessage::Leading(leading) => {
                state.leading = leading;
                let next = if leading { state.core.engine.next_timer()? } else { None };
                state.set(&myself, next);
            }
            ClockMessage::Due(at) => {
                if state.leading && state.next.is_none_or(|next| at < next) {
                    state.set(&myself, Some(at));
                }
            }
            ClockMessage::Wake(alarm) => {
                if state.leading && alarm == state.alarm {
                    state.fire(&myself).await;
                }
            }
            ClockMessage::Forget => {
                if state.leading {
                    state.forget().await;
                }
            }
        }
        Ok(())
    }
}
