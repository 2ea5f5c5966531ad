//! The effects: requests to the bank and mails to guests. All of them are idempotent.

use std::sync::Arc;

use contracts::payments::{BankReport, BankReported, Command, IntentState, RefundStatus};
use contracts::{Money, PaymentId, RefundId, ReservationId};
use group::{EffectContext, Effects, Outcome};
use protocol::Timestamp;

use crate::bank::{Bank, BankError, Intent};
use crate::mails::Mails;
use crate::state::PAYMENTS;
use crate::{Effect, Payments};

/// The number of attempts under one idempotency key. The bank repeats its response for a key, including its own errors, so a
/// new key is used after that. Retrieving first has shown by then that nothing was done under the old key.
const ATTEMPTS_PER_KEY: u32 = 5;

/// Performs the effects.
pub struct PaymentEffects {
    bank: Bank,
    mails: Mails,
    clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
}

impl std::fmt::Debug for PaymentEffects {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PaymentEffects").field("bank", &self.bank).finish_non_exhaustive()
    }
}

impl PaymentEffects {
    /// Uses the system clock.
    pub fn new(bank: Bank, mails: Mails) -> Self {
        Self { bank, mails, clock: Arc::new(Timestamp::wall_clock) }
    }

    /// Uses another clock, for simulations.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Fn() -> Timestamp + Send + Sync>) -> Self {
        self.clock = clock;
        self
    }
}

impl Effects<Payments> for PaymentEffects {
    async fn perform(&self, context: &EffectContext, effect: Effect) -> Outcome<Command> {
        let key_number = context.attempt / ATTEMPTS_PER_KEY;
        match effect {
            Effect::CreateIntent { payment, reservation, amount, payment_method } => {
                self.create(payment, reservation, amount, &payment_method, key_number).await
            }
            Effect::Confirm { payment, intent, return_url, not_after } => {
                // Abandoned since this effect was stored, for example while the bank was unavailable: nothing is charged.
                let abandoned = context.read(|view| {
                    view.get(&PAYMENTS, &payment).is_some_and(|record| record.cancelling.is_some())
                });
                let not_after = match abandoned.await {
                    Ok(true) => None,
                    Ok(false) => Some(not_after),
                    Err(unavailable) => return Outcome::Retry(unavailable.to_string()),
                };
                let found = self.confirm(payment, &intent, &return_url, not_after, key_number).await;
                reported(payment, found)
            }
            Effect::Check { payment, intent } => reported(payment, self.bank.retrieve(&intent).await),
            Effect::Cancel { payment, intent } => reported(payment, self.cancel(&intent).await),
            Effect::Refund { payment, refund, intent, amount } => {
                self.refund(context, payment, refund, &intent, Some(amount), key_number).await
            }
            Effect::RefundAll { payment, refund, intent } => {
                if context.attempt == 0 {
                    tracing::error!(
                        %payment, %refund,
                        "the bank captured another amount, currency or in another mode than was requested: refunding all of it"
                    );
                    edge::count("payments_bank_mismatch_total");
                }
                self.refund(context, payment, refund, &intent, None, key_number).await
            }
            Effect::MailReceipt { payment } => self.mails.receipt(context, payment).await,
            Effect::MailRefund { payment, refund } => self.mails.refund(context, payment, refund).await,
        }
    }
}

impl PaymentEffects {
    /// Creating a second intent charges nothing, because an intent that is not recorded is never confirmed.
    async fn create(
        &self,
        payment: PaymentId,
        reservation: ReservationId,
        amount: Money,
        payment_method: &str,
        key_number: u32,
    ) -> Outcome<Command> {
        let key = format!("{payment}-create-{key_number}");
        let report = match self.bank.create(payment, reservation, amount, payment_method, &key).await {
            Ok(intent) => BankReport::IntentCreated { intent: intent.id, mode: self.bank.mode() },
            Err(BankError::Unavailable(why)) => return Outcome::Retry(why),
            Err(BankError::Declined { code, .. }) => BankReport::NoIntent { code },
            Err(BankError::Refused { status, code, message: _ }) => {
                tracing::warn!(%payment, status, %code, "the bank refused to create an intent");
                // The bank does not know the payment method.
                let unknown = code == "resource_missing" || status == 404;
                let code = if unknown { "invalid_payment_method" } else { "bank_refused" };
                BankReport::NoIntent { code: code.to_owned() }
            }
        };
        Outcome::Report(BankReported { payment, report }.into())
    }

    /// Retrieves the intent first, because an earlier leader may have confirmed it. Without `not_after`, or after it, the
    /// intent is cancelled.
    async fn confirm(
        &self,
        payment: PaymentId,
        intent: &str,
        return_url: &str,
        not_after: Option<Timestamp>,
        key_number: u32,
    ) -> Result<Intent, BankError> {
        let found = self.bank.retrieve(intent).await?;
        if !found.is_unconfirmed() {
            return Ok(found);
        }
        // The hold has ended: a payment would only be refunded.
        if not_after.is_none_or(|not_after| (self.clock)() > not_after) {
            return self.cancel(intent).await;
        }
        match self.bank.confirm(intent, return_url, &format!("{payment}-confirm-{key_number}")).await {
            Err(BankError::Refused { status, code, .. }) => {
                tracing::warn!(%payment, status, %code, "the bank refused to confirm an intent");
                let now = self.bank.retrieve(intent).await?;
                // Either it was confirmed between the two requests, or it never will be.
                if now.is_unconfirmed() {
                    Err(BankError::Declined { code: "bank_refused".into(), intent: Some(Box::new(now)) })
                } else {
                    Ok(now)
                }
            }
            Err(BankError::Declined { code, intent: None }) => {
                let now = self.bank.retrieve(intent).await?;
                Err(BankError::Declined { code, intent: Some(Box::new(now)) })
            }
            result => result,
        }
    }

    async fn cancel(&self, intent: &str) -> Result<Intent, BankError> {
        match self.bank.cancel(intent).await {
            // It succeeded, is processing, or was cancelled before.
            Err(BankError::Refused { .. }) => self.bank.retrieve(intent).await,
            result => result,
        }
    }

    /// Looks for an existing refund first, by its metadata. Without an amount, all that was captured is refunded.
    async fn refund(
        &self,
        context: &EffectContext,
        payment: PaymentId,
        refund: RefundId,
        intent: &str,
        amount: Option<Money>,
        key_number: u32,
    ) -> Outcome<Command> {
        let report = |status| {
            Outcome::Report(BankReported { payment, report: BankReport::Refund { refund, status } }.into())
        };
        let id = refund.to_string();
        let found = match self.bank.refunds(intent).await {
            Ok(refunds) => refunds.into_iter().find(|refund| refund.is(&id)),
            Err(BankError::Unavailable(why)) => return Outcome::Retry(why),
            Err(refused) => return Outcome::Poison(refused.to_string()),
        };
        if let Some(found) = found {
            if found.status() == RefundStatus::Failed {
                tracing::error!(%payment, %refund, "a refund failed at the bank: staff has to resolve it");
            }
            return report(found.status());
        }
        match self.bank.refund(payment, refund, intent, amount, &format!("{refund}-{key_number}")).await {
            Ok(made) => report(made.status()),
            Err(BankError::Unavailable(why)) => Outcome::Retry(why),
            Err(BankError::Declined { code, .. } | BankError::Refused { code, .. }) => {
                tracing::error!(%payment, %refund, %code, attempt = context.attempt, "the bank refused a refund: staff has to resolve it");
                report(RefundStatus::Failed)
            }
        }
    }
}

/// The result of a request about an intent, as a command.
fn reported(payment: PaymentId, found: Result<Intent, BankError>) -> Outcome<Command> {
    let found = match found {
        Ok(intent) => intent.snapshot(),
        Err(BankError::Unavailable(why)) => return Outcome::Retry(why),
        Err(BankError::Declined { code, intent: Some(intent) }) => {
            let mut found = intent.snapshot();
            found.state = IntentState::Failed { code };
            found
        }
        // Another bank, or the bank lost its data.
        Err(BankError::Refused { status: 404, .. }) => {
            tracing::error!(%payment, "the bank does not know the intent of a payment");
            let report = BankReport::NoIntent { code: "bank_refused".to_owned() };
            return Outcome::Report(BankReported { payment, report }.into());
        }
        Err(refused @ (BankError::Declined { intent: None, .. } | BankError::Refused { .. })) => {
            return Outcome::Poison(refused.to_string());
        }
    };
    Outcome::Report(BankReported { payment, report: BankReport::Intent(found) }.into())
}
