//! Hotels to import: small, and the same each time.

use serde_json::{Value, json};

/// One hotel as `auberge import hotels` takes it: one room type `Double` of `rooms` rooms, sold flexibly for 100.00 and
/// without refund for 80.00, with a tax of 8 % beside the price.
pub fn hotel(reference: &str, name: &str, rooms: u32) -> Value {
    json!({
        "reference": reference, "name": name, "city": "Kraków", "country": "PL",
        "latitude": 50.061, "longitude": 19.937, "time_zone": "Europe/Warsaw", "stars": 4,
        "description": "A server by the river, with rooms to the garden.",
        "amenities": ["wifi", "breakfast"], "currency": "PLN",
        "taxes": [{"name": "City tax", "percent": 8, "included": false}],
        "email": "desk@hotel.example",
        "room_types": [{"name": "Double", "sleeps": 2, "rooms": rooms, "rate_plans": [
            {"name": "Flexible", "amount": 10000, "cancellation": {"free_until_hours": 24, "penalty_percent": 50}},
            {"name": "Saver", "amount": 8000, "cancellation": {"free_until_hours": 8760, "penalty_percent": 100}},
        ]}],
    })
}

/// The two hotels of most journeys: a large one, and one with a single room.
pub fn two_hotels() -> Vec<Value> {
    vec![hotel("river", "Hotel Rzeka", 200), hotel("attic", "Pokój na Strychu", 1)]
}
