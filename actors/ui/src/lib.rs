//! The Booking UI: pages, rendered here and whole without JavaScript, kinder with it; and the small store of what a
//! guest's browser knows.
//!
//! - [`routes`] makes the pages out of [`Dependencies`]: handlers that ask services by contract and fill templates;
//! - [`Ui`] is the state machine behind `contracts::ui`;
//! - [`facade`] draws every hotel.
//!
//! Invariants:
//! - a page acts as the person in front of it: with the session's own access token when signed in, else with the
//!   service's token on behalf of the browser's guest session; the secret link of a mail stands for the booking's maker;
//! - whatever changes something is a POST with a form token of the session; nothing redirects to where a request says;
//! - no card number comes here: the form has no name for it, and the script sends it to the bank alone;
//! - nothing inline runs or styles: the content policy needs no exception.
//!
//! Deliberately absent: prices, policies and payments of our own: all of it is asked for, and shown as it was said;
//! client-side state; cookies before they are needed.

mod apply;
mod assets;
mod context;
mod credentials;
mod error;
pub mod facade;
mod format;
mod pages;
mod picture;
mod qr;
mod query;
mod service;
mod session;
mod site;
mod state;
mod view;

pub use pages::{error_page, routes};
pub use service::{Effect, ForgetBooking, Ui, opened_bookings_are_bounded};
pub use site::{Bank, Dependencies, Documents, File, Site};
