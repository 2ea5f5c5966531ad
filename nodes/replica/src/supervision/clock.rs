//! The actor that fires due timers and deletes expired idempotency keys. It is active on the leader only.

use std::sync::Arc;
use std::time::Duration;

use group::engine::{Entry, KernelResult};
use protocol::Timestamp;
use ractor::{Actor, ActorProcessingErr, ActorRef};

use crate::calls::core::Core;
use crate::limits::Limits;

/// Rows of idempotency keys that one entry deletes.
const EXPIRED_ROWS_MAX: u16 = 64;
/// How often expired keys are deleted.
const EXPIRE_EVERY: Duration = Duration::from_secs(60);
/// While a timer is set, the wall clock is read at least this often: it may be adjusted, or the machine may sleep.
const CHECK_EVERY: Duration = Duration::from_secs(30);
/// The pause after a proposal failed.
const RETRY: Duration = Duration::from_millis(200);

#[derive(Debug)]
pub(crate) enum ClockMessage {
    /// Whether this replica leads.
    Leading(bool),
    /// A timer was scheduled for this time.
    Due(Timestamp),
    /// Fire due timers, if the alarm is the current one.
    Wake(u64),
    /// Delete expired idempotency keys.
    Expire,
}

impl ractor::Message for ClockMessage {}

pub(crate) struct Clock;

pub(crate) struct ClockState {
    core: Arc<Core>,
    limits: Limits,
    leading: bool,
    next: Option<Timestamp>,
    /// Number of the current alarm. Messages of earlier alarms are ignored.
    alarm: u64,
}

impl ClockState {
    fn set(&mut self, myself: &ActorRef<ClockMessage>, next: Option<Timestamp>) {
        self.next = next;
        self.alarm += 1;
        if let Some(next) = next {
            let wait = next.millis().saturating_sub(Timestamp::wall_clock().millis()).max(0);
            let wait = Duration::from_millis(wait.unsigned_abs()).min(CHECK_EVERY);
            let alarm = self.alarm;
            myself.send_after(wait, move || ClockMessage::Wake(alarm));
        }
    }

    async fn fire(&mut self, myself: &ActorRef<ClockMessage>) {
        if self.next.is_none_or(|next| next > Timestamp::wall_clock()) {
            return self.set(myself, self.next);
        }
        match self.core.propose(&Entry::Fire { stamp: self.core.stamp() }).await {
            Ok(KernelResult::More(true)) => self.set(myself, Some(Timestamp::default())),
            Ok(_) => match self.core.engine.next_timer() {
                Ok(next) => self.set(myself, next),
                Err(halt) => tracing::error!(group = %self.core.name, %halt, "reading the timers failed"),
            },
            Err(why) => {
                tracing::debug!(group = %self.core.name, %why, "firing timers failed, retrying");
                self.alarm += 1;
                let alarm = self.alarm;
                myself.send_after(RETRY, move || ClockMessage::Wake(alarm));
            }
        }
    }

    async fn expire_keys(&self) {
        let hour = Timestamp::wall_clock().seconds() / 3600 - i64::from(self.limits.remembered_hours) - 1;
        let Ok(hour) = u32::try_from(hour) else { return };
        while matches!(self.core.engine.oldest_hour(), Ok(Some(oldest)) if oldest <= hour) {
            let entry = Entry::Forget { hour, rows_max: EXPIRED_ROWS_MAX };
            if !matches!(self.core.propose(&entry).await, Ok(KernelResult::More(true))) {
                return;
            }
        }
    }
}

impl Actor for Clock {
    type Msg = ClockMessage;
    type State = ClockState;
    type Arguments = (Arc<Core>, Limits);

    async fn pre_start(
        &self,
        myself: ActorRef<Self::Msg>,
        (core, limits): Self::Arguments,
    ) -> Result<Self::State, ActorProcessingErr> {
        myself.send_interval(EXPIRE_EVERY, || ClockMessage::Expire);
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
            ClockMessage::Expire => {
                if state.leading {
                    state.expire_keys().await;
                }
            }
        }
        Ok(())
    }
}
