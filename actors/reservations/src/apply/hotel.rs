//! Makes hotels or brings them up to date, and tells search. What is not described any more goes off sale, but stays: there
//! are reservations of it.

use std::collections::BTreeSet;

use contracts::reservations::{IMPORT_MAX, ManagedHotel, Precondition, Refusal, Reply};
use contracts::{HotelId, HotelProfile, RoomTypeProfile, search};
use group::Turn;

use crate::chunk::night_at;
use crate::state::{CALENDAR, HOTELS, HotelRow, ROOMS, RoomFacts};
use crate::{Reservations, access, zone};

/// Calendar rows of one room type at most: all nights that can be sold, and years of past ones.
const CHUNKS_MAX: usize = 1_000;

pub(super) fn import(turn: &mut Turn<'_, Reservations>, hotels: Vec<HotelProfile>) -> Result<Reply, Refusal> {
    if hotels.len() > IMPORT_MAX {
        return Err(invalid("hotels", "at most 200 at a time"));
    }
    let (mut created, mut updated, mut unchanged) = (0, 0, 0);
    for hotel in hotels {
        match upsert(turn, hotel)? {
            (_, Upserted::Created) => created += 1,
            (_, Upserted::Updated) => updated += 1,
            (_, Upserted::Unchanged) => unchanged += 1,
        }
    }
    Ok(Reply::Imported { created, updated, unchanged })
}

pub(super) fn put(
    turn: &mut Turn<'_, Reservations>,
    hotel: HotelProfile,
    expect: Precondition,
) -> Result<Reply, Refusal> {
    access::require_manager(turn.caller(), hotel.id)?;
    let found = turn.get(&HOTELS, &hotel.id);
    match (expect, &found) {
        (Precondition::Absent, Some(_)) => return Err(Refusal::ReferenceTaken),
        (Precondition::Version(_), None) => return Err(Refusal::NoSuchHotel),
        (Precondition::Version(version), Some(row)) if version != row.version => {
            return Err(Refusal::Changed);
        }
        (Precondition::Absent, None) | (Precondition::Version(_), Some(_)) | (Precondition::None, _) => {}
    }
    let (row, _) = upsert(turn, hotel)?;
    let property = ManagedHotel { hotel: row.hotel, version: row.version, updated_at: row.updated_at };
    Ok(Reply::ManagedHotel(Box::new(property)))
}

enum Upserted {
    Created,
    Updated,
    Unchanged,
}

fn upsert(
    turn: &mut Turn<'_, Reservations>,
    mut hotel: HotelProfile,
) -> Result<(HotelRow, Upserted), Refusal> {
    access::require_manager(turn.caller(), hotel.id)?;
    consistent(&hotel)?;
    let found = turn.get(&HOTELS, &hotel.id);
    if let Some(row) = &found {
        keep_what_is_not_named(&mut hotel, &row.hotel);
        if row.hotel == hotel {
            return Ok((row.clone(), Upserted::Unchanged));
        }
    }
    for room_type in &hotel.room_types {
        enough_rooms(turn, &hotel, room_type)?;
    }
    // Nothing is written above this line; nothing is refused below it.
    for room_type in &hotel.room_types {
        turn.put(&ROOMS, &room_type.id, &facts(&hotel, room_type));
    }
    let version = found.as_ref().map_or(1, |row| row.version + 1);
    let row = HotelRow { version, updated_at: turn.now(), hotel };
    turn.put(&HOTELS, &row.hotel.id, &row);
    let command = search::Command::HotelChanged { hotel: row.hotel.clone(), at: turn.now() };
    turn.send::<search::Search>(row.hotel.id.0, &command);
    Ok((row, if found.is_some() { Upserted::Updated } else { Upserted::Created }))
}

fn facts(hotel: &HotelProfile, room_type: &RoomTypeProfile) -> RoomFacts {
    RoomFacts {
        hotel: hotel.id,
        active: hotel.active && room_type.active,
        rooms: room_type.rooms,
        time_zone: hotel.time_zone.clone(),
        plans: room_type.rate_plans.iter().map(|plan| (plan.id, plan.active)).collect(),
    }
}

/// What the state machine itself relies upon. Bounds of the fields are the apis' to check, with pointers to them.
fn consistent(hotel: &HotelProfile) -> Result<(), Refusal> {
    if hotel.id != HotelId::of_reference(&hotel.reference) {
        return Err(invalid("id", "not the id of this reference"));
    }
    if !zone::exists(&hotel.time_zone) {
        return Err(invalid("time_zone", "no such time zone"));
    }
    let room_types: BTreeSet<_> = hotel.room_types.iter().map(|room_type| room_type.id).collect();
    let strays = hotel.room_types.iter().any(|room_type| room_type.id.slot() != hotel.id.slot());
    if strays || room_types.len() != hotel.room_types.len() {
        return Err(invalid("room_types", "their ids are not their own"));
    }
    for room_type in &hotel.room_types {
        let plans: BTreeSet<_> = room_type.rate_plans.iter().map(|plan| plan.id).collect();
        if plans.len() != room_type.rate_plans.len()
            || room_type.rate_plans.iter().any(|plan| plan.amount < 0)
        {
            return Err(invalid("rate_plans", "their ids or amounts are not their own"));
        }
    }
    Ok(())
}

/// Room types and rate plans that are not named any more stay, off sale.
fn keep_what_is_not_named(hotel: &mut HotelProfile, before: &HotelProfile) {
    for old in &before.room_types {
        match hotel.room_types.iter_mut().find(|room_type| room_type.id == old.id) {
            Some(room_type) => {
                for plan in &old.rate_plans {
                    if !room_type.rate_plans.iter().any(|new| new.id == plan.id) {
                        room_type
                            .rate_plans
                            .push(contracts::RatePlanProfile { active: false, ..plan.clone() });
                    }
                }
            }
            None => hotel.room_types.push(RoomTypeProfile { active: false, ..old.clone() }),
        }
    }
}

/// Refuses an inventory below what is held and sold, on nights from today on.
fn enough_rooms(
    turn: &Turn<'_, Reservations>,
    hotel: &HotelProfile,
    room_type: &RoomTypeProfile,
) -> Result<(), Refusal> {
    let Some(before) = turn.get(&ROOMS, &room_type.id) else { return Ok(()) };
    if before.hotel != hotel.id {
        return Err(invalid("room_types", "a room type of another hotel"));
    }
    if room_type.rooms >= before.rooms {
        return Ok(());
    }
    let today = zone::today(&hotel.time_zone, turn.now());
    for ((_, chunk), row) in turn.scan(&CALENDAR, &(room_type.id,), CHUNKS_MAX) {
        for index in 0..32 {
            let (night, taken) = (night_at(chunk, index), row.taken(index));
            if night >= today && row.rooms(index).is_none() && taken > room_type.rooms {
                let (room_type, rooms) = (room_type.name.clone(), room_type.rooms);
                return Err(Refusal::InventoryBelowTaken { room_type, night, taken, rooms });
            }
        }
    }
    Ok(())
}

fn invalid(field: &str, why: &str) -> Refusal {
    Refusal::Invalid { field: field.into(), why: why.into() }
}
