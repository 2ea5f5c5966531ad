//! A booking: its number, what was agreed, what happens next, until when it can be cancelled.

use contracts::Money;
use contracts::reservations::{PaymentState, RefundStatus, Reservation, Status, TimelineEvent};
use poem::web::Path;
use poem::{Response, handler};
use protocol::Timestamp;
use serde_json::{Value, json};

use super::ask;
use super::checkout::hold;
use crate::format::{self, money};
use crate::trouble::Trouble;
use crate::view::{HotelView, Stay, terms};
use crate::visit::{Fields, Visit};

/// A shorter form of the secret link.
#[handler]
pub(super) async fn short(
    mut visit: Visit,
    Path((id, tag)): Path<(String, String)>,
) -> Result<Response, Trouble> {
    let opened = ask::open(&mut visit, &id, &tag).await?;
    visit.keep();
    Ok(visit.redirect(&format!("/bookings/{}?key={tag}", opened.reservation.id)))
}

#[handler]
pub(super) async fn show(
    mut visit: Visit,
    Path(id): Path<String>,
    fields: Fields,
) -> Result<Response, Trouble> {
    let key = fields.get("key").to_owned();
    let reservation = ask::open(&mut visit, &id, &key).await?.reservation;
    let hotel = ask::hotel(&visit, reservation.hotel()).await?;
    let state = state(&visit, &reservation, &hotel);
    let title = state["title"].as_str().unwrap_or("Your booking").to_owned();
    let (locale, now) = (visit.locale, visit.now);
    let stay = Stay::of(&reservation.quote, &hotel, locale, now);
    let is_held = reservation.status == Status::Held;
    let until = reservation.hold_expires_at.filter(|_| is_held);
    let timeline = reservation.timeline.iter().map(|(at, what)| {
        json!({ "at": format::instant(locale, *at, &hotel.profile.time_zone), "iso": iso(*at), "what": happened(*what) })
    });
    let view = json!({
        "state": state, "stay": stay, "number": reservation.id.to_string(),
        "guest": { "name": reservation.guest.name, "requests": reservation.requests },
        "hold": until.map(|until| hold("Your room is held", until, now, "The hold has run out.")),
        "refund": refund(&visit, &reservation), "next": next(&reservation, &hotel),
        "timeline": timeline.collect::<Vec<_>>(),
        "qr_href": (reservation.status.takes_rooms() && !is_held)
            .then(|| format!("/bookings/{}/qr.svg?key={}", reservation.id, visit.site.tag(reservation.id))),
        "files": files(&reservation, &key), "cancel": cancel(&reservation, &hotel, &visit, &key),
    });
    visit.page("booking.html", &title, view)
}

fn iso(at: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(at.millis()).unwrap_or_default().to_string()
}

/// A status as a word on a pill, with the pill's colour.
pub(super) fn word(reservation: &Reservation) -> (&'static str, &'static str) {
    match reservation.status {
        Status::Held => ("Not paid yet", "heed"),
        Status::Confirmed => ("Confirmed", "good"),
        Status::CheckedIn => ("You are here", "good"),
        Status::CheckedOut => ("Stayed", ""),
        Status::Expired => ("Ran out", ""),
        Status::Cancelled => ("Cancelled", "bad"),
        Status::NoShow => ("Not arrived", "bad"),
    }
}

fn state(visit: &Visit, reservation: &Reservation, hotel: &HotelView) -> Value {
    let (word, pill) = word(reservation);
    let booking = format!("/bookings/{}", reservation.id);
    let search =
        || json!({ "href": format!("/hotels/{}", reservation.hotel()), "label": "Look for a room again" });
    let city = &hotel.profile.city;
    let (tone, icon, title, text, primary) = match (reservation.status, &reservation.payment) {
        (Status::Held, PaymentState::Open(_)) => (
            "heed", "clock", "The bank is being asked".to_owned(), "Your room is held meanwhile.".to_owned(),
            Some(json!({ "href": format!("{booking}/paying"), "label": "See how far it is" })),
        ),
        (Status::Held, _) => (
            "heed", "clock", "Your room is held".to_owned(), "It is yours once it is paid. Nothing has been charged so far.".to_owned(),
            Some(json!({ "href": format!("{booking}/pay"), "label": format!("Pay {}", money(visit.locale, reservation.total())) })),
        ),
        (Status::Confirmed, _) => (
            "", "check", format!("{city} is booked"),
            format!("It is paid and confirmed. A mail with everything is on its way to {}.", reservation.guest.email), None,
        ),
        (Status::CheckedIn, _) => ("", "key", format!("Welcome to {}", hotel.profile.name), "Sleep well.".to_owned(), None),
        (Status::CheckedOut, _) => ("", "check", "We hope you slept well".to_owned(), format!("Come back to {city} some day."), Some(search())),
        (Status::Expired, _) => (
            "heed", "clock", "The hold has run out".to_owned(),
            "The room was not paid in time and went back to the hotel. Money that came too late goes back to you by itself.".to_owned(), Some(search()),
        ),
        (Status::Cancelled, _) => ("bad", "cross", "This booking is cancelled".to_owned(), cancelled_text(visit, reservation), Some(search())),
        (Status::NoShow, _) => ("bad", "cross", "The hotel did not meet you".to_owned(), "It is marked as not arrived. If that is wrong, please call the hotel.".to_owned(), None),
    };
    json!({ "tone": tone, "icon": icon, "title": title, "text": text, "primary": primary, "word": word, "pill": pill })
}

fn cancelled_text(visit: &Visit, reservation: &Reservation) -> String {
    if reservation.paid() == 0 {
        "Nothing was charged.".to_owned()
    } else if reservation.penalty == 0 {
        "Everything that you paid goes back to your card.".to_owned()
    } else {
        let kept = money(visit.locale, Money::new(reservation.penalty, reservation.currency()));
        format!("The hotel keeps {kept}, as was agreed.")
    }
}

fn refund(visit: &Visit, reservation: &Reservation) -> Option<String> {
    let refund = reservation.refund.filter(|refund| refund.amount > 0)?;
    let sum = money(visit.locale, Money::new(refund.amount, reservation.currency()));
    Some(match refund.status {
        RefundStatus::Pending => format!("{sum} are on the way back to your card."),
        RefundStatus::Succeeded => {
            format!("{sum} went back to your card. Banks take up to ten days to show it.")
        }
        RefundStatus::Failed => format!("{sum} could not be given back yet. Somebody is looking at it."),
    })
}

fn next(reservation: &Reservation, hotel: &HotelView) -> Vec<String> {
    match reservation.status {
        Status::Confirmed => vec![
            format!(
                "The mail to {} brings the confirmation as PDF and a calendar file.",
                reservation.guest.email
            ),
            format!(
                "{} knows about you{}.",
                hotel.profile.name,
                if reservation.requests.is_some() { " and your wishes" } else { "" }
            ),
            format!("Arrive from 15:00 at {}. Say your name, or show the code on this page.", hotel.place()),
        ],
        Status::Held
        | Status::CheckedIn
        | Status::CheckedOut
        | Status::Expired
        | Status::Cancelled
        | Status::NoShow => Vec::new(),
    }
}

/// Every kind of event in words.
fn happened(what: TimelineEvent) -> &'static str {
    match what {
        TimelineEvent::Held => "The room was set aside",
        TimelineEvent::HoldExtended => "A payment began, and the hold was extended",
        TimelineEvent::PaymentStarted => "A payment began",
        TimelineEvent::PaymentFailed => "The payment did not work",
        TimelineEvent::Confirmed => "Paid and confirmed",
        TimelineEvent::Expired => "The hold ran out",
        TimelineEvent::Cancelled => "Cancelled",
        TimelineEvent::PaidTooLate => "Money came too late; it goes back",
        TimelineEvent::Refunded => "Money went back",
        TimelineEvent::RefundFailed => "Money could not be given back yet",
        TimelineEvent::Changed => "Details were changed",
        TimelineEvent::CheckedIn => "Arrived",
        TimelineEvent::CheckedOut => "Left",
        TimelineEvent::NoShow => "Marked as not arrived",
    }
}

fn files(reservation: &Reservation, key: &str) -> Vec<Value> {
    let key = if key.is_empty() { String::new() } else { format!("?key={}", super::search::escape(key)) };
    let file = |name: &str, icon: &str, label: &str| json!({ "href": format!("/bookings/{}/{name}{key}", reservation.id), "icon": icon, "label": label, "download": name.ends_with("ics") });
    let mut files = Vec::new();
    if matches!(reservation.status, Status::Confirmed | Status::CheckedIn | Status::CheckedOut) {
        files.push(file("confirmation.pdf", "paper", "Confirmation, PDF"));
        files.push(file("calendar.ics", "calendar", "Calendar file"));
    }
    if reservation.paid() > 0 {
        let label = "Receipt, PDF";
        files.insert(files.len().min(1), file("receipt.pdf", "sum", label));
    }
    files
}

fn cancel(reservation: &Reservation, hotel: &HotelView, visit: &Visit, key: &str) -> Option<Value> {
    let can = matches!(reservation.status, Status::Held | Status::Confirmed);
    let quote = &reservation.quote;
    let terms = match reservation.status {
        Status::Held => "Give the room back at any time before you pay: it costs nothing.".to_owned(),
        _ => terms(quote.policy, quote.penalty(), quote, hotel, visit.locale, visit.now),
    };
    let key = if key.is_empty() { String::new() } else { format!("?key={}", super::search::escape(key)) };
    can.then(|| json!({ "terms": terms, "href": format!("/bookings/{}/cancel{key}", reservation.id) }))
}
