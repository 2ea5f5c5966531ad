//! Creates or updates hotels, and notifies search. Room types and rate plans that are missing in a new description go off
//! sale. They are never removed, because reservations refer to them.

use std::collections::BTreeSet;

use contracts::reservations::{
    IMPORT_MAX, ImportHotels, Imported, ManagedHotel, Precondition, PutHotel, Refusal,
};
use contracts::search::UpdateHotel;
use contracts::{HotelId, HotelProfile, RoomTypeProfile};
use group::Turn;

use crate::chunk::night_at;
use crate::state::{CALENDAR, HOTELS, HotelRow, ROOMS, RoomFacts};
use crate::{Reservations, access, zone};

/// The most calendar rows of one room type: all nights that can be sold, and years of past ones.
const CHUNKS_MAX: usize = 1_000;

pub(super) fn import(turn: &mut Turn<'_, Reservations>, request: ImportHotels) -> Result<Imported, Refusal> {
    if request.hotels.len() > IMPORT_MAX {
        return Err(invalid("hotels", "at most 200 at a time"));
    }
    let mut imported = Imported { created: 0, updated: 0, unchanged: 0 };
    for hotel in request.hotels {
        match upsert(turn, hotel)? {
            (_, Upserted::Created) => imported.created += 1,
            (_, Upserted::Updated) => imported.updated += 1,
            (_, Upserted::Unchanged) => imported.unchanged += 1,
        }
    }
    Ok(imported)
}

pub(super) fn put(turn: &mut Turn<'_, Reservations>, request: PutHotel) -> Result<ManagedHotel, Refusal> {
    let PutHotel { hotel, expect } = request;
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
    Ok(row.into())
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
    check_ids(&hotel)?;
    let found = turn.get(&HOTELS, &hotel.id);
    if let Some(row) = &found {
        keep_missing_off_sale(&mut hotel, &row.hotel);
        if row.hotel == hotel {
            return Ok((row.clone(), Upserted::Unchanged));
        }
    }
    for room_type in &hotel.room_types {
        check_inventory(turn, &hotel, room_type)?;
    }
    // No writes above this line, no refusals below it.
    for room_type in &hotel.room_types {
        turn.put(&ROOMS, &room_type.id, &facts(&hotel, room_type));
    }
    let version = found.as_ref().map_or(1, |row| row.version + 1);
    let row = HotelRow { version, updated_at: turn.now(), hotel };
    turn.put(&HOTELS, &row.hotel.id, &row);
    let update = UpdateHotel { hotel: row.hotel.clone(), at: turn.now() };
    turn.emit(row.hotel.id.0, update);
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

/// Checks what the state machine relies on. The APIs check the bounds of fields and report them with JSON pointers.
fn check_ids(hotel: &HotelProfile) -> Result<(), Refusal> {
    if hotel.id != HotelId::of_reference(&hotel.reference) {
        return Err(invalid("id", "not the id of this reference"));
    }
    if !zone::exists(&hotel.time_zone) {
        return Err(invalid("time_zone", "no such time zone"));
    }
    let room_types: BTreeSet<_> = hotel.room_types.iter().map(|room_type| room_type.id).collect();
    let strays = hotel.room_types.iter().any(|room_type| room_type.id.slot() != hotel.id.slot());
    if strays || room_types.len() != hotel.room_types.len() {
        return Err(invalid("room_types", "an id is a duplicate or belongs to another hotel"));
    }
    for room_type in &hotel.room_types {
        let plans: BTreeSet<_> = room_type.rate_plans.iter().map(|plan| plan.id).collect();
        if plans.len() != room_type.rate_plans.len()
            || room_type.rate_plans.iter().any(|plan| plan.amount < 0)
        {
            return Err(invalid("rate_plans", "an id is a duplicate or an amount is negative"));
        }
    }
    Ok(())
}

/// Adds the room types and rate plans that are missing in the new description, off sale.
fn keep_missing_off_sale(hotel: &mut HotelProfile, before: &HotelProfile) {
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

/// Refuses an inventory below what is held and sold, from today on.
fn check_inventory(
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
