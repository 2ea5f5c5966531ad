//! Creates or updates hotels, and notifies search.

use std::collections::BTreeSet;

use contracts::reservations::{
    AddRoomType, IMPORT_MAX, ImportHotels, Imported, ManagedHotel, Precondition, PutHotel, Refusal,
};
use contracts::search::UpdateHotel;
use contracts::{HotelId, HotelProfile, RoomTypeProfile};
use group::Turn;

use super::currency;
use super::retired::{self, Removed};
use crate::chunk::night_at;
use crate::limits::{CALENDAR_ROWS_MAX, RATE_PLANS_MAX, ROOM_TYPES_MAX};
use crate::state::{CALENDAR, HOTELS, HotelRow, ROOMS, RoomFacts};
use crate::{Reservations, access, identity, zone};

pub(super) fn import(turn: &mut Turn<'_, Reservations>, request: ImportHotels) -> Result<Imported, Refusal> {
    if request.hotels.len() > IMPORT_MAX {
        return Err(invalid("hotels", "at most 200 at a time"));
    }
    let mut imported = Imported { created: 0, updated: 0, unchanged: 0 };
    for mut hotel in request.hotels {
        access::require_manager(turn.caller(), hotel.id)?;
        check_ids(&hotel)?;
        if let Some(row) = turn.get(&HOTELS, &hotel.id) {
            identity::adopt_room_types(hotel.id, &mut hotel.room_types, &row.hotel.room_types);
        }
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

pub(super) fn add_room_type(
    turn: &mut Turn<'_, Reservations>,
    request: AddRoomType,
) -> Result<ManagedHotel, Refusal> {
    let AddRoomType { hotel, mut room_type, expect } = request;
    access::require_manager(turn.caller(), hotel)?;
    let row = turn.get(&HOTELS, &hotel).ok_or(Refusal::NoSuchHotel)?;
    if expect.is_some_and(|version| version != row.version) {
        return Err(Refusal::Changed);
    }
    let mut hotel = row.hotel;
    identity::check_unique(&room_type, hotel.room_types.iter())?;
    let used: BTreeSet<_> = hotel.room_types.iter().map(|known| known.id).collect();
    room_type.id = identity::new_room_type_id(hotel.id, &room_type, &used);
    identity::adopt_rate_plans(&mut room_type, &[]);
    // Those on sale come first, so that the last ones are those that have been off sale longest.
    let at = hotel.room_types.iter().rposition(|known| known.active).map_or(0, |last| last + 1);
    hotel.room_types.insert(at, room_type);
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
    let mut removed = Removed::default();
    if let Some(row) = &found {
        retired::retire_missing(&mut hotel, &row.hotel);
        removed = retired::remove_oldest(turn, &mut hotel);
        if row.hotel == hotel {
            return Ok((row.clone(), Upserted::Unchanged));
        }
        currency::check_change(turn, &row.hotel, &hotel)?;
    }
    check_on_sale(&hotel)?;
    for room_type in &hotel.room_types {
        check_inventory(turn, &hotel, room_type)?;
    }
    // No writes above this line, no refusals below it.
    for room_type in hotel.room_types.iter().chain(&removed.room_types) {
        turn.put(&ROOMS, &room_type.id, &facts(&hotel, room_type));
    }
    retired::remove_prices(turn, hotel.id, &removed);
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
        plans: room_type.rate_plans.iter().filter(|plan| plan.active).map(|plan| plan.id).collect(),
        currency: hotel.currency,
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

/// Limits what is on sale, and keeps names unique among it. What is off sale is not limited.
fn check_on_sale(hotel: &HotelProfile) -> Result<(), Refusal> {
    let on_sale: Vec<_> = hotel.room_types.iter().filter(|room_type| room_type.active).collect();
    if on_sale.len() > ROOM_TYPES_MAX {
        return Err(invalid("room_types", "at most 50 room types on sale"));
    }
    if !unique(on_sale.iter().map(|room_type| &room_type.name)) {
        return Err(invalid("room_types", "two room types on sale have the same name"));
    }
    if !unique(hotel.room_types.iter().filter_map(|room_type| room_type.reference.as_ref())) {
        return Err(invalid("room_types", "two room types have the same reference"));
    }
    for room_type in &hotel.room_types {
        let plans = &room_type.rate_plans;
        let on_sale: Vec<_> = plans.iter().filter(|plan| plan.active).collect();
        if on_sale.len() > RATE_PLANS_MAX {
            return Err(invalid("rate_plans", "at most 20 rate plans on sale"));
        }
        if !unique(on_sale.iter().map(|plan| &plan.name)) {
            return Err(invalid("rate_plans", "two rate plans on sale have the same name"));
        }
        if !unique(plans.iter().filter_map(|plan| plan.reference.as_ref())) {
            return Err(invalid("rate_plans", "two rate plans have the same reference"));
        }
    }
    Ok(())
}

fn unique<'a>(mut texts: impl Iterator<Item = &'a String>) -> bool {
    let mut seen = BTreeSet::new();
    texts.all(|text| seen.insert(text))
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
    for ((_, chunk), row) in turn.scan(&CALENDAR, &(room_type.id,), CALENDAR_ROWS_MAX) {
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
