//! Random orders of commands, reports, events and timers: the invariants hold after each step.

mod common;

use common::bench::*;
use common::*;
use contracts::PaymentId;
use contracts::payments::*;
use contracts::reservations::{self, PaymentSucceeded, Reservations};
use payments::Effect;

/// Knuth's MMIX generator: the same walks on each machine.
struct Rng(u64);

impl Rng {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    fn pick<T: Clone>(&mut self, of: &[T]) -> Option<T> {
        let sides = u64::try_from(of.len()).ok().filter(|sides| *sides > 0)?;
        of.get(usize::try_from(self.roll(sides)).ok()?).cloned()
    }
}

const AMOUNT: i64 = 1000;

/// What the walk has produced so far.
#[derive(Default)]
struct Produced {
    payments: Vec<PaymentId>,
    effects: Vec<Effect>,
    received: Vec<reservations::Command>,
}

fn intent_of(payment: PaymentId) -> String {
    format!("pi_{:x}", payment.0)
}

/// A report that an effect may return, including outdated and repeated ones.
fn report(effect: Effect, rng: &mut Rng) -> Option<BankReported> {
    let mode = if rng.roll(12) == 0 { BankMode::Test } else { BankMode::Sandbox };
    let (payment, report) = match effect {
        Effect::CreateIntent { payment, .. } if rng.roll(6) == 0 => {
            (payment, BankReport::NoIntent { code: "bank_refused".into() })
        }
        Effect::CreateIntent { payment, .. } => {
            (payment, BankReport::IntentCreated { intent: intent_of(payment), mode })
        }
        Effect::Confirm { payment, intent, .. }
        | Effect::Check { payment, intent }
        | Effect::Cancel { payment, intent } => {
            let state = match rng.roll(7) {
                0 => IntentState::Unconfirmed,
                1 => IntentState::RequiresAction { redirect_url: Some("https://bank.example".into()) },
                2 => IntentState::RequiresAction { redirect_url: None },
                3 => IntentState::Processing,
                4 => IntentState::Failed { code: "card_declined".into() },
                5 => IntentState::Canceled,
                _ => IntentState::Succeeded,
            };
            let amount = if rng.roll(10) == 0 { AMOUNT - 1 } else { AMOUNT };
            let received = if state == IntentState::Succeeded { amount } else { 0 };
            let (currency, method, livemode) = ("EUR".into(), None, false);
            let seen = IntentSnapshot { intent, state, amount, currency, received, livemode, method };
            (payment, BankReport::Intent(seen))
        }
        Effect::Refund { payment, refund, .. } | Effect::RefundAll { payment, refund, .. } => {
            let status = rng.pick(&[
                RefundStatus::Pending,
                RefundStatus::Succeeded,
                RefundStatus::Succeeded,
                RefundStatus::Failed,
            ]);
            (payment, BankReport::Refund { refund, status: status? })
        }
        Effect::MailReceipt { .. } | Effect::MailRefund { .. } => return None,
    };
    Some(BankReported { payment, report })
}

fn step(bench: &PaymentBench, produced: &mut Produced, rng: &mut Rng) {
    match rng.roll(10) {
        0 | 1 => {
            if let Ok(payment) = bench.call(&guest(), start(reservation(rng.roll(3)), "pm_card_visa")) {
                produced.payments.push(payment);
                let answer =
                    if rng.roll(8) == 0 { Err(NotPayable::NotHeld) } else { Ok(payable(euros(AMOUNT))) };
                bench.call(&from_reservations(), Quoted { payment, answer }).expect("accepted");
            }
        }
        2..=5 => {
            if let Some(command) = rng.pick(&produced.effects).and_then(|effect| report(effect, rng)) {
                bench.call(&own(), command).expect("a report is never refused");
            }
        }
        6 => {
            if let Some(payment) = rng.pick(&produced.payments) {
                if rng.roll(3) == 0 {
                    let _ = bench.call(&guest(), CancelPayment { payment });
                }
                if let Some(refund) = rng.pick(&read(bench, payment).refunds) {
                    let refund = refund.id;
                    let _ = bench.call(&admin(), RetryRefund { payment, refund });
                    if rng.roll(4) == 0 {
                        let _ = bench.call(&admin(), SettleRefund { payment, refund, note: "Cash".into() });
                    }
                }
                let (amount, reason) =
                    (Some(1 + i64::try_from(rng.roll(1200)).expect("small")), String::new());
                // Refused or not: both are fine.
                let _ = bench.call(&admin(), RequestRefund { payment, amount, reason });
            }
        }
        7 => {
            if let Some(reservations::Command::PaymentSucceeded(succeeded)) = rng.pick(&produced.received) {
                let PaymentSucceeded { reservation, payment, amount } = succeeded;
                let reason = RefundReason::TooLate;
                let refund = RefundPayment { payment, reservation, amount, reason };
                bench.call(&from_reservations(), refund).expect("never refused");
            }
        }
        8 => {
            let payment = rng.pick(&produced.payments);
            let kind =
                rng.pick(&["payment_intent.succeeded", "charge.refunded", "refund.failed"]).expect("one");
            let intent = payment.map(intent_of);
            let event = BankEvent { event: format!("evt_{}", rng.0), kind: kind.into(), payment, intent };
            bench.call(&own(), event).expect("never refused");
        }
        _ => bench.advance_secs(i64::try_from(rng.roll(900)).expect("small")),
    }
    produced.effects.extend(bench.effects());
    produced.received.extend(bench.sent::<Reservations>());
}

#[test]
fn invariants_hold_in_any_order() {
    let mut succeeded = 0;
    for seed in 0..150 {
        let (bench, mut produced, mut rng) = (bench(), Produced::default(), Rng(seed));
        for nth in 0..80 {
            step(&bench, &mut produced, &mut rng);
            let violations = bench.violations();
            assert!(violations.is_empty(), "seed {seed}, step {nth}: {violations:?}");
        }
        succeeded += produced
            .received
            .iter()
            .filter(|command| matches!(command, reservations::Command::PaymentSucceeded(_)))
            .count();
    }
    assert!(succeeded > 100, "only {succeeded} payments succeeded");
}
