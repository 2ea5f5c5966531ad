//! The bank captured another amount, currency or in another mode than was requested.

mod common;

use common::bench::*;
use common::*;
use contracts::PaymentId;
use contracts::payments::*;
use contracts::reservations::{self, Reservations};
use payments::Effect;

fn wrong_successes() -> [IntentSnapshot; 5] {
    let good = seen(IntentState::Succeeded, 100);
    [
        IntentSnapshot { amount: 99, received: 99, ..good.clone() },
        IntentSnapshot { received: 99, ..good.clone() },
        IntentSnapshot { currency: "USD".into(), ..good.clone() },
        // An amount that its currency cannot represent.
        IntentSnapshot { currency: "ISK".into(), amount: -1, received: -1, ..good.clone() },
        IntentSnapshot { livemode: true, ..good },
    ]
}

fn listed(bench: &PaymentBench, who: &protocol::Principal) -> Vec<PaymentId> {
    let (hotel, status, after) = (None, None, None);
    let request = ListPayments { hotel, status, after, limit: 10, needs_attention: true };
    bench.call(who, request).expect("a list").into_iter().map(|payment| payment.id).collect()
}

#[test]
fn a_success_that_does_not_match_is_refunded_in_full_and_alerted() {
    for wrong in wrong_successes() {
        // While the payment is open, and after it had failed.
        for failed_before in [false, true] {
            let bench = bench();
            let payment = confirming(&bench, 1, 100);
            if failed_before {
                let declined = IntentState::Failed { code: "processing_error".into() };
                report(&bench, payment, BankReport::Intent(seen(declined, 100)));
            }
            bench.effects();
            bench.sent::<Reservations>();
            report(&bench, payment, BankReport::Intent(wrong.clone()));
            let found = read(&bench, payment);
            assert_eq!(found.status, PaymentStatus::Processing, "waits for the refund: {wrong:?}");
            assert_eq!(found.failure.map(|failure| failure.code).as_deref(), Some("bank_mismatch"));
            assert_eq!((found.attention, found.receipt_number), (vec![Attention::BankMismatch], None));
            let [refund] = &found.refunds[..] else { panic!("{:?}", found.refunds) };
            assert_eq!((refund.status, &refund.reason), (RefundStatus::Pending, &RefundReason::BankMismatch));
            let effect = Effect::RefundAll { payment, refund: refund.id, intent: "pi_1".into() };
            assert_eq!(bench.effects(), std::slice::from_ref(&effect), "{wrong:?}");
            let events = bench.sent::<Reservations>();
            assert!(matches!(events.last(), Some(reservations::Command::RefundChanged(_))), "{events:?}");
            assert_eq!(
                events.len(),
                if failed_before { 1 } else { 2 },
                "reservations gets one PaymentFailed"
            );
            assert_eq!(
                (listed(&bench, &staff(hotel())), listed(&bench, &stranger())),
                (vec![payment], vec![])
            );
            assert_invariants(&bench);

            // A repeated report refunds nothing more, and another card may be used.
            report(&bench, payment, BankReport::Intent(wrong.clone()));
            assert!(bench.effects().is_empty());
            bench.advance_secs(1);
            let second = begin(&bench, 1);
            assert_eq!(read(&bench, second).status, PaymentStatus::Processing);

            let settled = |status| BankReport::Refund { refund: refund.id, status };
            report(&bench, payment, settled(RefundStatus::Pending));
            bench.advance_secs(payments::limits::RECHECK_SECS);
            assert_eq!(
                bench.effects(),
                std::slice::from_ref(&effect),
                "the status is retrieved the same way"
            );
            report(&bench, payment, settled(RefundStatus::Succeeded));
            let found = read(&bench, payment);
            assert_eq!((found.status, found.attention), (PaymentStatus::Refunded, vec![]));
            assert!(bench.effects().contains(&Effect::MailRefund { payment, refund: refund.id }));
            assert_eq!(listed(&bench, &admin()), []);
            assert_invariants(&bench);
        }
    }
}

#[test]
fn an_open_intent_that_does_not_match_is_cancelled_and_another_one_is_ignored() {
    let bench = bench();
    let payment = confirming(&bench, 1, 100);
    bench.effects();
    let wrong = seen(IntentState::Processing, 99);
    report(&bench, payment, BankReport::Intent(wrong.clone()));
    assert_eq!(failed(&bench, payment).as_deref(), Some("bank_mismatch"));
    assert_eq!(bench.effects(), [Effect::Cancel { payment, intent: "pi_1".into() }]);
    // The report of the cancellation does not request another one.
    report(&bench, payment, BankReport::Intent(wrong));
    assert!(bench.effects().is_empty());
    assert_invariants(&bench);

    let bench = common::bench::bench();
    let payment = confirming(&bench, 1, 100);
    let other = IntentSnapshot { intent: "pi_other".into(), ..seen(IntentState::Succeeded, 100) };
    report(&bench, payment, BankReport::Intent(other));
    assert_eq!(read(&bench, payment).status, PaymentStatus::Processing);
}
