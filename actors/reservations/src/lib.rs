//! Reservations: hotels with their rooms, rates and nights; offers; who holds, has paid for, or has given back which rooms.
//!
//! Invariants (see [`invariants`], where each is a function):
//! - for each room type and night, rooms held and sold are never more than there are;
//! - what a night counts as taken is what live reservations take;
//! - confirmed means that a payment has succeeded; held means that there is an end to it;
//! - a promised price is what is asked, to the cent; an amount never comes from a client.
//!
//! Deliberately absent: overbooking; taking back rows of past nights (they are small, and history); the bank; searching;
//! limits of unpaid holds over several shards (each shard counts its own).

mod access;
mod apply;
mod booking_links;
mod calendar;
mod chunk;
pub mod documents;
mod effects;
mod ics;
pub mod import;
pub mod invariants;
mod query;
pub mod rest;
mod state;
pub mod zone;

pub use booking_links::BookingLinks;
pub use effects::{ReservationEffects, confirmation_pdf};
pub use ics::file as calendar_file;
pub use rest::api;
pub use state::Timer;

use contracts::reservations::{Answer, Command, Query, Refusal, Reply};
use group::{Service, Turn, View};
use protocol::Principal;
use serde::{Deserialize, Serialize};
use token::LinkKey;

/// The state machine.
#[derive(Debug, Clone)]
pub struct Reservations {
    links: LinkKey,
}

impl Reservations {
    /// With the key of the secret links in guests' mails: `cluster_key.links("booking-link")`. Only queries use it, so
    /// that turns are the same on each replica.
    pub fn new(links: LinkKey) -> Self {
        Self { links }
    }
}

/// What the leader does outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Effect {
    /// Mails somebody about a reservation.
    Mail {
        /// Which reservation.
        reservation: contracts::ReservationId,
        /// What about.
        occasion: Occasion,
        /// To whom.
        to: Recipient,
    },
}

/// What a mail is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Occasion {
    /// It was paid.
    Confirmed,
    /// It was called off.
    Cancelled,
}

/// Who gets a mail. Each has an effect of its own: a hotel's broken mailbox keeps no guest waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Recipient {
    /// The guest.
    Guest,
    /// The hotel, if it wants mail.
    Hotel,
}

impl Service for Reservations {
    type Contract = contracts::reservations::Reservations;
    type Effect = Effect;
    type Timer = Timer;
    type Note = ();

    fn apply(&self, turn: &mut Turn<'_, Self>, command: Command) -> Result<Reply, Refusal> {
        apply::dispatch(turn, command)
    }

    fn fire(&self, turn: &mut Turn<'_, Self>, timer: Timer) {
        match timer {
            Timer::ExpireHold(reservation) => apply::expire(turn, reservation),
        }
    }

    fn query(&self, view: &View<'_>, caller: &Principal, query: Query) -> Result<Answer, Refusal> {
        query::answer(self, view, caller, query)
    }

    fn violations(&self, view: &View<'_>) -> Vec<String> {
        invariants::all(view)
    }
}
