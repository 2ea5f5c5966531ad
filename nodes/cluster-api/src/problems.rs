//! Refusals of the directory, as problem documents.

use directory::Refusal;
use edge::{ApiError, Problem, problem_types};
use group::Failure;

edge::problems! {
    /// There is no directory on a single node.
    ONE_NODE = "one-node", "A move needs a second node", 409;
    /// The cluster is not initialized.
    NOT_FOUNDED = "not-founded", "There is no cluster yet", 409;
    /// The setting was fixed when the cluster was created.
    FIXED = "fixed", "This was fixed when the cluster was made", 409;
    /// The name belongs to another node, or to a decommissioned one.
    WRONG_NODE = "wrong-node", "The node is not the one that is known by this name", 409;
    /// The node is draining or drained.
    NODE_CORDONED = "node-cordoned", "The node takes nothing now", 409;
    /// The node cannot be reached.
    NODE_DOWN = "node-down", "The node is down", 409;
    /// Only one node can be drained at a time.
    ONE_AT_A_TIME = "one-node-at-a-time", "One node at a time", 409;
    /// The group already has, or does not have, a replica on the node.
    WRONG_PLACE = "wrong-place", "The group is not where this move would have it", 409;
    /// The group has an active move.
    MOVING = "already-moving", "The group is being moved already", 409;
    /// Too few voters would remain.
    QUORUM = "quorum-at-risk", "A group would lose its quorum", 409;
    /// The disk is too full.
    DISK = "disk-too-full", "The node has too little free disk", 409;
    /// A placement rule forbids it.
    RULE = "placement-rule", "A placement rule is against it", 409;
    /// No node can take the replica.
    NO_PLACE = "no-place", "No node can take it", 409;
    /// The group has no replica yet.
    UNFOUNDED = "group-not-founded", "The group is not founded yet", 409;
    /// The move is switching, or has ended.
    TOO_LATE = "too-late-to-cancel", "The move cannot be cancelled any more", 409;
    /// A majority of the group can be reached.
    NOT_LOST = "not-lost", "The group is not lost", 409;
}

/// The response to a failed call of the directory.
pub fn failed(failure: Failure<Refusal>) -> ApiError {
    edge::api_error(failure, problem)
}

/// The response to an operation that needs a directory, on a single node.
pub fn single_node() -> ApiError {
    Problem::new(&ONE_NODE)
        .detail(
            "This is a single node: `auberge serve --nodes 3` or `auberge node` start a cluster of several.",
        )
        .into()
}

/// The problem document of a refusal.
pub fn problem(refusal: Refusal) -> Problem {
    let detail = sentence(&refusal);
    match refusal {
        Refusal::NotInitialized => Problem::new(&NOT_FOUNDED).detail(detail),
        Refusal::AlreadyInitialized { .. } => Problem::new(&problem_types::CONFLICT).detail(detail),
        Refusal::Fixed { .. } => Problem::new(&FIXED).detail(detail),
        Refusal::Invalid { field, why } => {
            Problem::new(&problem_types::INVALID).field(format!("/{field}"), why)
        }
        // The names in these refusals are the client's input, which is not echoed.
        Refusal::NoSuchNode { .. } => {
            Problem::new(&problem_types::NOT_FOUND).detail("There is no node of this name.")
        }
        Refusal::NoSuchGroup { .. } => {
            Problem::new(&problem_types::NOT_FOUND).detail("There is no group of this name.")
        }
        Refusal::NoSuchMove { .. } => {
            Problem::new(&problem_types::NOT_FOUND).detail("There is no move of this id, or it was dropped.")
        }
        Refusal::WrongIdentity { .. } | Refusal::Decommissioned { .. } => {
            Problem::new(&WRONG_NODE).detail(detail)
        }
        Refusal::Cordoned { .. } => Problem::new(&NODE_CORDONED).detail(detail),
        Refusal::NodeDown { .. } => Problem::new(&NODE_DOWN).detail(detail),
        // The title of the type says the rest.
        Refusal::OneAtATime { other, state } => {
            Problem::new(&ONE_AT_A_TIME).detail(format!("`{other}` is {state}.")).with("other", &other)
        }
        Refusal::AlreadyThere { .. } | Refusal::NotThere { .. } => Problem::new(&WRONG_PLACE).detail(detail),
        Refusal::Busy { id, .. } => Problem::new(&MOVING).detail(detail).with("move_id", &id.to_string()),
        Refusal::Quorum { group, live, voters, needed } => Problem::new(&QUORUM)
            .detail(detail)
            .with("group", &group)
            .with("live", &live)
            .with("voters", &voters)
            .with("needed", &needed),
        Refusal::FreeDisk { free_bytes, needed_bytes, .. } => Problem::new(&DISK)
            .detail(detail)
            .with("free_bytes", &free_bytes)
            .with("needed_bytes", &needed_bytes),
        Refusal::Rule { .. } => Problem::new(&RULE).detail(detail),
        Refusal::NoPlace { .. } => Problem::new(&NO_PLACE).detail(detail),
        Refusal::NotBootstrapped { .. } => Problem::new(&UNFOUNDED).detail(detail),
        Refusal::TooLate { phase, .. } => {
            Problem::new(&TOO_LATE).detail(detail).with("phase", &phase.to_string())
        }
        // Only the reconciler causes these.
        Refusal::Stale { .. } => Problem::new(&problem_types::CONFLICT).detail(detail),
        Refusal::TooMany { .. } => Problem::new(&problem_types::CONFLICT).detail(detail),
    }
}

/// The refusal's message as a sentence. It contains names of nodes and groups, which are not secret.
fn sentence(refusal: &Refusal) -> String {
    let message = refusal.to_string();
    let mut letters = message.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
    // Names keep their case.
    let named = message.split(' ').next().is_some_and(|word| word.contains(['/', '_', '`']));
    let message = if named { message } else { format!("{first}{}", letters.as_str()) };
    if message.ends_with('.') { message } else { format!("{message}.") }
}

#[cfg(test)]
mod tests {
    use directory::{MoveId, MovePhase};

    use super::*;

    #[test]
    fn problem_types_are_stable() {
        let known = "\
409 already-moving: The group is being moved already
409 disk-too-full: The node has too little free disk
409 fixed: This was fixed when the cluster was made
409 group-not-founded: The group is not founded yet
409 no-place: No node can take it
409 node-cordoned: The node takes nothing now
409 node-down: The node is down
409 not-founded: There is no cluster yet
409 not-lost: The group is not lost
409 one-node-at-a-time: One node at a time
409 one-node: A move needs a second node
409 placement-rule: A placement rule is against it
409 quorum-at-risk: A group would lose its quorum
409 too-late-to-cancel: The move cannot be cancelled any more
409 wrong-node: The node is not the one that is known by this name
409 wrong-place: The group is not where this move would have it
";
        assert_eq!(edge::problem_table(ALL), known);
    }

    #[test]
    fn each_refusal_names_its_reason() {
        let (node, group) = (|| "n2".to_owned(), || "auth/0".to_owned());
        let table = [
            (Refusal::NoSuchNode { node: node() }, 404, "not-found", "There is no node of this name."),
            (Refusal::NodeDown { node: node() }, 409, "node-down", "Node `n2` is down."),
            (
                Refusal::OneAtATime { other: node(), state: "draining".into() },
                409,
                "one-node-at-a-time",
                "`n2` is draining.",
            ),
            (
                Refusal::Quorum { group: group(), live: 1, voters: 3, needed: 2 },
                409,
                "quorum-at-risk",
                "auth/0 would lose its quorum: 1 of 3 replicas would be left, 2 are needed.",
            ),
            (
                Refusal::Busy { group: group(), id: MoveId(7) },
                409,
                "already-moving",
                "auth/0 is being moved already: mov_7.",
            ),
            (
                Refusal::TooLate { id: MoveId(7), phase: MovePhase::Switching },
                409,
                "too-late-to-cancel",
                "mov_7 cannot be cancelled any more: it is switching.",
            ),
            (
                Refusal::Rule { group: group(), node: node(), rule: "only on nodes with label fast".into() },
                409,
                "placement-rule",
                "auth/0 may not be on `n2`: only on nodes with label fast.",
            ),
        ];
        for (refusal, status, slug, detail) in table {
            let problem = problem(refusal);
            assert_eq!((problem.status().as_u16(), problem.kind().slug), (status, slug));
            assert_eq!(problem.detail_text(), Some(detail));
        }
    }
}
