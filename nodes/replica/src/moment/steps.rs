//! What nodes tell each other while a moment is fixed, and how each takes its steps.

use std::sync::Arc;

use protocol::{Timestamp, codec};
use serde::{Deserialize, Serialize};

use super::DIRECTORY;
use super::hold::READ_MAX;
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
    /// Begin no delivery and no effect.
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
    /// Say whether these groups are led by this node, as a majority has it, and could be pinned.
    Lead { groups: Vec<String> },
    /// Return when no delivery is under way.
    Quiet,
}

/// How a moment's hold on a node ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Over {
    /// Everything is taken up again; the pins stay.
    Resumed,
    /// And the pins go.
    Released,
}

impl From<Over> for Step {
    fn from(over: Over) -> Self {
        match over {
            Over::Resumed => Self::Resume,
            Over::Released => Self::Release,
        }
    }
}

/// What comes of it.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Said {
    Done,
    Fixed(Vec<Fixed>),
    /// Empty at the end.
    Part(Vec<u8>),
}

/// A group that is pinned.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Fixed {
    pub group: String,
    pub log_index: u64,
}

/// Why a step was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub(crate) enum Trouble {
    /// The node is paused for another one.
    #[error("another backup is being made")]
    Another,
    /// The node has pinned as many as it may.
    #[error("{READ_MAX} other backups are being read")]
    Full,
    /// A group is not led by the node, or no majority says so.
    #[error("{0} is not led here any more")]
    NotLed(String),
    /// Something is in the way.
    #[error("{0}")]
    Failed(String),
}

impl From<String> for Trouble {
    fn from(why: String) -> Self {
        Self::Failed(why)
    }
}

impl From<&str> for Trouble {
    fn from(why: &str) -> Self {
        Self::Failed(why.to_owned())
    }
}

impl Node {
    /// A step came over the link. It is taken to its end, whether or not somebody waits for that.
    pub(crate) async fn take_step_from(self: &Arc<Self>, bytes: &[u8]) -> Vec<u8> {
        let said = match self.admit_step(bytes) {
            Ok((backup, step)) => tokio::spawn(Arc::clone(self).take_step(backup, step))
                .await
                .unwrap_or_else(|_| Err("it failed".into())),
            Err(why) => Err(why.into()),
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

    pub(super) async fn take_step(self: Arc<Self>, backup: u128, step: Step) -> Result<Said, Trouble> {
        match step {
            Step::Lead { groups } => self.lead_groups(&groups).await?,
            Step::Pause => self.pause_for(backup)?,
            Step::Quiet => self.be_quiet(backup).await?,
            Step::Fix { groups } => return self.pin_groups(backup, groups).await.map(Said::Fixed),
            Step::Confirm => self.confirm_pins(backup).await?,
            Step::Resume => self.end_here(backup, Over::Resumed),
            Step::Keep => self.holds.keep(backup),
            Step::Read { group, at } => return self.read_pin(backup, &group, at).await.map(Said::Part),
            Step::Release => self.end_here(backup, Over::Released),
        }
        Ok(Said::Done)
    }
}
