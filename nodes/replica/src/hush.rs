//! Whether this node's outboxes may send: not while a backup fixes its moment. What was begun before is waited for.
//!
//! A pause has a lease: whoever asked for it may be gone, and deliveries resume all the same. One that is over stays over:
//! what was asked for before that and comes late changes nothing.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::news::News;

/// So many that are over are remembered: far more than could be on their way.
const OVER_KEPT_MAX: usize = 256;

/// See the module. One for all outboxes of a node.
#[derive(Debug, Default)]
pub(crate) struct Hush {
    held: Mutex<Held>,
    /// Something ended.
    ended: News,
}

#[derive(Debug, Default)]
struct Held {
    pause: Option<Pause>,
    /// Whose pauses are over, the oldest first.
    over: VecDeque<u128>,
    deliveries: usize,
    effects: usize,
}

#[derive(Debug, Clone, Copy)]
struct Pause {
    by: u128,
    until: Instant,
}

/// Why there is no pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Denied {
    /// Somebody else has it so now.
    Another,
    /// It was ended already.
    Over,
}

/// What an outbox begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    Delivery,
    Effect,
}

/// Something is under way as long as this is held.
#[derive(Debug)]
pub(crate) struct UnderWay {
    hush: Arc<Hush>,
    work: Work,
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        {
            let mut held = self.hush.held();
            *held.count(self.work) -= 1;
        }
        self.hush.ended.tell();
    }
}

impl Held {
    fn count(&mut self, work: Work) -> &mut usize {
        match work {
            Work::Delivery => &mut self.deliveries,
            Work::Effect => &mut self.effects,
        }
    }

    /// The pause that is in force.
    fn paused(&self) -> Option<Pause> {
        self.pause.filter(|pause| Instant::now() < pause.until)
    }
}

impl Hush {
    /// Something may begin, unless nothing may.
    pub fn begin(self: &Arc<Self>, work: Work) -> Option<UnderWay> {
        let mut held = self.held();
        if held.paused().is_some() {
            return None;
        }
        *held.count(work) += 1;
        Some(UnderWay { hush: Arc::clone(self), work })
    }

    /// Nothing begins any more, for at most `lease`. Refused while somebody else has it so.
    pub fn pause(&self, by: u128, lease: Duration) -> Result<(), Denied> {
        let mut held = self.held();
        if held.over.contains(&by) {
            return Err(Denied::Over);
        }
        if held.paused().is_some_and(|pause| pause.by != by) {
            return Err(Denied::Another);
        }
        held.pause = Some(Pause { by, until: Instant::now() + lease });
        Ok(())
    }

    /// Whether it still is as `by` has said.
    pub fn is_paused_by(&self, by: u128) -> bool {
        self.held().paused().is_some_and(|pause| pause.by == by)
    }

    /// Ends the pause of `by` for good, run out or not, begun or not. Says whether there was one: outboxes are to be told
    /// then.
    pub fn end(&self, by: u128) -> bool {
        let mut held = self.held();
        if !held.over.contains(&by) {
            if held.over.len() == OVER_KEPT_MAX {
                held.over.pop_front();
            }
            held.over.push_back(by);
        }
        held.pause.take_if(|pause| pause.by == by).is_some()
    }

    /// Returns once nothing of this kind is under way; `false` when that takes too long.
    pub async fn quiet(&self, work: Work, at_most: Duration) -> bool {
        let mut ended = self.ended.subscribe();
        let quiet = async {
            loop {
                if *self.held().count(work) == 0 {
                    return;
                }
                if ended.changed().await.is_err() {
                    return;
                }
            }
        };
        tokio::time::timeout(at_most, quiet).await.is_ok()
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(30);
    const SHORT: Duration = Duration::from_millis(20);

    #[tokio::test]
    async fn nothing_begins_in_a_pause_and_what_was_begun_is_waited_for() {
        let hush = Arc::new(Hush::default());
        let begun = hush.begin(Work::Delivery).unwrap();
        assert_eq!(hush.pause(7, LONG), Ok(()));
        assert_eq!(hush.pause(7, LONG), Ok(()), "again is the same");
        assert_eq!(hush.pause(8, LONG), Err(Denied::Another), "one at a time");
        assert!(hush.begin(Work::Delivery).is_none() && hush.begin(Work::Effect).is_none());
        assert!(!hush.quiet(Work::Delivery, SHORT).await);
        assert!(hush.quiet(Work::Effect, SHORT).await);
        let waiting = Arc::clone(&hush);
        let quiet = tokio::spawn(async move { waiting.quiet(Work::Delivery, LONG).await });
        drop(begun);
        assert!(quiet.await.unwrap());
        assert!(!hush.end(9) && hush.is_paused_by(7), "that is another's");
        assert!(hush.end(7) && !hush.end(7));
        assert!(hush.begin(Work::Effect).is_some());
    }

    #[tokio::test]
    async fn a_pause_runs_out() {
        let hush = Arc::new(Hush::default());
        assert_eq!(hush.pause(7, SHORT), Ok(()));
        tokio::time::sleep(SHORT * 2).await;
        assert!(!hush.is_paused_by(7) && hush.begin(Work::Delivery).is_some());
        assert_eq!(hush.pause(8, LONG), Ok(()), "nobody has to say that it is over");
        assert!(!hush.end(7) && hush.is_paused_by(8), "who comes late ends its own only");
        assert!(hush.end(8));
    }

    #[test]
    fn what_is_over_does_not_come_back() {
        let hush = Arc::new(Hush::default());
        // The word that it is over may overtake the word that it begins.
        assert!(!hush.end(7));
        assert_eq!(hush.pause(7, LONG), Err(Denied::Over));
        assert_eq!(hush.pause(8, LONG), Ok(()));
        assert!(hush.end(8));
        assert_eq!(hush.pause(8, LONG), Err(Denied::Over));
        // Of all that ever were, the last ones are known.
        for by in 100..100 + OVER_KEPT_MAX as u128 {
            assert!(!hush.end(by) && !hush.end(by));
        }
        assert_eq!(hush.held().over.len(), OVER_KEPT_MAX);
        assert_eq!(hush.pause(100, LONG), Err(Denied::Over));
        assert!(hush.begin(Work::Delivery).is_some());
    }
}
