//! A bank in memory, as far as payments speaks to one: it charges, declines, sends guests to 3-D Secure, takes its time,
//! fails before or after it has done what was asked, and tells of what happened late, twice, or not at all.

use std::collections::BTreeMap;

use contracts::payments::{IntentSnapshot, IntentState, RefundStatus};
use contracts::{Money, PaymentId, RefundId};

use crate::rng::Rng;

/// Cards by the names that guests pay with.
pub const CARDS: [&str; 6] =
    ["pm_card_visa", "pm_card_visa", "pm_card_declined", "pm_card_3ds", "pm_card_slow", "pm_card_unknown"];

/// Why the bank did not do it, as `payments` reads it.
#[derive(Debug, Clone, PartialEq)]
pub enum Trouble {
    /// No answer; whether it was done is not known.
    Away,
    /// The card was declined.
    Declined { code: &'static str, seen: Option<Box<IntentSnapshot>> },
    /// It makes no sense, now or ever.
    Refused { code: &'static str },
}

/// A quote of money.
#[derive(Debug, Clone)]
pub struct Intent {
    /// Ours, from its metadata.
    pub payment: PaymentId,
    /// How much was asked for.
    pub amount: Money,
    card: String,
    state: IntentState,
    /// How often money was taken: once, or never.
    pub charges: u32,
    /// Money that goes back, by our ids.
    pub refunds: Vec<(RefundId, i64, RefundStatus)>,
}

/// What the bank wants to tell.
#[derive(Debug, Clone)]
pub struct Event {
    /// Its id.
    pub id: String,
    /// `payment_intent.succeeded`, …
    pub kind: &'static str,
    /// Whose; none where it is about something of others.
    pub payment: Option<PaymentId>,
    /// Which intent.
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
    /// By the bank's ids.
    pub intents: BTreeMap<String, Intent>,
    /// What was answered under a key.
    keys: BTreeMap<String, Kept>,
    /// What it has not told yet.
    pub events: Vec<Event>,
    /// Requests that are still under way though nobody waits for them: to confirm these intents, under these keys.
    pub lost: Vec<(String, String)>,
    /// It fails no more.
    pub healed: bool,
    told: u64,
}

impl Bank {
    /// Whether it fails now, and whether it does so after having done what was asked.
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

    /// An event about something that is not ours.
    pub fn tell_of_others(&mut self) {
        self.send("payment_intent.succeeded", "pi_stranger");
    }

    fn see(&self, id: &str) -> Option<IntentSnapshot> {
        let intent = self.intents.get(id)?;
        let received = if intent.charges > 0 { intent.amount.amount } else { 0 };
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

    /// Makes an unconfirmed intent.
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

    /// How far an intent is.
    ///
    /// # Errors
    /// See [`Trouble`].
    pub fn retrieve(&self, id: &str, rng: &mut Rng) -> Result<IntentSnapshot, Trouble> {
        if self.fails(rng).is_some() {
            return Err(Trouble::Away);
        }
        self.see(id).ok_or(Trouble::Refused { code: "resource_missing" })
    }

    /// Charges the card, or sends the guest to 3-D Secure.
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

    /// A request to confirm arrives after all.
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

    /// Gives an intent up, unless it is too late for that.
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

    /// How far a refund of an intent is, by our id; none where there is none.
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

    /// Gives money back.
    ///
    /// # Errors
    /// See [`Trouble`].
    pub fn refund(
        &mut self,
        id: &str,
        refund: RefundId,
        amount: i64,
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
            let taken = if intent.charges > 0 { intent.amount.amount } else { 0 };
            if gone + amount > taken {
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

    /// The guest comes back from 3-D Secure, or a slow intent reaches its end.
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

    /// A pending refund reaches its end, or a finished one turns out to have failed.
    pub fn decide_refund(&mut self, id: &str, at: usize, status: RefundStatus) {
        if let Some(refund) = self.intents.get_mut(id).and_then(|intent| intent.refunds.get_mut(at))
            && refund.2 != RefundStatus::Failed
            && refund.2 != status
        {
            refund.2 = status;
            self.send("charge.refund.updated", id);
        }
    }

    /// Intents that wait for a guest or for the bank itself.
    pub fn undecided(&self) -> Vec<String> {
        let waits = |state: &IntentState| {
            matches!(state, IntentState::RequiresAction { .. } | IntentState::Processing)
        };
        self.intents.iter().filter(|(_, intent)| waits(&intent.state)).map(|(id, _)| id.clone()).collect()
    }

    /// All refunds: intent, place, how far.
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
