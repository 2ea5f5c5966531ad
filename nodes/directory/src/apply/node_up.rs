//! Records that a node is up, or that its profile changed.

use group::Turn;

use crate::contract::{RecordNodeUp, Refusal};
use crate::records::{Lifecycle, NodeProfile, NodeRecord};
use crate::service::Directory;
use crate::state::{NODES_MAX, Rows, audit, put_node};

pub(crate) fn node_up(
    turn: &mut Turn<'_, Directory>,
    RecordNodeUp { profile }: RecordNodeUp,
) -> Result<Box<NodeRecord>, Refusal> {
    let cluster = turn.cluster().ok_or(Refusal::NotInitialized)?;
    let profile = *profile;
    check_profile(&profile)?;
    let name = profile.name.clone();
    let denied = |(fingerprint, _): &(String, String)| *fingerprint == profile.fingerprint;
    if !profile.fingerprint.is_empty() && cluster.denied.iter().any(denied) {
        return Err(Refusal::Decommissioned { node: name });
    }
    let now = turn.now();
    let fresh = |profile: NodeProfile| NodeRecord {
        profile,
        up: true,
        since: now,
        lifecycle: Lifecycle::Active,
        lifecycle_since: now,
        joined_at: now,
    };
    let (node, verb) = match turn.node(&name) {
        None if turn.nodes().len() >= NODES_MAX => {
            return Err(Refusal::TooMany { what: "nodes".to_owned(), max: NODES_MAX as u32 });
        }
        None => (fresh(profile), Some("joined")),
        Some(known) if known.lifecycle == Lifecycle::Decommissioned => {
            if known.profile.node_id == profile.node_id {
                return Err(Refusal::Decommissioned { node: name });
            }
            // The name of a decommissioned node can be reused.
            (fresh(profile), Some("joined"))
        }
        Some(known) if known.profile.node_id != profile.node_id => {
            return Err(Refusal::WrongIdentity { node: name });
        }
        Some(known) => {
            let back = !known.up;
            let since = if back { now } else { known.since };
            (NodeRecord { profile, up: true, since, ..known }, back.then_some("returned"))
        }
    };

    put_node(turn, &node);
    if let Some(verb) = verb {
        audit(turn, verb, &name, node.profile.address.clone());
    }
    Ok(Box::new(node))
}

/// Validates a profile.
pub(crate) fn check_profile(profile: &NodeProfile) -> Result<(), Refusal> {
    let invalid =
        |field: &str, why: &str| Err(Refusal::Invalid { field: field.to_owned(), why: why.to_owned() });
    let short = |text: &str| text.len() <= 255 && !text.chars().any(char::is_control);
    if !is_name(&profile.name) {
        return invalid("name", "a node's name is a DNS label in small letters");
    }
    if profile.address.is_empty() || !short(&profile.address) {
        return invalid("address", "host:port, 255 bytes at most");
    }
    if !profile.http_address.as_deref().is_none_or(short) {
        return invalid("http_address", "255 bytes at most");
    }
    if !short(&profile.zone) || !short(&profile.version) || !short(&profile.fingerprint) {
        return invalid("zone, version, fingerprint", "255 bytes at most each");
    }
    if profile.labels.len() > 16 || profile.labels.iter().any(|label| !is_name(label)) {
        return invalid("labels", "at most 16, each in small letters");
    }
    Ok(())
}

/// Whether this is a valid name of a node, a service or a label: lowercase letters, digits and inner dashes.
pub(crate) fn is_name(name: &str) -> bool {
    let inside = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !name.is_empty()
        && name.len() <= 63
        && name.bytes().all(inside)
        && !name.starts_with('-')
        && !name.ends_with('-')
}
