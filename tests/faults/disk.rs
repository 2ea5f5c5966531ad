//! A full disk, and a directory that cannot be written.

use std::path::Path;
use std::sync::Arc;

use serde_json::json;
use test_support::{SmallDisk, Stay, TestServer};

use crate::ledger::{Keyed, Marks, Shared};
use crate::text;

#[tokio::test]
async fn a_full_disk_refuses_and_loses_nothing() {
    let Some(disk) = SmallDisk::mount(192) else { return };
    let mut server = TestServer::plan().data(disk.place.join("data")).open().await;
    let (id, secret) =
        server.new_client("reservations:read reservations:write payments:read payments:write", &[]).await;
    let partner = server.sign_in(&id, &secret).await;
    let hotel = server.hotel_id("river").await;
    let ledger: Shared = Arc::default();
    let offer = partner.offer(&hotel, &Stay::from_day(30, 1), "Flexible").await;
    let ballast = disk.fill();
    // Sends holds until the server refuses them. Everything acknowledged before must be kept.
    let mut refused = 0;
    for number in 0..400 {
        let key = format!("full-{number}");
        let body = json!({"offer": offer, "guest": {"name": "Full", "email": "full@guest.example"}, "requests": "x".repeat(900)});
        let answer = partner.post("/v1/reservations", &body).key(&key).attempt().await;
        match answer {
            Ok(answer) if answer.status == 201 => {
                let held = text(&answer.json()["id"]).to_owned();
                let mut ledger = ledger.lock().unwrap();
                ledger.reservations.push(held.clone());
                ledger.keyed.push(Keyed { path: "/v1/reservations", key, body, id: Some(held) });
            }
            // 409: all 200 rooms are held.
            Ok(answer) if answer.status == 409 => break,
            Ok(answer) => {
                assert_eq!(answer.status, 503, "{}", answer.text());
                answer.problem(503, "unavailable");
                refused += 1;
            }
            Err(_) => refused += 1,
        }
        if refused > 3 {
            break;
        }
    }
    println!("{} holds on the full disk, then {refused} refusals", ledger.lock().unwrap().reservations.len());
    // The operator frees disk space and restarts the server: nothing is lost, and it serves again.
    server.kill();
    let full = server.try_start().await;
    if let Err(why) = &full {
        assert!(
            why.contains("No space left") || why.contains("space"),
            "it does not say that the disk is full: {why}"
        );
    }
    server.kill();
    std::fs::remove_file(&ballast).unwrap();
    server.start().await;
    let partner = server.sign_in(&id, &secret).await;
    let mut kept = std::mem::take(&mut *ledger.lock().unwrap());
    kept.is_kept(&partner, &server.admin().await, &Marks::default()).await;
    kept.repeats(&partner, 0).await;
    server.wait_until_outboxes_empty().await;
    server.assert_invariants().await;
    server.stop();
}

#[tokio::test]
async fn a_directory_that_cannot_be_written_is_named() {
    let server = TestServer::open().await;
    // Not even root can create a directory in `/proc`.
    let refused =
        server.auberge(&["serve", "--data", "/proc/auberge", "--http", "127.0.0.1:0", "--no-demo"]).refused();
    assert!(refused.contains("/proc/auberge"), "{refused}");
    let Some(disk) = SmallDisk::mount(1) else { return };
    disk.fill();
    let data = disk.place.join("data");
    let refused = server
        .auberge(&["serve", "--data", &data.to_string_lossy(), "--http", "127.0.0.1:0", "--no-demo"])
        .refused();
    assert!(refused.contains(name(&data)), "{refused}");
}

fn name(path: &Path) -> &str {
    path.to_str().unwrap()
}
