//! An in-memory bank with the operations that payments uses. It charges and declines cards, requires 3-D Secure, processes
//! slowly, sometimes charges less than was requested, fails before or after it has executed a request, and delivers events late, twice or not at all.

use std::collections::BTreeMap;

use contracts::payments::{IntentSnapshot, IntentState, RefundStatus};
use contracts::{Money, PaymentId, RefundId};

use crate::rng::Rng;

/// Payment methods that guests use.
pub const CARDS: [&str; 12] = [
    "pm_card_visa",
    "pm_card_visa",
    "pm_card_visa",
    "pm_card_visa",
    "pm_card_declined",
    "pm_card_declined",
    "pm_card_3ds",
    "pm_card_3ds",
    "pm_card_slow",
    "pm_card_slow",
    "pm_card_unknown",
    "pm_card_short",
];

/// The error of a request, as `payments` classifies it.
#[derive(Debug, Clone, PartialEq)]
pub enum Trouble {
    /// There was no response. The request may have been executed.
    Away,
    /// The card was declined.
    Declined { code: &'static str, seen: Option<Box<IntentSnapshot>> },
    /// The request is invalid, and a retry fails too.
    Refused { code: &'static str },
}

/// A payment intent.
#[derive(Debug, Clone)]
pub struct Intent {
    /// The id of the payment, from the metadata.
    pub payment: PaymentId,
    /// The requested amount.
    pub amount: Money,
    card: String,
    state: IntentState,
    /// The number of charges: 0 or 1.
    pub charges: u32,
    /// Refunds: id of payments, amount in minor units, status.
    pub refunds: Vec<(RefundId, i64, RefundStatus)>,
}

impl Intent {
    /// The amount that was charged, in minor units. `pm_card_short` is charged less than was requested.
    pub fn received(&self) -> i64 {
        match (self.charges, self.card.as_str()) {
            (0, _) => 0,
            (_, "pm_card_short") => self.amount.amount - 1,
            _ => self.amount.amount,
        }
    }
}

/// A webhook event.
#[derive(Debug, Clone)]
pub struct Event {
    /// The id of the event.
    pub id: String,
    /// `payment_intent.succeeded`, …
    pub kind: &'static str,
    /// The payment; `None` for an intent that payments did not create.
    pub payment: Option<PaymentId>,
    /// The id of the intent.
    pub intent: String,
}

#[derive(Debug, Clone)]
enum Kept {
    Created(String),
    Confirmed(Result<IntentSnapshot, Trouble>),
    Refunded(RefundId),
}

/// See the module.
#[derive(Debug, Default)]
pub struct Bank {
    /// Intents by the bank's ids.
    pub intents: BTreeMap<String, Intent>,
    /// Responses by idempotency key.
    keys: BTreeMap<String, Kept>,
    /// Events that are not delivered yet.
    pub events: Vec<Event>,
    /// Delayed requests to confirm an intent, whose client has timed out: intent, idempotency key.
    pub lost: Vec<(String, String)>,
    /// Whether faults are switched off.
    pub healed: bool,
    told: u64,
}

impl Bank {
    /// Whether this request fails: `Some(true)` after it was executed, `Some(false)` before.
    fn fails(&self, rng: &mut Rng) -> Option<bool> {
        (!self.healed && rng.chance(12)).then(|| rng.chance(50))
    }

    fn send(&mut self, kind: &'static str, intent: &str) {
        self.told += 1;
        let payment = self.intents.get(intent).map(|intent| intent.payment);
        self.events.push(Event {
            id: format!("evt_{}", self.told),
            kind,
            payment,
            intent: intent.to_owned(),
        });
    }

    /// Sends an event about an intent that payments did not create.
    pub fn tell_of_others(&mut self) {
        self.send("payment_intent.succeeded", "pi_stranger");
    }

    fn see(&self, id: &str) -> Option<IntentSnapshot> {
        let intent = self.intents.get(id)?;
        let received = intent.received();
        Some(IntentSnapshot {
            intent: id.to_owned(),
            state: intent.state.clone(),
            amount: intent.amount.amount,
            currency: intent.amount.currency.code().to_owned(),
            received,
            livemode: false,
            method: Some("Visa •••• 4242".to_owned()),
        })
    }

    /// Creates an unconfirmed intent.
    ///
    /// # Errors
    /// See [`Trouble`].
    pub fn create(
        &mut self,
        payment: PaymentId,
        amount: Money,
        card: &str,
        key: &str,
        rng: &mut Rng,
    ) -> Result<String, Trouble> {
        let fails = self.fails(rng);
        if fails == Some(false) {
            return Err(Trouble::Away);
        }
        let made = match self.keys.get(key) {
            Some(Kept::Created(id)) => id.clone(),
            Some(Kept::Confirmed(_) | Kept::Refunded(_)) => {
                return Err(Trouble::Refused { code: "key_reused" });
            }
            None if card == "pm_card_unknown" => return Err(Trouble::Refused { code: "resource_missing" }),
            None => {
                let id = format!("pi_{}", self.intents.len() + 1);
                let state = IntentState::Unconfirmed;
                let card = card.to_owned();
                self.intents.insert(
                    id.clone(),
                    Intent { payment, amount, card, state, charges: 0, refunds: Vec::new() },
                );
                self.keys.insert(key.to_owned(), Kept::Created(id.clone()));
                id
            }
        };
        if fails == Some(true) { Err(Trouble::Away) } else { Ok(made) }
    }

    /// Retrieves an intent.
    ///
    /// # Errors
    /// See [`Trouble`].
    pub fn retrieve(&self, id: &str, rng: &mut Rng) -> Result<IntentSnapshot, Trouble> {
        if self.fails(rng).is_some() {
            return Err(Trouble::Away);
        }
        self.see(id).ok_or(Trouble::Refused { code: "resource_missing" })
    }

    /// Confirms an intent: charges the card, or requires 3-D Secure.
    ///
    /// # Errors
    /// See [`Trouble`].
    pub fn confirm(&mut self, id: &str, key: &str, rng: &mut Rng) -> Result<IntentSnapshot, Trouble> {
        match self.fails(rng) {
            None => self.confirm_now(id, key, rng),
            Some(done) => {
                if done {
                    let _ = self.confirm_now(id, key, rng);
                } else if rng.chance(50) {
                    self.lost.push((id.to_owned(), key.to_owned()));
                }
                Err(Trouble::Away)
            }
        }
    }

    /// Executes a delayed request to confirm.
    pub fn confirm_late(&mut self, at: usize, rng: &mut Rng) {
        let (id, key) = self.lost.swap_remove(at);
        let _ = self.confirm_now(&id, &key, rng);
    }

    fn confirm_now(&mut self, id: &str, key: &str, rng: &mut Rng) -> Result<IntentSnapshot, Trouble> {
        match self.keys.get(key) {
            Some(Kept::Confirmed(answer)) => return answer.clone(),
            Some(Kept::Created(_) | Kept::Refunded(_)) => {
                return Err(Trouble::Refused { code: "key_reused" });
            }
            None => {}
        }
        let intent = self.intents.get(id).ok_or(Trouble::Refused { code: "resource_missing" })?;
        let answer = if intent.state != IntentState::Unconfirmed {
            Err(Trouble::Refused { code: "payment_intent_unexpected_state" })
        } else {
            match intent.card.as_str() {
                "pm_card_declined" => {
                    self.decline(id, "card_declined");
                    let seen = if rng.chance(50) { self.see(id).map(Box::new) } else { None };
                    Err(Trouble::Declined { code: "card_declined", seen })
                }
                "pm_card_3ds" => {
                    let redirect_url = Some(format!("https://bank.example/3ds/{id}"));
                    self.set(id, IntentState::RequiresAction { redirect_url });
                    self.send("payment_intent.requires_action", id);
                    self.see(id).ok_or(Trouble::Away)
                }
                "pm_card_slow" => {
                    self.set(id, IntentState::Processing);
                    self.send("payment_intent.processing", id);
                    self.see(id).ok_or(Trouble::Away)
                }
                _ => {
                    self.charge(id);
                    self.see(id).ok_or(Trouble::Away)
                }
            }
        };
        self.keys.insert(key.to_owned(), Kept::Confirmed(answer.clone()));
        answer
    }

    /// Cancels an intent, unless it is processing, succeeded or canceled.
    ///
    /// # Errors
    /// See [`Trouble`].
    pub fn cancel(&mut self, id: &str, rng: &mut Rng) -> Result<IntentSnapshot, Trouble> {
        let fails = self.fails(rng);
        if fails == Some(false) {
            return Err(Trouble::Away);
        }
        let refused = Trouble::Refused { code: "payment_intent_unexpected_state" };
        let state = self.intents.get(id).map(|intent| intent.state.clone()).ok_or(refused.clone())?;
        match state {
            IntentState::Unconfirmed | IntentState::RequiresAction { .. } | IntentState::Failed { .. } => {
                self.set(id, IntentState::Canceled);
                self.send("payment_intent.canceled", id);
            }
            IntentState::Processing | IntentState::Succeeded | IntentState::Canceled => return Err(refused),
        }
        if fails.is_some() { Err(Trouble::Away) } else { self.see(id).ok_or(refused) }
    }

    /// The status of a refund by its id of payments; `None` if it does not exist.
    ///
    /// # Errors
    /// See [`Trouble`].
    pub fn find_refund(
        &self,
        id: &str,
        refund: RefundId,
        rng: &mut Rng,
    ) -> Result<Option<RefundStatus>, Trouble> {
        if self.fails(rng).is_some() {
            return Err(Trouble::Away);
        }
        let intent = self.intents.get(id).ok_or(Trouble::Refused { code: "resource_missing" })?;
        Ok(intent.refunds.iter().find(|(found, ..)| *found == refund).map(|(_, _, status)| *status))
    }

    /// Refunds an amount in minor units, or all that was charged.
    ///
    /// # Errors
    /// See [`Trouble`].
    pub fn refund(
        &mut self,
        id: &str,
        refund: RefundId,
        amount: Option<i64>,
        key: &str,
        rng: &mut Rng,
    ) -> Result<RefundStatus, Trouble> {
        let fails = self.fails(rng);
        if fails == Some(false) {
            return Err(Trouble::Away);
        }
        let pending = !self.healed && rng.chance(50);
        let intent = self.intents.get_mut(id).ok_or(Trouble::Refused { code: "resource_missing" })?;
        let known = matches!(self.keys.get(key), Some(Kept::Refunded(known)) if *known == refund);
        if !known {
            let gone: i64 = intent
                .refunds
                .iter()
                .filter(|refund| refund.2 != RefundStatus::Failed)
                .map(|refund| refund.1)
                .sum();
            let taken = intent.received();
            let amount = amount.unwrap_or(taken - gone);
            if amount <= 0 || gone + amount > taken {
                return Err(Trouble::Refused { code: "charge_already_refunded" });
            }
            let status = if pending { RefundStatus::Pending } else { RefundStatus::Succeeded };
            intent.refunds.push((refund, amount, status));
            self.keys.insert(key.to_owned(), Kept::Refunded(refund));
        }
        let status =
            self.intents[id].refunds.iter().find(|(found, ..)| *found == refund).map(|found| found.2);
        if fails.is_some() { Err(Trouble::Away) } else { status.ok_or(Trouble::Away) }
    }

    /// Completes 3-D Secure or processing: the intent succeeds or fails.
    pub fn decide(&mut self, id: &str, good: bool) {
        let open = self.intents.get(id).is_some_and(|intent| {
            matches!(intent.state, IntentState::RequiresAction { .. } | IntentState::Processing)
        });
        if open && good {
            self.charge(id);
        } else if open {
            self.decline(id, "authentication_failed");
        }
    }

    /// Changes the status of a refund. A refund that succeeded can still fail.
    pub fn decide_refund(&mut self, id: &str, at: usize, status: RefundStatus) {
        if let Some(refund) = self.intents.get_mut(id).and_then(|intent| intent.refunds.get_mut(at))
            && refund.2 != RefundStatus::Failed
            && refund.2 != status
        {
            refund.2 = status;
            self.send("charge.refund.updated", id);
        }
    }

    /// The intents that require action or are processing.
    pub fn undecided(&self) -> Vec<String> {
        let waits = |state: &IntentState| {
            matches!(state, IntentState::RequiresAction { .. } | IntentState::Processing)
        };
        self.intents.iter().filter(|(_, intent)| waits(&intent.state)).map(|(id, _)| id.clone()).collect()
    }

    /// All refunds: intent, index, status.
    pub fn refunds(&self) -> Vec<(String, usize, RefundStatus)> {
        let each = |(id, intent): (&String, &Intent)| {
            intent
                .refunds
                .iter()
                .enumerate()
                .map(|(at, refund)| (id.clone(), at, refund.2))
                .collect::<Vec<_>>()
        };
        self.intents.iter().flat_map(each).collect()
    }

    fn set(&mut self, id: &str, state: IntentState) {
        self.intents.get_mut(id).expect("looked up before").state = state;
    }

    fn charge(&mut self, id: &str) {
        self.set(id, IntentState::Succeeded);
        self.intents.get_mut(id).expect("looked up before").charges += 1;
        self.send("payment_intent.succeeded", id);
    }

    fn decline(&mut self, id: &str, code: &str) {
        self.set(id, IntentState::Failed { code: code.to_owned() });
        self.send("payment_intent.payment_failed", id);
    }
}
