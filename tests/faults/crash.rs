//! Repeated `kill -9` at random times under load: nothing acknowledged is lost, and nothing is executed twice.

use std::sync::Arc;
use std::time::{Duration, Instant};

use test_support::{TestServer, hotel};

use crate::ledger::{Ledger, Marks, Shared, mails_arrived};
use crate::load::guests;

/// The number of concurrent guests.
const LANES: usize = 6;
/// The number of rounds of each loop; `CRASH_ROUNDS` overrides it.
const ROUNDS: u64 = 50;

/// The time of the kill in a round. It is derived from the round's number: evenly distributed, and the same in each run.
fn moment(round: u64) -> Duration {
    Duration::from_millis(120 + round.wrapping_mul(0x9E37_79B9_7F4A_7C15) % 900)
}

async fn rounds(plan: test_support::Plan) {
    let rounds = std::env::var("CRASH_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(ROUNDS);
    let mut server = plan.hotels(vec![hotel("large", "The Large One", 5000)]).open().await;
    let large = server.hotel_id("large").await;
    let scope = "reservations:read reservations:write payments:read payments:write";
    let (id, secret) = server.new_client(scope, &[]).await;
    let ledger: Shared = Arc::default();
    let begun = Instant::now();
    let mut before = Marks::default();
    for round in 0..rounds {
        let (partner, admin) = (server.sign_in(&id, &secret).await, server.admin().await);
        {
            // Checks what was acknowledged in the last round, and repeats its requests.
            let mut kept = std::mem::take(&mut *ledger.lock().unwrap());
            kept.is_kept(&partner, &admin, &before).await;
            kept.repeats(&partner, before.keyed).await;
            before = kept.marks();
            *ledger.lock().unwrap() = kept;
        }
        server.assert_invariants().await;
        let busy: Vec<_> = (0..LANES)
            .map(|lane| {
                let (partner, admin) = (partner.clone(), admin.clone());
                tokio::spawn(guests(partner, admin, large.clone(), lane, Arc::clone(&ledger)))
            })
            .collect();
        tokio::time::sleep(moment(round)).await;
        server.kill();
        for lane in busy {
            lane.await.unwrap_or_else(|error| panic!("round {round}: {error}"));
        }
        server.start().await;
    }
    // After the last round: checks everything that was ever acknowledged, and every mail.
    let (partner, admin) = (server.sign_in(&id, &secret).await, server.admin().await);
    let mut kept = std::mem::take(&mut *ledger.lock().unwrap());
    kept.repeats(&partner, before.keyed).await;
    server.wait_until_outboxes_empty().await;
    kept.is_kept(&partner, &admin, &Marks::default()).await;
    for (payment, reservation) in &kept.payments {
        let paid = partner.get(&format!("/v1/reservations/{reservation}")).await.expect(200).json();
        assert_eq!(
            (&paid["status"], &paid["payment_id"]),
            (&"confirmed".into(), &payment.as_str().into()),
            "{paid}"
        );
    }
    mails_arrived(&server, &kept);
    server.assert_invariants().await;
    let Ledger { reservations, payments, users, .. } = &kept;
    println!(
        "{rounds} kills in {:.0} s: {} holds, {} payments, {} users acknowledged, none lost",
        begun.elapsed().as_secs_f64(),
        reservations.len(),
        payments.len(),
        users.len()
    );
    assert!(reservations.len() as u64 > rounds, "there was hardly any load: {}", reservations.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_fifty_times_and_nothing_lost() {
    rounds(TestServer::plan()).await;
}

/// Discards unsynced writes, as a power failure does; after `kill -9` alone the page cache is intact.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cut_off_fifty_times_and_nothing_synced_lost() {
    rounds(TestServer::plan().argument("--drop-unsynced")).await;
}

#[tokio::test]
async fn a_stop_finishes_what_was_accepted() {
    let mut server = TestServer::open().await;
    let (id, secret) =
        server.new_client("reservations:read reservations:write payments:read payments:write", &[]).await;
    let hotel = server.hotel_id("river").await;
    let (partner, admin) = (server.sign_in(&id, &secret).await, server.admin().await);
    let ledger: Shared = Arc::default();
    let busy: Vec<_> = (0..3)
        .map(|lane| {
            tokio::spawn(guests(partner.clone(), admin.clone(), hotel.clone(), lane, Arc::clone(&ledger)))
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(700)).await;
    server.stop();
    for lane in busy {
        lane.await.unwrap();
    }
    let checked = server.auberge(&["check", "--data", &server.data.to_string_lossy()]).done();
    assert!(checked.contains("no invariant violated"), "{checked}");
    server.start().await;
    let kept = std::mem::take(&mut *ledger.lock().unwrap());
    let partner = server.sign_in(&id, &secret).await;
    kept.is_kept(&partner, &server.admin().await, &Marks::default()).await;
    server.assert_invariants().await;
}
