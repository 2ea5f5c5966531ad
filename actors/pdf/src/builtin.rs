//! The built-in templates.
//!
//! The fields of their data, as JSON types; `?` marks fields that may be missing or null. Amounts are integers of minor
//! units; dates `2026-11-23`, instants RFC 3339.
//!
//! `confirmation`:
//! ```text
//! hotel        { name, address, city, country, phone?, email? }
//! booking      { number, url, status, guest_name, room_type, rate_plan, rooms, guests, check_in, check_out, nights,
//!                requests? }     status as in the API: "held", "confirmed", "cancelled", …; rooms, guests, nights: integers
//! lines        [ { date, amount } ]                       one a night, for all rooms
//! taxes        [ { name, amount, included: bool } ]
//! total        { amount, currency }
//! cancellation { text, open?: bool, by? }                 text: the policy or what happened, in words, in the hotel's time; open:
//!                                                         whether the guest can still cancel; by: who cancelled: "guest", "hotel",
//!                                                         "partner", or empty
//! time_zone    IANA name of the hotel's zone
//! test         bool: the sandbox bank; a banner says so
//! issued_at    instant
//! ```
//! `receipt`:
//! ```text
//! number       of the receipt
//! hotel        as above
//! guest_name
//! booking      { number, url, check_in, check_out }
//! lines        [ { text, quantity, amount } ]             amount: of the whole line
//! taxes        as above
//! total        { amount, currency }
//! paid         { amount, currency, method, at }           method in words: "Visa …4242"
//! time_zone?   UTC if it is missing
//! test, issued_at
//! ```
//! A receipt is never changed after the payment; refunds have credit notes.
//!
//! `credit-note`:
//! ```text
//! number       of the credit note
//! receipt      { number, issued_at }                      the receipt that it reduces
//! reverses?    number of the credit note that this one reverses; empty for the credit note of a refund
//! hotel        as above
//! guest_name
//! booking      { number, url, room, check_in, check_out }
//! reason       of the refund, in words
//! credit       { amount, currency }                       positive
//! taxes        [ { name, amount } ]                       the taxes in the credited amount; positive
//! method       in words: "Visa …4242"
//! time_zone?   UTC if it is missing
//! test, issued_at
//! ```

use contracts::pdf::{CONFIRMATION, CREDIT_NOTE, RECEIPT};

/// Names and sources, sorted by name.
pub const TEMPLATES: [(&str, &str); 3] = [
    (CONFIRMATION, include_str!("../templates/confirmation.md")),
    (CREDIT_NOTE, include_str!("../templates/credit-note.md")),
    (RECEIPT, include_str!("../templates/receipt.md")),
];

/// The source of the built-in template called `name`.
pub fn source(name: &str) -> Option<&'static str> {
    TEMPLATES.iter().find(|(have, _)| *have == name).map(|(_, source)| *source)
}
