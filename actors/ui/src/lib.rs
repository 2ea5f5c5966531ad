//! The Booking UI: server-rendered pages, which work without JavaScript, and a service that stores browser sessions and
//! their bookings.
//!
//! - [`routes`] returns the pages: handlers that call services through their contracts and render templates;
//! - [`Ui`] is the state machine of `contracts::ui`;
//! - [`facade`] generates the pictures of hotels.
//!
//! Invariants:
//! - a page calls services with the session's access token if the user is signed in, and otherwise with the service token
//!   on behalf of the browser's guest session; the secret link in a mail grants access to its booking;
//! - every change is a POST request with a form token of the session; redirect targets never come from requests;
//! - card numbers never reach this server: the card fields have no names, and the script sends them to the bank only;
//! - pages have no inline scripts and no inline styles, so that the content security policy needs no exception.
//!
//! Deliberately absent: computation of prices, policies and payments, which come from the services; client-side state;
//! cookies before they are needed.

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
