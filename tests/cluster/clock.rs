//! A node whose clock is set back while it runs, with `faketime`. Without `faketime` the test is skipped.

use std::collections::BTreeMap;
use std::path::Path;

use test_support::{Cluster, NodePlan};

use crate::history::{History, inn};

const GROUP: &str = "reservations/0";
const MEANWHILE: usize = 60;

/// The library that shifts the clock of a process, in the directory of the Debian package.
fn library() -> Option<String> {
    let places = ["x86_64-linux-gnu", "aarch64-linux-gnu"]
        .map(|machine| format!("/usr/lib/{machine}/faketime/libfaketimeMT.so.1"));
    let found = places.into_iter().find(|place| Path::new(place).is_file());
    if found.is_none() {
        test_support::tool("faketime");
    }
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_set_back_keeps_the_history_linearizable() {
    let Some(library) = library() else { return };
    let directory = tempfile::tempdir().unwrap();
    let shift = directory.path().join("shift");
    let set = |by: &str| {
        // Replace the file atomically: the library reads it all the time.
        let new = directory.path().join("new");
        std::fs::write(&new, by).unwrap();
        std::fs::rename(new, &shift).unwrap();
    };
    set("+0");
    let variables = [
        ("LD_PRELOAD", library),
        ("FAKETIME_TIMESTAMP_FILE", shift.to_string_lossy().into_owned()),
        ("FAKETIME_CACHE_DURATION", "1".to_owned()),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
    ];
    let variables = variables.map(|(name, value)| (name.to_owned(), value)).to_vec();
    let plan = NodePlan { variables, ..NodePlan::default() };
    let cluster = Cluster::plan(3).node("n3", plan).hotels(inn()).open().await;
    let history = History::begin(&cluster).await;

    // Four seconds back on the leader, which is within the clock skew that tokens allow: no request fails.
    cluster.lead(GROUP, "n3").await;
    history.wait_for_operations(MEANWHILE).await;
    let partner = cluster.booker("n1").await;
    let hotel = cluster.hotel("n1").await;
    let offer = partner.offer(&hotel, &test_support::Stay::from_day(300, 1), "Flexible").await;
    let before = partner.hold(&offer, "before@guest.example").await;
    set("-4");
    history.wait_for_operations(MEANWHILE * 2).await;
    // Time stamps do not go back.
    let after = partner.hold(&offer, "after@guest.example").await;
    let instant = |held: &serde_json::Value| held["hold_expires_at"].as_str().unwrap_or_default().to_owned();
    assert!(instant(&before) <= instant(&after), "{before} {after}");
    assert_eq!(history.refusals(), BTreeMap::new());

    // An hour back on a follower: that node accepts no tokens, and the other nodes serve all requests.
    cluster.lead(GROUP, "n1").await;
    cluster.lead("auth/0", "n1").await;
    history.use_nodes(&cluster, &["n1", "n2"]);
    set("-3600");
    history.wait_for_operations(MEANWHILE * 2).await;
    assert_eq!(history.refusals(), BTreeMap::new());
    set("+0");
    history.wait_for_operations(MEANWHILE).await;
    history.use_nodes(&cluster, &["n1", "n2", "n3"]);
    history.end(&cluster).await;
}
