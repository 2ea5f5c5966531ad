//! Payments on a bench, step by step.

use contracts::PaymentId;
use contracts::payments::*;
use contracts::reservations::Reservations;
use group::testing::Bench;

use super::*;

pub type PaymentBench = Bench<payments::Payments>;

pub fn bench() -> PaymentBench {
    Bench::new(payments::Payments)
}

pub fn begin(bench: &PaymentBench, n: u64) -> PaymentId {
    bench.call(&guest(), start(reservation(n), "pm_card_visa")).expect("a payment")
}

pub fn quote(bench: &PaymentBench, payment: PaymentId, amount: i64) {
    let quoted = Quoted { payment, answer: Ok(payable(euros(amount))) };
    assert_eq!(bench.call(&from_reservations(), quoted), Ok(()));
}

pub fn report(bench: &PaymentBench, payment: PaymentId, report: BankReport) {
    assert_eq!(bench.call(&own(), BankReported { payment, report }), Ok(()));
}

pub fn seen(state: IntentState, amount: i64) -> IntentSnapshot {
    let received = if state == IntentState::Succeeded { amount } else { 0 };
    let (intent, currency, method) = ("pi_1".into(), "EUR".into(), Some("Visa •••• 4242".into()));
    IntentSnapshot { intent, state, amount, currency, received, livemode: false, method }
}

pub fn created(bench: &PaymentBench, payment: PaymentId) {
    report(bench, payment, BankReport::IntentCreated { intent: "pi_1".into(), mode: BankMode::Sandbox });
}

/// A payment whose intent is being confirmed.
pub fn confirming(bench: &PaymentBench, n: u64, amount: i64) -> PaymentId {
    let payment = begin(bench, n);
    quote(bench, payment, amount);
    created(bench, payment);
    payment
}

pub fn succeeded(bench: &PaymentBench, n: u64, amount: i64) -> PaymentId {
    let payment = confirming(bench, n, amount);
    report(bench, payment, BankReport::Intent(seen(IntentState::Succeeded, amount)));
    bench.effects();
    bench.sent::<Reservations>();
    payment
}

pub fn read(bench: &PaymentBench, payment: PaymentId) -> Payment {
    bench.call(&guest(), GetPayment { payment }).expect("the payment")
}

pub fn failed(bench: &PaymentBench, payment: PaymentId) -> Option<String> {
    let found = read(bench, payment);
    assert_eq!(found.failure.is_some(), found.status == PaymentStatus::Failed);
    found.failure.map(|failure| failure.code)
}

pub fn assert_invariants(bench: &PaymentBench) {
    assert_eq!(bench.violations(), Vec::<String>::new());
}
