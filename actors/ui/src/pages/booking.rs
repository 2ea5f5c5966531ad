//! A booking: its number, price and terms, next steps, and the cancellation deadline.

use contracts::Money;
use contracts::payments::ListReservationPayments;
use contracts::reservations::{CancelledBy, PaymentState, RefundStatus, Reservation, Status, TimelineEvent};
use poem::web::Path;
use poem::{Response, handler};
use protocol::Timestamp;
use serde_json::{Value, json};

use super::checkout::countdown;
use super::links;
use super::lookup::{self, OpenedBooking, Visitor};
use crate::context::{Fields, PageContext};
use crate::error::PageError;
use crate::format::{self, money};
use crate::view::{HotelView, Stay, terms};

/// A short form of the secret link.
#[handler]
pub(super) async fn short(
    mut context: PageContext,
    Path((id, tag)): Path<(String, String)>,
) -> Result<Response, PageError> {
    let opened = lookup::booking(&mut context, &id, &tag).await?;
    context.save_session();
    Ok(context.redirect(&format!("/bookings/{}?key={tag}", opened.reservation.id)))
}

#[handler]
pub(super) async fn show(
    mut context: PageContext,
    Path(id): Path<String>,
    fields: Fields,
) -> Result<Response, PageError> {
    let key = fields.get("key").to_owned();
    let opened = lookup::booking(&mut context, &id, &key).await?;
    let credit_notes = credit_notes(&context, &opened).await;
    let (link, visitor, reservation) = (opened.link(), opened.visitor, opened.reservation);
    let hotel = lookup::hotel(&context, reservation.hotel()).await?;
    let is_staff = visitor == Visitor::Staff;
    let state = if is_staff { staff_state(&reservation) } else { state(&context, &reservation, &hotel) };
    let title = state["title"].as_str().unwrap_or("Your booking").to_owned();
    let (locale, now) = (context.locale, context.now);
    let stay = Stay::of(&reservation.quote, &hotel, locale, now);
    let is_held = reservation.status == Status::Held;
    let until = reservation.hold_expires_at.filter(|_| is_held);
    let timeline = reservation.timeline.iter().map(|(at, what)| {
        json!({ "at": format::instant(locale, *at, &hotel.profile.time_zone), "iso": iso(*at), "what": event_text(*what, &reservation) })
    });
    let view = json!({
        "state": state, "stay": stay, "number": reservation.id.to_string(),
        "guest": { "name": reservation.guest.name, "requests": reservation.requests },
        "hold": until.map(|until| countdown("Your room is held", until, now, "The hold has expired.")),
        "refund": refund(&context, &reservation), "next": if is_staff { Vec::new() } else { next(&context, &reservation, &hotel) },
        "timeline": timeline.collect::<Vec<_>>(),
        "qr_href": link.filter(|_| reservation.status.takes_rooms() && !is_held)
            .map(|link| format!("/bookings/{}/qr.svg?key={}", reservation.id, context.site.tag(link))),
        "staff": is_staff.then(|| contact(&reservation)),
        "links": links::card(&reservation, visitor),
        "files": files(&reservation, &credit_notes, &key), "cancel": cancel(&reservation, &hotel, &context, &key),
    });
    context.form_page("booking.html", &title, view)
}

/// How staff reaches the guest.
fn contact(reservation: &Reservation) -> Value {
    let guest = &reservation.guest;
    json!({ "name": guest.name, "email": guest.email, "phone": guest.phone, "reference": reservation.reference })
}

fn iso(at: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(at.millis()).unwrap_or_default().to_string()
}

/// The label of a booking's status, and the CSS class of its pill.
pub(super) fn status_label(reservation: &Reservation) -> (&'static str, &'static str) {
    match reservation.status {
        Status::Held => ("Awaiting payment", "heed"),
        Status::Confirmed => ("Confirmed", "good"),
        Status::CheckedIn => ("Checked in", "good"),
        Status::CheckedOut => ("Completed", ""),
        Status::Expired => ("Expired", ""),
        Status::Cancelled => ("Cancelled", "bad"),
        Status::NoShow => ("No-show", "bad"),
    }
}

fn state(context: &PageContext, reservation: &Reservation, hotel: &HotelView) -> Value {
    let (word, pill) = status_label(reservation);
    let booking = format!("/bookings/{}", reservation.id);
    let search =
        || json!({ "href": format!("/hotels/{}", reservation.hotel()), "label": "Find another room" });
    let city = &hotel.profile.city;
    let (tone, icon, title, text, primary) = match (reservation.status, &reservation.payment) {
        (Status::Held, PaymentState::Open(_)) => (
            "heed", "clock", "Your payment is being processed".to_owned(), "We are holding your room in the meantime.".to_owned(),
            Some(json!({ "href": format!("{booking}/paying?back=1"), "label": "Check the payment" })),
        ),
        (Status::Held, _) => (
            "heed", "clock", "Your room is held".to_owned(), "Your booking is confirmed as soon as you have paid. Nothing has been charged so far.".to_owned(),
            Some(json!({ "href": format!("{booking}/pay"), "label": format!("Pay {}", money(context.locale, reservation.total())) })),
        ),
        (Status::Confirmed, _) if is_over(context, reservation, hotel) => (
            "", "check", "Your stay is over".to_owned(), format!("We hope to see you in {city} again."), Some(search()),
        ),
        (Status::Confirmed, _) if reservation.quote.total == 0 => (
            "", "check", format!("{city} is booked"),
            format!("Your booking is confirmed, and there is nothing to pay. We have sent the details to {}.", reservation.guest.email), None,
        ),
        (Status::Confirmed, _) => (
            "", "check", format!("{city} is booked"),
            format!("Your booking is paid and confirmed. We have sent the details to {}.", reservation.guest.email), None,
        ),
        (Status::CheckedIn, _) => ("", "key", format!("Welcome to {}", hotel.profile.name), "Enjoy your stay.".to_owned(), None),
        (Status::CheckedOut, _) => ("", "check", "Thank you for your stay".to_owned(), departed_text(context, reservation, city), Some(search())),
        (Status::Expired, _) => (
            "heed", "clock", "The hold has expired".to_owned(),
            expired_text(reservation).to_owned(), Some(search()),
        ),
        (Status::Cancelled, _) => ("bad", "cross", "This booking is cancelled".to_owned(), cancelled_text(context, reservation), Some(search())),
        (Status::NoShow, _) => ("bad", "cross", "You did not check in".to_owned(), "The hotel has recorded this booking as a no-show. If this is not correct, please contact the hotel.".to_owned(), None),
    };
    json!({ "tone": tone, "icon": icon, "title": title, "text": text, "primary": primary, "word": word, "pill": pill })
}

fn departed_text(context: &PageContext, reservation: &Reservation, city: &str) -> String {
    let again = format!("We hope to see you in {city} again.");
    if reservation.departure() < reservation.stay().check_out() {
        let day = crate::format::day(context.locale, reservation.departure());
        format!("You checked out early, on {day}. {again}")
    } else {
        again
    }
}

/// Whether the check-out day has begun at the hotel.
fn is_over(context: &PageContext, reservation: &Reservation, hotel: &HotelView) -> bool {
    format::today_in(context.now, &hotel.profile.time_zone) >= reservation.stay().check_out()
}

/// What staff sees in place of the words for the guest.
fn staff_state(reservation: &Reservation) -> Value {
    let (word, pill) = status_label(reservation);
    let (tone, icon, text) = match reservation.status {
        Status::Held => ("heed", "clock", "The room is held. The booking is not paid yet."),
        Status::Confirmed => ("", "check", "The booking is paid and confirmed."),
        Status::CheckedIn => ("", "key", "The guest has checked in."),
        Status::CheckedOut => ("", "check", "The guest has checked out."),
        Status::Expired => ("heed", "clock", "The hold has expired. The room is on sale again."),
        Status::Cancelled => ("bad", "cross", "The booking is cancelled. The room is on sale again."),
        Status::NoShow => ("bad", "cross", "The guest did not arrive."),
    };
    let title = format!("Booking for {}", reservation.guest.name);
    json!({ "tone": tone, "icon": icon, "title": title, "text": text, "primary": null, "word": word, "pill": pill })
}

fn expired_text(reservation: &Reservation) -> &'static str {
    if reservation.paid() > 0 {
        "Your payment arrived after the hold had expired, when the room was no longer available. We refund the full amount to your card."
    } else {
        "The room was not paid for in time and has been released. If your payment still arrives, we confirm the booking if the room is free; otherwise we refund it in full."
    }
}

/// Who cancelled, and what the hotel keeps.
fn cancelled_text(context: &PageContext, reservation: &Reservation) -> String {
    let by_hotel = reservation.cancelled_by == Some(CancelledBy::Hotel);
    let who = match reservation.cancelled_by {
        Some(CancelledBy::Hotel) => "The hotel cancelled this booking. ",
        Some(CancelledBy::Partner) => "The partner with whom you booked cancelled this booking. ",
        Some(CancelledBy::Guest) | None => "",
    };
    let kept = money(context.locale, Money::new(reservation.penalty, reservation.currency()));
    let what = if reservation.paid() == 0 {
        "Nothing was charged.".to_owned()
    } else if reservation.penalty == 0 {
        "The full amount is refunded to your card.".to_owned()
    } else if by_hotel {
        format!("It keeps {kept}. If this is not as agreed, please contact the hotel.")
    } else {
        format!("The hotel keeps {kept}, according to the cancellation policy of your rate.")
    };
    format!("{who}{what}")
}

fn refund(context: &PageContext, reservation: &Reservation) -> Option<String> {
    let refund = reservation.latest_refund().filter(|refund| refund.amount > 0)?;
    let sum = money(context.locale, Money::new(refund.amount, reservation.currency()));
    Some(match refund.status {
        RefundStatus::Pending => format!("A refund of {sum} to your card is on its way."),
        RefundStatus::Succeeded => {
            format!("{sum} has been refunded to your card. It can take your bank up to ten days to show it.")
        }
        RefundStatus::Failed => {
            format!("Your bank could not credit the refund of {sum}. The hotel will contact you about it.")
        }
    })
}

fn next(context: &PageContext, reservation: &Reservation, hotel: &HotelView) -> Vec<String> {
    match reservation.status {
        Status::Confirmed if !is_over(context, reservation, hotel) => vec![
            format!(
                "Our email to {} contains your confirmation as a PDF and a calendar file.",
                reservation.guest.email
            ),
            format!(
                "{} has received your booking{}.",
                hotel.profile.name,
                if reservation.requests.is_some() { " and your special requests" } else { "" }
            ),
            format!(
                "Check in from 15:00 at {}. Give your name or show the code on this page.",
                hotel.place()
            ),
        ],
        Status::Confirmed
        | Status::Held
        | Status::CheckedIn
        | Status::CheckedOut
        | Status::Expired
        | Status::Cancelled
        | Status::NoShow => Vec::new(),
    }
}

/// The text of a timeline event.
fn event_text(what: TimelineEvent, reservation: &Reservation) -> &'static str {
    match what {
        TimelineEvent::Confirmed if reservation.quote.total == 0 => "Confirmed",
        TimelineEvent::Cancelled if reservation.cancelled_by == Some(CancelledBy::Hotel) => {
            "Cancelled by the hotel"
        }
        TimelineEvent::Cancelled if reservation.cancelled_by == Some(CancelledBy::Partner) => {
            "Cancelled by the partner with whom you booked"
        }
        TimelineEvent::Held => "Room held",
        TimelineEvent::HoldExtended => "Card accepted, hold extended",
        TimelineEvent::PaymentStarted => "Payment started",
        TimelineEvent::PaymentFailed => "Payment failed",
        TimelineEvent::Confirmed => "Paid and confirmed",
        TimelineEvent::Expired => "Hold expired",
        TimelineEvent::Cancelled => "Cancelled",
        TimelineEvent::PaidTooLate => "Payment arrived too late, refund started",
        TimelineEvent::Refunded => "Refunded",
        TimelineEvent::RefundFailed => "Refund failed",
        TimelineEvent::Changed => "Booking details changed",
        TimelineEvent::CheckedIn => "Checked in",
        TimelineEvent::CheckedOut => "Checked out",
        TimelineEvent::NoShow => "Recorded as a no-show",
        TimelineEvent::DepartedEarly => "Early departure, remaining nights released",
        TimelineEvent::CheckInUndone => "Check-in undone",
        TimelineEvent::CheckOutUndone => "Check-out undone",
        TimelineEvent::NoShowUndone => "No-show undone",
        TimelineEvent::RoomsTakenAgain => "Paid after the hold had expired, room still available",
        TimelineEvent::LinkReplaced => "Link to the booking replaced",
    }
}

/// The numbers of the credit notes. The page is shown without them while `payments` is unavailable.
async fn credit_notes(context: &PageContext, opened: &OpenedBooking) -> Vec<String> {
    if opened.reservation.paid() == 0 {
        return Vec::new();
    }
    let request = ListReservationPayments { reservation: opened.reservation.id };
    let payments = context.site.dependencies.client.call(&opened.call, request).await.unwrap_or_default();
    let notes = payments.into_iter().flat_map(|payment| payment.credit_notes);
    let mut numbers: Vec<_> = notes.map(|note| note.number).collect();
    numbers.sort();
    numbers
}

fn files(reservation: &Reservation, credit_notes: &[String], key: &str) -> Vec<Value> {
    let key = if key.is_empty() { String::new() } else { format!("?key={}", super::search::escape(key)) };
    let file = |name: &str, icon: &str, label: &str| json!({ "href": format!("/bookings/{}/{name}{key}", reservation.id), "icon": icon, "label": label, "download": name.ends_with("ics") });
    let mut files = Vec::new();
    if reservation.status == Status::Cancelled && reservation.paid() > 0 {
        files.push(file("confirmation.pdf", "paper", "Cancellation (PDF)"));
    }
    if matches!(reservation.status, Status::Confirmed | Status::CheckedIn | Status::CheckedOut) {
        files.push(file("confirmation.pdf", "paper", "Confirmation (PDF)"));
        files.push(file("calendar.ics", "calendar", "Calendar file"));
    }
    if reservation.paid() > 0 {
        let label = "Receipt (PDF)";
        files.insert(files.len().min(1), file("receipt.pdf", "sum", label));
    }
    for number in credit_notes {
        let label = format!("Credit note {number} (PDF)");
        files.push(file(&format!("credit-notes/{number}.pdf"), "sum", &label));
    }
    files
}

fn cancel(reservation: &Reservation, hotel: &HotelView, context: &PageContext, key: &str) -> Option<Value> {
    let can = reservation.guest_can_cancel_at(context.now);
    if !can && reservation.status == Status::Confirmed && !is_over(context, reservation, hotel) {
        let terms = "This booking can no longer be cancelled online. Please contact the hotel.";
        return Some(json!({ "terms": terms, "href": null }));
    }
    let quote = &reservation.quote;
    let terms = match reservation.status {
        Status::Held => "You can release the room free of charge at any time before you pay.".to_owned(),
        _ => terms(quote.policy, quote.penalty(), quote, hotel, context.locale, context.now),
    };
    let key = if key.is_empty() { String::new() } else { format!("?key={}", super::search::escape(key)) };
    can.then(|| json!({ "terms": terms, "href": format!("/bookings/{}/cancel{key}", reservation.id) }))
}
