//! Holds rooms for every night of a stay, or for none. A stay with a total of 0 has nothing to wait for: it is confirmed.

use contracts::reservations::{
    BookingLink, Hold, PaymentState, Quote, ROOMS_MAX, Refusal, Reservation, Status, TimelineEvent,
};
use group::Turn;

use super::confirm;
use crate::calendar::Calendar;
use crate::state::{
    BY_OWNER, BY_REFERENCE, RESERVATIONS, ROOMS, ReservationRow, SETTINGS, Timer, rank, short_hash,
};
use crate::{Reservations, access, booking_window};

pub(super) fn hold(turn: &mut Turn<'_, Reservations>, request: Hold) -> Result<Reservation, Refusal> {
    let Hold { quote, guest, requests, reference, admission } = request;
    let (now, stay, rooms, total) = (turn.now(), quote.stay, quote.rooms, quote.total);
    let settings = turn.get(&SETTINGS, &0).unwrap_or_default();
    let owner = turn.caller().effective_subject().to_owned();
    check_quote(&quote, &owner)?;
    // Callers who manage the hotel could close its nights anyway.
    if admission.is_none() && !access::manages(turn.caller(), quote.hotel) {
        return Err(Refusal::NotAdmitted);
    }
    let facts = turn.get(&ROOMS, &quote.room_type).filter(|facts| facts.hotel == quote.hotel);
    let facts = facts.ok_or(Refusal::NoSuchRoomType)?;
    if now > quote.expires_at || quote.currency != facts.currency {
        return Err(Refusal::OfferExpired);
    }
    if !facts.sells(quote.rate_plan) {
        return Err(Refusal::Inactive);
    }
    booking_window::check(&facts.time_zone, stay, now, settings.horizon_days)?;
    // An offer promises the price, not that the hotel still sells these nights.
    let mut calendar = Calendar::of_turn(turn, quote.room_type, stay.check_in(), stay.check_out());
    calendar.check_restrictions(stay)?;
    if let Some(night) = stay.nights().find(|night| calendar.free(*night, facts.rooms) < rooms) {
        return Err(Refusal::SoldOut { night });
    }
    // No writes above this line, no refusals below it.
    let id = contracts::ReservationId(turn.fresh_id(quote.hotel.slot()));
    let expires_at = now.plus_secs(i64::from(settings.hold_secs));
    calendar.take(stay, i64::from(rooms));
    calendar.write(turn);
    calendar.notify_search(turn, quote.hotel, stay);
    let owner_hash = short_hash(&owner);
    turn.put(&BY_OWNER, &(owner_hash, rank(now), id), &());
    if let Some(reference) = &reference {
        turn.put(&BY_REFERENCE, &(owner_hash, short_hash(reference), rank(now), id), &());
    }
    let mut reservation = Reservation {
        id,
        version: 1,
        status: Status::Held,
        owner,
        quote,
        guest,
        requests,
        reference,
        created_at: now,
        updated_at: now,
        hold_expires_at: Some(expires_at),
        extended: false,
        payment: PaymentState::Unpaid,
        penalty: 0,
        refund: None,
        refunded: 0,
        timeline: vec![(now, TimelineEvent::Held)],
        departed_on: None,
        refund_due_at: None,
        cancelled_by: None,
        // No payment ends the admission of a stay for 0: it counts until the longest lifetime of a hold is over.
        admission: admission.filter(|_| total > 0),
        link: 1,
        link_sent_at: None,
    };
    if total == 0 {
        confirm(turn, &mut reservation);
    } else {
        turn.schedule(expires_at, Timer::ExpireHold(id));
    }
    let row = ReservationRow::from(reservation);
    turn.put(&RESERVATIONS, &id, &row);
    Ok(row.into())
}

/// Refuses quotes that [`crate::query`] cannot have made. A bug in an API must not damage the state.
fn check_quote(quote: &Quote, owner: &str) -> Result<(), Refusal> {
    let invalid = |field: &str, why: &str| Err(Refusal::Invalid { field: field.into(), why: why.into() });
    if owner.is_empty() || owner.starts_with("svc:") || BookingLink::of_subject(owner).is_some() {
        return invalid("owner", "a reservation needs an owner: a user, a guest session or a client");
    }
    if quote.rooms == 0 || quote.rooms > ROOMS_MAX {
        return invalid("rooms", "1 to 50 rooms are booked at once");
    }
    let nightly: i128 = quote.nightly.iter().copied().map(i128::from).sum();
    let added: i128 = quote.taxes.iter().filter(|tax| !tax.included).map(|tax| i128::from(tax.amount)).sum();
    if quote.nightly.len() != quote.stay.length() as usize || nightly + added != i128::from(quote.total) {
        return invalid("offer", "its prices do not add up");
    }
    Ok(())
}
