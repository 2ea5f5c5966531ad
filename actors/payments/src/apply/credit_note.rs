//! Credit notes follow the refunds: a refund that succeeds gets one, in the same turn, and one that fails after that gets
//! another one, which reverses the first. So the credit notes of a payment always add up to what was refunded, receipts are never
//! changed, and no number is withdrawn.

use contracts::RefundId;
use contracts::payments::RefundStatus;

use super::T;
use crate::state::{CREDIT_NOTES, CreditNoteRow, LAST_CREDIT_NOTE, Record};

/// Issues the credit note that the status of this refund requires, if it is missing. Called after each change of a status, before
/// the payment is saved.
pub(super) fn issue_if_due(turn: &mut T<'_>, record: &mut Record, id: RefundId) {
    // What the bank captured by mistake has no receipt that could be credited.
    let (Some(hotel), Some(_)) = (record.hotel(), record.receipt) else { return };
    let Some(refund) = record.refunds.iter().find(|refund| refund.id == id) else { return };
    let valid = record.valid_credit_note(id).map(|note| (note.number, note.amount));
    let (amount, reverses) = match (refund.status, valid) {
        (RefundStatus::Succeeded, None) => (refund.amount, None),
        (RefundStatus::Pending | RefundStatus::Failed, Some((number, amount))) => (amount, Some(number)),
        (RefundStatus::Succeeded, Some(_)) | (RefundStatus::Pending | RefundStatus::Failed, None) => return,
    };
    let number = turn.get(&LAST_CREDIT_NOTE, &hotel).unwrap_or_default() + 1;
    turn.put(&LAST_CREDIT_NOTE, &hotel, &number);
    turn.put(&CREDIT_NOTES, &(hotel, number), &record.id);
    record.credit_notes.push(CreditNoteRow { number, refund: id, amount, issued_at: turn.now(), reverses });
}
