//! Stored rows stay readable. `REWRITE_GOLDENS=1` renews the golden rows, which breaks existing stores.

mod common;

use std::fmt::Write as _;
use std::sync::Arc;

use common::*;
use contracts::reservations::{
    CalendarChange, Configure, Guest, Hold, ListBy, ListReservations, Nights, SetCalendar, Settings, Status,
};
use reservations::Reservations;
use store::{Batch, Memory, State as _};

const FIXTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/state-v1.hex");

/// A state with something in every tree and every optional field.
fn scenario() -> ReservationBench {
    let bench = open();
    let settings =
        Settings { client_unpaid_holds_max: [("agency".to_owned(), 3)].into(), ..Default::default() };
    bench.call(&administrator(), Configure { slot: hotel().id.slot(), settings }).unwrap();
    let double = hotel().room_types[0].clone();
    let change = CalendarChange {
        rooms: Some(Some(5)),
        prices: vec![(double.rate_plans[0].id, Some(12_345))],
        stop_sell: Some(true),
        min_stay: Some(3),
        closed_to_arrival: Some(true),
        closed_to_departure: Some(true),
    };
    let days = Nights { from: date("2027-02-01"), to: date("2027-02-02") };
    let set = SetCalendar { hotel: hotel().id, room_type: double.id, nights: days, change };
    bench.call(&administrator(), set).unwrap();
    let paid = confirmed(&bench, &user("ann"), nights("2026-12-24", 2));
    bench.advance_secs(60);
    cancel(&bench, &user("ann"), paid.id).unwrap();
    let guest = Guest { phone: Some("+48 123".into()), ..guest() };
    let (requests, reference) = (Some("Quiet, please.".to_owned()), Some("R-1".to_owned()));
    let quote = quote(&bench, nights("2026-12-24", 2), 1);
    let admission = admit(&bench, &client("agency"), &quote, HERE).unwrap();
    let hold = Hold { quote, guest, requests, reference, admission };
    let held = bench.call(&client("agency"), hold).unwrap();
    open_payment(&bench, held.id, 9);
    confirmed(&bench, &guest_session("gst_1"), nights("2026-12-24", 1));
    bench
}

/// The service's own rows: prefixes from 32 on.
fn rows(bench: &ReservationBench) -> String {
    let mut text = String::new();
    for (key, value) in bench.rows().into_iter().filter(|(key, _)| key[0] >= 32) {
        writeln!(text, "{} {}", hex(&key), hex(&value)).unwrap();
    }
    text
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len() / 2).map(|at| u8::from_str_radix(&hex[at * 2..at * 2 + 2], 16).unwrap()).collect()
}

#[test]
fn stored_rows_are_read_and_written_unchanged() {
    let today = scenario();
    if std::env::var_os("REWRITE_GOLDENS").is_some() {
        std::fs::write(FIXTURE, rows(&today)).unwrap();
    }
    let fixture = std::fs::read_to_string(FIXTURE).unwrap();
    let mut batch = Batch::default();
    for line in fixture.lines() {
        let (key, value) = line.split_once(' ').unwrap();
        batch.put(bytes(key), bytes(value));
    }
    let memory = Memory::new();
    memory.commit(batch).unwrap();
    let old = ReservationBench::on(Reservations::new(links()), Arc::new(memory));
    assert_eq!(old.violations(), [] as [String; 0]);
    let listing = |owner: &protocol::Principal, bench: &ReservationBench| {
        let listing = ListReservations {
            by: ListBy::Owner,
            status: None,
            check_in_from: None,
            check_in_to: None,
            reference: None,
            updated_since: None,
            after: None,
            limit: 10,
        };
        let page = bench.call(owner, listing).unwrap();
        page.items.into_iter().map(|(_, found)| found).collect::<Vec<_>>()
    };
    for (owner, status) in [
        (user("ann"), Status::Cancelled),
        (client("agency"), Status::Held),
        (guest_session("gst_1"), Status::Confirmed),
    ] {
        let found = listing(&owner, &old);
        assert_eq!(found, listing(&owner, &today));
        assert_eq!(found.iter().map(|found| found.status).collect::<Vec<_>>(), [status]);
    }
    assert_eq!(rows(&today), fixture, "the stored form has changed: add a version beside the old one");
}
