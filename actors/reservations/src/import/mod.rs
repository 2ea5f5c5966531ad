//! Reading and validating the description of a hotel. Import lines and the REST API share one form.

mod check;
mod input;
mod read;

use contracts::HotelProfile;

pub(crate) use check::{validate, validate_details, validate_room_type, validate_room_type_details};
pub(crate) use input::{CancellationRule, NewHotel, NewRatePlan, NewRoomType, SeasonFactors, TaxRule};

/// The longest import line, in bytes.
const LINE_BYTES_MAX: usize = 256 * 1024;

/// An invalid field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// A JSON pointer, such as `/room_types/0/rooms`.
    pub pointer: String,
    /// Why the value is invalid. It never repeats the value.
    pub why: String,
}

/// Reads and validates an import line.
///
/// # Errors
/// Every invalid field; one fault with an empty pointer if the line is not a JSON object.
pub fn hotel_of_json(line: &str) -> Result<HotelProfile, Vec<Fault>> {
    let whole = |why: String| vec![Fault { pointer: String::new(), why }];
    if line.len() > LINE_BYTES_MAX {
        return Err(whole(format!("a line has at most {LINE_BYTES_MAX} bytes")));
    }
    let (value, repeated) = edge::parse_json(line.as_bytes())
        .map_err(|error| whole(format!("no JSON from column {} on", error.column())))?;
    if !repeated.is_empty() {
        let fault = |error: edge::FieldError| Fault { pointer: error.pointer, why: error.detail };
        return Err(repeated.into_iter().map(fault).collect());
    }
    validate(&read::line(value)?)
}

#[cfg(test)]
mod tests {
    use contracts::{HotelId, RoomTypeId};
    use serde_json::{Value, json};

    use super::*;

    fn good() -> Value {
        json!({"reference": "grand", "name": "Grand Hotel", "city": "München", "country": "DE", "latitude": 48.1,
            "longitude": 11.6, "time_zone": "Europe/Berlin", "stars": 4, "description": "By the river.",
            "amenities": ["wifi", "Pool"], "currency": "EUR", "taxes": [{"name": "VAT", "percent": 7.5, "included": true}],
            "email": "desk@grand.example", "room_types": [{"name": "Double", "sleeps": 2, "rooms": 10, "rate_plans": [
                {"name": "Flexible", "amount": 12000, "cancellation": {"free_until_hours": 24, "penalty_percent": 80}}]}]})
    }

    #[test]
    fn a_valid_line_is_a_hotel() {
        let hotel = hotel_of_json(&good().to_string()).unwrap();
        assert_eq!(hotel.id, HotelId::of_reference("grand"));
        assert_eq!(hotel.amenities, ["pool", "wifi"]);
        assert_eq!(hotel.taxes[0].basis_points, 750);
        assert_eq!(hotel.room_types[0].id, RoomTypeId::of_name(hotel.id, "Double"));
        assert_eq!(hotel.room_types[0].rate_plans[0].cancellation.free_until_hours, Some(24));
        assert!(hotel.active && !hotel.demo);
        let mut line = good();
        line["room_types"][0]["reference"] = json!(" dbl ");
        line["room_types"][0]["rate_plans"][0]["reference"] = json!("flex");
        let room_type = &hotel_of_json(&line.to_string()).unwrap().room_types[0];
        assert_eq!(room_type.reference.as_deref(), Some("dbl"));
        assert_eq!(room_type.id, RoomTypeId::of_reference(hotel.id, "dbl"));
        assert_eq!(room_type.rate_plans[0].reference.as_deref(), Some("flex"));
    }

    #[test]
    fn each_invalid_field_is_reported_with_its_pointer() {
        let room = |change: fn(&mut Value)| {
            let mut room = good()["room_types"][0].clone();
            change(&mut room);
            json!([room])
        };
        // Two room types, or two rate plans of one, that differ in their names but not in their references.
        let twins = |plans: bool| {
            let mut one = good()["room_types"][0].clone();
            let list = if plans { one["rate_plans"].take() } else { json!([one]) };
            let mut list = json!([list[0], list[0]]);
            (list[0]["reference"], list[1]["reference"]) = (json!("r-1"), json!("r-1 "));
            list[1]["name"] = json!("Another");
            if plans {
                one["rate_plans"] = list;
                list = json!([one]);
            }
            list
        };
        let table = [
            ("/reference", json!(""), "/reference"),
            ("/name", json!("x".repeat(121)), "/name"),
            ("/name", json!("a\nb"), "/name"),
            ("/country", json!("de"), "/country"),
            ("/latitude", json!(90.5), "/latitude"),
            ("/longitude", json!(-181), "/longitude"),
            ("/time_zone", json!("Europe/Atlantis"), "/time_zone"),
            ("/stars", json!(6), "/stars"),
            ("/currency", json!("ZZZ"), "/currency"),
            ("/currency", json!("eur"), "/currency"),
            ("/email", json!("nobody"), "/email"),
            ("/email", json!("a@b.c\r\nBcc: x@y.z"), "/email"),
            ("/photos", json!(["http://plain.example/a.jpg"]), "/photos/0"),
            ("/taxes/0/percent", json!(100.5), "/taxes/0/percent"),
            ("/taxes/0/percent", json!(7.555), "/taxes/0/percent"),
            ("/taxes", json!([{"name": "A", "percent": 1}, {"name": "A", "percent": 2}]), "/taxes/1/name"),
            ("/room_types", json!([]), "/room_types"),
            ("/room_types", room(|room| room["sleeps"] = json!(0)), "/room_types/0/sleeps"),
            ("/room_types", room(|room| room["rooms"] = json!(100_001)), "/room_types/0/rooms"),
            ("/room_types", room(|room| room["rate_plans"] = json!([])), "/room_types/0/rate_plans"),
            (
                "/room_types",
                room(|room| room["rate_plans"][0]["amount"] = json!(-1)),
                "/room_types/0/rate_plans/0/amount",
            ),
            (
                "/room_types",
                room(|room| room["rate_plans"][0]["cancellation"]["penalty_percent"] = json!(101)),
                "/room_types/0/rate_plans/0/cancellation/penalty_percent",
            ),
            ("/room_types", json!([good()["room_types"][0], good()["room_types"][0]]), "/room_types/1/name"),
            ("/room_types", room(|room| room["reference"] = json!("")), "/room_types/0/reference"),
            ("/room_types", room(|room| room["reference"] = json!(7)), "/room_types/0/reference"),
            ("/room_types", twins(false), "/room_types/1/reference"),
            ("/room_types", twins(true), "/room_types/0/rate_plans/1/reference"),
            ("/name", json!(7), "/name"),
        ];
        for (at, value, expected) in table {
            let mut line = good();
            match line.pointer_mut(at) {
                Some(place) => *place = value,
                None => line[at.trim_start_matches('/')] = value,
            }
            let faults = hotel_of_json(&line.to_string()).unwrap_err();
            assert_eq!(faults[0].pointer, expected, "{at}: {faults:?}");
        }
    }

    #[test]
    fn a_city_that_is_unknown_or_far_away_is_refused_with_the_nearest_one() {
        let table = [
            // The coordinates are those of Munich.
            ("München", "DE", 48.1, 11.6, None),
            ("munich", "DE", 48.1, 11.6, None),
            ("Muenchen, Bayern", "DE", 48.1, 11.6, None),
            // The airport is 29 km from the centre.
            ("Munich", "DE", 48.354, 11.786, None),
            (
                "Münchenn",
                "DE",
                48.1,
                11.6,
                Some(
                    "not a known city of DE; the nearest city to the coordinates is Unterhaching (DE), 4 km away",
                ),
            ),
            (
                "Paris",
                "DE",
                48.1,
                11.6,
                Some(
                    "not a known city of DE; the nearest city to the coordinates is Unterhaching (DE), 4 km away",
                ),
            ),
            (
                "Berlin",
                "DE",
                48.1,
                11.6,
                Some("508 km from the coordinates; the nearest city is Unterhaching (DE)"),
            ),
            // Latitude and longitude are exchanged.
            (
                "München",
                "DE",
                11.6,
                48.1,
                Some("5286 km from the coordinates; the nearest city is Bosaso (SO)"),
            ),
            // A remote hotel: no other city is nearer.
            ("Longyearbyen", "SJ", 78.92, 11.93, None),
        ];
        for (city, country, latitude, longitude, expected) in table {
            let mut line = good();
            (line["city"], line["country"]) = (json!(city), json!(country));
            (line["latitude"], line["longitude"]) = (json!(latitude), json!(longitude));
            let faults = hotel_of_json(&line.to_string()).err().unwrap_or_default();
            let found: Vec<_> =
                faults.iter().map(|fault| (fault.pointer.as_str(), fault.why.as_str())).collect();
            let expected: Vec<_> = expected.map(|why| ("/city", why)).into_iter().collect();
            assert_eq!(found, expected, "{city} {country}");
        }
    }

    #[test]
    fn faults_never_repeat_the_value() {
        for (line, pointer, expected) in [
            ("{", "", "no JSON from column 1 on"),
            ("[]", "", "a JSON object"),
            ("{}", "/room_types", "missing"),
            (r#"{"room_types": 7}"#, "/room_types", "a list"),
            (r#"{"room_types": [7]}"#, "/room_types/0", "a JSON object"),
        ] {
            let faults = hotel_of_json(line).unwrap_err();
            assert_eq!((faults[0].pointer.as_str(), faults[0].why.as_str()), (pointer, expected));
        }
        let mut line = good();
        line["se/cret"] = json!("hidden");
        line["room_types"][0]["rooms"] = json!(-1);
        line["room_types"][0]["rate_plans"][0]["cancellation"]["percent"] = json!(1);
        line.as_object_mut().unwrap().remove("name");
        let faults = hotel_of_json(&line.to_string()).unwrap_err();
        let pointers: Vec<_> = faults.iter().map(|fault| fault.pointer.as_str()).collect();
        let expected =
            ["/room_types/0/rate_plans/0/cancellation/percent", "/room_types/0/rooms", "/name", "/se~1cret"];
        assert_eq!(pointers, expected);
        assert!(!format!("{faults:?}").contains("hidden"));
    }
}
