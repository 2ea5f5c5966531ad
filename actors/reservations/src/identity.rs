//! Which stored room types and rate plans the entries of a new description are about, so that neither a new name nor a second
//! import adds rooms.
//!
//! An entry is about, in this order:
//! 1. the stored one with its reference;
//! 2. the stored one with its name, unless both have a reference;
//! 3. the stored one that was created under its name and was renamed since, unless it has a reference.
//!
//! All others are new. An entry without a reference leaves the stored reference as it is.

use std::collections::BTreeSet;

use contracts::reservations::Refusal;
use contracts::{HotelId, RatePlanId, RatePlanProfile, RoomTypeId, RoomTypeProfile};

/// What room types and rate plans are matched by.
trait Entry {
    type Id: Copy + Ord;

    fn id(&self) -> Self::Id;
    fn reference(&self) -> Option<&str>;
    fn name(&self) -> &str;
    fn active(&self) -> bool;
}

impl Entry for RoomTypeProfile {
    type Id = RoomTypeId;

    fn id(&self) -> RoomTypeId {
        self.id
    }
    fn reference(&self) -> Option<&str> {
        self.reference.as_deref()
    }
    fn name(&self) -> &str {
        &self.name
    }
    fn active(&self) -> bool {
        self.active
    }
}

impl Entry for RatePlanProfile {
    type Id = RatePlanId;

    fn id(&self) -> RatePlanId {
        self.id
    }
    fn reference(&self) -> Option<&str> {
        self.reference.as_deref()
    }
    fn name(&self) -> &str {
        &self.name
    }
    fn active(&self) -> bool {
        self.active
    }
}

/// Gives the entries the ids of the stored room types and rate plans that they are about, and all others ids of their own.
pub(crate) fn adopt_room_types(hotel: HotelId, new: &mut [RoomTypeProfile], stored: &[RoomTypeProfile]) {
    let found = matches(new, stored, |name| RoomTypeId::of_name(hotel, name));
    let mut used: BTreeSet<_> = stored.iter().map(|room_type| room_type.id).collect();
    for (room_type, found) in new.iter_mut().zip(found) {
        let plans = match found {
            Some(stored) => {
                room_type.id = stored.id;
                room_type.reference = room_type.reference.take().or_else(|| stored.reference.clone());
                stored.rate_plans.as_slice()
            }
            None => {
                room_type.id = new_room_type_id(hotel, room_type, &used);
                used.insert(room_type.id);
                &[]
            }
        };
        adopt_rate_plans(room_type, plans);
    }
}

/// Gives the rate plans of a room type the ids of the stored ones that they are about, and all others ids of their own.
pub(crate) fn adopt_rate_plans(room_type: &mut RoomTypeProfile, stored: &[RatePlanProfile]) {
    let id = room_type.id;
    let found = matches(&room_type.rate_plans, stored, |name| RatePlanId::of_name(id, name));
    let mut used: BTreeSet<_> = stored.iter().map(|plan| plan.id).collect();
    for (plan, found) in room_type.rate_plans.iter_mut().zip(found) {
        if let Some(stored) = found {
            plan.id = stored.id;
            plan.reference = plan.reference.take().or_else(|| stored.reference.clone());
        } else {
            let derived = match &plan.reference {
                Some(reference) => RatePlanId::of_reference(id, reference),
                None => RatePlanId::of_name(id, &plan.name),
            };
            plan.id = unused(derived, &used, RatePlanId::another);
            used.insert(plan.id);
        }
    }
}

/// Refuses a room type whose reference another one of the hotel has, or whose name another one on sale has.
pub(crate) fn check_unique<'a>(
    room_type: &RoomTypeProfile,
    others: impl Iterator<Item = &'a RoomTypeProfile> + Clone,
) -> Result<(), Refusal> {
    let others = || others.clone();
    let refuse = |field: &str, why: &str| Err(Refusal::Invalid { field: field.into(), why: why.into() });
    if room_type.reference.is_some() && others().any(|other| other.reference == room_type.reference) {
        return refuse("reference", "another room type of the property has this reference");
    }
    if room_type.active && others().any(|other| other.active && other.name == room_type.name) {
        return refuse("name", "another room type of the property that is on sale has this name");
    }
    Ok(())
}

/// The id of a new room type. `used` has the ids of the hotel's room types.
pub(crate) fn new_room_type_id(
    hotel: HotelId,
    room_type: &RoomTypeProfile,
    used: &BTreeSet<RoomTypeId>,
) -> RoomTypeId {
    let derived = match &room_type.reference {
        Some(reference) => RoomTypeId::of_reference(hotel, reference),
        None => RoomTypeId::of_name(hotel, &room_type.name),
    };
    unused(derived, used, RoomTypeId::another)
}

/// An id that was derived from an earlier name or reference can be in use.
fn unused<T: Copy + Ord>(derived: T, used: &BTreeSet<T>, another: impl Fn(T) -> T) -> T {
    let mut id = derived;
    while used.contains(&id) {
        id = another(id);
    }
    id
}

/// Whether a new entry is the same as a stored one.
type Rule<'a, T> = &'a dyn Fn(&T, &T) -> bool;

/// For each entry, the stored one that it is about. No stored one is matched twice.
fn matches<'a, T: Entry>(
    new: &[T],
    stored: &'a [T],
    id_of_name: impl Fn(&str) -> T::Id,
) -> Vec<Option<&'a T>> {
    // Names are unique on sale only, so those on sale come first.
    let (on_sale, off_sale): (Vec<&T>, Vec<&T>) = stored.iter().partition(|stored| stored.active());
    let stored: Vec<&T> = on_sale.into_iter().chain(off_sale).collect();
    let by_reference =
        |new: &T, stored: &T| new.reference().is_some() && new.reference() == stored.reference();
    let by_name = |new: &T, stored: &T| {
        new.name() == stored.name() && (new.reference().is_none() || stored.reference().is_none())
    };
    let by_first_name =
        |new: &T, stored: &T| stored.reference().is_none() && stored.id() == id_of_name(new.name());
    let rules: [Rule<'_, T>; 3] = [&by_reference, &by_name, &by_first_name];
    let mut found: Vec<Option<&T>> = vec![None; new.len()];
    let mut matched = BTreeSet::new();
    for rule in rules {
        for (new, found) in new.iter().zip(&mut found).filter(|(_, found)| found.is_none()) {
            *found =
                stored.iter().find(|stored| !matched.contains(&stored.id()) && rule(new, stored)).copied();
            matched.extend(found.map(Entry::id));
        }
    }
    found
}
