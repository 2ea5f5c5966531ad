//! What comes after paying, at the command boundary: receipts, refunds, events of the bank, and who sees what.

mod common;

use common::bench::*;
use common::*;
use contracts::payments::*;
use contracts::reservations::{self, Reservations};
use contracts::{PaymentId, RefundId};
use payments::{Effect, limits};
use protocol::Timestamp;

#[test]
fn receipt_numbers_run_without_a_gap() {
    let bench = bench();
    for n in 1..=5u64 {
        let payment = confirming(&bench, n, 100);
        // Every second one fails: failures take no number.
        let state = if n % 2 == 0 {
            IntentState::Failed { code: "card_declined".into() }
        } else {
            IntentState::Succeeded
        };
        report(&bench, payment, BankReport::Intent(seen(state, 100)));
        let expect = [Some("R-000001"), None, Some("R-000002"), None, Some("R-000003")]
            [usize::try_from(n - 1).expect("small")];
        assert_eq!(read(&bench, payment).receipt_number.as_deref(), expect);
    }
    whole(&bench);
}

#[test]
fn refunds_never_exceed_what_was_captured() {
    let bench = bench();
    let payment = succeeded(&bench, 1, 1000);
    let ask = |amount| {
        bench.command(&staff(hotel()), Command::RequestRefund { payment, amount, reason: "Noise".into() })
    };
    assert!(matches!(ask(Some(0)), Err(Refusal::BadField { .. })));
    assert!(matches!(ask(Some(-5)), Err(Refusal::BadField { .. })));
    assert_eq!(ask(Some(1001)), Err(Refusal::MoreThanLeft { left: 1000 }));
    let Ok(Reply::RefundStarted(first)) = ask(Some(400)) else { panic!() };
    assert_eq!(ask(Some(601)), Err(Refusal::MoreThanLeft { left: 600 }));
    assert_eq!(read(&bench, payment).status, PaymentStatus::Succeeded, "the bank has not said yes");
    settle(&bench, payment, first, RefundStatus::Succeeded);
    let now = read(&bench, payment);
    assert_eq!((now.status, now.refunded), (PaymentStatus::PartiallyRefunded, 400));
    let Ok(Reply::RefundStarted(second)) = ask(None) else { panic!() };
    settle(&bench, payment, second, RefundStatus::Succeeded);
    assert_eq!(read(&bench, payment).status, PaymentStatus::Refunded);
    assert_eq!(ask(None), Err(Refusal::MoreThanLeft { left: 0 }));
    // From reservations it is no refusal: nothing is left to be done.
    bench.sent::<Reservations>();
    assert_eq!(bench.command(&from_reservations(), cancelled(payment, 100)), Ok(Reply::Done));
    let command = bench.sent::<Reservations>();
    assert!(
        matches!(&command[..], [reservations::Command::RefundSettled { amount, succeeded: true, .. }] if amount.amount == 0),
        "{command:?}"
    );
    whole(&bench);
}

fn cancelled(payment: PaymentId, amount: i64) -> Command {
    Command::Refund {
        payment,
        reservation: reservation(1),
        amount: euros(amount),
        reason: RefundReason::Cancelled,
    }
}

fn settle(bench: &PaymentBench, payment: PaymentId, refund: RefundId, status: RefundStatus) {
    report(bench, payment, BankReport::Refund { refund, status });
}

#[test]
fn only_staff_of_the_hotel_and_administrators_refund() {
    let bench = bench();
    let payment = succeeded(&bench, 1, 1000);
    let ask = |who: &protocol::Principal| {
        bench.command(who, Command::RequestRefund { payment, amount: Some(1), reason: String::new() })
    };
    assert_eq!(ask(&staff(contracts::HotelId::of_reference("other"))), Err(Refusal::NoSuchPayment));
    assert!(ask(&staff(hotel())).is_ok());
    assert!(ask(&admin()).is_ok());
    use protocol::Contract as _;
    let access =
        Payments::command_access(&Command::RequestRefund { payment, amount: None, reason: String::new() });
    assert!(!access.allows(&guest()), "the guest who paid may not");
    let long = Command::RequestRefund { payment, amount: Some(1), reason: "x".repeat(201) };
    assert!(
        matches!(bench.command(&admin(), long), Err(Refusal::BadField { field, .. }) if field == "reason")
    );
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
    let other = Command::Refund {
        payment,
        reservation: reservation(2),
        amount: euros(1),
        reason: RefundReason::Cancelled,
    };
    assert_eq!(bench.command(&from_reservations(), other), Err(Refusal::NoSuchPayment));
    let Ok(Reply::RefundStarted(refund)) = bench.command(&from_reservations(), cancelled(payment, 5000))
    else {
        panic!()
    };
    // Never more than was captured.
    let effect = Effect::Refund { payment, refund, intent: "pi_1".into(), amount: euros(1000) };
    assert_eq!(bench.effects(), std::slice::from_ref(&effect));
    // Pending: asked again, later and later.
    settle(&bench, payment, refund, RefundStatus::Pending);
    bench.advance_secs(limits::RECHECK_SECS);
    assert_eq!(bench.effects(), [effect]);
    settle(&bench, payment, refund, RefundStatus::Succeeded);
    let command = reservations::Command::RefundSettled {
        reservation: reservation(1),
        payment,
        refund,
        amount: euros(1000),
        succeeded: true,
    };
    assert_eq!(bench.sent::<Reservations>(), [command]);
    assert_eq!(bench.effects(), [Effect::MailRefund { payment, refund }]);
    // Heard twice, it is told once.
    settle(&bench, payment, refund, RefundStatus::Succeeded);
    assert!(bench.effects().is_empty() && bench.sent::<Reservations>().is_empty());
    // Days later the guest's bank sends it back.
    settle(&bench, payment, refund, RefundStatus::Failed);
    let command = bench.sent::<Reservations>();
    assert!(
        matches!(&command[..], [reservations::Command::RefundSettled { succeeded: false, .. }]),
        "{command:?}"
    );
    let now = read(&bench, payment);
    assert_eq!(
        (now.status, now.refunded, now.refunds[0].status),
        (PaymentStatus::Succeeded, 0, RefundStatus::Failed)
    );
    // It can be tried again.
    assert!(
        bench
            .command(&admin(), Command::RequestRefund { payment, amount: None, reason: String::new() })
            .is_ok()
    );
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
    // While it is being confirmed, that effect asks by itself.
    assert_eq!(event("evt_0", "payment_intent.created", Some(payment), "pi_1"), Ok(Reply::Done));
    assert!(bench.effects().is_empty());
    let action = IntentState::RequiresAction { redirect_url: Some("https://b".into()) };
    report(&bench, payment, BankReport::Intent(seen(action, 100)));
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
    let Ok(Reply::RefundStarted(refund)) = bench.command(&from_reservations(), cancelled(payment, 40)) else {
        panic!()
    };
    let asked = Effect::Refund { payment, refund, intent: "pi_1".into(), amount: euros(40) };
    assert_eq!(bench.effects(), std::slice::from_ref(&asked));
    assert_eq!(event("evt_3", "charge.refunded", Some(payment), "pi_1"), Ok(Reply::Done));
    assert_eq!(bench.effects(), [asked]);
}

#[test]
fn events_put_aside_are_bounded() {
    let bench = bench();
    let rows = |bench: &PaymentBench| bench.rows().iter().filter(|(key, _)| key.first() == Some(&41)).count();
    for n in 0..limits::PARKED_MAX + 20 {
        let command =
            Command::BankEvent { event: format!("evt_{n}"), kind: "x".into(), payment: None, intent: None };
        bench.command(&own(), command).expect("parked");
    }
    assert_eq!(rows(&bench), limits::PARKED_MAX as usize);
}

#[test]
fn one_sees_ones_own() {
    let bench = bench();
    let mine = succeeded(&bench, 1, 100);
    bench.advance_secs(1);
    let Ok(Reply::Started(theirs)) = bench.command(&stranger(), start(reservation(2), "pm_card_visa")) else {
        panic!()
    };
    quote(&bench, theirs, 100);
    let list = |who: &protocol::Principal, hotel, status, after, limit| match bench
        .query(who, Query::Payments { hotel, status, after, limit })
    {
        Ok(Answer::Payments(found)) => found.into_iter().map(|payment| payment.id).collect::<Vec<_>>(),
        other => panic!("{other:?}"),
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
    let after = PaymentCursor { created_at: read(&bench, mine).created_at, payment: mine };
    let first = PaymentCursor { created_at: Timestamp(after.created_at.0 + 1000), payment: theirs };
    assert_eq!(list(&admin(), None, None, Some(first), 10), [mine]);
    assert_eq!(list(&admin(), None, None, Some(after), 10), []);
    // A service that acts for somebody sees what that one sees; one that acts for nobody has looked itself.
    let ui = |whom: Option<&str>| protocol::Principal {
        on_behalf_of: whom.map(str::to_owned),
        ..protocol::Principal::service("ui")
    };
    assert!(bench.query(&ui(Some("gst_1")), Query::Payment(mine)).is_err());
    assert!(bench.query(&ui(Some("usr_guest")), Query::Payment(mine)).is_ok());
    assert!(bench.query(&ui(None), Query::Payment(mine)).is_ok());
}

#[test]
fn receipts_say_what_was_paid_and_what_went_back() {
    let bench = bench();
    let payment = succeeded(&bench, 1, 1000);
    let open = confirming(&bench, 2, 100);
    let receipt =
        |payment| bench.query(&guest(), Query::Receipt { payment, booking_url: "https://x/r/1".into() });
    assert_eq!(receipt(open), Err(Refusal::NoReceipt));
    assert_eq!(receipt(PaymentId(4)), Err(Refusal::NoSuchPayment));
    let Ok(Reply::RefundStarted(refund)) = bench.command(&from_reservations(), cancelled(payment, 400))
    else {
        panic!()
    };
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
    assert_eq!(
        (&data["lines"][0]["text"], &data["taxes"][0]["included"]),
        (&"2 nights".into(), &true.into())
    );
}
