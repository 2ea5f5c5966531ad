//! Moves of replicas and of leadership: `/v1/cluster/moves`.

use directory::{Abort, MoveCause, MovePhase, MoveRecord};
use edge::Instant;
use poem_openapi::Object;
use serde::{Deserialize, Serialize};

/// A move.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Object)]
pub struct MoveResponse {
    /// Its id
    pub id: String,
    /// `reservations/0`
    pub group: String,
    /// The node that the replica or leadership leaves; absent if a replica is only added
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The node that the replica or leadership moves to; absent if a replica is only removed
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// All nodes that a replica or leadership leaves
    pub leave: Vec<String>,
    /// All nodes that take a replica or leadership: a group that grows may get several replicas in one move
    pub take: Vec<String>,
    /// Whether only leadership moves
    pub leader_only: bool,
    /// Its phase
    pub phase: MovePhase,
    /// Why it was created: a request, a drain, a lost node, …
    pub reason: String,
    /// The caller that requested it
    pub requested_by: String,
    /// Bytes that were transferred
    pub bytes_done: u64,
    /// Bytes to transfer, approximately
    pub bytes_total: u64,
    /// Lag of the new replica, in log entries
    pub lag: u64,
    /// Estimated remaining time in seconds
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds_left: Option<u64>,
    /// Whether it can still be cancelled
    pub cancellable: bool,
    /// When it was created
    pub started_at: Instant,
    /// When it ended
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Instant>,
    /// Why it failed or was cancelled, or what it waits for
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl From<&MoveRecord> for MoveResponse {
    fn from(record: &MoveRecord) -> Self {
        let leave: Vec<String> = match record.leader_only {
            true => record.led_by.iter().cloned().collect(),
            false => record.remove.iter().map(|location| location.node.clone()).collect(),
        };
        let abort = record.abort.as_ref().map(|abort| match abort {
            Abort::Cancelled { by } => format!("cancelled by {by}"),
            Abort::Failed { why } => why.clone(),
        });
        Self {
            id: record.id.to_string(),
            group: record.group.clone(),
            from: record.from().map(str::to_owned),
            to: record.to().map(str::to_owned),
            leave,
            take: record.add.iter().map(|target| target.node.clone()).collect(),
            leader_only: record.leader_only,
            phase: record.phase,
            reason: reason(record.cause).to_owned(),
            requested_by: record.by.clone(),
            bytes_done: record.progress.bytes_done,
            bytes_total: record.progress.bytes_total,
            lag: record.progress.lag,
            seconds_left: record.progress.secs_left.map(u64::from),
            cancellable: record.abort.is_none()
                && matches!(record.phase, MovePhase::Adding | MovePhase::CatchingUp),
            started_at: Instant(record.created_at),
            ended_at: record.ended_at.map(Instant),
            detail: abort.or_else(|| record.waiting.as_ref().map(|what| format!("waiting: {what}"))),
        }
    }
}

fn reason(cause: MoveCause) -> &'static str {
    match cause {
        MoveCause::Operator => "asked for",
        MoveCause::Growth => "the group has fewer replicas than it should",
        MoveCause::Repair => "a replica was lost",
        MoveCause::Drain => "its node is drained",
        MoveCause::Decommission => "its node is decommissioned",
        MoveCause::Rebalance => "rebalance",
        MoveCause::Settings => "the settings have changed",
    }
}

/// A request to move a replica or leadership.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Object)]
#[oai(deny_unknown_fields)]
pub struct NewMove {
    /// `reservations/0`
    #[oai(validator(min_length = 3, max_length = 64))]
    pub group: String,
    /// The node that takes the replica or leadership
    #[oai(validator(min_length = 1, max_length = 64))]
    pub to: String,
    /// The node that it leaves; chosen by the directory if absent
    #[oai(validator(min_length = 1, max_length = 64))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Whether only leadership moves
    #[serde(default)]
    #[oai(default)]
    pub leader_only: bool,
}

#[cfg(test)]
mod tests {
    use poem_openapi::types::{ParseFromJSON, ToJSON};
    use protocol::Timestamp;

    use super::*;

    #[test]
    fn serde_and_openapi_write_and_read_the_same_json() {
        let one = MoveResponse {
            id: "mov_1".to_owned(),
            group: "reservations/0".to_owned(),
            from: None,
            to: Some("n4".to_owned()),
            leave: Vec::new(),
            take: vec!["n4".to_owned()],
            leader_only: false,
            phase: MovePhase::CatchingUp,
            reason: "the group has fewer replicas than it should".to_owned(),
            requested_by: "directory".to_owned(),
            bytes_done: 1,
            bytes_total: 2,
            lag: 3,
            seconds_left: None,
            cancellable: true,
            started_at: Instant(Timestamp(1_700_000_000_000)),
            ended_at: None,
            detail: None,
        };
        let json = serde_json::to_value(&one).unwrap();
        assert_eq!(Some(json.clone()), one.to_json());
        assert_eq!(serde_json::from_value::<MoveResponse>(json.clone()).unwrap(), one);
        assert_eq!(MoveResponse::parse_from_json(Some(json)).unwrap(), one);
    }

    #[test]
    fn requests_leave_out_what_is_not_set() {
        let new = NewMove { group: "auth/0".to_owned(), to: "n2".to_owned(), from: None, leader_only: false };
        let json = serde_json::to_value(&new).unwrap();
        assert_eq!(json, serde_json::json!({"group": "auth/0", "to": "n2", "leader_only": false}));
        assert_eq!(NewMove::parse_from_json(Some(json)).unwrap(), new);
    }
}
