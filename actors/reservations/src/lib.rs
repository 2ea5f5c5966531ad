//! Reservations: hotels with their rooms, rates and nightly inventory; offers; and the reservations of guests from the room
//! hold to check-out.
//!
//! Invariants (each is a function in [`invariants`]):
//! - for each room type and night, the rooms held and sold never exceed the inventory;
//! - the rooms taken in the calendar equal the rooms of live reservations;
//! - a confirmed reservation has a payment that succeeded, unless its total is 0; a hold has an expiry time;
//! - unpaid holds are counted once for their owner and their address, over all shards;
//! - the quoted price is charged to the cent; an amount never comes from a client.
//!
//! Deliberately absent: overbooking; removal of calendar rows of past nights (they are small, and are history); the bank;
//! search.

mod access;
mod apply;
mod booking_links;
mod booking_window;
mod calendar;
mod cancellation_text;
mod chunk;
pub mod documents;
mod effects;
mod ics;
mod identity;
pub mod import;
pub mod invariants;
mod limits;
mod payable;
mod query;
pub mod rest;
mod state;
pub mod zone;

pub use booking_links::BookingLinks;
pub use documents::{confirmation_pdf, link_for};
pub use effects::ReservationEffects;
pub use ics::calendar_file;
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
    /// Takes the key of the secret links in guests' mails: `cluster_key.links("booking-link")`. Only queries use it, so that
    /// turns are the same on each replica.
    pub fn new(links: LinkKey) -> Self {
        Self { links }
    }
}

/// An action of the leader outside the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Effect {
    /// Sends a mail about a reservation.
    Mail { reservation: contracts::ReservationId, occasion: Occasion, to: Recipient },
}

/// What a mail is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Occasion {
    Confirmed,
    Cancelled,
    /// The secret link was replaced by the one with this number.
    LinkReplaced {
        number: u32,
    },
}

/// Who receives a mail. Each recipient has an effect of its own, so that a hotel's broken mailbox does not delay guests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Recipient {
    Guest,
    /// The hotel, if it has a mail address.
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
            Timer::ForgetAdmission(key) => apply::forget_admission(turn, key),
            Timer::ForgetRefusals(key) => apply::forget_refusals(turn, key),
            Timer::SettleNoShow(reservation) => apply::settle_no_show(turn, reservation),
        }
    }

    fn query(&self, view: &View<'_>, caller: &Principal, query: Query) -> Result<Answer, Refusal> {
        query::dispatch(self, view, caller, query)
    }

    fn violations(&self, view: &View<'_>) -> Vec<String> {
        invariants::all(view)
    }
}
