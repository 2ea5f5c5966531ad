//! The invariants: each check reads the whole store. Unit tests, the simulation and `auberge check` call them.

use std::collections::BTreeMap;

use contracts::{HotelId, PaymentId, ReservationId};
use group::View;

use crate::state::{CURRENT, LAST_RECEIPT, PAYMENTS, RECEIPTS, Record, Stage};

/// The violations of all invariants.
pub(crate) fn violations(view: &View<'_>) -> Vec<String> {
    let mut found = Vec::new();
    let mut live: BTreeMap<ReservationId, PaymentId> = BTreeMap::new();
    for (id, record) in view.all(&PAYMENTS) {
        found.extend(refunds_never_exceed_what_was_captured(id, &record));
        found.extend(success_has_an_intent_and_a_receipt(id, &record));
        if is_current(&record)
            && let Some(other) = live.insert(record.reservation, id)
        {
            found.push(format!("{}: {other} and {id} are both open or succeeded", record.reservation));
        }
    }
    found.extend(the_index_equals_the_current_payments(view, &live));
    found.extend(receipt_numbers_have_no_gap(view));
    found
}

/// Whether a payment is the one that a reservation may have.
fn is_current(record: &Record) -> bool {
    (record.stage.is_open() || record.stage == Stage::Succeeded) && !record.surplus
}

fn refunds_never_exceed_what_was_captured(id: PaymentId, record: &Record) -> Option<String> {
    let total = record.refunds_total();
    (total > record.captured)
        .then(|| format!("{id}: refunds of {total} exceed the {} captured", record.captured))
}

fn success_has_an_intent_and_a_receipt(id: PaymentId, record: &Record) -> Option<String> {
    let proof = record.intent.is_some() && record.receipt.is_some() && record.captured > 0;
    let succeeded = record.stage == Stage::Succeeded;
    let none = record.receipt.is_none() && record.captured == 0;
    match (succeeded, proof, none) {
        (true, false, _) => Some(format!("{id}: succeeded without an intent, a receipt or money")),
        (false, _, false) => Some(format!("{id}: a receipt or money without success")),
        (true, true, _) | (false, _, true) => None,
    }
}

fn the_index_equals_the_current_payments(
    view: &View<'_>,
    live: &BTreeMap<ReservationId, PaymentId>,
) -> Vec<String> {
    let index: BTreeMap<_, _> = view.all(&CURRENT).collect();
    let differs = index != *live;
    differs
        .then(|| "the index of current payments differs from the payments".to_owned())
        .into_iter()
        .collect()
}

fn receipt_numbers_have_no_gap(view: &View<'_>) -> Vec<String> {
    let mut found = Vec::new();
    let mut last: BTreeMap<HotelId, u64> = BTreeMap::new();
    for ((hotel, number), payment) in view.all(&RECEIPTS) {
        let before = last.insert(hotel, number).unwrap_or_default();
        if number != before + 1 {
            found.push(format!("{hotel}: receipt {number} follows receipt {before}"));
        }
        if view.get(&PAYMENTS, &payment).and_then(|record| record.receipt) != Some(number) {
            found.push(format!("{hotel}: receipt {number} is not that of {payment}"));
        }
    }
    for (hotel, number) in view.all(&LAST_RECEIPT) {
        if last.get(&hotel) != Some(&number) {
            found.push(format!("{hotel}: the last receipt should be {number}"));
        }
    }
    found
}
