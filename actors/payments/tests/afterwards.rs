//! Receipts, refunds, bank events and access, at the command boundary.

mod common;

use common::bench::*;
use common::*;
use contracts::payments::*;
use contracts::reservations::{self, BookingLink, RefundChanged, Reservations};
use contracts::{PaymentId, RefundId, ReservationId};
use payments::{Effect, limits};
use protocol::Timestamp;

#[test]
fn receipt_numbers_have_no_gap() {
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
    assert_invariants(&bench);
}

#[test]
fn refunds_never_exceed_what_was_captured() {
    let bench = bench();
    let payment = succeeded(&bench, 1, 1000);
    let ask = |amount| bench.call(&staff(hotel()), RequestRefund { payment, amount, reason: "Noise".into() });
    assert!(matches!(ask(Some(0)), Err(Refusal::BadField { .. })));
    assert!(matches!(ask(Some(-5)), Err(Refusal::BadField { .. })));
    assert_eq!(ask(Some(1001)), Err(Refusal::MoreThanLeft { left: 1000 }));
    let Ok(first) = ask(Some(400)) else { panic!() };
    assert_eq!(ask(Some(601)), Err(Refusal::MoreThanLeft { left: 600 }));
    assert_eq!(read(&bench, payment).status, PaymentStatus::Succeeded, "the refund is pending");
    settle(&bench, payment, first, RefundStatus::Succeeded);
    let now = read(&bench, payment);
    assert_eq!((now.status, now.refunded), (PaymentStatus::PartiallyRefunded, 400));
    let Ok(second) = ask(None) else { panic!() };
    settle(&bench, payment, second, RefundStatus::Succeeded);
    assert_eq!(read(&bench, payment).status, PaymentStatus::Refunded);
    assert_eq!(ask(None), Err(Refusal::MoreThanLeft { left: 0 }));
    // A request of reservations is not refused if nothing is left.
    bench.sent::<Reservations>();
    assert_eq!(bench.call(&from_reservations(), cancelled(payment, 100)), Ok(None));
    let command = bench.sent::<Reservations>();
    assert!(
        matches!(&command[..], [reservations::Command::RefundChanged(RefundChanged { amount, refunded: 1000, .. })] if amount.amount == 0),
        "{command:?}"
    );
    assert_invariants(&bench);
}

fn cancelled(payment: PaymentId, amount: i64) -> RefundPayment {
    RefundPayment {
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
        bench.call(who, RequestRefund { payment, amount: Some(1), reason: String::new() })
    };
    assert_eq!(ask(&staff(contracts::HotelId::of_reference("other"))), Err(Refusal::NoSuchPayment));
    assert!(ask(&staff(hotel())).is_ok());
    assert!(ask(&admin()).is_ok());
    use protocol::Contract as _;
    let access =
        Payments::command_access(&RequestRefund { payment, amount: None, reason: String::new() }.into());
    assert!(!access.allows(&guest()), "the guest who paid may not");
    let long = RequestRefund { payment, amount: Some(1), reason: "x".repeat(201) };
    assert!(matches!(bench.call(&admin(), long), Err(Refusal::BadField { field, .. }) if field == "reason"));
    let open = confirming(&bench, 2, 100);
    let early = RequestRefund { payment: open, amount: None, reason: String::new() };
    assert_eq!(bench.call(&admin(), early), Err(Refusal::NotRefundable));
    let none = RequestRefund { payment: PaymentId(5), amount: None, reason: String::new() };
    assert_eq!(bench.call(&admin(), none), Err(Refusal::NoSuchPayment));
}

#[test]
fn a_cancelled_reservation_is_refunded_and_notified() {
    let bench = bench();
    let payment = succeeded(&bench, 1, 1000);
    let other = RefundPayment {
        payment,
        reservation: reservation(2),
        amount: euros(1),
        reason: RefundReason::Cancelled,
    };
    assert_eq!(bench.call(&from_reservations(), other), Err(Refusal::NoSuchPayment));
    let Ok(Some(refund)) = bench.call(&from_reservations(), cancelled(payment, 5000)) else { panic!() };
    // Never more than the captured amount.
    let effect = Effect::Refund { payment, refund, intent: "pi_1".into(), amount: euros(1000) };
    assert_eq!(bench.effects(), std::slice::from_ref(&effect));
    let event = |status, refunded, pending, failed| {
        let (reservation, amount) = (reservation(1), euros(1000));
        RefundChanged { reservation, payment, refund, amount, status, refunded, pending, failed }.into()
    };
    assert_eq!(bench.sent::<Reservations>(), [event(RefundStatus::Pending, 0, 1000, 0)]);
    // Pending: retrieved again, with growing pauses.
    settle(&bench, payment, refund, RefundStatus::Pending);
    bench.advance_secs(limits::RECHECK_SECS);
    assert_eq!(bench.effects(), [effect]);
    settle(&bench, payment, refund, RefundStatus::Succeeded);
    assert_eq!(bench.sent::<Reservations>(), [event(RefundStatus::Succeeded, 1000, 0, 0)]);
    assert_eq!(bench.effects(), [Effect::MailRefund { payment, refund }]);
    // A repeated report changes nothing.
    settle(&bench, payment, refund, RefundStatus::Succeeded);
    assert!(bench.effects().is_empty() && bench.sent::<Reservations>().is_empty());
    // Days later the guest's bank returns the money.
    settle(&bench, payment, refund, RefundStatus::Failed);
    assert_eq!(bench.sent::<Reservations>(), [event(RefundStatus::Failed, 0, 0, 1000)]);
    let now = read(&bench, payment);
    assert_eq!(
        (now.status, now.refunded, now.refunds[0].status),
        (PaymentStatus::Succeeded, 0, RefundStatus::Failed)
    );
    // It can be tried again.
    assert!(bench.call(&admin(), RequestRefund { payment, amount: None, reason: String::new() }).is_ok());
    assert_invariants(&bench);
}

#[test]
fn events_trigger_retrieval_or_are_parked() {
    let bench = bench();
    let payment = confirming(&bench, 1, 100);
    bench.effects();
    let event = |id: &str, kind: &str, payment: Option<PaymentId>, intent: &str| {
        let (event, kind, intent) = (id.into(), kind.into(), Some(intent.into()));
        bench.call(&own(), BankEvent { event, kind, payment, intent })
    };
    for (payment, intent) in [(None, "pi_1"), (Some(PaymentId(9)), "pi_1"), (Some(payment), "pi_other")] {
        assert_eq!(event("evt", "payment_intent.succeeded", payment, intent), Ok(BankEventReply::Parked));
    }
    assert!(bench.effects().is_empty());
    // While the intent is being confirmed, that effect reports its state.
    assert_eq!(event("evt_0", "payment_intent.created", Some(payment), "pi_1"), Ok(BankEventReply::Accepted));
    assert!(bench.effects().is_empty());
    let action = IntentState::RequiresAction { redirect_url: Some("https://b".into()) };
    report(&bench, payment, BankReport::Intent(seen(action, 100)));
    // Repeated events: one retrieval, and another one after it.
    for _ in 0..3 {
        assert_eq!(
            event("evt_1", "payment_intent.succeeded", Some(payment), "pi_1"),
            Ok(BankEventReply::Accepted)
        );
    }
    assert_eq!(bench.effects(), [Effect::Check { payment, intent: "pi_1".into() }]);
    report(&bench, payment, BankReport::Intent(seen(IntentState::Succeeded, 100)));
    let effects = bench.effects();
    assert_eq!(effects, [Effect::Check { payment, intent: "pi_1".into() }, Effect::MailReceipt { payment }]);
    // A late event: nothing is left to retrieve.
    assert_eq!(
        event("evt_2", "payment_intent.succeeded", Some(payment), "pi_1"),
        Ok(BankEventReply::Accepted)
    );
    assert!(bench.effects().is_empty());
    // An event about a refund retrieves that refund.
    let Ok(Some(refund)) = bench.call(&from_reservations(), cancelled(payment, 40)) else { panic!() };
    let retrieval = Effect::Refund { payment, refund, intent: "pi_1".into(), amount: euros(40) };
    assert_eq!(bench.effects(), std::slice::from_ref(&retrieval));
    assert_eq!(event("evt_3", "charge.refunded", Some(payment), "pi_1"), Ok(BankEventReply::Accepted));
    assert_eq!(bench.effects(), [retrieval]);
}

#[test]
fn the_number_of_parked_events_is_limited() {
    let bench = bench();
    let rows = |bench: &PaymentBench| bench.rows().iter().filter(|(key, _)| key.first() == Some(&41)).count();
    for n in 0..limits::PARKED_MAX + 20 {
        let command = BankEvent { event: format!("evt_{n}"), kind: "x".into(), payment: None, intent: None };
        bench.call(&own(), command).expect("parked");
    }
    assert_eq!(rows(&bench), limits::PARKED_MAX as usize);
}

#[test]
fn payments_are_visible_to_their_owner_and_to_staff() {
    let bench = bench();
    let mine = succeeded(&bench, 1, 100);
    bench.advance_secs(1);
    let Ok(theirs) = bench.call(&stranger(), start(reservation(2), "pm_card_visa")) else { panic!() };
    quote(&bench, theirs, 100);
    let list = |who: &protocol::Principal, hotel, status, after, limit| {
        let found =
            bench.call(who, ListPayments { hotel, status, after, limit, needs_attention: false }).unwrap();
        found.into_iter().map(|payment| payment.id).collect::<Vec<_>>()
    };
    let other = contracts::HotelId::of_reference("other");
    let partner = protocol::Principal { subject: "cli_partner".into(), ..guest() };
    for (who, expect) in [
        (guest(), vec![mine]),
        (stranger(), vec![theirs]),
        (staff(hotel()), vec![theirs, mine]),
        (staff(other), vec![]),
        (admin(), vec![theirs, mine]),
        // The owner of the reservations sees what guests pay with their links.
        (partner, vec![theirs, mine]),
    ] {
        assert_eq!(list(&who, None, None, None, 10), expect, "{}", who.subject);
        assert_eq!(list(&who, Some(hotel()), None, None, 10), expect, "{}", who.subject);
        assert_eq!(list(&who, Some(other), None, None, 10), []);
        let found = bench.call(&who, GetPayment { payment: theirs }).is_ok();
        assert_eq!(found, expect.contains(&theirs), "{}", who.subject);
    }
    assert_eq!(list(&admin(), None, Some(PaymentStatus::Succeeded), None, 10), [mine]);
    assert_eq!(list(&admin(), None, None, None, 1), [theirs]);
    let after = PaymentCursor { created_at: read(&bench, mine).created_at, payment: mine };
    let first = PaymentCursor { created_at: Timestamp(after.created_at.0 + 1000), payment: theirs };
    assert_eq!(list(&admin(), None, None, Some(first), 10), [mine]);
    assert_eq!(list(&admin(), None, None, Some(after), 10), []);
    // A service that acts for a user sees what that user sees. In its own name it has verified access itself.
    let ui = |whom: Option<&str>| protocol::Principal {
        on_behalf_of: whom.map(str::to_owned),
        ..protocol::Principal::service("ui")
    };
    assert!(bench.call(&ui(Some("gst_1")), GetPayment { payment: mine }).is_err());
    assert!(bench.call(&ui(Some("usr_guest")), GetPayment { payment: mine }).is_ok());
    assert!(
        bench.call(&ui(None), GetPayment { payment: mine }).is_err(),
        "the pages always act for a visitor"
    );
    let reservation = read(&bench, mine).reservation;
    let bearer = |reservation| ui(Some(&BookingLink { reservation, number: 1 }.subject()));
    assert!(bench.call(&bearer(reservation), GetPayment { payment: mine }).is_ok());
    let other = ReservationId(reservation.0 ^ 1);
    assert!(bench.call(&bearer(other), GetPayment { payment: mine }).is_err(), "the link of another booking");
}

#[test]
fn a_receipt_is_never_changed_and_a_refund_has_a_credit_note() {
    let bench = bench();
    let payment = succeeded(&bench, 1, 1000);
    let open = confirming(&bench, 2, 100);
    let receipt = |payment| bench.call(&guest(), GetReceipt { payment, booking_url: "https://x/r/1".into() });
    assert_eq!(receipt(open), Err(Refusal::NoReceipt));
    assert_eq!(receipt(PaymentId(4)), Err(Refusal::NoSuchPayment));
    let before = receipt(payment);
    let Ok(Some(refund)) = bench.call(&from_reservations(), cancelled(payment, 400)) else { panic!() };
    bench.advance_secs(60);
    settle(&bench, payment, refund, RefundStatus::Pending);
    assert_eq!(read(&bench, payment).credit_notes, [], "nothing is credited before the bank has refunded it");
    settle(&bench, payment, refund, RefundStatus::Succeeded);
    assert_eq!(receipt(payment), before);
    let Ok(Receipt { number, data_json, .. }) = receipt(payment) else { panic!() };
    assert_eq!(number, "R-000001");
    let data: serde_json::Value = serde_json::from_str(&data_json).expect("JSON");
    assert_eq!(data["hotel"]["city"], "Munich");
    assert_eq!(data["hotel"]["country"], "DE");
    assert_eq!(data["paid"]["at"], "2026-11-23T12:00:00Z");
    assert_eq!(data["paid"]["amount"], 1000);
    assert_eq!(data["issued_at"], data["paid"]["at"]);
    assert_eq!((&data["test"], &data["booking"]["url"]), (&true.into(), &"https://x/r/1".into()));
    assert_eq!(
        (&data["lines"][0]["text"], &data["taxes"][0]["included"]),
        (&"2 nights".into(), &true.into())
    );
    let note = |who: &protocol::Principal, payment, number: &str| {
        let request = GetCreditNote { payment, number: number.into(), booking_url: "https://x/r/1".into() };
        bench.call(who, request)
    };
    assert_eq!(note(&guest(), payment, "CN-000002"), Err(Refusal::NoSuchCreditNote));
    assert_eq!(note(&guest(), open, "CN-000001"), Err(Refusal::NoSuchCreditNote));
    assert_eq!(note(&stranger(), payment, "CN-000001"), Err(Refusal::NoSuchPayment));
    let Ok(Receipt { number, data_json, guest_email, .. }) = note(&guest(), payment, "CN-000001") else {
        panic!()
    };
    assert_eq!((number.as_str(), guest_email.as_str()), ("CN-000001", "guest@example.org"));
    let data: serde_json::Value = serde_json::from_str(&data_json).expect("JSON");
    assert_eq!(data["receipt"]["number"], "R-000001");
    assert_eq!((&data["credit"]["amount"], &data["reverses"]), (&400.into(), &"".into()));
    assert_eq!(data["issued_at"], "2026-11-23T12:01:00Z");
    assert_eq!(data["reason"], "Cancellation");
    // 6.54 of VAT in 10.00: 2.62 in 4.00.
    assert_eq!(data["taxes"], serde_json::json!([{"name": "VAT", "amount": 262}]));
    assert_invariants(&bench);
}

#[test]
fn credit_notes_are_numbered_without_a_gap_and_add_up_to_what_was_refunded() {
    let bench = bench();
    let (one, two) = (succeeded(&bench, 1, 1000), succeeded(&bench, 2, 500));
    let ask = |payment, amount| {
        bench.call(&admin(), RequestRefund { payment, amount, reason: String::new() }).expect("a refund")
    };
    let numbers = |payment| {
        let notes = read(&bench, payment).credit_notes.into_iter();
        notes.map(|note| (note.number, note.amount.amount, note.reverses)).collect::<Vec<_>>()
    };
    let numbered = |number: &str, amount: i64, reverses: Option<&str>| {
        (number.to_owned(), amount, reverses.map(str::to_owned))
    };
    let first = ask(one, Some(333));
    let other = ask(two, None);
    let failing = ask(one, Some(1));
    settle(&bench, one, failing, RefundStatus::Failed);
    settle(&bench, one, first, RefundStatus::Succeeded);
    settle(&bench, two, other, RefundStatus::Succeeded);
    // Repeated reports issue nothing.
    settle(&bench, one, first, RefundStatus::Succeeded);
    let second = ask(one, Some(667));
    settle(&bench, one, second, RefundStatus::Succeeded);
    assert_eq!(numbers(one), [numbered("CN-000001", 333, None), numbered("CN-000003", 667, None)]);
    assert_eq!(numbers(two), [numbered("CN-000002", 500, None)]);
    // The taxes of the parts add up to those of the receipt.
    let taxes = |number: &str| {
        let request = GetCreditNote { payment: one, number: number.into(), booking_url: String::new() };
        let note = bench.call(&guest(), request).expect("a credit note");
        let data: serde_json::Value = serde_json::from_str(&note.data_json).expect("JSON");
        data["taxes"][0]["amount"].as_i64().expect("an amount")
    };
    assert_eq!(taxes("CN-000001") + taxes("CN-000003"), 654);
    // Days later the guest's bank returns the money: the number stays, and another credit note reverses the first one.
    settle(&bench, one, first, RefundStatus::Failed);
    assert_eq!(numbers(one).last(), Some(&numbered("CN-000004", 333, Some("CN-000001"))));
    assert_eq!(taxes("CN-000004"), taxes("CN-000001"));
    assert_invariants(&bench);
    if read(&bench, one).refunds.iter().all(|refund| refund.status != RefundStatus::Pending) {
        let again = ask(one, Some(333));
        settle(&bench, one, again, RefundStatus::Succeeded);
        assert_eq!(numbers(one).last(), Some(&numbered("CN-000005", 333, None)));
    }
    assert_invariants(&bench);
}
