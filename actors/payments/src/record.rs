//! A stored payment: its status, the sums of its refunds, and the form in which callers see it.

use contracts::payments::{Attention, BankMode, CreditNote, Payment, PaymentStatus, Refund, RefundStatus};
use contracts::reservations::BookingLink;
use contracts::{Currency, HotelId, Money, RefundId, manages_all_hotels, manages_hotel};
use protocol::{Principal, Timestamp};

use crate::state::{
    CreditNoteRow, Record, RefundRow, Stage, TimelineEvent, credit_note_number, limits, receipt_number,
};

impl Record {
    pub fn hotel(&self) -> Option<HotelId> {
        self.payable.as_ref().map(|payable| payable.hotel)
    }

    pub fn amount(&self) -> Option<Money> {
        self.payable.as_ref().map(|payable| payable.amount)
    }

    /// The currency of the captured amount and of its refunds.
    pub fn currency(&self) -> Option<Currency> {
        self.mismatch.or(self.amount()).map(|amount| amount.currency)
    }

    /// The sum of all refunds that have not failed, in minor units.
    pub fn refunds_total(&self) -> i64 {
        self.refunds
            .iter()
            .filter(|refund| refund.status != RefundStatus::Failed)
            .map(|refund| refund.amount)
            .sum()
    }

    /// The sum of the refunds that succeeded, in minor units.
    pub fn refunded(&self) -> i64 {
        self.refunds
            .iter()
            .filter(|refund| refund.status == RefundStatus::Succeeded)
            .map(|refund| refund.amount)
            .sum()
    }

    /// The credit note of a refund, unless it was reversed.
    pub fn valid_credit_note(&self, refund: RefundId) -> Option<&CreditNoteRow> {
        let last = self.credit_notes.iter().rfind(|note| note.refund == refund);
        last.filter(|note| note.reverses.is_none())
    }

    /// The sum of the refunds that are pending, in minor units.
    pub fn pending(&self) -> i64 {
        self.refunds_total() - self.refunded()
    }

    /// The amount that can still be refunded, in minor units.
    pub fn left(&self) -> i64 {
        self.captured - self.refunds_total()
    }

    /// The sum of the refunds that failed and that no other refund replaces, in minor units: staff has to resolve them.
    pub fn unresolved(&self) -> i64 {
        let open = |refund: &&RefundRow| refund.status == RefundStatus::Failed && refund.retried_as.is_none();
        let sum: i64 = self.refunds.iter().filter(open).map(|refund| refund.amount).sum();
        sum.min(self.left())
    }

    /// Why staff has to act.
    pub fn attention(&self) -> Vec<Attention> {
        let failed = (self.unresolved() > 0).then_some(Attention::RefundFailed);
        let differs = self.mismatch.is_some() && self.refunded() < self.captured;
        failed.into_iter().chain(differs.then_some(Attention::BankMismatch)).collect()
    }

    pub fn status(&self) -> PaymentStatus {
        match self.stage {
            Stage::Quoting | Stage::Creating | Stage::Confirming | Stage::Waiting => {
                PaymentStatus::Processing
            }
            // The guest must not continue what is being cancelled.
            Stage::Action if self.cancelling.is_some() => PaymentStatus::Processing,
            Stage::Action => PaymentStatus::RequiresAction,
            Stage::Mismatched if self.refunded() >= self.captured => PaymentStatus::Refunded,
            // Waiting for the refund.
            Stage::Mismatched => PaymentStatus::Processing,
            Stage::Failed => PaymentStatus::Failed,
            Stage::Succeeded => match self.refunded() {
                0 => PaymentStatus::Succeeded,
                refunded if refunded < self.captured => PaymentStatus::PartiallyRefunded,
                _ => PaymentStatus::Refunded,
            },
        }
    }

    /// Appends to the timeline and increments the version.
    pub fn record(&mut self, now: Timestamp, event: TimelineEvent) {
        self.version += 1;
        if self.timeline.len() < limits::TIMELINE_MAX {
            self.timeline.push((now, event));
        }
    }

    /// The payment as callers see it.
    pub fn to_payment(&self) -> Payment {
        Payment {
            id: self.id,
            reservation: self.reservation,
            hotel: self.hotel(),
            status: self.status(),
            amount: self.amount(),
            refunded: self.refunded(),
            failure: self.failure.clone(),
            redirect_url: self.redirect_url.clone().filter(|_| self.cancelling.is_none()),
            method: self.method.clone(),
            receipt_number: self.receipt.map(receipt_number),
            refunds: self.currency().map_or_else(Vec::new, |currency| {
                self.refunds.iter().map(|refund| refund.to_refund(currency)).collect()
            }),
            created_at: self.created_at,
            succeeded_at: self.succeeded_at,
            test: self.mode.map(BankMode::is_test),
            timeline: self.timeline.iter().map(|(at, event)| (*at, event.to_string())).collect(),
            version: self.version,
            credit_notes: self.currency().map_or_else(Vec::new, |currency| {
                self.credit_notes.iter().map(|note| note.to_credit_note(currency)).collect()
            }),
            attention: self.attention(),
            cancelling: self.stage.is_open() && self.cancelling.is_some(),
        }
    }

    /// The owner of the reservation, once reservations has returned it.
    pub fn reservation_owner(&self) -> Option<&str> {
        self.payable.as_ref().map(|payable| payable.owner.as_str())
    }

    /// Whether `caller` may see it: whoever started it, the owner of the reservation, the bearer of its secret link (the
    /// pages have shown that the link is valid), staff of the hotel, administrators, and `payments` and `reservations` in
    /// their own name, which have verified access themselves.
    pub fn is_visible_to(&self, caller: &Principal) -> bool {
        let subject = caller.effective_subject();
        let owns =
            !caller.is_anonymous() && (subject == self.owner || self.reservation_owner() == Some(subject));
        let by_link = BookingLink::of_caller(caller).is_some_and(|link| link.reservation == self.reservation);
        let trusted =
            caller.on_behalf_of.is_none() && matches!(caller.as_service(), Some("payments" | "reservations"));
        owns || by_link
            || trusted
            || manages_all_hotels(caller)
            || self.hotel().is_some_and(|hotel| manages_hotel(caller, hotel))
    }
}

impl RefundRow {
    pub fn to_refund(&self, currency: contracts::Currency) -> Refund {
        Refund {
            id: self.id,
            amount: Money::new(self.amount, currency),
            reason: self.reason.clone(),
            status: self.status,
            created_at: self.created_at,
            settled_at: self.settled_at,
            retried_as: self.retried_as,
            settled_otherwise: self.settled_otherwise.clone(),
        }
    }
}

impl CreditNoteRow {
    pub fn to_credit_note(self, currency: contracts::Currency) -> CreditNote {
        CreditNote {
            number: credit_note_number(self.number),
            refund: self.refund,
            amount: Money::new(self.amount, currency),
            issued_at: self.issued_at,
            reverses: self.reverses.map(credit_note_number),
        }
    }
}
