//! The steps that nodes take for a cluster snapshot, and the messages that request them.

use std::sync::Arc;

use protocol::{Timestamp, codec};
use serde::{Deserialize, Serialize};

use super::DIRECTORY;
use crate::node::Node;
use crate::pins::PINS_MAX;

#[derive(Serialize, Deserialize)]
pub(super) struct StepRequest {
    /// A token of the directory service.
    pub token: String,
    pub snapshot: u128,
    pub step: Step,
}

/// See [`super`]. Repeating a completed step succeeds.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) enum Step {
    /// Start no deliveries and no effects.
    Pause,
    /// Block proposals to these groups, which the node leads, and pin their states.
    Pin { groups: Vec<String> },
    /// Confirm that the pinned states are the current ones.
    Confirm,
    /// End the pause and unblock the groups. The pins stay.
    Resume,
    /// Renew the lease of the pins.
    Renew,
    /// Read the next part of a pinned state.
    Read { group: String, at: u64 },
    /// End the pause, unblock the groups, and release the pins.
    Release,
    /// Confirm with a majority that the node leads these groups, and that it can pin them.
    ConfirmLeader { groups: Vec<String> },
    /// Wait until no delivery is in flight.
    WaitIdle,
}

/// How a snapshot ends on a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// Everything resumes. The pins stay.
    Resume,
    /// Everything resumes, and the pins are released.
    Release,
}

impl From<End> for Step {
    fn from(end: End) -> Self {
        match end {
            End::Resume => Self::Resume,
            End::Release => Self::Release,
        }
    }
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum StepOutput {
    Done,
    Pinned(Vec<PinnedGroup>),
    /// Empty at the end.
    Part(Vec<u8>),
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PinnedGroup {
    pub group: String,
    pub log_index: u64,
}

/// Why a step failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub(super) enum StepError {
    /// The node is paused for another snapshot.
    #[error("another backup is being made")]
    InProgress,
    /// The node has the maximum number of pins.
    #[error("{PINS_MAX} other backups are being read")]
    TooMany,
    /// The node does not lead the group, or no majority confirms it.
    #[error("the node does not lead {0} any more")]
    NotLeader(String),
    #[error("{0}")]
    Failed(String),
}

impl From<String> for StepError {
    fn from(why: String) -> Self {
        Self::Failed(why)
    }
}

impl From<&str> for StepError {
    fn from(why: &str) -> Self {
        Self::Failed(why.to_owned())
    }
}

impl Node {
    /// Serves a step request. The step runs to its end, also when the coordinator stops waiting.
    pub(crate) async fn serve_snapshot_step(self: &Arc<Self>, bytes: &[u8]) -> Vec<u8> {
        let output = match self.authorize_step(bytes) {
            Ok((snapshot, step)) => tokio::spawn(Arc::clone(self).execute_step(snapshot, step))
                .await
                .unwrap_or_else(|_| Err("the step panicked".into())),
            Err(why) => Err(why.into()),
        };
        codec::encode(&output)
    }

    /// As for [`crate::Task`]s, a session between nodes does not authorize a step.
    fn authorize_step(&self, bytes: &[u8]) -> Result<(u128, Step), String> {
        let request: StepRequest = codec::decode(bytes).map_err(|unreadable| unreadable.to_string())?;
        let verified = self.options.verifier.verify(&request.token, Timestamp::wall_clock());
        let caller = verified.map_err(|rejected| format!("not allowed: {rejected}"))?;
        match caller.as_service() {
            Some(DIRECTORY) => Ok((request.snapshot, request.step)),
            Some(_) | None => Err("not allowed".to_owned()),
        }
    }

    pub(super) async fn execute_step(
        self: Arc<Self>,
        snapshot: u128,
        step: Step,
    ) -> Result<StepOutput, StepError> {
        match step {
            Step::ConfirmLeader { groups } => self.confirm_leader(&groups).await?,
            Step::Pause => self.pause_for(snapshot)?,
            Step::WaitIdle => self.wait_idle(snapshot).await?,
            Step::Pin { groups } => return self.pin_groups(snapshot, groups).await.map(StepOutput::Pinned),
            Step::Confirm => self.confirm_pins(snapshot).await?,
            Step::Resume => self.end_snapshot(snapshot, End::Resume),
            Step::Renew => self.pins.renew(snapshot),
            Step::Read { group, at } => {
                return self.read_pin(snapshot, &group, at).await.map(StepOutput::Part);
            }
            Step::Release => self.end_snapshot(snapshot, End::Release),
        }
        Ok(StepOutput::Done)
    }
}
