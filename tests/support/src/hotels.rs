//! Hotels that tests import.

use serde_json::{Value, json};

/// A hotel in the format of `auberge import hotels`. It has one room type, `Double`, with `rooms` rooms; the rate plans `Flexible`
/// (100.00 PLN) and `Saver` (80.00 PLN, no refund); and a tax of 8 % on top of the price.
pub fn hotel(reference: &str, name: &str, rooms: u32) -> Value {
    json!({
        "reference": reference, "name": name, "city": "Kraków", "country": "PL",
        "latitude": 50.061, "longitude": 19.937, "time_zone": "Europe/Warsaw", "stars": 4,
        "description": "A house by the river, with rooms to the garden.",
        "amenities": ["wifi", "breakfast"], "currency": "PLN",
        "taxes": [{"name": "City tax", "percent": 8, "included": false}],
        "email": "desk@hotel.example",
        "room_types": [{"name": "Double", "sleeps": 2, "rooms": rooms, "rate_plans": [
            {"name": "Flexible", "amount": 10000, "cancellation": {"free_until_hours": 24, "penalty_percent": 50}},
            {"name": "Saver", "amount": 8000, "cancellation": {"free_until_hours": 8760, "penalty_percent": 100}},
        ]}],
    })
}

/// The two hotels of most tests: one with 200 rooms and one with a single room.
pub fn two_hotels() -> Vec<Value> {
    vec![hotel("river", "Hotel Rzeka", 200), hotel("attic", "Pokój na Strychu", 1)]
}
