//! Pauses the deliveries and effects of all outboxes of a node, while a cluster snapshot is taken.
//!
//! A pause has a lease, so that deliveries resume even if its owner is lost. A pause that has ended cannot be started
//! again: requests of its owner that arrive late have no effect.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::change_notifier::ChangeNotifier;

/// How many ended pauses are remembered: far more than can have requests on their way.
const ENDED_KEPT_MAX: usize = 256;

/// One for all outboxes of a node.
#[derive(Debug, Default)]
pub(crate) struct DeliveryPause {
    state: Mutex<PauseState>,
    /// Notified when work in flight has ended.
    ended: ChangeNotifier,
}

#[derive(Debug, Default)]
struct PauseState {
    current: Option<Pause>,
    /// Owners whose pauses have ended, the oldest first.
    ended: VecDeque<u128>,
    deliveries: usize,
    effects: usize,
}

#[derive(Debug, Clone, Copy)]
struct Pause {
    owner: u128,
    until: Instant,
}

/// Why a pause was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PauseError {
    /// Another owner has a pause.
    OtherOwner,
    /// The owner's pause has ended already.
    Ended,
}

/// What an outbox starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    Delivery,
    Effect,
}

/// Counts as work in flight until it is dropped.
#[derive(Debug)]
pub(crate) struct InFlight {
    pause: Arc<DeliveryPause>,
    work: Work,
}

impl Drop for InFlight {
    fn drop(&mut self) {
        {
            let mut state = self.pause.state();
            *state.count(self.work) -= 1;
        }
        self.pause.ended.notify();
    }
}

impl PauseState {
    fn count(&mut self, work: Work) -> &mut usize {
        match work {
            Work::Delivery => &mut self.deliveries,
            Work::Effect => &mut self.effects,
        }
    }

    /// The current pause, unless its lease has expired.
    fn active(&self) -> Option<Pause> {
        self.current.filter(|pause| Instant::now() < pause.until)
    }
}

impl DeliveryPause {
    /// Starts work, unless there is a pause.
    pub fn begin(self: &Arc<Self>, work: Work) -> Option<InFlight> {
        let mut state = self.state();
        if state.active().is_some() {
            return None;
        }
        *state.count(work) += 1;
        Some(InFlight { pause: Arc::clone(self), work })
    }

    /// Prevents work from starting, for at most `lease`. The owner of a pause may extend it.
    pub fn pause(&self, owner: u128, lease: Duration) -> Result<(), PauseError> {
        let mut state = self.state();
        if state.ended.contains(&owner) {
            return Err(PauseError::Ended);
        }
        if state.active().is_some_and(|pause| pause.owner != owner) {
            return Err(PauseError::OtherOwner);
        }
        state.current = Some(Pause { owner, until: Instant::now() + lease });
        Ok(())
    }

    /// Whether the pause of `owner` is in force.
    pub fn is_paused_by(&self, owner: u128) -> bool {
        self.state().active().is_some_and(|pause| pause.owner == owner)
    }

    /// Ends the pause of `owner` for good, whether or not it has started or expired. Returns whether there was one: the
    /// outboxes must be resumed then.
    pub fn end(&self, owner: u128) -> bool {
        let mut state = self.state();
        if !state.ended.contains(&owner) {
            if state.ended.len() == ENDED_KEPT_MAX {
                state.ended.pop_front();
            }
            state.ended.push_back(owner);
        }
        state.current.take_if(|pause| pause.owner == owner).is_some()
    }

    /// Waits until no work of this kind is in flight. Returns `false` after `timeout`.
    pub async fn wait_idle(&self, work: Work, timeout: Duration) -> bool {
        let mut ended = self.ended.subscribe();
        let idle = async {
            loop {
                if *self.state().count(work) == 0 {
                    return;
                }
                if ended.changed().await.is_err() {
                    return;
                }
            }
        };
        tokio::time::timeout(timeout, idle).await.is_ok()
    }

    fn state(&self) -> MutexGuard<'_, PauseState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(30);
    const SHORT: Duration = Duration::from_millis(20);

    #[tokio::test]
    async fn no_work_starts_in_a_pause_and_work_in_flight_is_waited_for() {
        let pause = Arc::new(DeliveryPause::default());
        let in_flight = pause.begin(Work::Delivery).unwrap();
        assert_eq!(pause.pause(7, LONG), Ok(()));
        assert_eq!(pause.pause(7, LONG), Ok(()), "a repeated request succeeds");
        assert_eq!(pause.pause(8, LONG), Err(PauseError::OtherOwner), "one owner at a time");
        assert!(pause.begin(Work::Delivery).is_none() && pause.begin(Work::Effect).is_none());
        assert!(!pause.wait_idle(Work::Delivery, SHORT).await);
        assert!(pause.wait_idle(Work::Effect, SHORT).await);
        let waiting = Arc::clone(&pause);
        let idle = tokio::spawn(async move { waiting.wait_idle(Work::Delivery, LONG).await });
        drop(in_flight);
        assert!(idle.await.unwrap());
        assert!(!pause.end(9) && pause.is_paused_by(7), "another owner cannot end it");
        assert!(pause.end(7) && !pause.end(7));
        assert!(pause.begin(Work::Effect).is_some());
    }

    #[tokio::test]
    async fn a_pause_expires() {
        let pause = Arc::new(DeliveryPause::default());
        assert_eq!(pause.pause(7, SHORT), Ok(()));
        tokio::time::sleep(SHORT * 2).await;
        assert!(!pause.is_paused_by(7) && pause.begin(Work::Delivery).is_some());
        assert_eq!(pause.pause(8, LONG), Ok(()), "an expired pause does not block another owner");
        assert!(!pause.end(7) && pause.is_paused_by(8), "a late end concerns its own pause only");
        assert!(pause.end(8));
    }

    #[test]
    fn an_ended_pause_cannot_start_again() {
        let pause = Arc::new(DeliveryPause::default());
        // The end may arrive before the start.
        assert!(!pause.end(7));
        assert_eq!(pause.pause(7, LONG), Err(PauseError::Ended));
        assert_eq!(pause.pause(8, LONG), Ok(()));
        assert!(pause.end(8));
        assert_eq!(pause.pause(8, LONG), Err(PauseError::Ended));
        // Only the latest are remembered.
        for owner in 100..100 + ENDED_KEPT_MAX as u128 {
            assert!(!pause.end(owner) && !pause.end(owner));
        }
        assert_eq!(pause.state().ended.len(), ENDED_KEPT_MAX);
        assert_eq!(pause.pause(100, LONG), Err(PauseError::Ended));
        assert!(pause.begin(Work::Delivery).is_some());
    }
}
