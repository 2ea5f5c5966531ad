//! The bank says that something moved: it is asked what. An event about nothing that we know is put aside.

use contracts::PaymentId;
use contracts::payments::{RefundStatus, Reply};

use super::{T, check, refund_seen};
use crate::limits;
use crate::state::{PARKED, PARKED_COUNT, PAYMENTS, Parked};

pub(super) fn bank_event(
    turn: &mut T<'_>,
    event: String,
    kind: String,
    payment: Option<PaymentId>,
    intent: Option<String>,
) -> Reply {
    let record = payment.and_then(|payment| turn.get(&PAYMENTS, &payment));
    // An intent that we have not recorded yet is known by its payment: its own report is on the way.
    let known =
        record.filter(|record| record.intent.is_none() || intent.is_none() || record.intent == intent);
    let Some(record) = known else {
        park(turn, event, Parked { kind, intent });
        return Reply::Parked;
    };
    if kind.contains("refund") {
        let asked = record.refunds.iter().filter(|refund| refund.status != RefundStatus::Failed);
        for refund in asked.map(|refund| refund.id).collect::<Vec<_>>() {
            refund_seen::ask(turn, &record, refund);
        }
    } else if check::helps(record.stage) {
        check::ask(turn, record);
    }
    Reply::Done
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
