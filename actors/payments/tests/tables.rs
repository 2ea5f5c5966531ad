//! Payments at the command boundary: commands in; replies, events and effects out.

mod common;

use common::bench::*;
use common::*;
use contracts::payments::*;
use contracts::reservations::{self, OpenPayment, PaymentFailed, PaymentSucceeded, Reservations};
use payments::{Effect, limits};

#[test]
fn a_payment_is_quoted_then_recorded_then_confirmed_then_receipted() {
    let bench = bench();
    let payment = begin(&bench, 1);
    assert_eq!(payment.slot(), reservation(1).slot());
    let opened = OpenPayment { reservation: reservation(1), payment }.into();
    assert_eq!(bench.sent::<Reservations>(), [opened]);
    assert!(bench.effects().is_empty(), "nothing is requested from the bank before the amount is known");

    quote(&bench, payment, 20_000);
    let effects = bench.effects();
    assert!(
        matches!(&effects[..], [Effect::CreateIntent { amount, .. }] if *amount == euros(20_000)),
        "{effects:?}"
    );

    created(&bench, payment);
    let effects = bench.effects();
    assert!(matches!(&effects[..], [Effect::Confirm { intent, .. }] if intent == "pi_1"), "{effects:?}");
    assert_eq!(read(&bench, payment).status, PaymentStatus::Processing);

    report(&bench, payment, BankReport::Intent(seen(IntentState::Succeeded, 20_000)));
    let command = PaymentSucceeded { reservation: reservation(1), payment, amount: euros(20_000) }.into();
    assert_eq!(bench.sent::<Reservations>(), [command]);
    assert_eq!(bench.effects(), [Effect::MailReceipt { payment }]);
    let found = read(&bench, payment);
    assert_eq!((found.status, found.receipt_number.as_deref()), (PaymentStatus::Succeeded, Some("R-000001")));
    assert_eq!((found.test, found.method.as_deref()), (Some(true), Some("Visa •••• 4242")));

    // A repeated report changes nothing.
    report(&bench, payment, BankReport::Intent(seen(IntentState::Succeeded, 20_000)));
    assert!(bench.effects().is_empty() && bench.sent::<Reservations>().is_empty());
    assert_invariants(&bench);
}

#[test]
fn an_invalid_payment_is_refused() {
    let bench = bench();
    let field = |request| match bench.call(&guest(), request) {
        Err(Refusal::BadField { field, .. }) => field,
        other => panic!("{other:?}"),
    };
    for method in [
        "",
        "pm_",
        "visa",
        "4242424242424242",
        "pm_4242424242424242",
        "pm_a b",
        "pm_ł",
        &format!("pm_{}", "x".repeat(300)),
    ] {
        assert_eq!(field(start(reservation(1), method)), "payment_method", "{method}");
    }
    for url in [
        "",
        "javascript:alert(1)",
        "//x",
        "https://a b",
        "https://x\r\nA: b",
        &format!("https://{}", "x".repeat(2050)),
    ] {
        let request = StartPayment { return_url: (*url).into(), ..start(reservation(1), "pm_card_visa") };
        assert_eq!(field(request), "return_url", "{url}");
    }
    assert!(
        bench.rows().iter().all(|(_, value)| !String::from_utf8_lossy(value).contains("4242424242424242"))
    );
}

#[test]
fn a_reservation_has_one_payment_that_is_open_or_succeeded() {
    let bench = bench();
    let payment = begin(&bench, 1);
    let again = || bench.call(&guest(), start(reservation(1), "pm_card_visa"));
    assert_eq!(again(), Err(Refusal::PaymentOpen(payment)));
    quote(&bench, payment, 100);
    created(&bench, payment);
    assert_eq!(again(), Err(Refusal::PaymentOpen(payment)));
    report(
        &bench,
        payment,
        BankReport::Intent(seen(IntentState::RequiresAction { redirect_url: Some("https://b".into()) }, 100)),
    );
    assert_eq!(again(), Err(Refusal::PaymentOpen(payment)));
    report(
        &bench,
        payment,
        BankReport::Intent(seen(IntentState::Failed { code: "card_declined".into() }, 100)),
    );
    // Declined: another attempt is allowed, but only one.
    let Ok(second) = again() else { panic!() };
    assert_eq!(again(), Err(Refusal::PaymentOpen(second)));
    quote(&bench, second, 100);
    report(&bench, second, BankReport::IntentCreated { intent: "pi_2".into(), mode: BankMode::Sandbox });
    let seen = IntentSnapshot { intent: "pi_2".into(), ..seen(IntentState::Succeeded, 100) };
    report(&bench, second, BankReport::Intent(seen));
    assert_eq!(again(), Err(Refusal::AlreadyPaid(second)));
    begin(&bench, 2);
    assert_invariants(&bench);
}

#[test]
fn the_number_of_attempts_is_limited() {
    let bench = bench();
    for _ in 0..limits::ATTEMPTS_MAX {
        let payment = begin(&bench, 1);
        let answer = Err(NotPayable::NotHeld);
        bench.call(&from_reservations(), Quoted { payment, answer }).expect("noted");
    }
    let refused = bench.call(&guest(), start(reservation(1), "pm_card_visa"));
    assert_eq!(refused, Err(Refusal::TooManyAttempts { limit: 10 }));
}

#[test]
fn a_payment_that_reservations_refuses_fails() {
    for (answer, code) in [
        (NotPayable::NoSuchReservation, "reservation_not_found"),
        (NotPayable::NotHeld, "reservation_not_held"),
        (NotPayable::PaymentOpen, "reservation_payment_open"),
        (NotPayable::NothingDue, "reservation_nothing_due"),
    ] {
        let bench = bench();
        let payment = begin(&bench, 1);
        bench.sent::<Reservations>();
        bench.call(&from_reservations(), Quoted { payment, answer: Err(answer) }).expect("noted");
        assert_eq!(failed(&bench, payment).as_deref(), Some(code));
        let command = PaymentFailed { reservation: reservation(1), payment }.into();
        assert_eq!(bench.sent::<Reservations>(), [command]);
        assert!(bench.effects().is_empty());
        assert_invariants(&bench);
    }
}

#[test]
fn a_payment_of_an_unexpected_amount_fails() {
    let bench = bench();
    let command = |n| StartPayment {
        reservation: reservation(n),
        payment_method: "pm_card_visa".into(),
        return_url: "https://x".into(),
        expected_amount: Some(euros(100)),
    };
    for (n, amount, code) in [(1, 101, Some("amount_changed")), (2, 100, None)] {
        let Ok(payment) = bench.call(&guest(), command(n)) else { panic!() };
        quote(&bench, payment, amount);
        assert_eq!(failed(&bench, payment).as_deref(), code);
        assert_eq!(bench.effects().len(), usize::from(code.is_none()));
    }
    let free = begin(&bench, 3);
    quote(&bench, free, 0);
    assert_eq!(failed(&bench, free).as_deref(), Some("amount_changed"));
}

#[test]
fn a_store_never_changes_its_bank_mode() {
    let bench = bench();
    assert_eq!(bench.call(&own(), GetBankMode), Ok(None));
    succeeded(&bench, 1, 100);
    assert_eq!(bench.call(&own(), GetBankMode), Ok(Some(BankMode::Sandbox)));
    for (n, mode) in [(2, BankMode::Test), (3, BankMode::Live)] {
        let payment = begin(&bench, n);
        quote(&bench, payment, 100);
        bench.effects();
        report(&bench, payment, BankReport::IntentCreated { intent: "pi_x".into(), mode });
        assert_eq!(failed(&bench, payment).as_deref(), Some("bank_mismatch"));
        assert_eq!(bench.effects(), [Effect::Cancel { payment, intent: "pi_x".into() }]);
    }
    assert_eq!(bench.call(&own(), GetBankMode), Ok(Some(BankMode::Sandbox)));
    assert_invariants(&bench);
}

#[test]
fn three_d_secure_has_a_redirect_url_and_expires() {
    let bench = bench();
    let payment = confirming(&bench, 1, 100);
    bench.effects();
    let action = || {
        BankReport::Intent(seen(
            IntentState::RequiresAction { redirect_url: Some("https://bank/1".into()) },
            100,
        ))
    };
    report(&bench, payment, action());
    let found = read(&bench, payment);
    assert_eq!(
        (found.status, found.redirect_url.as_deref()),
        (PaymentStatus::RequiresAction, Some("https://bank/1"))
    );
    // The intent is retrieved with growing pauses, one request at a time.
    bench.advance_secs(limits::RECHECK_SECS);
    assert_eq!(bench.effects(), [Effect::Check { payment, intent: "pi_1".into() }]);
    bench.advance_secs(limits::RECHECK_SECS * 2);
    assert!(bench.effects().is_empty(), "the first retrieval is in progress");
    report(&bench, payment, action());
    assert_eq!(
        bench.effects(),
        [Effect::Check { payment, intent: "pi_1".into() }],
        "the second was requested during the first"
    );
    report(&bench, payment, action());
    // After the time limit the intent is cancelled, and the payment fails once the bank reports that.
    bench.advance_secs(limits::PAY_WITHIN_SECS);
    let effects = bench.effects();
    assert!(effects.contains(&Effect::Cancel { payment, intent: "pi_1".into() }), "{effects:?}");
    assert_eq!(read(&bench, payment).status, PaymentStatus::RequiresAction);
    report(&bench, payment, BankReport::Intent(seen(IntentState::Canceled, 100)));
    assert_eq!(failed(&bench, payment).as_deref(), Some("authentication_expired"));
    assert_eq!(read(&bench, payment).redirect_url, None);
    assert_invariants(&bench);
}

#[test]
fn an_action_without_a_redirect_url_fails() {
    let bench = bench();
    let payment = confirming(&bench, 1, 100);
    bench.effects();
    report(
        &bench,
        payment,
        BankReport::Intent(seen(IntentState::RequiresAction { redirect_url: None }, 100)),
    );
    assert_eq!(failed(&bench, payment).as_deref(), Some("authentication_required"));
    assert_eq!(bench.effects(), [Effect::Cancel { payment, intent: "pi_1".into() }]);
}

#[test]
fn the_guests_return_retrieves_the_intent_at_once() {
    let bench = bench();
    let payment = confirming(&bench, 1, 100);
    report(
        &bench,
        payment,
        BankReport::Intent(seen(IntentState::RequiresAction { redirect_url: Some("https://b".into()) }, 100)),
    );
    bench.effects();
    assert_eq!(bench.call(&stranger(), GuestReturned { payment }), Err(Refusal::NoSuchPayment));
    assert_eq!(bench.call(&guest(), GuestReturned { payment }), Ok(()));
    assert_eq!(bench.effects(), [Effect::Check { payment, intent: "pi_1".into() }]);
}

#[test]
fn a_payment_expires_without_a_response_from_the_bank() {
    let bench = bench();
    let quoting = begin(&bench, 1);
    let creating = begin(&bench, 2);
    quote(&bench, creating, 100);
    let confirmed = confirming(&bench, 3, 100);
    bench.effects();
    bench.advance_secs(limits::PAY_WITHIN_SECS);
    assert_eq!(failed(&bench, quoting).as_deref(), Some("bank_unavailable"));
    assert_eq!(failed(&bench, creating).as_deref(), Some("bank_unavailable"));
    // The card may have been charged, so this payment stays open.
    assert_eq!(read(&bench, confirmed).status, PaymentStatus::Processing);
    // An intent that is reported now is cancelled, and a quote is ignored.
    report(&bench, creating, BankReport::IntentCreated { intent: "pi_9".into(), mode: BankMode::Sandbox });
    assert_eq!(bench.effects(), [Effect::Cancel { payment: creating, intent: "pi_9".into() }]);
    quote(&bench, quoting, 100);
    assert!(bench.effects().is_empty());
    assert_invariants(&bench);
}

#[test]
fn a_processing_intent_is_retrieved_until_it_succeeds() {
    let bench = bench();
    let payment = confirming(&bench, 1, 100);
    bench.effects();
    report(&bench, payment, BankReport::Intent(seen(IntentState::Processing, 100)));
    let mut retrievals = 0;
    for _ in 0..400 {
        bench.advance_secs(60);
        for effect in bench.effects() {
            assert_eq!(effect, Effect::Check { payment, intent: "pi_1".into() });
            retrievals += 1;
            report(&bench, payment, BankReport::Intent(seen(IntentState::Processing, 100)));
        }
    }
    assert!((10..30).contains(&retrievals), "{retrievals} in 400 minutes");
    assert_eq!(read(&bench, payment).status, PaymentStatus::Processing);
    report(&bench, payment, BankReport::Intent(seen(IntentState::Succeeded, 100)));
    assert_eq!(read(&bench, payment).status, PaymentStatus::Succeeded);
}

#[test]
fn a_success_after_a_failure_is_recorded() {
    // No other payment has been started: reservations decides.
    let bench = bench();
    let payment = confirming(&bench, 1, 100);
    report(
        &bench,
        payment,
        BankReport::Intent(seen(IntentState::Failed { code: "processing_error".into() }, 100)),
    );
    bench.sent::<Reservations>();
    report(&bench, payment, BankReport::Intent(seen(IntentState::Succeeded, 100)));
    let command = PaymentSucceeded { reservation: reservation(1), payment, amount: euros(100) }.into();
    assert_eq!(bench.sent::<Reservations>(), [command]);
    assert_invariants(&bench);

    // Another payment has taken its place: this one is refunded.
    let bench = common::bench::bench();
    let first = confirming(&bench, 1, 100);
    report(
        &bench,
        first,
        BankReport::Intent(seen(IntentState::Failed { code: "processing_error".into() }, 100)),
    );
    let second = begin(&bench, 1);
    bench.effects();
    bench.sent::<Reservations>();
    report(&bench, first, BankReport::Intent(seen(IntentState::Succeeded, 100)));
    let effects = bench.effects();
    assert!(
        matches!(&effects[..], [Effect::MailReceipt { .. }, Effect::Refund { payment, amount, .. }]
        if *payment == first && *amount == euros(100)),
        "{effects:?}"
    );
    let sent = bench.sent::<Reservations>();
    assert!(matches!(&sent[..], [reservations::Command::RefundChanged(_)]), "{sent:?}");
    assert_eq!(
        bench.call(&guest(), start(reservation(1), "pm_card_visa")),
        Err(Refusal::PaymentOpen(second))
    );
    assert_invariants(&bench);
}
