//! Card testing: the cards that a guest, an address or a reservation tries are limited.

mod common;

use common::bench::*;
use common::*;
use contracts::payments::*;
use payments::limits;
use protocol::Principal;

fn count(bench: &PaymentBench, who: &Principal, address: Option<u128>) -> Result<(), Refusal> {
    bench.call(who, CountCardAttempt { address, visitor_max: 3, address_max: 5 })
}

fn session(n: u32) -> Principal {
    Principal { on_behalf_of: Some(format!("gst_{n}")), ..Principal::service("ui") }
}

#[test]
fn attempts_are_limited_by_guest_and_by_address() {
    let bench = bench();
    for _ in 0..3 {
        assert_eq!(count(&bench, &session(1), Some(7)), Ok(()));
    }
    bench.advance_secs(60);
    let refused = Err(Refusal::TooManyCards { retry_after_secs: 3540 });
    assert_eq!(count(&bench, &session(1), Some(7)), refused);
    // From another address too; another session of the same address has two attempts left.
    assert_eq!(count(&bench, &session(1), Some(8)), refused);
    assert_eq!(count(&bench, &session(2), Some(7)), Ok(()));
    assert_eq!(count(&bench, &session(3), Some(7)), Ok(()));
    assert_eq!(count(&bench, &session(4), Some(7)), refused);
    // Without an address, on this machine, the guest is limited.
    assert_eq!(count(&bench, &session(4), None), Ok(()));
    // A partner's client is not limited here.
    let partner = Principal { subject: "cli_partner".into(), ..guest() };
    for _ in 0..10 {
        assert_eq!(count(&bench, &partner, Some(7)), Ok(()));
    }
    // After an hour counting starts anew, and no rows stay behind.
    bench.advance_secs(limits::ATTEMPTS_SECS - 60);
    assert_eq!(count(&bench, &session(1), Some(7)), Ok(()));
    bench.advance_secs(2 * limits::ATTEMPTS_SECS);
    assert!(!bench.rows().iter().any(|(key, _)| key.first() == Some(&51)));
}

#[test]
fn a_reservation_allows_ten_attempts() {
    let bench = bench();
    for nth in 0..limits::ATTEMPTS_MAX {
        let payment = confirming(&bench, 1, 100);
        let declined = IntentState::Failed { code: "card_declined".into() };
        report(&bench, payment, BankReport::Intent(seen(declined, 100)));
        assert!(failed(&bench, payment).is_some(), "{nth}");
    }
    let refused = Err(Refusal::TooManyAttempts { limit: 10 });
    assert_eq!(bench.call(&guest(), start(reservation(1), "pm_card_visa")), refused);
    assert!(bench.call(&guest(), start(reservation(2), "pm_card_visa")).is_ok());
    assert_invariants(&bench);
}
