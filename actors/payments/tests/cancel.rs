//! Abandoning an open payment: another card, or a hold that has ended.

mod common;

use common::bench::*;
use common::*;
use contracts::PaymentId;
use contracts::payments::*;
use contracts::reservations::{PaymentAccepted, PaymentFailed, PaymentSucceeded, Reservations};
use payments::{Effect, limits};

fn action() -> BankReport {
    let redirect_url = Some("https://bank/1".into());
    BankReport::Intent(seen(IntentState::RequiresAction { redirect_url }, 100))
}

fn requires_action(bench: &PaymentBench) -> PaymentId {
    let payment = confirming(bench, 1, 100);
    report(bench, payment, action());
    bench.effects();
    bench.sent::<Reservations>();
    payment
}

fn cancel_effect(payment: PaymentId) -> Effect {
    Effect::Cancel { payment, intent: "pi_1".into() }
}

#[test]
fn a_guest_abandons_three_d_secure_and_uses_another_card() {
    let bench = bench();
    let payment = requires_action(&bench);
    let again = || bench.call(&guest(), start(reservation(1), "pm_card_visa"));
    assert_eq!(again(), Err(Refusal::PaymentOpen(payment)));
    assert_eq!(bench.call(&stranger(), CancelPayment { payment }), Err(Refusal::NoSuchPayment));
    assert_eq!(bench.call(&guest(), CancelPayment { payment }), Ok(()));
    assert_eq!(bench.effects(), [cancel_effect(payment)]);
    let found = read(&bench, payment);
    assert_eq!((found.status, found.redirect_url, found.cancelling), (PaymentStatus::Processing, None, true));
    // A repeat requests nothing more; until the bank has answered, the card may have been charged.
    assert_eq!(bench.call(&guest(), CancelPayment { payment }), Ok(()));
    assert!(bench.effects().is_empty());
    assert_eq!(again(), Err(Refusal::PaymentOpen(payment)));
    report(&bench, payment, BankReport::Intent(seen(IntentState::Canceled, 100)));
    assert_eq!(failed(&bench, payment).as_deref(), Some("cancelled"));
    assert_eq!(bench.sent::<Reservations>(), [PaymentFailed { reservation: reservation(1), payment }.into()]);
    assert!(again().is_ok());
    assert_eq!(bench.call(&guest(), CancelPayment { payment }), Ok(()), "it has failed already");
    assert_invariants(&bench);
}

#[test]
fn a_card_that_was_charged_before_the_cancellation_pays() {
    let bench = bench();
    let payment = requires_action(&bench);
    bench.call(&guest(), CancelPayment { payment }).expect("accepted");
    report(&bench, payment, BankReport::Intent(seen(IntentState::Succeeded, 100)));
    assert_eq!(read(&bench, payment).status, PaymentStatus::Succeeded);
    let command = PaymentSucceeded { reservation: reservation(1), payment, amount: euros(100) }.into();
    assert_eq!(bench.sent::<Reservations>(), [command]);
    assert_eq!(bench.call(&guest(), CancelPayment { payment }), Err(Refusal::AlreadyPaid(payment)));
    assert_eq!(bench.call(&from_reservations(), CancelPayment { payment }), Ok(()));
    assert_invariants(&bench);
}

/// At each stage, the payment of a hold that has ended does not stay open.
#[test]
fn the_payment_of_a_hold_that_has_ended_is_cancelled_at_any_stage() {
    for stage in 0..5 {
        let bench = bench();
        let payment = begin(&bench, 1);
        if stage >= 1 {
            quote(&bench, payment, 100);
        }
        if stage >= 2 {
            created(&bench, payment);
        }
        match stage {
            3 => report(&bench, payment, action()),
            4 => report(&bench, payment, BankReport::Intent(seen(IntentState::Processing, 100))),
            _ => {}
        }
        bench.effects();
        assert_eq!(bench.call(&from_reservations(), CancelPayment { payment }), Ok(()));
        if stage < 2 {
            // An intent that is reported later is cancelled.
            assert_eq!(failed(&bench, payment).as_deref(), Some("reservation_not_held"), "stage {stage}");
            created(&bench, payment);
            assert_eq!(bench.effects(), [cancel_effect(payment)]);
            continue;
        }
        assert_eq!(bench.effects(), [cancel_effect(payment)], "stage {stage}");
        // The effect that confirms reports before the one that cancels: the guest is not sent to the bank's page.
        if stage == 2 {
            report(&bench, payment, action());
            assert_eq!(read(&bench, payment).status, PaymentStatus::Processing);
        }
        report(&bench, payment, BankReport::Intent(seen(IntentState::Canceled, 100)));
        assert_eq!(failed(&bench, payment).as_deref(), Some("reservation_not_held"), "stage {stage}");
        assert_invariants(&bench);
    }
}

#[test]
fn a_cancellation_that_the_bank_did_not_answer_is_requested_again() {
    let bench = bench();
    let payment = requires_action(&bench);
    bench.call(&guest(), CancelPayment { payment }).expect("accepted");
    assert_eq!(bench.effects(), [cancel_effect(payment)]);
    // The bank still reports the old state, for example because it was processing.
    report(&bench, payment, action());
    bench.advance_secs(limits::RECHECK_SECS);
    assert_eq!(bench.effects(), [cancel_effect(payment)]);
}

#[test]
fn only_a_card_that_the_bank_accepts_extends_the_hold() {
    let accepted = |payment| PaymentAccepted { reservation: reservation(1), payment }.into();
    for (state, accepts) in [
        (IntentState::RequiresAction { redirect_url: Some("https://bank/1".into()) }, true),
        (IntentState::Processing, true),
        (IntentState::Failed { code: "card_declined".into() }, false),
        (IntentState::Canceled, false),
    ] {
        let bench = bench();
        let payment = confirming(&bench, 1, 100);
        bench.sent::<Reservations>();
        report(&bench, payment, BankReport::Intent(seen(state.clone(), 100)));
        let sent = bench.sent::<Reservations>();
        assert_eq!(sent.contains(&accepted(payment)), accepts, "{state:?}: {sent:?}");
        // Once.
        report(&bench, payment, BankReport::Intent(seen(IntentState::Processing, 100)));
        assert!(!bench.sent::<Reservations>().contains(&accepted(payment)));
    }
}
