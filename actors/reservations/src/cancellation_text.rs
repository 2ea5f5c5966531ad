//! The cancellation of a reservation in sentences, for mails and PDF documents: the terms while the guest can cancel, and what
//! happened afterwards.

use contracts::HotelProfile;
use contracts::reservations::{CancelledBy, RefundStatus, Reservation, Status};
use protocol::Timestamp;
use render::{DateStyle, format_instant, format_money};

/// The text at `now`.
pub(crate) fn text(reservation: &Reservation, hotel: &HotelProfile, now: Timestamp) -> String {
    let sentences = match reservation.status {
        Status::Held => vec![terms(reservation, hotel)],
        Status::Confirmed if reservation.guest_can_cancel_at(now) => vec![terms(reservation, hotel)],
        Status::Confirmed => {
            vec!["This booking can no longer be cancelled online. Please contact the hotel.".to_owned()]
        }
        Status::CheckedIn | Status::CheckedOut => {
            vec!["This booking can no longer be cancelled, because the stay has begun.".to_owned()]
        }
        Status::Expired => vec!["The room was not paid for in time and has been released.".to_owned()],
        Status::Cancelled => cancelled(reservation, hotel),
        Status::NoShow => no_show(reservation),
    };
    sentences.join(" ")
}

/// The cancellation policy.
fn terms(reservation: &Reservation, hotel: &HotelProfile) -> String {
    let quote = &reservation.quote;
    let percent = quote.policy.penalty_percent;
    let amount = amount(reservation, quote.penalty());
    let last = long(quote.policy.guest_until, hotel);
    match quote.policy.free_until.filter(|until| *until < quote.policy.guest_until) {
        _ if quote.penalty() == 0 => format!("You can cancel free of charge until {last}."),
        Some(until) => format!(
            "You can cancel free of charge until {}. After that, the cancellation fee is {amount} ({percent} % of the total). \
             Cancellation is possible until {last}.",
            long(until, hotel)
        ),
        None => format!(
            "The cancellation fee is {amount} ({percent} % of the total). Cancellation is possible until {last}."
        ),
    }
}

fn cancelled(reservation: &Reservation, hotel: &HotelProfile) -> Vec<String> {
    let by = match reservation.cancelled_by {
        Some(CancelledBy::Hotel) => " by the hotel",
        Some(CancelledBy::Partner) => " by the booking partner",
        Some(CancelledBy::Guest) => " by the guest",
        None => "",
    };
    let at = reservation.cancelled_at().unwrap_or(reservation.updated_at);
    let mut sentences = vec![format!("This booking was cancelled{by} on {}.", long(at, hotel))];
    if reservation.paid() > 0 {
        sentences.push(fee(reservation));
        sentences.extend(refund(reservation));
    }
    sentences
}

fn no_show(reservation: &Reservation) -> Vec<String> {
    let mut sentences = vec!["The hotel recorded this booking as a no-show.".to_owned(), fee(reservation)];
    sentences.extend(refund(reservation));
    sentences
}

fn fee(reservation: &Reservation) -> String {
    match reservation.penalty {
        0 => "There is no cancellation fee.".to_owned(),
        fee => format!("The cancellation fee is {}.", amount(reservation, fee)),
    }
}

fn refund(reservation: &Reservation) -> Option<String> {
    let refund = reservation.refund.filter(|refund| refund.amount > 0)?;
    let amount = amount(reservation, refund.amount);
    Some(match refund.status {
        RefundStatus::Pending => {
            format!("A refund of {amount} to the original payment method is in progress.")
        }
        RefundStatus::Succeeded => format!("{amount} has been refunded to the original payment method."),
        RefundStatus::Failed => format!("The refund of {amount} has not gone through yet."),
    })
}

fn amount(reservation: &Reservation, minor: i64) -> String {
    format_money(minor, reservation.currency().code()).unwrap_or_else(|| minor.to_string())
}

fn long(at: Timestamp, hotel: &HotelProfile) -> String {
    let millis = at.millis().to_string();
    format_instant(&millis, &hotel.time_zone, DateStyle::Long).unwrap_or(millis)
}
