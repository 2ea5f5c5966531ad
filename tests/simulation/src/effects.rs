//! The effects of leaders: requests to the bank and mails, as the services' own effects make them. A leader can crash before
//! it has proposed the outcome.
//!
//! The effects of payments mirror `payments::PaymentEffects` request by request: change both together.

use contracts::payments::{
    BankMode, BankReport, BankReported, Command, GetPayment, IntentSnapshot, IntentState, Payment,
    PaymentStatus, RefundStatus,
};
use contracts::reservations::{GetManagedHotel, GetReservation};
use contracts::{PaymentId, RefundId, auth as keys};
use group::Outgoing;
use group::engine::Entry;
use payments::Payments;
use protocol::codec;
use reservations::{Occasion, Recipient, Reservations};

use crate::bank::Trouble;
use crate::member::Violation;
use crate::world::{MEMBERS, SHARDS, Sabotage, World};

/// The number of attempts under one idempotency key, as in `payments`.
const ATTEMPTS_PER_KEY: u32 = 5;

/// The outcome of an attempt.
#[derive(Debug, Clone)]
enum Outcome {
    Done,
    Retry,
    Paid(Box<Command>),
    Keys(Box<keys::Command>),
}

/// An effect that was performed and whose outcome is not proposed yet.
#[derive(Debug, Clone)]
pub struct Performed {
    at: usize,
    era: u64,
    row: u64,
    key: u128,
    outcome: Outcome,
}

impl World {
    /// Performs a random effect of a leader. Returns false if there is none to perform.
    ///
    /// # Errors
    /// A violation.
    pub fn perform_some(&mut self) -> Result<bool, Violation> {
        let first = self.rng.below(MEMBERS);
        for at in (first..MEMBERS).chain(0..first) {
            let mut seen = self.leading(at).lanes.clone();
            // The first effect of each idle key.
            let outbox = self.member(at).outbox()?.into_iter();
            let due = outbox.filter_map(|(row, outgoing)| match outgoing {
                Outgoing::Effect { key, effect } => seen.insert(key).then_some((row, key, effect)),
                Outgoing::Event { .. } => None,
            });
            let due: Vec<_> = due.collect();
            if let Some((row, key, effect)) = self.rng.pick(&due).cloned() {
                self.perform(at, row, key, &effect)?;
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Proposes the outcome of a random performed effect. Returns false if there is none.
    ///
    /// # Errors
    /// A violation.
    pub fn conclude_some(&mut self) -> Result<bool, Violation> {
        if self.accounts.performed.is_empty() {
            return Ok(false);
        }
        let at = self.rng.below(self.accounts.performed.len());
        let performed = self.accounts.performed.swap_remove(at);
        self.conclude(performed)?;
        Ok(true)
    }

    fn perform(&mut self, at: usize, row: u64, key: u128, effect: &[u8]) -> Result<(), Violation> {
        let attempt = self.leading(at).attempts.get(&row).copied().unwrap_or_default();
        let name = self.member(at).name().to_owned();
        let outcome = match name.split('/').next() {
            Some("payments") => {
                let effect = codec::decode(effect).map_err(|error| error.to_string())?;
                self.trace.note(format_args!("{name}:{row} {effect:?}"));
                self.pay_effect(at, row, effect, attempt)?
            }
            Some("reservations") => {
                let effect = codec::decode(effect).map_err(|error| error.to_string())?;
                self.trace.note(format_args!("{name}:{row} {effect:?}"));
                self.desk_mail(at, row, effect)?
            }
            Some("users") => {
                let effect = codec::decode(effect).map_err(|error| error.to_string())?;
                self.trace.note(format_args!("{name}:{row} {effect:?}"));
                self.account_mail(at, row, effect);
                Outcome::Done
            }
            Some("auth") => {
                let auth::Effect::GenerateKey = codec::decode(effect).map_err(|error| error.to_string())?;
                Outcome::Keys(Box::new(keys::KeyGenerated(self.made_up_key()).into()))
            }
            _ => return Err(format!("{name} wants something done")),
        };
        let era = self.member(at).era();
        let performed = Performed { at, era, row, key, outcome };
        match if self.network.healed { 99 } else { self.rng.below(100) } {
            // The leader crashes before it has proposed the outcome.
            0..8 => {
                self.trace.note("  … and dies");
                self.member_restart(at)?;
            }
            8..30 => {
                self.leading(at).lanes.insert(key);
                self.accounts.performed.push(performed);
            }
            30..38 => {
                self.conclude(performed.clone())?;
                self.conclude(performed)?;
            }
            _ => self.conclude(performed)?,
        }
        Ok(())
    }

    fn member_restart(&mut self, at: usize) -> Result<(), Violation> {
        let mut rng = self.rng.clone();
        let restarted = self.member(at).restart(true, &mut rng);
        self.rng = rng;
        restarted
    }

    /// Proposes the outcome, if the group still has the leader that performed the effect. It may be proposed twice.
    fn conclude(&mut self, performed: Performed) -> Result<(), Violation> {
        let Performed { at, era, row, key, outcome } = performed;
        if self.member(at).era() != era {
            return Ok(());
        }
        let name = self.name_of(at);
        self.trace.note(format_args!("{name}:{row} → {outcome:?}"));
        self.leading(at).lanes.remove(&key);
        let stamp = self.stamp();
        match outcome {
            Outcome::Done => self.member(at).settle(vec![row])?,
            Outcome::Retry => *self.leading(at).attempts.entry(row).or_default() += 1,
            Outcome::Paid(command) => {
                let shard = at - 5 - usize::from(SHARDS);
                self.payments[shard].propose(&Entry::Report { row, stamp, command: *command })?;
                self.nothing_is_parked(at)?;
            }
            Outcome::Keys(command) => {
                self.auth.propose(&Entry::Report { row, stamp, command: *command })?;
                self.nothing_is_parked(at)?;
            }
        }
        Ok(())
    }

    /// A refused report is parked and blocks later effects of its key, so none may be refused.
    fn nothing_is_parked(&mut self, at: usize) -> Result<(), Violation> {
        match self.member(at).parked()?.first() {
            None => Ok(()),
            Some(why) => Err(format!("{}: parked: {why}", self.member(at).name())),
        }
    }

    fn pay_effect(
        &mut self,
        at: usize,
        row: u64,
        effect: payments::Effect,
        attempt: u32,
    ) -> Result<Outcome, Violation> {
        use payments::Effect;
        let tried = attempt / ATTEMPTS_PER_KEY;
        let paid = |payment, report| Outcome::Paid(Box::new(BankReported { payment, report }.into()));
        Ok(match effect {
            Effect::CreateIntent { payment, reservation: _, amount, payment_method } => {
                let key = format!("{payment}-create-{tried}");
                match self.bank.create(payment, amount, &payment_method, &key, &mut self.rng) {
                    Ok(intent) => {
                        paid(payment, BankReport::IntentCreated { intent, mode: BankMode::Sandbox })
                    }
                    Err(Trouble::Away) => Outcome::Retry,
                    Err(Trouble::Declined { code, .. }) => {
                        paid(payment, BankReport::NoIntent { code: code.into() })
                    }
                    Err(Trouble::Refused { .. }) => {
                        paid(payment, BankReport::NoIntent { code: "invalid_payment_method".into() })
                    }
                }
            }
            Effect::Confirm { payment, intent, return_url: _, not_after } => {
                let not_after = (!self.payment(payment)?.cancelling).then_some(not_after);
                let seen = self.confirm(payment, &intent, not_after, tried);
                self.reported(payment, seen)?
            }
            Effect::Check { payment, intent } => {
                let seen = self.bank.retrieve(&intent, &mut self.rng);
                self.reported(payment, seen)?
            }
            Effect::Cancel { payment, intent } => {
                let seen = self.cancel(&intent);
                self.reported(payment, seen)?
            }
            Effect::Refund { payment, refund, intent, amount } => {
                self.refund(payment, refund, &intent, Some(amount.amount), tried)?
            }
            Effect::RefundAll { payment, refund, intent } => {
                self.refund(payment, refund, &intent, None, tried)?
            }
            Effect::MailReceipt { payment } => {
                let found = self.payment(payment)?;
                if found.receipt_number.is_none() {
                    return Err(format!("{payment}: a receipt is mailed and there is none"));
                }
                self.mail(at, row, format!("{payment}.receipt@auberge.example"), format!("receipt {payment}"))
            }
            Effect::MailRefund { payment, refund } => {
                let found = self.payment(payment)?;
                let found = found.refunds.iter().find(|found| found.id == refund);
                match found.map(|found| found.status) {
                    None | Some(RefundStatus::Failed) => Outcome::Done,
                    Some(RefundStatus::Pending | RefundStatus::Succeeded) => self.mail(
                        at,
                        row,
                        format!("{refund}.refund@auberge.example"),
                        format!("refund {refund}"),
                    ),
                }
            }
        })
    }

    fn confirm(
        &mut self,
        payment: PaymentId,
        intent: &str,
        not_after: Option<protocol::Timestamp>,
        tried: u32,
    ) -> Result<IntentSnapshot, Trouble> {
        let found = self.bank.retrieve(intent, &mut self.rng)?;
        if found.state != IntentState::Unconfirmed {
            return Ok(found);
        }
        if not_after.is_none_or(|not_after| self.now > not_after) {
            return self.cancel(intent);
        }
        match self.bank.confirm(intent, &format!("{payment}-confirm-{tried}"), &mut self.rng) {
            Err(Trouble::Refused { .. }) => {
                let now = self.bank.retrieve(intent, &mut self.rng)?;
                if now.state == IntentState::Unconfirmed {
                    Err(Trouble::Declined { code: "bank_refused", seen: Some(Box::new(now)) })
                } else {
                    Ok(now)
                }
            }
            Err(Trouble::Declined { code, seen: None }) => {
                let now = self.bank.retrieve(intent, &mut self.rng)?;
                Err(Trouble::Declined { code, seen: Some(Box::new(now)) })
            }
            answer => answer,
        }
    }

    fn cancel(&mut self, intent: &str) -> Result<IntentSnapshot, Trouble> {
        match self.bank.cancel(intent, &mut self.rng) {
            Err(Trouble::Refused { .. }) => self.bank.retrieve(intent, &mut self.rng),
            answer => answer,
        }
    }

    fn refund(
        &mut self,
        payment: PaymentId,
        refund: RefundId,
        intent: &str,
        amount: Option<i64>,
        tried: u32,
    ) -> Result<Outcome, Violation> {
        let report = |status| {
            let report = BankReport::Refund { refund, status };
            Outcome::Paid(Box::new(BankReported { payment, report }.into()))
        };
        match self.bank.find_refund(intent, refund, &mut self.rng) {
            Ok(Some(status)) => return Ok(report(status)),
            Ok(None) => {}
            Err(Trouble::Away) => return Ok(Outcome::Retry),
            Err(refused) => return Err(format!("{refund}: would be poisoned: {refused:?}")),
        }
        Ok(match self.bank.refund(intent, refund, amount, &format!("{refund}-{tried}"), &mut self.rng) {
            Ok(status) => report(status),
            Err(Trouble::Away) => Outcome::Retry,
            Err(Trouble::Declined { .. } | Trouble::Refused { .. }) => report(RefundStatus::Failed),
        })
    }

    fn reported(
        &self,
        payment: PaymentId,
        seen: Result<IntentSnapshot, Trouble>,
    ) -> Result<Outcome, Violation> {
        let seen = match seen {
            Ok(seen) => seen,
            Err(Trouble::Away) => return Ok(Outcome::Retry),
            Err(Trouble::Declined { code, seen: Some(mut seen) }) => {
                seen.state = IntentState::Failed { code: code.to_owned() };
                *seen
            }
            Err(refused @ (Trouble::Declined { seen: None, .. } | Trouble::Refused { .. })) => {
                return Err(format!("{payment}: would be poisoned: {refused:?}"));
            }
        };
        let report = BankReport::Intent(seen);
        Ok(Outcome::Paid(Box::new(BankReported { payment, report }.into())))
    }

    /// Sends a mail under the name that `reservations::ReservationEffects` gives it.
    fn desk_mail(&mut self, at: usize, row: u64, effect: reservations::Effect) -> Result<Outcome, Violation> {
        let reservations::Effect::Mail { reservation, occasion, to } = effect;
        let own = protocol::Principal::service("reservations");
        let found = self.call::<Reservations, _>(&own, GetReservation { reservation })?;
        let hotel = match &found {
            Ok(found) => self.call::<Reservations, _>(&own, GetManagedHotel { hotel: found.hotel() })?,
            Err(refused) => Err(refused.clone()),
        };
        if let Err(refused) = hotel {
            return Err(format!("{reservation}: its mail cannot be written: {refused}"));
        }
        if let (Occasion::LinkReplaced { number }, Ok(found)) = (occasion, &found)
            && number != found.link
        {
            return Ok(Outcome::Done);
        }
        let word = match (occasion, to) {
            (Occasion::LinkReplaced { number }, _) => format!("link-{number}"),
            (Occasion::Confirmed, Recipient::Guest) => "confirmed".to_owned(),
            (Occasion::Cancelled, Recipient::Guest) => "cancelled".to_owned(),
            (Occasion::Confirmed, Recipient::Hotel) => "new-booking".to_owned(),
            (Occasion::Cancelled, Recipient::Hotel) => "cancellation".to_owned(),
        };
        Ok(self.mail(
            at,
            row,
            format!("{word}.{reservation}@auberge.example"),
            format!("{word} {reservation}"),
        ))
    }

    /// Sends a mail, unless the mail server is unavailable.
    fn mail(&mut self, at: usize, row: u64, name: String, about: String) -> Outcome {
        if !self.network.healed && self.rng.chance(10) {
            return Outcome::Retry;
        }
        if self.sabotage == Sabotage::MailsVanish && self.rng.chance(5) {
            return Outcome::Done;
        }
        *self.mails.sent.entry(name.clone()).or_default().entry(about).or_default() += 1;
        self.mails.names.entry((at, row)).or_default().insert(name);
        Outcome::Done
    }

    /// Sends a mail under the name that `users::UserEffects` gives it, and stores its link for later steps.
    fn account_mail(&mut self, at: usize, row: u64, effect: users::Effect) {
        let (name, link) = self.read_account_mail(effect, at, row);
        *self.mails.sent.entry(name.clone()).or_default().entry(name.clone()).or_default() += 1;
        self.mails.names.entry((at, row)).or_default().insert(name);
        self.accounts.links.extend(link);
    }

    /// Reads a payment in the name of payments.
    ///
    /// # Errors
    /// If it does not exist.
    pub fn payment(&mut self, id: PaymentId) -> Result<Payment, Violation> {
        let own = protocol::Principal::service("payments");
        let found = self.call::<Payments, _>(&own, GetPayment { payment: id })?;
        found.map_err(|refused| format!("{id}: {refused:?}"))
    }
}

/// Whether the payment was captured.
pub const fn succeeded(status: PaymentStatus) -> bool {
    match status {
        PaymentStatus::Succeeded | PaymentStatus::PartiallyRefunded | PaymentStatus::Refunded => true,
        PaymentStatus::Processing | PaymentStatus::RequiresAction | PaymentStatus::Failed => false,
    }
}
