//! A backup of the whole node, made under load and restored to another directory.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::time::Duration;

use test_support::{Stay, TestServer};

use crate::ledger::{Marks, Shared};
use crate::load::guests;
use crate::text;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_made_under_load_comes_back_whole() {
    let mut server = TestServer::open().await;
    let (id, secret) =
        server.new_client("reservations:read reservations:write payments:read payments:write", &[]).await;
    let (partner, admin) = (server.sign_in(&id, &secret).await, server.admin().await);
    let hotel = server.hotel_id("river").await;
    let offer = partner.offer(&hotel, &Stay::from_day(40, 2), "Flexible").await;
    let held = partner.hold(&offer, "kept@guest.example").await;
    let payment = partner.pay(&held, "pm_card_visa").await;
    partner.once(&held, "confirmed").await;

    let ledger: Shared = Arc::default();
    let busy: Vec<_> = (0..3)
        .map(|lane| {
            tokio::spawn(guests(partner.clone(), admin.clone(), hotel.clone(), lane, Arc::clone(&ledger)))
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let archive = server.path().join("backup.auberge");
    let name = archive.to_string_lossy().into_owned();
    let before = ledger.lock().unwrap().reservations.clone();
    server.operate(&["backup", "create", &name]).done();
    assert_eq!(fs::metadata(&archive).unwrap().permissions().mode() & 0o777, 0o600);
    let again = server.operate(&["backup", "create", &name]).refused();
    assert!(again.contains("exists already"), "{again}");
    server.stop();
    for lane in busy {
        lane.await.unwrap();
    }
    let bytes = fs::read(&archive).unwrap();
    let clear = |word: &str| bytes.windows(word.len()).any(|window| window == word.as_bytes());
    assert!(!clear("kept@guest.example") && !clear("Hotel Rzeka"), "the archive can be read");

    // Refused: another key, a changed byte, a truncated archive, and a directory that has a store.
    let (key, restored) = (server.data.join("cluster.key"), server.path().join("restored"));
    let restore = |archive: &str, key: &str, to: &str| {
        server.auberge(&["restore", archive, "--key", key, "--data", to])
    };
    let (key, to) = (key.to_string_lossy().into_owned(), restored.to_string_lossy().into_owned());
    let bad = |name: &str, bytes: &[u8]| {
        let path = server.path().join(name);
        fs::write(&path, bytes).unwrap();
        path.to_string_lossy().into_owned()
    };
    let other_key = {
        let mut key = fs::read(&key).unwrap();
        let last = key.len() - 2;
        key[last] = if key[last] == b'0' { b'1' } else { b'0' };
        bad("other.key", &key)
    };
    let mut changed = bytes.clone();
    let middle = changed.len() / 2;
    changed[middle] ^= 1;
    for (archive, key, to) in [
        (name.clone(), other_key, server.path().join("r1")),
        (bad("changed", &changed), key.clone(), server.path().join("r2")),
        (bad("cut", &bytes[..bytes.len() - 100]), key.clone(), server.path().join("r3")),
        (name.clone(), key.clone(), server.data.clone()),
    ] {
        restore(&archive, &key, &to.to_string_lossy()).refused();
        assert!(to == server.data || !to.join("node.json").exists(), "half a restore looks like a whole one");
    }
    restore(&name, &key, &to).done();
    let checked = server.auberge(&["check", "--data", &to]).done();
    assert!(checked.contains("no invariant violated"), "{checked}");

    // The restored node serves what was acknowledged before the backup. Its effects are paused until they are released.
    // The administrator's client is in the stores; its secret is in a file beside the cluster key, outside of the backup.
    fs::copy(server.data.join("admin.json"), restored.join("admin.json")).unwrap();
    let mut second = TestServer::plan().data(restored.clone()).hotels(vec![]).open().await;
    let partner = second.sign_in(&id, &secret).await;
    assert_eq!(partner.reservation(&held).await["status"], "confirmed");
    partner.get(&format!("/v1/payments/{}", text(&payment["id"]))).await.expect(200);
    for id in &before {
        partner.get(&format!("/v1/reservations/{id}")).await.expect(200);
    }
    second.assert_invariants().await;
    assert!(second.log().contains("restored"), "{}", second.log());
    let email = "after@guest.example";
    let offer = partner.offer(&hotel, &Stay::from_day(41, 1), "Flexible").await;
    partner.hold(&offer, email).await;
    second.stop();
    server.auberge(&["restore", "--release-effects", "--data", &to]).done();
    second.start().await;
    second.wait_until_outboxes_empty().await;
    second.assert_invariants().await;
    // The original node is unaffected.
    server.start().await;
    let partner = server.sign_in(&id, &secret).await;
    let kept = std::mem::take(&mut *ledger.lock().unwrap());
    kept.is_kept(&partner, &server.admin().await, &Marks::default()).await;
    server.wait_until_outboxes_empty().await;
    server.assert_invariants().await;
}
