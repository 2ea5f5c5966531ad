//! A bank event: triggers retrieval of the intent or its refunds. An event about an unknown intent is stored for operators.

use contracts::payments::{BankEvent, BankEventReply, RefundStatus};

use super::{T, check, refund};
use crate::limits;
use crate::state::{PARKED, PARKED_COUNT, PAYMENTS, Parked};

pub(super) fn bank_event(turn: &mut T<'_>, request: BankEvent) -> BankEventReply {
    let BankEvent { event, kind, payment, intent } = request;
    let record = payment.and_then(|payment| turn.get(&PAYMENTS, &payment));
    // If the payment has no intent yet, the report of its creation is pending, so the event's intent is accepted.
    let known =
        record.filter(|record| record.intent.is_none() || intent.is_none() || record.intent == intent);
    let Some(record) = known else {
        park(turn, event, Parked { kind, intent });
        return BankEventReply::Parked;
    };
    if kind.contains("refund") {
        let open = record
            .refunds
            .iter()
            .filter(|row| row.status != RefundStatus::Failed && row.settled_otherwise.is_none());
        for id in open.map(|row| row.id).collect::<Vec<_>>() {
            refund::request_at_bank(turn, &record, id);
        }
    } else if check::is_useful(record.stage) {
        check::retrieve(turn, record);
    }
    BankEventReply::Accepted
}

fn park(turn: &mut T<'_>, event: String, parked: Parked) {
    let count = turn.get(&PARKED_COUNT, &0).unwrap_or_default();
    if count < limits::PARKED_MAX {
        turn.put(&PARKED_COUNT, &0, &(count + 1));
    } else if let Some((oldest, _)) = turn.first(&PARKED, 1).pop() {
        turn.remove(&PARKED, &oldest);
    }
    turn.put(&PARKED, &(turn.now(), event), &parked);
}
