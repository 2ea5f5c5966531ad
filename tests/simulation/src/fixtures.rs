//! Test data: hotels and callers.

use contracts::{
    Cancellation, Currency, HotelId, HotelProfile, RatePlanId, RatePlanProfile, RoomTypeId, RoomTypeProfile,
    Season, TaxRule, scope,
};
use protocol::Principal;

use crate::rng::Rng;

/// City, country, time zone, latitude, longitude and currency of each hotel. Each city has one hotel.
pub const PLACES: [(&str, &str, &str, f64, f64, &str); 3] = [
    ("Munich", "DE", "Europe/Berlin", 48.14, 11.58, "EUR"),
    ("Lisbon", "PT", "Europe/Lisbon", 38.72, -9.13, "EUR"),
    ("Tokyo", "JP", "Asia/Tokyo", 35.69, 139.69, "JPY"),
];

/// A hotel's reference. The numbers are chosen so that both shards have hotels.
pub fn reference(place: usize) -> String {
    ["sim-1", "sim-2", "sim-3"][place].to_owned()
}

/// The id of the hotel in [`PLACES`].
pub fn hotel_id(place: usize) -> HotelId {
    HotelId::of_reference(&reference(place))
}

/// A random description of a hotel, with few rooms, so that it sells out.
pub fn hotel(place: usize, rng: &mut Rng) -> HotelProfile {
    let (city, country, zone, latitude, longitude, currency) = PLACES[place];
    let id = hotel_id(place);
    let room_type = |name: &str, sleeps, amount: i64, rng: &mut Rng| {
        let room = RoomTypeId::of_name(id, name);
        let plan = |name: &str, amount, free_until_hours, penalty_percent, active| RatePlanProfile {
            id: RatePlanId::of_name(room, name),
            name: name.into(),
            amount,
            cancellation: Cancellation { free_until_hours, penalty_percent },
            active,
            reference: None,
        };
        RoomTypeProfile {
            id: room,
            // Found again by its reference.
            name: if rng.chance(30) { format!("{name} room") } else { name.into() },
            sleeps,
            rooms: rng.between(2, 4) as u32,
            rate_plans: vec![
                plan("Flexible", amount, Some(24), 80, true),
                plan("Saver", amount * 9 / 10, None, 100, rng.chance(80)),
                // Confirmed without a payment.
                plan("Guest of the house", 0, Some(24), 80, rng.chance(15)),
            ],
            season: Season::FLAT,
            active: rng.chance(95),
            reference: Some(name.to_lowercase()),
        }
    };
    let price = rng.between(50, 200) * 100;
    HotelProfile {
        id,
        reference: reference(place),
        name: format!("Hotel {city}"),
        city: city.into(),
        country: country.into(),
        address: "Main Street 1".into(),
        latitude,
        longitude,
        time_zone: zone.into(),
        stars: 4,
        rating_tenths: 87,
        description: String::new(),
        amenities: vec!["wifi".into()],
        currency: currency.parse().unwrap_or(Currency::EUR),
        taxes: vec![
            TaxRule { name: "VAT".into(), basis_points: 700, included: true },
            TaxRule { name: "City tax".into(), basis_points: 500, included: false },
        ],
        email: Some("desk@hotel.example".into()),
        photos: Vec::new(),
        room_types: vec![room_type("Double", 2, price, rng), room_type("Family", 4, price * 3 / 2, rng)],
        active: rng.chance(95),
        demo: false,
    }
}

/// A caller with these scopes.
pub fn principal(subject: &str, scopes: &[&str]) -> Principal {
    let mut scopes: Vec<_> = scopes.iter().map(|scope| (*scope).to_owned()).collect();
    scopes.sort();
    Principal { subject: subject.into(), client_id: subject.into(), scopes, ..Principal::default() }
}

/// A caller with every scope.
pub fn administrator() -> Principal {
    principal("admin", &scope::ALL)
}

/// Staff of a hotel.
pub fn staff(hotel: HotelId) -> Principal {
    Principal { resources: vec![hotel.to_string()], ..principal("usr_staff", &[scope::HOTEL_MANAGE]) }
}

/// A booker: a partner's client, a guest session without an account, or a user.
pub fn guest(number: usize) -> Principal {
    let scopes =
        [scope::RESERVATIONS_READ, scope::RESERVATIONS_WRITE, scope::PAYMENTS_READ, scope::PAYMENTS_WRITE];
    match number {
        0 => principal("cli_partner", &scopes),
        1 | 2 => Principal {
            on_behalf_of: Some(format!("gst_0123456789abcdef{number}")),
            ..Principal::service("ui")
        },
        _ => principal(&format!("usr_guest{number}"), &scopes),
    }
}

/// The number of different guests.
pub const GUESTS: usize = 7;
