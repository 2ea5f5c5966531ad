//! Sets rooms aside for every night of a stay, or for none.

use contracts::reservations::{
    Guest, PaymentState, Quote, ROOMS_MAX, Refusal, Reply, Reservation, Settings, Status, TimelineEvent,
};
use contracts::{Date, Stay};
use group::Turn;
use protocol::Timestamp;

use super::find;
use crate::calendar::{Calendar, last_night};
use crate::state::{
    BY_OWNER, BY_REFERENCE, RESERVATIONS, ROOMS, ReservationRow, SETTINGS, Timer, rank, ranked_at, short,
};
use crate::{Reservations, zone};

/// How many of an owner's newest reservations are looked at for unpaid ones. Whoever makes more within the life of a hold
/// has to wait.
const LOOKED_AT: usize = 64;

/// No limit is counted further than this, because each hold of the limited reads that many rows.
const COUNTED_MAX: u32 = 500;

pub(super) fn hold(
    turn: &mut Turn<'_, Reservations>,
    quote: Quote,
    guest: Guest,
    requests: Option<String>,
    reference: Option<String>,
) -> Result<Reply, Refusal> {
    let (now, stay, rooms) = (turn.now(), quote.stay, quote.rooms);
    let settings = turn.get(&SETTINGS, &0).unwrap_or_default();
    let owner = turn.caller().effective_subject().to_owned();
    well_formed(&quote, &owner)?;
    let facts = turn.get(&ROOMS, &quote.room_type).filter(|facts| facts.hotel == quote.hotel);
    let facts = facts.ok_or(Refusal::NoSuchRoomType)?;
    if now > quote.expires_at {
        return Err(Refusal::OfferExpired);
    }
    if !facts.sells(quote.rate_plan) {
        return Err(Refusal::Inactive);
    }
    within_reach(&facts.time_zone, stay, now, settings.horizon_days)?;
    let mut calendar = Calendar::of_turn(turn, quote.room_type, stay.check_in(), last_night(stay));
    let closed = |night: &Date| {
        let (chunk, index) = calendar.at(*night);
        chunk.stop_sell(index)
    };
    if let Some(night) = stay.nights().find(closed) {
        return Err(Refusal::StopSell { night });
    }
    if let Some(night) = stay.nights().find(|night| calendar.free(*night, facts.rooms) < rooms) {
        return Err(Refusal::SoldOut { night });
    }
    few_enough_unpaid(turn, &owner, &settings, now)?;
    // Nothing is written above this line; nothing is refused below it.
    let id = contracts::ReservationId(turn.fresh_id(quote.hotel.slot()));
    let expires_at = now.plus_secs(i64::from(settings.hold_secs));
    calendar.take(stay, i64::from(rooms));
    calendar.write(turn);
    calendar.announce_taken(turn, quote.hotel, stay);
    let hashed = short(&owner);
    turn.put(&BY_OWNER, &(hashed, rank(now), id), &());
    if let Some(reference) = &reference {
        turn.put(&BY_REFERENCE, &(hashed, short(reference), rank(now), id), &());
    }
    turn.schedule(expires_at, Timer::ExpireHold(id));
    let held = Reservation {
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
    };
    let row = ReservationRow::V1(Box::new(held));
    turn.put(&RESERVATIONS, &id, &row);
    let ReservationRow::V1(held) = row;
    Ok(Reply::Reservation(held))
}

/// Whether a quote is one that [`crate::query`] could have made: whoever opens offers may be mistaken, a turn not.
fn well_formed(quote: &Quote, owner: &str) -> Result<(), Refusal> {
    let invalid = |field: &str, why: &str| Err(Refusal::Invalid { field: field.into(), why: why.into() });
    if owner.is_empty() || owner.starts_with("svc:") {
        return invalid("owner", "a reservation is made by somebody, or for somebody");
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

/// Refuses stays that begin before the hotel's today, or end after the last night that is sold.
pub(crate) fn within_reach(zone: &str, stay: Stay, now: Timestamp, horizon_days: u32) -> Result<(), Refusal> {
    let today = zone::today(zone, now);
    let last = Date(today.0.saturating_add_unsigned(horizon_days));
    if stay.check_in() < today {
        Err(Refusal::InThePast { today })
    } else if stay.check_out() > last {
        Err(Refusal::BeyondHorizon { last })
    } else {
        Ok(())
    }
}

/// Limits what one guest keeps from others without paying. The newest reservations come first in the index, so that only
/// those young enough to be held still are read.
fn few_enough_unpaid(
    turn: &Turn<'_, Reservations>,
    owner: &str,
    settings: &Settings,
    now: Timestamp,
) -> Result<(), Refusal> {
    let guest = owner.starts_with("usr_") || owner.starts_with("gst_");
    let limit = if guest {
        Some(settings.unpaid_holds_max)
    } else {
        settings.client_unpaid_holds_max.get(owner).copied()
    };
    let Some(limit) = limit.map(|limit| limit.min(COUNTED_MAX)) else { return Ok(()) };
    let life = i64::from(settings.hold_secs) + i64::from(settings.hold_extension_secs);
    let newest = turn.scan(&BY_OWNER, &(short(owner),), LOOKED_AT.max(limit as usize * 2));
    let young: Vec<_> =
        newest.iter().take_while(|((_, rank, _), ())| ranked_at(*rank) >= now.plus_secs(-life)).collect();
    let held = |id| find(turn, id).is_some_and(|found| found.status == Status::Held && found.owner == owner);
    let unpaid = young.iter().filter(|((_, _, id), ())| held(*id)).count();
    if unpaid >= limit as usize || young.len() >= LOOKED_AT.max(limit as usize * 2) {
        return Err(Refusal::TooManyHolds { limit });
    }
    Ok(())
}
