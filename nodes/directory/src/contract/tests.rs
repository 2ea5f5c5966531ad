use protocol::codec;

use super::*;
use crate::records::{MoveId, MovePhase};

/// The bytes of a stored message: the format version, the position of the variant, then the fields.
fn stored(position: u8, fields: &impl Serialize) -> Vec<u8> {
    let mut bytes = vec![codec::FORMAT, position];
    codec::encode_into(&mut bytes, fields);
    bytes
}

fn s(text: &str) -> String {
    text.to_owned()
}

fn profile() -> crate::NodeProfile {
    crate::NodeProfile {
        name: s("n"),
        node_id: 1,
        address: s("a"),
        http_address: None,
        zone: s("z"),
        labels: Vec::new(),
        version: s("v"),
        fingerprint: s("f"),
        disk_free_bytes: 2,
    }
}

/// The log and the idempotency rows hold these bytes.
#[test]
fn stored_commands_are_still_read() {
    let settings = crate::Settings { bank: s("b"), replace_after_secs: 1, services: [].into() };
    let cluster = crate::ClusterInit {
        name: s("c"),
        epoch: 1,
        settings: settings.clone(),
        nodes: Vec::new(),
        placed: [].into(),
    };
    let profile = profile();
    let (group, node, replica, id) = (s("g"), s("n"), 7u64, MoveId(9));
    let place = (s("g"), s("n"), 7u64);
    let progress = vec![(id, crate::Progress::default())];
    let table: [(Command, Vec<u8>); 19] = [
        (InitCluster { cluster: Box::new(cluster.clone()) }.into(), stored(0, &cluster)),
        (ConfigureCluster { settings: settings.clone() }.into(), stored(1, &settings)),
        (
            CreateMove { group: group.clone(), from: None, to: node.clone(), leader_only: true }.into(),
            vec![1, 2, 1, b'g', 0, 1, b'n', 1],
        ),
        (CancelMove { id }.into(), vec![1, 3, 9]),
        (DrainNode { node: node.clone() }.into(), vec![1, 4, 1, b'n']),
        (UncordonNode { node: node.clone() }.into(), vec![1, 5, 1, b'n']),
        (DecommissionNode { node: node.clone() }.into(), vec![1, 6, 1, b'n']),
        (RebalanceCluster.into(), vec![1, 7]),
        (
            RecordRecovery { group: group.clone(), node: node.clone(), replica }.into(),
            vec![1, 8, 1, b'g', 1, b'n', 7],
        ),
        (RecordNodeUp { profile: Box::new(profile.clone()) }.into(), stored(9, &profile)),
        (RecordNodeDown { node: node.clone() }.into(), vec![1, 10, 1, b'n']),
        (
            RecordGroupBootstrapped { group: group.clone(), node: node.clone(), replica }.into(),
            stored(11, &place),
        ),
        (RecordReplicaLost { group: group.clone(), node: node.clone(), replica }.into(), stored(12, &place)),
        (RecordReplicaReturned { group, node: node.clone(), replica }.into(), stored(13, &place)),
        (Repair.into(), vec![1, 14]),
        (AdvanceMove { id, phase: MovePhase::Adding, step: Step::Added }.into(), vec![1, 15, 9, 0, 1]),
        (RecordProgress { moves: progress.clone() }.into(), stored(16, &progress)),
        (RecordMeasurements::default().into(), vec![1, 17, 0, 0]),
        (RecordNodeDrained { node }.into(), vec![1, 18, 1, b'n']),
    ];
    for (command, bytes) in table {
        assert_eq!(codec::encode(&command), bytes, "{command:?}");
        assert_eq!(codec::decode::<Command>(&bytes).as_ref(), Ok(&command));
    }
}

#[test]
fn stored_replies_are_still_read() {
    let at = protocol::Timestamp(0);
    let node = NodeRecord {
        profile: profile(),
        up: true,
        since: at,
        lifecycle: crate::Lifecycle::Active,
        lifecycle_since: at,
        joined_at: at,
    };
    let record = MoveRecord {
        id: MoveId(9),
        group: s("g"),
        leader_only: false,
        add: Vec::new(),
        remove: Vec::new(),
        led_by: None,
        cause: crate::MoveCause::Operator,
        by: s("u"),
        phase: MovePhase::Adding,
        abort: None,
        waiting: None,
        progress: crate::Progress::default(),
        created_at: at,
        phase_at: at,
        ended_at: None,
    };
    let started = StartedMoves { plan: Plan::default(), moves: Vec::new() };
    let table: [(Reply, Vec<u8>); 4] = [
        (().into(), vec![1, 0]),
        (Box::new(node.clone()).into(), stored(1, &node)),
        (Box::new(record.clone()).into(), stored(2, &record)),
        (started.into(), vec![1, 3, 0, 0, 0]),
    ];
    for (reply, bytes) in table {
        assert_eq!(codec::encode(&reply), bytes, "{reply:?}");
        assert_eq!(codec::decode::<Reply>(&bytes).as_ref(), Ok(&reply));
    }
}
