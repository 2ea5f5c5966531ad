//! Paying at the command boundary: commands in; replies, events and effects out.

mod common;

use common::bench::*;
use common::*;
use contracts::payments::*;
use contracts::reservations::{self, Reservations};
use payments::{Effect, limits};

#[test]
fn a_payment_is_quoted_then_recorded_then_confirmed_then_receipted() {
    let bench = bench();
    let payment = begin(&bench, 1);
    assert_eq!(payment.slot(), reservation(1).slot());
    let opened = reservations::Command::OpenPayment { reservation: reservation(1), payment };
    assert_eq!(bench.sent::<Reservations>(), [opened]);
    assert!(bench.effects().is_empty(), "nobody asks the bank before the amount is known");

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
    let command = reservations::Command::PaymentSucceeded {
        reservation: reservation(1),
        payment,
        amount: euros(20_000),
    };
    assert_eq!(bench.sent::<Reservations>(), [command]);
    assert_eq!(bench.effects(), [Effect::MailReceipt { payment }]);
    let found = read(&bench, payment);
    assert_eq!((found.status, found.receipt_number.as_deref()), (PaymentStatus::Succeeded, Some("R-000001")));
    assert_eq!((found.test, found.method.as_deref()), (Some(true), Some("Visa •••• 4242")));

    // Told twice, it is counted once.
    report(&bench, payment, BankReport::Intent(seen(IntentState::Succeeded, 20_000)));
    assert!(bench.effects().is_empty() && bench.sent::<Reservations>().is_empty());
    whole(&bench);
}

#[test]
fn what_cannot_be_started_is_refused() {
    let bench = bench();
    let field = |command| match bench.command(&guest(), command) {
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
        let Command::Start { reservation, payment_method, expected_amount, .. } =
            start(reservation(1), "pm_card_visa")
        else {
            unreachable!()
        };
        let command =
            Command::Start { reservation, payment_method, expected_amount, return_url: (*url).into() };
        assert_eq!(field(command), "return_url", "{url}");
    }
    assert!(
        bench.rows().iter().all(|(_, value)| !String::from_utf8_lossy(value).contains("4242424242424242"))
    );
}

#[test]
fn a_reservation_has_one_payment_that_is_open_or_succeeded() {
    let bench = bench();
    let payment = begin(&bench, 1);
    let again = || bench.command(&guest(), start(reservation(1), "pm_card_visa"));
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
    // Declined: another attempt is allowed, and that one is the only one again.
    let Ok(Reply::Started(second)) = again() else { panic!() };
    assert_eq!(again(), Err(Refusal::PaymentOpen(second)));
    quote(&bench, second, 100);
    report(&bench, second, BankReport::IntentCreated { intent: "pi_2".into(), mode: BankMode::Sandbox });
    let seen = IntentSnapshot { intent: "pi_2".into(), ..seen(IntentState::Succeeded, 100) };
    report(&bench, second, BankReport::Intent(seen));
    assert_eq!(again(), Err(Refusal::AlreadyPaid(second)));
    begin(&bench, 2);
    whole(&bench);
}

#[test]
fn attempts_are_bounded() {
    let bench = bench();
    for _ in 0..limits::ATTEMPTS_MAX {
        let payment = begin(&bench, 1);
        let answer = Err(NotPayable::NotHeld);
        bench.command(&from_reservations(), Command::Quoted { payment, answer }).expect("noted");
    }
    let refused = bench.command(&guest(), start(reservation(1), "pm_card_visa"));
    assert!(matches!(refused, Err(Refusal::BadField { field, .. }) if field == "reservation_id"));
}

#[test]
fn what_reservations_will_not_have_paid_fails() {
    for (answer, code) in [
        (NotPayable::NoSuchReservation, "reservation_not_found"),
        (NotPayable::NotHeld, "reservation_not_held"),
        (NotPayable::PaymentOpen, "reservation_payment_open"),
    ] {
        let bench = bench();
        let payment = begin(&bench, 1);
        bench.sent::<Reservations>();
        bench.command(&from_reservations(), Command::Quoted { payment, answer: Err(answer) }).expect("noted");
        assert_eq!(failed(&bench, payment).as_deref(), Some(code));
        let command = reservations::Command::PaymentFailed { reservation: reservation(1), payment };
        assert_eq!(bench.sent::<Reservations>(), [command]);
        assert!(bench.effects().is_empty());
        whole(&bench);
    }
}

#[test]
fn nobody_pays_what_he_was_not_shown() {
    let bench = bench();
    let command = |n| Command::Start {
        reservation: reservation(n),
        payment_method: "pm_card_visa".into(),
        return_url: "https://x".into(),
        expected_amount: Some(euros(100)),
    };
    for (n, amount, code) in [(1, 101, Some("amount_changed")), (2, 100, None)] {
        let Ok(Reply::Started(payment)) = bench.command(&guest(), command(n)) else { panic!() };
        quote(&bench, payment, amount);
        assert_eq!(failed(&bench, payment).as_deref(), code);
        assert_eq!(bench.effects().len(), usize::from(code.is_none()));
    }
    let free = begin(&bench, 3);
    quote(&bench, free, 0);
    assert_eq!(failed(&bench, free).as_deref(), Some("amount_changed"));
}

#[test]
fn what_the_bank_says_of_another_sum_is_not_believed() {
    let good = seen(IntentState::Succeeded, 100);
    for wrong in [
        IntentSnapshot { amount: 99, ..good.clone() },
        IntentSnapshot { received: 99, ..good.clone() },
        IntentSnapshot { currency: "USD".into(), ..good.clone() },
        IntentSnapshot { livemode: true, ..good.clone() },
    ] {
        let bench = bench();
        let payment = confirming(&bench, 1, 100);
        bench.effects();
        report(&bench, payment, BankReport::Intent(wrong.clone()));
        assert_eq!(failed(&bench, payment).as_deref(), Some("bank_mismatch"), "{wrong:?}");
        assert_eq!(bench.effects(), [Effect::Cancel { payment, intent: "pi_1".into() }]);
        // What cancelling it saw does not begin the same again.
        report(&bench, payment, BankReport::Intent(wrong));
        assert!(bench.effects().is_empty());
        whole(&bench);
    }
    let bench = bench();
    let payment = confirming(&bench, 1, 100);
    let other = IntentSnapshot { intent: "pi_other".into(), ..good };
    report(&bench, payment, BankReport::Intent(other));
    assert_eq!(read(&bench, payment).status, PaymentStatus::Processing);
}

#[test]
fn a_store_stays_with_its_bank() {
    let bench = bench();
    assert_eq!(bench.query(&own(), Query::BankMode), Ok(Answer::BankMode(None)));
    succeeded(&bench, 1, 100);
    assert_eq!(bench.query(&own(), Query::BankMode), Ok(Answer::BankMode(Some(BankMode::Sandbox))));
    for (n, mode) in [(2, BankMode::Test), (3, BankMode::Live)] {
        let payment = begin(&bench, n);
        quote(&bench, payment, 100);
        bench.effects();
        report(&bench, payment, BankReport::IntentCreated { intent: "pi_x".into(), mode });
        assert_eq!(failed(&bench, payment).as_deref(), Some("bank_mismatch"));
        assert_eq!(bench.effects(), [Effect::Cancel { payment, intent: "pi_x".into() }]);
    }
    assert_eq!(bench.query(&own(), Query::BankMode), Ok(Answer::BankMode(Some(BankMode::Sandbox))));
    whole(&bench);
}

#[test]
fn three_d_secure_shows_the_way_and_runs_out() {
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
    // The bank is asked by and by, once at a time.
    bench.advance_secs(limits::RECHECK_SECS);
    assert_eq!(bench.effects(), [Effect::Check { payment, intent: "pi_1".into() }]);
    bench.advance_secs(limits::RECHECK_SECS * 2);
    assert!(bench.effects().is_empty(), "the first question is not answered yet");
    report(&bench, payment, action());
    assert_eq!(
        bench.effects(),
        [Effect::Check { payment, intent: "pi_1".into() }],
        "the second was asked for meanwhile"
    );
    report(&bench, payment, action());
    // Time is up: it is cancelled at the bank, and fails when the bank says so.
    bench.advance_secs(limits::PAY_WITHIN_SECS);
    let effects = bench.effects();
    assert!(effects.contains(&Effect::Cancel { payment, intent: "pi_1".into() }), "{effects:?}");
    assert_eq!(read(&bench, payment).status, PaymentStatus::RequiresAction);
    report(&bench, payment, BankReport::Intent(seen(IntentState::Canceled, 100)));
    assert_eq!(failed(&bench, payment).as_deref(), Some("authentication_expired"));
    assert_eq!(read(&bench, payment).redirect_url, None);
    whole(&bench);
}

#[test]
fn an_action_that_only_the_banks_script_can_show_fails() {
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
fn the_guests_return_asks_the_bank_at_once() {
    let bench = bench();
    let payment = confirming(&bench, 1, 100);
    report(
        &bench,
        payment,
        BankReport::Intent(seen(IntentState::RequiresAction { redirect_url: Some("https://b".into()) }, 100)),
    );
    bench.effects();
    assert_eq!(bench.command(&stranger(), Command::Returned { payment }), Err(Refusal::NoSuchPayment));
    assert_eq!(bench.command(&guest(), Command::Returned { payment }), Ok(Reply::Done));
    assert_eq!(bench.effects(), [Effect::Check { payment, intent: "pi_1".into() }]);
}

#[test]
fn a_bank_that_never_answers_lets_the_payment_expire() {
    let bench = bench();
    let quoting = begin(&bench, 1);
    let creating = begin(&bench, 2);
    quote(&bench, creating, 100);
    let confirmed = confirming(&bench, 3, 100);
    bench.effects();
    bench.advance_secs(limits::PAY_WITHIN_SECS);
    assert_eq!(failed(&bench, quoting).as_deref(), Some("bank_unavailable"));
    assert_eq!(failed(&bench, creating).as_deref(), Some("bank_unavailable"));
    // The card may have been charged: only the bank knows.
    assert_eq!(read(&bench, confirmed).status, PaymentStatus::Processing);
    // An intent that turns up now is cancelled, and a quote is ignored.
    report(&bench, creating, BankReport::IntentCreated { intent: "pi_9".into(), mode: BankMode::Sandbox });
    assert_eq!(bench.effects(), [Effect::Cancel { payment: creating, intent: "pi_9".into() }]);
    quote(&bench, quoting, 100);
    assert!(bench.effects().is_empty());
    whole(&bench);
}

#[test]
fn a_bank_that_takes_its_time_is_asked_again_and_again() {
    let bench = bench();
    let payment = confirming(&bench, 1, 100);
    bench.effects();
    report(&bench, payment, BankReport::Intent(seen(IntentState::Processing, 100)));
    let mut asked = 0;
    for _ in 0..400 {
        bench.advance_secs(60);
        for effect in bench.effects() {
            assert_eq!(effect, Effect::Check { payment, intent: "pi_1".into() });
            asked += 1;
            report(&bench, payment, BankReport::Intent(seen(IntentState::Processing, 100)));
        }
    }
    assert!((10..30).contains(&asked), "{asked} times in 400 minutes");
    assert_eq!(read(&bench, payment).status, PaymentStatus::Processing);
    report(&bench, payment, BankReport::Intent(seen(IntentState::Succeeded, 100)));
    assert_eq!(read(&bench, payment).status, PaymentStatus::Succeeded);
}

#[test]
fn money_that_came_after_we_had_given_up_is_not_lost() {
    // Nobody has paid meanwhile: reservations decides.
    let bench = bench();
    let payment = confirming(&bench, 1, 100);
    report(
        &bench,
        payment,
        BankReport::Intent(seen(IntentState::Failed { code: "processing_error".into() }, 100)),
    );
    bench.sent::<Reservations>();
    report(&bench, payment, BankReport::Intent(seen(IntentState::Succeeded, 100)));
    let command =
        reservations::Command::PaymentSucceeded { reservation: reservation(1), payment, amount: euros(100) };
    assert_eq!(bench.sent::<Reservations>(), [command]);
    whole(&bench);

    // Another payment has taken its place: it goes back by itself.
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
    assert!(bench.sent::<Reservations>().is_empty());
    assert_eq!(
        bench.command(&guest(), start(reservation(1), "pm_card_visa")),
        Err(Refusal::PaymentOpen(second))
    );
    whole(&bench);
}
