//! Refunds that fail, at once or days after they had succeeded: nothing that the guest is owed gets lost.

mod common;

use common::bench::*;
use common::*;
use contracts::payments::*;
use contracts::reservations::{self, RefundChanged, Reservations};
use contracts::{PaymentId, RefundId};
use payments::{Effect, limits};

fn settle(bench: &PaymentBench, payment: PaymentId, refund: RefundId, status: RefundStatus) {
    report(bench, payment, BankReport::Refund { refund, status });
}

fn goodwill(bench: &PaymentBench, payment: PaymentId, amount: i64) -> RefundId {
    let request = RequestRefund { payment, amount: Some(amount), reason: "Noise".into() };
    bench.call(&staff(hotel()), request).expect("a refund")
}

/// A cancellation: the guest gets back `total`.
fn cancelled(bench: &PaymentBench, payment: PaymentId, total: i64) -> Option<RefundId> {
    let (reservation, amount) = (reservation(1), euros(total));
    let request = RefundPayment { payment, reservation, amount, reason: RefundReason::Cancelled };
    bench.call(&from_reservations(), request).expect("accepted")
}

/// Succeeded, pending and failed sums, as reservations was last told.
fn sums(bench: &PaymentBench) -> (i64, i64, i64) {
    match bench.sent::<Reservations>().pop() {
        Some(reservations::Command::RefundChanged(RefundChanged { refunded, pending, failed, .. })) => {
            (refunded, pending, failed)
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_refund_that_fails_later_is_listed_for_staff_and_retried() {
    let bench = bench();
    let payment = succeeded(&bench, 1, 1000);
    let refund = cancelled(&bench, payment, 1000).expect("a refund");
    settle(&bench, payment, refund, RefundStatus::Succeeded);
    assert_eq!(sums(&bench), (1000, 0, 0));
    let retry = || bench.call(&staff(hotel()), RetryRefund { payment, refund });
    assert_eq!(retry(), Err(Refusal::RefundNotFailed));
    settle(&bench, payment, refund, RefundStatus::Failed);
    assert_eq!(sums(&bench), (0, 0, 1000));
    let found = read(&bench, payment);
    assert_eq!((found.refunded, found.attention), (0, vec![Attention::RefundFailed]));
    let list = |who: &protocol::Principal| {
        let (hotel, status, after) = (None, None, None);
        let request = ListPayments { hotel, status, after, limit: 10, needs_attention: true };
        bench.call(who, request).expect("a list").len()
    };
    assert_eq!(
        (list(&staff(hotel())), list(&admin()), list(&staff(contracts::HotelId::of_reference("other")))),
        (1, 1, 0)
    );
    bench.effects();

    assert_eq!(
        bench.call(&staff(contracts::HotelId::of_reference("other")), RetryRefund { payment, refund }),
        Err(Refusal::NoSuchPayment)
    );
    assert_eq!(
        bench.call(&admin(), RetryRefund { payment, refund: RefundId(7) }),
        Err(Refusal::NoSuchRefund)
    );
    let second = retry().expect("a new refund");
    assert_ne!(second, refund);
    assert_eq!(retry(), Ok(second), "a repeat makes no third refund");
    assert_eq!(sums(&bench), (0, 1000, 0));
    let effect = Effect::Refund { payment, refund: second, intent: "pi_1".into(), amount: euros(1000) };
    assert_eq!(bench.effects(), [effect]);
    let found = read(&bench, payment);
    assert_eq!((found.attention, found.refunds[0].retried_as), (vec![], Some(second)));
    assert_eq!(found.refunds[1].reason, RefundReason::Cancelled);
    settle(&bench, payment, second, RefundStatus::Succeeded);
    assert_eq!(sums(&bench), (1000, 0, 0));
    assert_eq!((list(&admin()), read(&bench, payment).status), (0, PaymentStatus::Refunded));
    assert_invariants(&bench);
}

#[test]
fn staff_settles_a_failed_refund_in_another_way() {
    let bench = bench();
    let payment = succeeded(&bench, 1, 1000);
    let refund = cancelled(&bench, payment, 400).expect("a refund");
    let settle_by = |note: &str| {
        let request = SettleRefund { payment, refund, note: note.to_owned() };
        bench.call(&staff(hotel()), request)
    };
    assert_eq!(settle_by("Bank transfer"), Err(Refusal::RefundNotFailed));
    settle(&bench, payment, refund, RefundStatus::Failed);
    for bad in ["", "  ", &"x".repeat(201)] {
        assert!(matches!(settle_by(bad), Err(Refusal::BadField { field, .. }) if field == "note"), "{bad}");
    }
    assert_eq!(settle_by("Bank transfer"), Ok(()));
    assert_eq!(settle_by("Bank transfer"), Ok(()), "a repeat");
    assert_eq!(settle_by("Cash"), Err(Refusal::RefundNotFailed));
    assert_eq!(sums(&bench), (400, 0, 0));
    let found = read(&bench, payment);
    assert_eq!((found.status, found.refunded), (PaymentStatus::PartiallyRefunded, 400));
    assert_eq!(found.refunds[0].settled_otherwise.as_deref(), Some("Bank transfer"));
    assert_eq!(found.attention, vec![]);
    // What the bank reports about it does not count any more.
    settle(&bench, payment, refund, RefundStatus::Failed);
    assert_eq!(read(&bench, payment).refunded, 400);
    assert_eq!(bench.call(&admin(), RetryRefund { payment, refund }), Err(Refusal::RefundNotFailed));
    assert_invariants(&bench);
}

/// A goodwill refund and a cancellation, in either order, with any outcome of the first refund: together they give everything
/// that is due.
#[test]
fn a_cancellation_and_goodwill_refunds_give_everything_due_in_any_order() {
    use RefundStatus::{Failed, Pending, Succeeded};
    for due in [1000, 600, 200] {
        for outcomes in
            [&[][..], &[Pending], &[Succeeded], &[Failed], &[Pending, Failed], &[Succeeded, Failed]]
        {
            for failing_after in [false, true] {
                let bench = bench();
                let payment = succeeded(&bench, 1, 1000);
                let first = goodwill(&bench, payment, 300);
                let report_all =
                    || outcomes.iter().for_each(|status| settle(&bench, payment, first, *status));
                if !failing_after {
                    report_all();
                }
                let second = cancelled(&bench, payment, due);
                if failing_after {
                    report_all();
                }
                if let Some(second) = second {
                    settle(&bench, payment, second, Succeeded);
                }
                let found = read(&bench, payment);
                let sum = |status| {
                    let fits = |refund: &&Refund| refund.status == status && refund.retried_as.is_none();
                    found.refunds.iter().filter(fits).map(|refund| refund.amount.amount).sum::<i64>()
                };
                // Refunded, on its way, or before staff: never less than is due, and never less than staff has granted.
                let promised = sum(Succeeded) + sum(Pending) + sum(Failed);
                assert_eq!(promised, due.max(300), "{due} {outcomes:?} {failing_after}");
                assert_eq!(sum(Failed) > 0, found.attention == [Attention::RefundFailed]);
                assert_invariants(&bench);
            }
        }
        // The other order: what staff grants after the cancellation comes on top, up to what is left.
        let bench = bench();
        let payment = succeeded(&bench, 1, 1000);
        let first = cancelled(&bench, payment, due).expect("a refund");
        let request = RequestRefund { payment, amount: Some(300), reason: "Noise".into() };
        let granted = bench.call(&admin(), request);
        let expected = if due == 1000 { Err(Refusal::MoreThanLeft { left: 0 }) } else { Ok(()) };
        assert_eq!(granted.map(|_| ()), expected);
        settle(&bench, payment, first, Failed);
        assert_eq!(read(&bench, payment).attention, [Attention::RefundFailed]);
        assert_invariants(&bench);
    }
}

#[test]
fn a_lost_event_about_a_refund_that_fails_later_is_made_good_by_retrieval() {
    let bench = bench();
    let payment = succeeded(&bench, 1, 1000);
    let refund = goodwill(&bench, payment, 300);
    settle(&bench, payment, refund, RefundStatus::Succeeded);
    bench.effects();
    for days in limits::REFUND_RECHECK_DAYS {
        bench.advance_secs(days * 24 * 3600);
        let effects = bench.effects();
        assert!(matches!(&effects[..], [Effect::Refund { .. }, ..]), "after {days} days: {effects:?}");
    }
    settle(&bench, payment, refund, RefundStatus::Failed);
    assert_eq!(read(&bench, payment).attention, [Attention::RefundFailed]);
    bench.advance_secs(40 * 24 * 3600);
    assert!(bench.effects().is_empty(), "a failed refund is not retrieved");
}

#[test]
fn staff_cannot_use_up_the_refunds_that_a_cancellation_needs() {
    let bench = bench();
    let payment = succeeded(&bench, 1, 1000);
    for _ in 0..limits::STAFF_REFUNDS_MAX {
        let refund = goodwill(&bench, payment, 1);
        settle(&bench, payment, refund, RefundStatus::Succeeded);
    }
    let one_more = RequestRefund { payment, amount: Some(1), reason: String::new() };
    assert!(matches!(bench.call(&admin(), one_more), Err(Refusal::BadField { .. })));
    assert!(cancelled(&bench, payment, 1000).is_some());
    let left = 1000 - i64::try_from(limits::STAFF_REFUNDS_MAX).expect("small");
    let found = read(&bench, payment);
    assert_eq!(found.refunds.last().map(|refund| refund.amount.amount), Some(left));
    assert_invariants(&bench);
}
