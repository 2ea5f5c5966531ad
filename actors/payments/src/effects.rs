//! What the leader does outside: it deals with the bank, and mails guests. Everything is safe to repeat.

use std::sync::Arc;

use contracts::payments::{BankReport, Command, IntentState, RefundStatus};
use contracts::{Money, PaymentId, RefundId, ReservationId};
use group::{EffectContext, Effects, Outcome};
use protocol::Timestamp;

use crate::bank::{Bank, BankError, Intent};
use crate::mails::Mails;
use crate::service::{Effect, Payments};

/// The bank keeps what it answered under a key, its own faults included: after so many attempts a new key is used. By
/// then looking first has shown that nothing was done under the old one.
const ATTEMPTS_PER_KEY: u32 = 5;

/// The means: the bank, the mail, and the hour.
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
    /// With the machine's clock.
    pub fn new(bank: Bank, mails: Mails) -> Self {
        Self { bank, mails, clock: Arc::new(Timestamp::wall_clock) }
    }

    /// With another clock, for simulations.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Fn() -> Timestamp + Send + Sync>) -> Self {
        self.clock = clock;
        self
    }
}

impl Effects<Payments> for PaymentEffects {
    async fn perform(&self, context: &EffectContext, effect: Effect) -> Outcome<Command> {
        let tried = context.attempt / ATTEMPTS_PER_KEY;
        match effect {
            Effect::CreateIntent { payment, reservation, amount, payment_method } => {
                self.create(payment, reservation, amount, &payment_method, tried).await
            }
            Effect::Confirm { payment, intent, return_url, not_after } => {
                let seen = self.confirm(payment, &intent, &return_url, not_after, tried).await;
                reported(payment, seen)
            }
            Effect::Check { payment, intent } => reported(payment, self.bank.retrieve(&intent).await),
            Effect::Cancel { payment, intent } => reported(payment, self.cancel(&intent).await),
            Effect::Refund { payment, refund, intent, amount } => {
                self.refund(context, payment, refund, &intent, amount, tried).await
            }
            Effect::MailReceipt { payment } => self.mails.receipt(context, payment).await,
            Effect::MailRefund { payment, refund } => self.mails.refund(context, payment, refund).await,
        }
    }
}

impl PaymentEffects {
    /// An intent that nobody recorded is never confirmed: making one twice charges nobody.
    async fn create(
        &self,
        payment: PaymentId,
        reservation: ReservationId,
        amount: Money,
        payment_method: &str,
        tried: u32,
    ) -> Outcome<Command> {
        let key = format!("{payment}-create-{tried}");
        let report = match self.bank.create(payment, reservation, amount, payment_method, &key).await {
            Ok(intent) => BankReport::IntentCreated { intent: intent.id, mode: self.bank.mode() },
            Err(BankError::Away(why)) => return Outcome::Retry(why),
            Err(BankError::Declined { code, .. }) => BankReport::NoIntent { code },
            Err(BankError::Refused { status, code, message: _ }) => {
                tracing::warn!(%payment, status, %code, "the bank makes no intent");
                // Its word for a payment method that it does not know, whoever has made that up.
                let unknown = code == "resource_missing" || status == 404;
                let code = if unknown { "invalid_payment_method" } else { "bank_refused" };
                BankReport::NoIntent { code: code.to_owned() }
            }
        };
        Outcome::Report(Command::BankReported { payment, report })
    }

    /// Looks first, always: this may be a repeat by a leader who knows nothing of the first attempt.
    async fn confirm(
        &self,
        payment: PaymentId,
        intent: &str,
        return_url: &str,
        not_after: Timestamp,
        tried: u32,
    ) -> Result<Intent, BankError> {
        let found = self.bank.retrieve(intent).await?;
        if !found.is_unconfirmed() {
            return Ok(found);
        }
        // Nobody waits any more: money that came now would only go back.
        if (self.clock)() > not_after {
            return self.cancel(intent).await;
        }
        match self.bank.confirm(intent, return_url, &format!("{payment}-confirm-{tried}")).await {
            Err(BankError::Refused { status, code, .. }) => {
                tracing::warn!(%payment, status, %code, "the bank does not confirm");
                let now = self.bank.retrieve(intent).await?;
                // Somebody confirmed it between our two questions, or it will never be.
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
            answer => answer,
        }
    }

    async fn cancel(&self, intent: &str) -> Result<Intent, BankError> {
        match self.bank.cancel(intent).await {
            // Too late: it succeeded, is being processed, or was cancelled before.
            Err(BankError::Refused { .. }) => self.bank.retrieve(intent).await,
            answer => answer,
        }
    }

    /// Looks first: a refund of ours is known by its metadata.
    async fn refund(
        &self,
        context: &EffectContext,
        payment: PaymentId,
        refund: RefundId,
        intent: &str,
        amount: Money,
        tried: u32,
    ) -> Outcome<Command> {
        let report = |status| {
            Outcome::Report(Command::BankReported { payment, report: BankReport::Refund { refund, status } })
        };
        let id = refund.to_string();
        let found = match self.bank.refunds(intent).await {
            Ok(refunds) => refunds.into_iter().find(|refund| refund.is(&id)),
            Err(BankError::Away(why)) => return Outcome::Retry(why),
            Err(refused) => return Outcome::Poison(refused.to_string()),
        };
        if let Some(found) = found {
            return report(found.status());
        }
        match self.bank.refund(payment, refund, intent, amount, &format!("{refund}-{tried}")).await {
            Ok(made) => report(made.status()),
            Err(BankError::Away(why)) => Outcome::Retry(why),
            Err(BankError::Declined { code, .. } | BankError::Refused { code, .. }) => {
                tracing::warn!(%payment, %refund, %code, attempt = context.attempt, "the bank does not refund");
                report(RefundStatus::Failed)
            }
        }
    }
}

/// What was learnt of an intent, as a command.
fn reported(payment: PaymentId, seen: Result<Intent, BankError>) -> Outcome<Command> {
    let seen = match seen {
        Ok(intent) => intent.seen(),
        Err(BankError::Away(why)) => return Outcome::Retry(why),
        Err(BankError::Declined { code, intent: Some(intent) }) => {
            let mut seen = intent.seen();
            seen.state = IntentState::Failed { code };
            seen
        }
        // The bank has lost its books, or is another one.
        Err(BankError::Refused { status: 404, .. }) => {
            tracing::error!(%payment, "the bank knows nothing of a payment's intent");
            let report = BankReport::NoIntent { code: "bank_refused".to_owned() };
            return Outcome::Report(Command::BankReported { payment, report });
        }
        Err(refused @ (BankError::Declined { intent: None, .. } | BankError::Refused { .. })) => {
            return Outcome::Poison(refused.to_string());
        }
    };
    Outcome::Report(Command::BankReported { payment, report: BankReport::Intent(seen) })
}
