//! What may be said to `ui`: which bookings a browser knows though it did not make them.
//!
//! A guest without an account acts as `gst_…`, a name that only the sealed cookie of one browser bears; reservations
//! made that way belong to it, and reservations finds them. This is about the others: bookings opened through the
//! secret link of a mail, on another device.

use protocol::{Access, Contract, Route, Slot, codec};
use serde::{Deserialize, Serialize};

use crate::ReservationId;

/// The contract.
#[derive(Debug, Clone, Copy)]
pub struct Ui;

/// What changes state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Command {
    /// A guest's browser has opened a booking with its secret link. It is known there from then on.
    RememberBooking {
        /// The browser's session, `gst_…`.
        guest: String,
        /// What it opened.
        reservation: ReservationId,
    },
    /// The browser signs out, or wants to forget: nothing is known there any more.
    Forget {
        /// The browser's session, `gst_…`.
        guest: String,
    },
}

/// What a command that was obeyed answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Reply {
    /// Noted.
    Done,
}

/// The domain's "no".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Refusal {
    /// Not the name of a guest's session.
    #[error("not a guest's session")]
    NoGuest,
}

/// What may be asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Query {
    /// The bookings that a browser has opened, the latest first. Answered by [`Answer::Bookings`].
    Bookings {
        /// The browser's session, `gst_…`.
        guest: String,
    },
    /// Whether a browser has opened this booking. Answered by [`Answer::Knows`].
    Knows {
        /// The browser's session, `gst_…`.
        guest: String,
        /// Which booking.
        reservation: ReservationId,
    },
}

/// What a query finds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Answer {
    /// Bookings.
    Bookings(Vec<ReservationId>),
    /// Whether it is known.
    Knows(bool),
}

/// The slot of a guest's session.
fn slot(guest: &str) -> Slot {
    Slot::of(codec::hash128(&[b"guest", guest.as_bytes()]))
}

impl Contract for Ui {
    const SERVICE: &'static str = "ui";
    type Command = Command;
    type Reply = Reply;
    type Refusal = Refusal;
    type Query = Query;
    type Answer = Answer;

    fn route_command(command: &Command) -> Route {
        match command {
            Command::RememberBooking { guest, .. } | Command::Forget { guest } => Route::Slot(slot(guest)),
        }
    }

    fn route_query(query: &Query) -> Route {
        match query {
            Query::Bookings { guest } | Query::Knows { guest, .. } => Route::Slot(slot(guest)),
        }
    }

    fn command_access(command: &Command) -> Access {
        match command {
            Command::RememberBooking { .. } | Command::Forget { .. } => Access::services(&["ui"]),
        }
    }

    fn query_access(query: &Query) -> Access {
        match query {
            Query::Bookings { .. } | Query::Knows { .. } => Access::services(&["ui"]),
        }
    }
}
