//! The invariants of search.

use std::collections::BTreeMap;

use group::View;

use crate::index::{Hotel, Index};
use crate::state::{HOTELS, NIGHTS};
use gazetteer::{Cities, Rank};

/// Checks all invariants.
pub(crate) fn violations(view: &View<'_>, index: &Index, cities: &Cities) -> Vec<String> {
    let mut violations = the_index_matches_the_store(view, index, cities);
    violations.extend(every_active_hotel_is_in_each_order_of_its_city_once(index));
    violations.extend(nights_are_stored_once_and_in_order(view));
    violations
}

/// A new index from the store contains the same hotels with the same data, up to the same time.
fn the_index_matches_the_store(view: &View<'_>, index: &Index, cities: &Cities) -> Vec<String> {
    let fresh = Index::of_store(view, cities);
    let mut violations = Vec::new();
    if fresh.as_of != index.as_of {
        violations.push(format!("the index reflects {:?}, the store {:?}", index.as_of, fresh.as_of));
    }
    for stored in fresh.hotels() {
        match index.hotel(stored.id) {
            None => violations.push(format!("{} is in the store and not in the index", stored.id)),
            // The bits of amenities depend on the order in which they were added; the lists of amenities are compared.
            Some(known)
                if (Hotel { amenity_bits: 0, ..known.clone() })
                    != (Hotel { amenity_bits: 0, ..stored.clone() }) =>
            {
                violations.push(format!("the index and the store differ in {}", stored.id));
            }
            Some(_) => {}
        }
    }
    let unknown = index.hotels().filter(|hotel| !view.has(&HOTELS, &hotel.id));
    violations.extend(unknown.map(|hotel| format!("{} is in the index and not in the store", hotel.id)));
    violations
}

/// Every active hotel is in exactly one city, once in each order.
fn every_active_hotel_is_in_each_order_of_its_city_once(index: &Index) -> Vec<String> {
    let mut cities: BTreeMap<Rank, Vec<(&Hotel, u32)>> = BTreeMap::new();
    for (hotel, number) in index.numbers_of_hotels().filter(|(hotel, _)| hotel.active) {
        cities.entry(hotel.city).or_default().push((hotel, number));
    }
    let mut violations = Vec::new();
    for (rank, hotels) in &cities {
        match index.city(*rank) {
            None => violations.push(format!("the city of {} has no hotels", hotels[0].0.id)),
            Some(city) => violations.extend(city.violations(hotels)),
        }
    }
    let empty = index.cities().filter(|(rank, _)| !cities.contains_key(rank));
    violations.extend(empty.map(|(rank, _)| format!("city {rank:?} has orders and no hotels")));
    violations
}

/// The days of each row are in ascending order.
fn nights_are_stored_once_and_in_order(view: &View<'_>) -> Vec<String> {
    let rows = view.all(&NIGHTS);
    rows.filter(|(_, nights)| !nights.is_sorted_by(|one, next| one.day < next.day))
        .map(|((hotel, room_type, row), _)| format!("row {row} of {room_type} of {hotel} is not in order"))
        .collect()
}
