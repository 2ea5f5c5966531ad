//! The invariants: each check reads the whole store. Unit tests, the simulation and `auberge check` call them.

use std::collections::BTreeMap;

use contracts::payments::RefundStatus;
use contracts::{HotelId, PaymentId, ReservationId};
use group::View;

use crate::state::{
    ALL, ATTENTION, CREDIT_NOTES, CURRENT, LAST_CREDIT_NOTE, LAST_RECEIPT, PAYMENTS, RECEIPTS, Record, Stage,
};

/// The violations of all invariants.
pub(crate) fn violations(view: &View<'_>) -> Vec<String> {
    let mut found = Vec::new();
    let mut live: BTreeMap<ReservationId, PaymentId> = BTreeMap::new();
    for (id, record) in view.all(&PAYMENTS) {
        found.extend(refunds_never_exceed_what_was_captured(id, &record));
        found.extend(success_has_an_intent_and_a_receipt(id, &record));
        found.extend(each_refund_that_succeeded_has_a_credit_note(id, &record));
        found.extend(a_mismatch_is_refunded_in_full(id, &record));
        found.extend(failed_refunds_are_replaced_or_listed(view, id, &record));
        if is_current(&record)
            && let Some(other) = live.insert(record.reservation, id)
        {
            found.push(format!("{}: {other} and {id} are both open or succeeded", record.reservation));
        }
    }
    found.extend(the_index_equals_the_current_payments(view, &live));
    found.extend(receipt_numbers_have_no_gap(view));
    found.extend(credit_note_numbers_have_no_gap(view));
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
    // What the bank captured by mistake has no receipt.
    if record.stage == Stage::Mismatched {
        let wrong = record.intent.is_none() || record.receipt.is_some() || record.captured <= 0;
        return wrong.then(|| format!("{id}: a mismatch without an intent or money, or with a receipt"));
    }
    let succeeded = record.stage == Stage::Succeeded;
    let none = record.receipt.is_none() && record.captured == 0;
    match (succeeded, proof, none) {
        (true, false, _) => Some(format!("{id}: succeeded without an intent, a receipt or money")),
        (false, _, false) => Some(format!("{id}: a receipt or money without success")),
        (true, true, _) | (false, _, true) => None,
    }
}

/// What the bank captured by mistake has no receipt that could be credited.
fn each_refund_that_succeeded_has_a_credit_note(id: PaymentId, record: &Record) -> Option<String> {
    record.receipt?;
    let credited: i64 = record
        .credit_notes
        .iter()
        .map(|note| if note.reverses.is_some() { -note.amount } else { note.amount })
        .sum();
    let wrong = record.refunds.iter().find(|refund| {
        let note = record.valid_credit_note(refund.id).map(|note| note.amount);
        note != (refund.status == RefundStatus::Succeeded).then_some(refund.amount)
    });
    match wrong {
        Some(refund) => {
            Some(format!("{id}: {} is {:?}, which its credit note contradicts", refund.id, refund.status))
        }
        None if credited != record.refunded() => {
            Some(format!("{id}: credit notes of {credited} for refunds of {}", record.refunded()))
        }
        None => None,
    }
}

/// All that was captured by mistake is refunded, on its way, or before staff.
fn a_mismatch_is_refunded_in_full(id: PaymentId, record: &Record) -> Option<String> {
    let promised = record.refunds_total() + record.unresolved();
    let short = record.stage == Stage::Mismatched && promised != record.captured;
    short.then(|| format!("{id}: {promised} of {} captured by mistake are refunded", record.captured))
}

/// A refund that failed names an existing replacement, or its payment is in the list for staff.
fn failed_refunds_are_replaced_or_listed(view: &View<'_>, id: PaymentId, record: &Record) -> Option<String> {
    let known = |replacement| record.refunds.iter().any(|refund| refund.id == replacement);
    let lost = record.refunds.iter().any(|refund| refund.retried_as.is_some_and(|other| !known(other)));
    let listed = view.has(&ATTENTION, &(ALL, record.created_at, id));
    if lost {
        Some(format!("{id}: a refund was replaced by one that does not exist"))
    } else if listed == record.attention().is_empty() {
        Some(format!("{id}: the list for staff has it: {listed}, it needs attention: {}", !listed))
    } else {
        None
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

fn credit_note_numbers_have_no_gap(view: &View<'_>) -> Vec<String> {
    let mut found = Vec::new();
    let mut last: BTreeMap<HotelId, u64> = BTreeMap::new();
    for ((hotel, number), payment) in view.all(&CREDIT_NOTES) {
        let before = last.insert(hotel, number).unwrap_or_default();
        if number != before + 1 {
            found.push(format!("{hotel}: credit note {number} follows credit note {before}"));
        }
        let record = view.get(&PAYMENTS, &payment);
        if !record.is_some_and(|record| record.credit_notes.iter().any(|note| note.number == number)) {
            found.push(format!("{hotel}: credit note {number} is not one of {payment}"));
        }
    }
    for (hotel, number) in view.all(&LAST_CREDIT_NOTE) {
        if last.get(&hotel) != Some(&number) {
            found.push(format!("{hotel}: the last credit note should be {number}"));
        }
    }
    found
}
