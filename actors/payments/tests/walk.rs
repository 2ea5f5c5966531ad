//! Whatever order commands, reports, events and timers come in, the invariants hold after each step.

mod common;

use common::bench::*;
use common::*;
use contracts::PaymentId;
use contracts::payments::*;
use contracts::reservations::{self, Reservations};
use payments::Effect;

/// A generator by Knuth (MMIX): the walks are the same on each machine.
struct Dice(u64);

impl Dice {
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

/// What the walk has met so far.
#[derive(Default)]
struct Met {
    payments: Vec<PaymentId>,
    effects: Vec<Effect>,
    received: Vec<reservations::Command>,
}

fn intent_of(payment: PaymentId) -> String {
    format!("pi_{:x}", payment.0)
}

/// Any report that an effect may bring, old and repeated ones among them.
fn report(effect: Effect, dice: &mut Dice) -> Option<Command> {
    let mode = if dice.roll(12) == 0 { BankMode::Test } else { BankMode::Sandbox };
    let (payment, report) = match effect {
        Effect::CreateIntent { payment, .. } if dice.roll(6) == 0 => {
            (payment, BankReport::NoIntent { code: "bank_refused".into() })
        }
        Effect::CreateIntent { payment, .. } => {
            (payment, BankReport::IntentCreated { intent: intent_of(payment), mode })
        }
        Effect::Confirm { payment, intent, .. }
        | Effect::Check { payment, intent }
        | Effect::Cancel { payment, intent } => {
            let state = match dice.roll(7) {
                0 => IntentState::Unconfirmed,
                1 => IntentState::RequiresAction { redirect_url: Some("https://bank.example".into()) },
                2 => IntentState::RequiresAction { redirect_url: None },
                3 => IntentState::Processing,
                4 => IntentState::Failed { code: "card_declined".into() },
                5 => IntentState::Canceled,
                _ => IntentState::Succeeded,
            };
            let amount = if dice.roll(10) == 0 { AMOUNT - 1 } else { AMOUNT };
            let received = if state == IntentState::Succeeded { amount } else { 0 };
            let (currency, method, livemode) = ("EUR".into(), None, false);
            let seen = IntentSnapshot { intent, state, amount, currency, received, livemode, method };
            (payment, BankReport::Intent(seen))
        }
        Effect::Refund { payment, refund, .. } => {
            let status = dice.pick(&[
                RefundStatus::Pending,
                RefundStatus::Succeeded,
                RefundStatus::Succeeded,
                RefundStatus::Failed,
            ]);
            (payment, BankReport::Refund { refund, status: status? })
        }
        Effect::MailReceipt { .. } | Effect::MailRefund { .. } => return None,
    };
    Some(Command::BankReported { payment, report })
}

fn step(bench: &PaymentBench, met: &mut Met, dice: &mut Dice) {
    match dice.roll(10) {
        0 | 1 => {
            if let Ok(Reply::Started(payment)) =
                bench.command(&guest(), start(reservation(dice.roll(3)), "pm_card_visa"))
            {
                met.payments.push(payment);
                let answer =
                    if dice.roll(8) == 0 { Err(NotPayable::NotHeld) } else { Ok(payable(euros(AMOUNT))) };
                bench.command(&from_reservations(), Command::Quoted { payment, answer }).expect("noted");
            }
        }
        2..=5 => {
            if let Some(command) = dice.pick(&met.effects).and_then(|effect| report(effect, dice)) {
                bench.command(&own(), command).expect("a report is never refused");
            }
        }
        6 => {
            if let Some(payment) = dice.pick(&met.payments) {
                let (amount, reason) =
                    (Some(1 + i64::try_from(dice.roll(1200)).expect("small")), String::new());
                // Refused or not: both are fine.
                let _ = bench.command(&admin(), Command::RequestRefund { payment, amount, reason });
            }
        }
        7 => {
            if let Some(reservations::Command::PaymentSucceeded { reservation, payment, amount }) =
                dice.pick(&met.received)
            {
                let reason = RefundReason::TooLate;
                let refund = Command::Refund { payment, reservation, amount, reason };
                bench.command(&from_reservations(), refund).expect("never refused");
            }
        }
        8 => {
            let payment = dice.pick(&met.payments);
            let kind =
                dice.pick(&["payment_intent.succeeded", "charge.refunded", "refund.failed"]).expect("one");
            let intent = payment.map(intent_of);
            let event =
                Command::BankEvent { event: format!("evt_{}", dice.0), kind: kind.into(), payment, intent };
            bench.command(&own(), event).expect("never refused");
        }
        _ => bench.advance_secs(i64::try_from(dice.roll(900)).expect("small")),
    }
    met.effects.extend(bench.effects());
    met.received.extend(bench.sent::<Reservations>());
}

#[test]
fn no_order_of_things_breaks_an_invariant() {
    let mut succeeded = 0;
    for seed in 0..150 {
        let (bench, mut met, mut dice) = (bench(), Met::default(), Dice(seed));
        for nth in 0..80 {
            step(&bench, &mut met, &mut dice);
            let violations = bench.violations();
            assert!(violations.is_empty(), "seed {seed}, step {nth}: {violations:?}");
        }
        succeeded += met
            .received
            .iter()
            .filter(|command| matches!(command, reservations::Command::PaymentSucceeded { .. }))
            .count();
    }
    assert!(succeeded > 100, "the walks go somewhere: {succeeded}");
}
