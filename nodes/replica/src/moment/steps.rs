//! What nodes tell each other while a moment is fixed, and how each takes its steps.

use std::sync::Arc;

use contract::{Timestamp, codec};
use serde::{Deserialize, Serialize};

use super::DIRECTORY;
use crate::node::Node;

/// A step on its way, with a token that shows who says so.
#[derive(Serialize, Deserialize)]
pub(super) struct Order {
    pub token: String,
    /// Which backup it is for.
    pub backup: u128,
    pub step: Step,
}

/// See [`super`]. Doing one again when it is done is success.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Step {
    /// Begin no delivery and no effect, and return when no delivery is under way.
    Pause,
    /// Take nothing into these groups any more, which this node leads, and pin them.
    Fix { groups: Vec<String> },
    /// Say whether the pinned states are still those of now.
    Confirm,
    /// Take everything up again; the pins stay.
    Resume,
    /// The pins are still wanted.
    Keep,
    /// The next part of a pinned state.
    Read { group: String, at: u64 },
    /// Nothing of it is wanted any more.
    Release,
}

/// What comes of it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Said {
    Done,
    Fixed(Vec<Fixed>),
    /// Empty at the end.
    Part(Vec<u8>),
}

/// A group that is pinned.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Fixed {
    pub group: String,
    pub log_index: u64,
}

impl Node {
    /// A step came over the link. It is taken to its end, whether or not somebody waits for that.
    pub(crate) async fn take_step_from(self: &Arc<Self>, bytes: &[u8]) -> Vec<u8> {
        let said = match self.admit_step(bytes) {
            Ok((backup, step)) => tokio::spawn(Arc::clone(self).take_step(backup, step))
                .await
                .unwrap_or_else(|_| Err("it failed".to_owned())),
            Err(why) => Err(why),
        };
        codec::encode(&said)
    }

    /// Being a node is no credential: see [`crate::Task`]s.
    fn admit_step(&self, bytes: &[u8]) -> Result<(u128, Step), String> {
        let order: Order = codec::decode(bytes).map_err(|unreadable| unreadable.to_string())?;
        let verified = self.options.verifier.verify(&order.token, Timestamp::wall_clock());
        let caller = verified.map_err(|rejected| format!("not allowed: {rejected}"))?;
        match caller.as_service() {
            Some(DIRECTORY) => Ok((order.backup, order.step)),
            Some(_) | None => Err("not allowed".to_owned()),
        }
    }

    pub(super) async fn take_step(self: Arc<Self>, backup: u128, step: Step) -> Result<Said, String> {
        match step {
            Step::Pause => self.pause_deliveries(backup).await.map(|()| Said::Done),
            Step::Fix { groups } => self.pin_groups(backup, groups).await.map(Said::Fixed),
            Step::Confirm => self.confirm_pins(backup).await.map(|()| Said::Done),
            Step::Resume => {
                self.go_on(backup);
                Ok(Said::Done)
            }
            Step::Keep => {
                self.holds.keep(backup);
                Ok(Said::Done)
            }
            Step::Read { group, at } => self.read_pin(backup, &group, at).await.map(Said::Part),
            Step::Release => {
                self.go_on(backup);
                self.holds.release(backup);
                Ok(Said::Done)
            }
        }
    }
}
