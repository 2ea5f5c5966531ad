//! Payments at the command boundary: commands in; replies, events and effects out.

mod common;

use common::*;
use contract::Timestamp;
use contracts::payments::*;
use contracts::reservations::{self, Reservations};
use contracts::{PaymentId, RefundId};
use group::testing::Bench;
use payments::{Effect, limits};

type Desk = Bench<payments::Payments>;

fn bench() -> Desk {
    Bench::new(payments::Payments)
}

fn begin(bench: &Desk, n: u64) -> PaymentId {
    match bench.command(&guest(), start(reservation(n), "pm_card_visa")) {
        Ok(Reply::Started(payment)) => payment,
        other => panic!("{other:?}"),
    }
}

fn quote(bench: &Desk, payment: PaymentId, amount: i64) {
    let quoted = Command::Quoted { payment, answer: Ok(payable(euros(amount))) };
    assert_eq!(bench.command(&from_reservations(), quoted), Ok(Reply::Done));
}

fn report(bench: &Desk, payment: PaymentId, report: BankReport) {
    assert_eq!(bench.command(&own(), Command::BankReported { payment, report }), Ok(Reply::Done));
}

fn seen(state: IntentState, amount: i64) -> IntentSeen {
    let received = if state == IntentState::Succeeded { amount } else { 0 };
    let (intent, currency, method) = ("pi_1".into(), "EUR".into(), Some("Visa •••• 4242".into()));
    IntentSeen { intent, state, amount, currency, received, livemode: false, method }
}

fn created(bench: &Desk, payment: PaymentId) {
    report(bench, payment, BankReport::IntentCreated { intent: "pi_1".into(), mode: BankMode::Sandbox });
}

/// A payment whose intent is being confirmed.
fn confirming(bench: &Desk, n: u64, amount: i64) -> PaymentId {
    let payment = begin(bench, n);
    quote(bench, payment, amount);
    created(bench, payment);
    payment
}

fn succeeded(bench: &Desk, n: u64, amount: i64) -> PaymentId {
    let payment = confirming(bench, n, amount);
    report(bench, payment, BankReport::Intent(seen(IntentState::Succeeded, amount)));
    bench.effects();
    bench.sent::<Reservations>();
    payment
}

fn shown(bench: &Desk, payment: PaymentId) -> Payment {
    match bench.query(&guest(), Query::Payment(payment)) {
        Ok(Answer::Payment(payment)) => *payment,
        other => panic!("{other:?}"),
    }
}

fn failed(bench: &Desk, payment: PaymentId) -> Option<String> {
    let shown = shown(bench, payment);
    assert_eq!(shown.failure.is_some(), shown.status == PaymentStatus::Failed);
    shown.failure.map(|failure| failure.code)
}

fn whole(bench: &Desk) {
    assert_eq!(bench.breaches(), Vec::<String>::new());
}

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
    assert!(matches!(&effects[..], [Effect::CreateIntent { amount, .. }] if *amount == euros(20_000)), "{effects:?}");

    created(&bench, payment);
    let effects = bench.effects();
    assert!(matches!(&effects[..], [Effect::Confirm { intent, .. }] if intent == "pi_1"), "{effects:?}");
    assert_eq!(shown(&bench, payment).status, PaymentStatus::Processing);

    report(&bench, payment, BankReport::Intent(seen(IntentState::Succeeded, 20_000)));
    let told = reservations::Command::PaymentSucceeded { reservation: reservation(1), payment, amount: euros(20_000) };
    assert_eq!(bench.sent::<Reservations>(), [told]);
    assert_eq!(bench.effects(), [Effect::MailReceipt { payment }]);
    let shown = shown(&bench, payment);
    assert_eq!((shown.status, shown.receipt_number.as_deref()), (PaymentStatus::Succeeded, Some("R-000001")));
    assert_eq!((shown.test, shown.method.as_deref()), (Some(true), Some("Visa •••• 4242")));

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
    for method in ["", "pm_", "visa", "4242424242424242", "pm_4242424242424242", "pm_a b", "pm_ł", &format!("pm_{}", "x".repeat(300))] {
        assert_eq!(field(start(reservation(1), method)), "payment_method", "{method}");
    }
    for url in ["", "javascript:alert(1)", "//x", "https://a b", "https://x\r\nA: b", &format!("https://{}", "x".repeat(2050))] {
        let Command::Start { reservation, payment_method, shown, .. } = start(reservation(1), "pm_card_visa") else { unreachable!() };
        let command = Command::Start { reservation, payment_method, shown, return_url: (*url).into() };
        assert_eq!(field(command), "return_url", "{url}");
    }
    assert!(bench.rows().iter().all(|(_, value)| !String::from_utf8_lossy(value).contains("4242424242424242")));
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
    report(&bench, payment, BankReport::Intent(seen(IntentState::RequiresAction { redirect_url: Some("https://b".into()) }, 100)));
    assert_eq!(again(), Err(Refusal::PaymentOpen(payment)));
    report(&bench, payment, BankReport::Intent(seen(IntentState::Failed { code: "card_declined".into() }, 100)));
    // Declined: another attempt is allowed, and that one is the only one again.
    let Ok(Reply::Started(second)) = again() else { panic!() };
    assert_eq!(again(), Err(Refusal::PaymentOpen(second)));
    quote(&bench, second, 100);
    report(&bench, second, BankReport::IntentCreated { intent: "pi_2".into(), mode: BankMode::Sandbox });
    let seen = IntentSeen { intent: "pi_2".into(), ..seen(IntentState::Succeeded, 100) };
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
        let told = reservations::Command::PaymentFailed { reservation: reservation(1), payment };
        assert_eq!(bench.sent::<Reservations>(), [told]);
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
        shown: Some(euros(100)),
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
        IntentSeen { amount: 99, ..good.clone() },
        IntentSeen { received: 99, ..good.clone() },
        IntentSeen { currency: "USD".into(), ..good.clone() },
        IntentSeen { livemode: true, ..good.clone() },
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
    let other = IntentSeen { intent: "pi_other".into(), ..good };
    report(&bench, payment, BankReport::Intent(other));
    assert_eq!(shown(&bench, payment).status, PaymentStatus::Processing);
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
    let action = || BankReport::Intent(seen(IntentState::RequiresAction { redirect_url: Some("https://bank/1".into()) }, 100));
    report(&bench, payment, action());
    let shown_now = shown(&bench, payment);
    assert_eq!((shown_now.status, shown_now.redirect_url.as_deref()), (PaymentStatus::RequiresAction, Some("https://bank/1")));
    // The bank is asked by and by, once at a time.
    bench.advance_secs(limits::RECHECK_SECS);
    assert_eq!(bench.effects(), [Effect::Check { payment, intent: "pi_1".into() }]);
    bench.advance_secs(limits::RECHECK_SECS * 2);
    assert!(bench.effects().is_empty(), "the first question is not answered yet");
    report(&bench, payment, action());
    assert_eq!(bench.effects(), [Effect::Check { payment, intent: "pi_1".into() }], "the second was asked for meanwhile");
    report(&bench, payment, action());
    // Time is up: it is cancelled at the bank, and fails when the bank says so.
    bench.advance_secs(limits::PAY_WITHIN_SECS);
    let effects = bench.effects();
    assert!(effects.contains(&Effect::Cancel { payment, intent: "pi_1".into() }), "{effects:?}");
    assert_eq!(shown(&bench, payment).status, PaymentStatus::RequiresAction);
    report(&bench, payment, BankReport::Intent(seen(IntentState::Canceled, 100)));
    assert_eq!(failed(&bench, payment).as_deref(), Some("authentication_expired"));
    assert_eq!(shown(&bench, payment).redirect_url, None);
    whole(&bench);
}

#[test]
fn an_action_that_only_the_banks_script_can_show_fails() {
    let bench = bench();
    let payment = confirming(&bench, 1, 100);
    bench.effects();
    report(&bench, payment, BankReport::Intent(seen(IntentState::RequiresAction { redirect_url: None }, 100)));
    assert_eq!(failed(&bench, payment).as_deref(), Some("authentication_required"));
    assert_eq!(bench.effects(), [Effect::Cancel { payment, intent: "pi_1".into() }]);
}

#[test]
fn the_guests_return_asks_the_bank_at_once() {
    let bench = bench();
    let payment = confirming(&bench, 1, 100);
    report(&bench, payment, BankReport::Intent(seen(IntentState::RequiresAction { redirect_url: Some("https://b".into()) }, 100)));
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
    assert_eq!(shown(&bench, confirmed).status, PaymentStatus::Processing);
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
    assert_eq!(shown(&bench, payment).status, PaymentStatus::Processing);
    report(&bench, payment, BankReport::Intent(seen(IntentState::Succeeded, 100)));
    assert_eq!(shown(&bench, payment).status, PaymentStatus::Succeeded);
}

#[test]
fn money_that_came_after_we_had_given_up_is_not_lost() {
    // Nobody has paid meanwhile: reservations decides.
    let bench = bench();
    let payment = confirming(&bench, 1, 100);
    report(&bench, payment, BankReport::Intent(seen(IntentState::Failed { code: "processing_error".into() }, 100)));
    bench.sent::<Reservations>();
    report(&bench, payment, BankReport::Intent(seen(IntentState::Succeeded, 100)));
    let told = reservations::Command::PaymentSucceeded { reservation: reservation(1), payment, amount: euros(100) };
    assert_eq!(bench.sent::<Reservations>(), [told]);
    whole(&bench);

    // Another payment has taken its place: it goes back by itself.
    let bench = self::bench();
    let first = confirming(&bench, 1, 100);
    report(&bench, first, BankReport::Intent(seen(IntentState::Failed { code: "processing_error".into() }, 100)));
    let second = begin(&bench, 1);
    bench.effects();
    bench.sent::<Reservations>();
    report(&bench, first, BankReport::Intent(seen(IntentState::Succeeded, 100)));
    let effects = bench.effects();
    assert!(matches!(&effects[..], [Effect::MailReceipt { .. }, Effect::Refund { payment, amount, .. }]
        if *payment == first && *amount == euros(100)), "{effects:?}");
    assert!(bench.sent::<Reservations>().is_empty());
    assert_eq!(bench.command(&guest(), start(reservation(1), "pm_card_visa")), Err(Refusal::PaymentOpen(second)));
    whole(&bench);
}

#[test]
fn receipt_numbers_run_without_a_gap() {
    let bench = bench();
    for n in 1..=5u64 {
        let payment = confirming(&bench, n, 100);
        // Every second one fails: failures take no number.
        let state = if n % 2 == 0 { IntentState::Failed { code: "card_declined".into() } } else { IntentState::Succeeded };
        report(&bench, payment, BankReport::Intent(seen(state, 100)));
        let expect = [Some("R-000001"), None, Some("R-000002"), None, Some("R-000003")][usize::try_from(n - 1).expect("small")];
        assert_eq!(shown(&bench, payment).receipt_number.as_deref(), expect);
    }
    whole(&bench);
}

#[test]
fn refunds_never_exceed_what_was_captured() {
    let bench = bench();
    let payment = succeeded(&bench, 1, 1000);
    let ask = |amount| bench.command(&staff(hotel()), Command::RequestRefund { payment, amount, reason: "Noise".into() });
    assert!(matches!(ask(Some(0)), Err(Refusal::BadField { .. })));
    assert!(matches!(ask(Some(-5)), Err(Refusal::BadField { .. })));
    assert_eq!(ask(Some(1001)), Err(Refusal::MoreThanLeft { left: 1000 }));
    let Ok(Reply::RefundStarted(first)) = ask(Some(400)) else { panic!() };
    assert_eq!(ask(Some(601)), Err(Refusal::MoreThanLeft { left: 600 }));
    assert_eq!(shown(&bench, payment).status, PaymentStatus::Succeeded, "the bank has not said yes");
    settle(&bench, payment, first, RefundStatus::Succeeded);
    let now = shown(&bench, payment);
    assert_eq!((now.status, now.refunded), (PaymentStatus::PartiallyRefunded, 400));
    let Ok(Reply::RefundStarted(second)) = ask(None) else { panic!() };
    settle(&bench, payment, second, RefundStatus::Succeeded);
    assert_eq!(shown(&bench, payment).status, PaymentStatus::Refunded);
    assert_eq!(ask(None), Err(Refusal::MoreThanLeft { left: 0 }));
    // From reservations it is no refusal: nothing is left to be done.
    bench.sent::<Reservations>();
    assert_eq!(bench.command(&from_reservations(), cancelled(payment, 100)), Ok(Reply::Done));
    let told = bench.sent::<Reservations>();
    assert!(matches!(&told[..], [reservations::Command::RefundSettled { amount, succeeded: true, .. }] if amount.amount == 0), "{told:?}");
    whole(&bench);
}

fn cancelled(payment: PaymentId, amount: i64) -> Command {
    Command::Refund { payment, reservation: reservation(1), amount: euros(amount), reason: RefundReason::Cancelled }
}

fn settle(bench: &Desk, payment: PaymentId, refund: RefundId, status: RefundStatus) {
    report(bench, payment, BankReport::Refund { refund, status });
}

#[test]
fn only_staff_of_the_hotel_and_administrators_refund() {
    let bench = bench();
    let payment = succeeded(&bench, 1, 1000);
    let ask = |who: &contract::Principal| {
        bench.command(who, Command::RequestRefund { payment, amount: Some(1), reason: String::new() })
    };
    assert_eq!(ask(&staff(contracts::HotelId::of_reference("other"))), Err(Refusal::NoSuchPayment));
    assert!(ask(&staff(hotel())).is_ok());
    assert!(ask(&admin()).is_ok());
    use contract::Contract as _;
    let access = Payments::command_access(&Command::RequestRefund { payment, amount: None, reason: String::new() });
    assert!(!access.allows(&guest()), "the guest who paid may not");
    let long = Command::RequestRefund { payment, amount: Some(1), reason: "x".repeat(201) };
    assert!(matches!(bench.command(&admin(), long), Err(Refusal::BadField { field, .. }) if field == "reason"));
    let open = confirming(&bench, 2, 100);
    let early = Command::RequestRefund { payment: open, amount: None, reason: String::new() };
    assert_eq!(bench.command(&admin(), early), Err(Refusal::NotRefundable));
    let none = Command::RequestRefund { payment: PaymentId(5), amount: None, reason: String::new() };
    assert_eq!(bench.command(&admin(), none), Err(Refusal::NoSuchPayment));
}

#[test]
fn a_cancelled_reservation_is_refunded_and_told() {
    let bench = bench();
    let payment = succeeded(&bench, 1, 1000);
    let other = Command::Refund { payment, reservation: reservation(2), amount: euros(1), reason: RefundReason::Cancelled };
    assert_eq!(bench.command(&from_reservations(), other), Err(Refusal::NoSuchPayment));
    let Ok(Reply::RefundStarted(refund)) = bench.command(&from_reservations(), cancelled(payment, 5000)) else { panic!() };
    // Never more than was captured.
    let effect = Effect::Refund { payment, refund, intent: "pi_1".into(), amount: euros(1000) };
    assert_eq!(bench.effects(), [effect.clone()]);
    // Pending: asked again, later and later.
    settle(&bench, payment, refund, RefundStatus::Pending);
    bench.advance_secs(limits::RECHECK_SECS);
    assert_eq!(bench.effects(), [effect]);
    settle(&bench, payment, refund, RefundStatus::Succeeded);
    let told = reservations::Command::RefundSettled { reservation: reservation(1), payment, refund, amount: euros(1000), succeeded: true };
    assert_eq!(bench.sent::<Reservations>(), [told]);
    assert_eq!(bench.effects(), [Effect::MailRefund { payment, refund }]);
    // Heard twice, it is told once.
    settle(&bench, payment, refund, RefundStatus::Succeeded);
    assert!(bench.effects().is_empty() && bench.sent::<Reservations>().is_empty());
    // Days later the guest's bank sends it back.
    settle(&bench, payment, refund, RefundStatus::Failed);
    let told = bench.sent::<Reservations>();
    assert!(matches!(&told[..], [reservations::Command::RefundSettled { succeeded: false, .. }]), "{told:?}");
    let now = shown(&bench, payment);
    assert_eq!((now.status, now.refunded, now.refunds[0].status), (PaymentStatus::Succeeded, 0, RefundStatus::Failed));
    // It can be tried again.
    assert!(bench.command(&admin(), Command::RequestRefund { payment, amount: None, reason: String::new() }).is_ok());
    whole(&bench);
}

#[test]
fn events_ask_the_bank_or_are_put_aside() {
    let bench = bench();
    let payment = confirming(&bench, 1, 100);
    bench.effects();
    let event = |id: &str, kind: &str, payment: Option<PaymentId>, intent: &str| {
        let (event, kind, intent) = (id.into(), kind.into(), Some(intent.into()));
        bench.command(&own(), Command::BankEvent { event, kind, payment, intent })
    };
    for (payment, intent) in [(None, "pi_1"), (Some(PaymentId(9)), "pi_1"), (Some(payment), "pi_other")] {
        assert_eq!(event("evt", "payment_intent.succeeded", payment, intent), Ok(Reply::Parked));
    }
    assert!(bench.effects().is_empty());
    // Doubled: asked once, and once more when the answer is there.
    for _ in 0..3 {
        assert_eq!(event("evt_1", "payment_intent.succeeded", Some(payment), "pi_1"), Ok(Reply::Done));
    }
    assert_eq!(bench.effects(), [Effect::Check { payment, intent: "pi_1".into() }]);
    report(&bench, payment, BankReport::Intent(seen(IntentState::Succeeded, 100)));
    let effects = bench.effects();
    assert_eq!(effects, [Effect::Check { payment, intent: "pi_1".into() }, Effect::MailReceipt { payment }]);
    // Late: nothing is left to be asked.
    assert_eq!(event("evt_2", "payment_intent.succeeded", Some(payment), "pi_1"), Ok(Reply::Done));
    assert!(bench.effects().is_empty());
    // Of a refund: that one is asked for.
    let Ok(Reply::RefundStarted(refund)) = bench.command(&from_reservations(), cancelled(payment, 40)) else { panic!() };
    let asked = Effect::Refund { payment, refund, intent: "pi_1".into(), amount: euros(40) };
    assert_eq!(bench.effects(), [asked.clone()]);
    assert_eq!(event("evt_3", "charge.refunded", Some(payment), "pi_1"), Ok(Reply::Done));
    assert_eq!(bench.effects(), [asked]);
}

#[test]
fn events_put_aside_are_bounded() {
    let bench = bench();
    let rows = |bench: &Desk| bench.rows().iter().filter(|(key, _)| key.first() == Some(&41)).count();
    for n in 0..limits::PARKED_MAX + 20 {
        let command = Command::BankEvent { event: format!("evt_{n}"), kind: "x".into(), payment: None, intent: None };
        bench.command(&own(), command).expect("parked");
    }
    assert_eq!(rows(&bench), limits::PARKED_MAX as usize);
}

#[test]
fn one_sees_ones_own() {
    let bench = bench();
    let mine = succeeded(&bench, 1, 100);
    bench.advance_secs(1);
    let Ok(Reply::Started(theirs)) = bench.command(&stranger(), start(reservation(2), "pm_card_visa")) else { panic!() };
    quote(&bench, theirs, 100);
    let list = |who: &contract::Principal, hotel, status, after, limit| {
        match bench.query(who, Query::Payments { hotel, status, after, limit }) {
            Ok(Answer::Payments(found)) => found.into_iter().map(|payment| payment.id).collect::<Vec<_>>(),
            other => panic!("{other:?}"),
        }
    };
    let other = contracts::HotelId::of_reference("other");
    for (who, expect) in [
        (guest(), vec![mine]),
        (stranger(), vec![theirs]),
        (staff(hotel()), vec![theirs, mine]),
        (staff(other), vec![]),
        (admin(), vec![theirs, mine]),
    ] {
        assert_eq!(list(&who, None, None, None, 10), expect, "{}", who.subject);
        assert_eq!(list(&who, Some(hotel()), None, None, 10), expect, "{}", who.subject);
        assert_eq!(list(&who, Some(other), None, None, 10), []);
        let found = bench.query(&who, Query::Payment(theirs)).is_ok();
        assert_eq!(found, expect.contains(&theirs), "{}", who.subject);
    }
    assert_eq!(list(&admin(), None, Some(PaymentStatus::Succeeded), None, 10), [mine]);
    assert_eq!(list(&admin(), None, None, None, 1), [theirs]);
    let after = PaymentCursor { created_at: shown(&bench, mine).created_at, payment: mine };
    let first = PaymentCursor { created_at: Timestamp(after.created_at.0 + 1000), payment: theirs };
    assert_eq!(list(&admin(), None, None, Some(first), 10), [mine]);
    assert_eq!(list(&admin(), None, None, Some(after), 10), []);
    // A service that acts for somebody sees what that one sees; one that acts for nobody has looked itself.
    let ui = |whom: Option<&str>| contract::Principal { on_behalf_of: whom.map(str::to_owned), ..contract::Principal::service("ui") };
    assert!(bench.query(&ui(Some("gst_1")), Query::Payment(mine)).is_err());
    assert!(bench.query(&ui(Some("usr_guest")), Query::Payment(mine)).is_ok());
    assert!(bench.query(&ui(None), Query::Payment(mine)).is_ok());
}

#[test]
fn receipts_say_what_was_paid_and_what_went_back() {
    let bench = bench();
    let payment = succeeded(&bench, 1, 1000);
    let open = confirming(&bench, 2, 100);
    let receipt = |payment| bench.query(&guest(), Query::Receipt { payment, booking_url: "https://x/r/1".into() });
    assert_eq!(receipt(open), Err(Refusal::NoReceipt));
    assert_eq!(receipt(PaymentId(4)), Err(Refusal::NoSuchPayment));
    let Ok(Reply::RefundStarted(refund)) = bench.command(&from_reservations(), cancelled(payment, 400)) else { panic!() };
    settle(&bench, payment, refund, RefundStatus::Succeeded);
    let Ok(Answer::Receipt { number, data_json, .. }) = receipt(payment) else { panic!() };
    assert_eq!(number, "R-000001");
    let data: serde_json::Value = serde_json::from_str(&data_json).expect("JSON");
    assert_eq!(data["hotel"]["city"], "Munich");
    assert_eq!(data["hotel"]["country"], "DE");
    assert_eq!(data["paid"]["at"], "2026-11-23T12:00:00Z");
    assert_eq!(data["paid"]["amount"], 1000);
    assert_eq!(data["refunds"][0]["amount"], 400);
    assert_eq!((&data["test"], &data["booking"]["url"]), (&true.into(), &"https://x/r/1".into()));
    assert_eq!((&data["lines"][0]["text"], &data["taxes"][0]["included"]), (&"2 nights".into(), &true.into()));
}
