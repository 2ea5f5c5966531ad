//! A line of an import, as JSON, to a hotel: checked field by field, with a JSON pointer for whatever is wrong.
//!
//! The demo loader and the REST API read the same lines.

mod read;

use std::collections::BTreeSet;

use contracts::{
    Cancellation, Currency, HotelId, HotelProfile, RatePlanId, RatePlanProfile, RoomTypeId, RoomTypeProfile,
    Season, TaxRule,
};

use crate::zone;

/// Room types of a hotel at most.
pub const ROOM_TYPES_MAX: usize = 50;
/// Rate plans of a room type at most.
pub const RATE_PLANS_MAX: usize = 20;
/// Taxes of a hotel at most.
pub const TAXES_MAX: usize = 10;
/// Amenities of a hotel at most.
pub const AMENITIES_MAX: usize = 60;
/// Photos of a hotel at most.
pub const PHOTOS_MAX: usize = 20;
/// Rooms of a type at most.
pub const ROOMS_PER_TYPE_MAX: u32 = 100_000;
/// Minor units of a rate plan at most.
pub const AMOUNT_MAX: i64 = 1_000_000_000_000;
/// Bytes of a line at most.
pub const LINE_BYTES_MAX: usize = 256 * 1024;

/// What is wrong with a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// A JSON pointer, such as `/room_types/0/rooms`.
    pub pointer: String,
    /// A sentence. It never repeats what was given.
    pub why: String,
}

/// An import line.
#[derive(Debug, Clone)]
pub struct Line {
    /// The owner's own name for the hotel, 1 to 100 characters.
    pub reference: String,
    /// As guests know it.
    pub name: String,
    /// The city's name.
    pub city: String,
    /// ISO 3166-1 alpha-2.
    pub country: String,
    /// Street and number.
    pub address: String,
    /// Degrees north.
    pub latitude: f64,
    /// Degrees east.
    pub longitude: f64,
    /// IANA name.
    pub time_zone: String,
    /// 0 to 5.
    pub stars: u8,
    /// Guests' rating, 0 to 10.
    pub rating: f64,
    /// Plain text.
    pub description: String,
    /// Short words.
    pub amenities: Vec<String>,
    /// ISO 4217.
    pub currency: String,
    /// Mandatory taxes and fees.
    pub taxes: Vec<Tax>,
    /// Where the hotel wants its mail.
    pub email: Option<String>,
    /// Addresses of photos, `https` only.
    pub photos: Vec<String>,
    /// What can be booked.
    pub room_types: Vec<RoomType>,
    /// Whether it is bookable.
    pub active: bool,
}

/// A tax of a line.
#[derive(Debug, Clone)]
pub struct Tax {
    /// As shown.
    pub name: String,
    /// 0 to 100, with at most two decimals.
    pub percent: f64,
    /// Whether prices already include it.
    pub included: bool,
}

/// A room type of a line.
#[derive(Debug, Clone)]
pub struct RoomType {
    /// As guests know it.
    pub name: String,
    /// Guests that one room takes.
    pub sleeps: u8,
    /// How many there are.
    pub rooms: u32,
    /// At what conditions.
    pub rate_plans: Vec<RatePlan>,
    /// How prices move over the year and the week; none: not at all.
    pub season: Option<SeasonLine>,
    /// Whether it is on sale.
    pub active: bool,
}

/// Factors in thousandths.
#[derive(Debug, Clone)]
pub struct SeasonLine {
    /// January first.
    pub months: [u16; 12],
    /// Monday first.
    pub weekdays: [u16; 7],
}

/// A rate plan of a line.
#[derive(Debug, Clone)]
pub struct RatePlan {
    /// As guests know it.
    pub name: String,
    /// Minor units for a room and a night.
    pub amount: i64,
    /// What cancelling costs.
    pub cancellation: CancellationLine,
    /// Whether it is on sale.
    pub active: bool,
}

/// Conditions of a rate plan.
#[derive(Debug, Clone, Copy)]
pub struct CancellationLine {
    /// Hours before check-in; null: never free.
    pub free_until_hours: Option<u32>,
    /// 0 to 100.
    pub penalty_percent: u8,
}

/// Reads a line of an import.
///
/// # Errors
/// All that is wrong with it; one fault with an empty pointer where it is no such JSON at all.
pub fn hotel_of_json(line: &str) -> Result<HotelProfile, Vec<Fault>> {
    let whole = |why: String| vec![Fault { pointer: String::new(), why }];
    if line.len() > LINE_BYTES_MAX {
        return Err(whole(format!("a line has at most {LINE_BYTES_MAX} bytes")));
    }
    let value = serde_json::from_str(line)
        .map_err(|error| whole(format!("no JSON from column {} on", error.column())))?;
    hotel_of_line(&read::line(value)?)
}

/// Checks a line and makes a hotel of it.
///
/// # Errors
/// All that is wrong with it.
pub fn hotel_of_line(line: &Line) -> Result<HotelProfile, Vec<Fault>> {
    let mut check = Check::default();
    check.text("/reference", &line.reference, 1, 100);
    check.text("/name", &line.name, 1, 120);
    check.text("/city", &line.city, 1, 120);
    check.that("/country", country(&line.country), "two capital letters, such as DE");
    check.text("/address", &line.address, 0, 200);
    check.that("/latitude", (-90.0..=90.0).contains(&line.latitude), "-90 to 90");
    check.that("/longitude", (-180.0..=180.0).contains(&line.longitude), "-180 to 180");
    check.that("/time_zone", zone::exists(&line.time_zone), "an IANA time zone, such as Europe/Berlin");
    check.that("/stars", line.stars <= 5, "0 to 5");
    check.that("/rating", (0.0..=10.0).contains(&line.rating), "0 to 10");
    check.prose("/description", &line.description, 4_000);
    check.that("/amenities", line.amenities.len() <= AMENITIES_MAX, "at most 60");
    for (index, amenity) in line.amenities.iter().enumerate() {
        check.text(&format!("/amenities/{index}"), amenity, 1, 40);
    }
    let currency = line
        .currency
        .parse::<Currency>()
        .ok()
        .filter(|code| iso_currency::Currency::from_code(code.code()).is_some());
    check.that("/currency", currency.is_some(), "an ISO 4217 currency, such as EUR");
    if let Some(email) = &line.email {
        check.that("/email", is_email(email), "a mail address");
    }
    check.that("/photos", line.photos.len() <= PHOTOS_MAX, "at most 20");
    for (index, photo) in line.photos.iter().enumerate() {
        let fine =
            photo.len() <= 500 && photo.starts_with("https://") && !photo.contains(char::is_whitespace);
        check.that(&format!("/photos/{index}"), fine, "an https address of at most 500 characters");
    }
    let taxes = check.taxes(&line.taxes);
    let id = HotelId::of_reference(&line.reference);
    let room_types = check.room_types(id, &line.room_types);
    let Some(currency) = currency.filter(|_| check.faults.is_empty()) else { return Err(check.faults) };
    let amenities: BTreeSet<_> = line.amenities.iter().map(|amenity| amenity.trim().to_lowercase()).collect();
    Ok(HotelProfile {
        id,
        reference: line.reference.clone(),
        name: line.name.trim().to_owned(),
        city: line.city.trim().to_owned(),
        country: line.country.clone(),
        address: line.address.trim().to_owned(),
        latitude: line.latitude,
        longitude: line.longitude,
        time_zone: line.time_zone.clone(),
        stars: line.stars,
        rating_tenths: (line.rating * 10.0).round() as u8,
        description: line.description.trim().to_owned(),
        amenities: amenities.into_iter().collect(),
        currency,
        taxes,
        email: line.email.clone(),
        photos: line.photos.clone(),
        room_types,
        active: line.active,
        demo: false,
    })
}

#[derive(Default)]
struct Check {
    faults: Vec<Fault>,
}

impl Check {
    fn that(&mut self, pointer: &str, fine: bool, why: &str) {
        if !fine {
            self.faults.push(Fault { pointer: pointer.to_owned(), why: why.to_owned() });
        }
    }

    fn text(&mut self, pointer: &str, text: &str, least: usize, most: usize) {
        let length = text.trim().chars().count();
        self.that(pointer, (least..=most).contains(&length), &format!("{least} to {most} characters"));
        self.that(pointer, !text.contains(char::is_control), "no control characters");
    }

    fn prose(&mut self, pointer: &str, text: &str, most: usize) {
        self.that(pointer, text.chars().count() <= most, &format!("at most {most} characters"));
        let control = |letter: char| letter.is_control() && letter != '\n';
        self.that(pointer, !text.contains(control), "no control characters but line ends");
    }

    fn different<'a>(&mut self, pointer: &str, names: impl Iterator<Item = &'a str>) {
        let mut seen = BTreeSet::new();
        for (index, name) in names.enumerate() {
            self.that(
                &format!("{pointer}/{index}/name"),
                seen.insert(name.trim()),
                "this name stands above already",
            );
        }
    }

    fn taxes(&mut self, taxes: &[Tax]) -> Vec<TaxRule> {
        self.that("/taxes", taxes.len() <= TAXES_MAX, "at most 10");
        self.different("/taxes", taxes.iter().map(|tax| tax.name.as_str()));
        let mut rules = Vec::new();
        for (index, tax) in taxes.iter().enumerate() {
            self.text(&format!("/taxes/{index}/name"), &tax.name, 1, 60);
            let basis_points = (tax.percent * 100.0).round();
            let exact = (tax.percent * 100.0 - basis_points).abs() < 1e-6;
            let fine = (0.0..=100.0).contains(&tax.percent) && exact;
            self.that(&format!("/taxes/{index}/percent"), fine, "0 to 100, with at most two decimals");
            let (name, included) = (tax.name.trim().to_owned(), tax.included);
            rules.push(TaxRule { name, basis_points: basis_points.clamp(0.0, 10_000.0) as u32, included });
        }
        rules
    }

    fn room_types(&mut self, hotel: HotelId, room_types: &[RoomType]) -> Vec<RoomTypeProfile> {
        self.that("/room_types", (1..=ROOM_TYPES_MAX).contains(&room_types.len()), "1 to 50");
        self.different("/room_types", room_types.iter().map(|room_type| room_type.name.as_str()));
        let numbered = room_types.iter().enumerate();
        numbered
            .map(|(index, room_type)| self.room_type(&format!("/room_types/{index}"), hotel, room_type))
            .collect()
    }

    fn room_type(&mut self, pointer: &str, hotel: HotelId, room_type: &RoomType) -> RoomTypeProfile {
        self.text(&format!("{pointer}/name"), &room_type.name, 1, 80);
        self.that(&format!("{pointer}/sleeps"), (1..=20).contains(&room_type.sleeps), "1 to 20");
        self.that(&format!("{pointer}/rooms"), room_type.rooms <= ROOMS_PER_TYPE_MAX, "0 to 100000");
        let plans = &room_type.rate_plans;
        self.that(&format!("{pointer}/rate_plans"), (1..=RATE_PLANS_MAX).contains(&plans.len()), "1 to 20");
        self.different(&format!("{pointer}/rate_plans"), plans.iter().map(|plan| plan.name.as_str()));
        let season = room_type
            .season
            .as_ref()
            .map_or(Season::FLAT, |season| Season { months: season.months, weekdays: season.weekdays });
        let factors = season.months.iter().chain(&season.weekdays);
        self.that(
            &format!("{pointer}/season"),
            factors.into_iter().all(|factor| (100..=10_000).contains(factor)),
            "factors of 100 to 10000",
        );
        let id = RoomTypeId::of_name(hotel, room_type.name.trim());
        let numbered = plans.iter().enumerate();
        RoomTypeProfile {
            id,
            name: room_type.name.trim().to_owned(),
            sleeps: room_type.sleeps,
            rooms: room_type.rooms,
            rate_plans: numbered
                .map(|(index, plan)| self.plan(&format!("{pointer}/rate_plans/{index}"), id, plan))
                .collect(),
            season,
            active: room_type.active,
        }
    }

    fn plan(&mut self, pointer: &str, room_type: RoomTypeId, plan: &RatePlan) -> RatePlanProfile {
        self.text(&format!("{pointer}/name"), &plan.name, 1, 80);
        self.that(
            &format!("{pointer}/amount"),
            (0..=AMOUNT_MAX).contains(&plan.amount),
            "0 to 1000000000000 minor units",
        );
        let CancellationLine { free_until_hours, penalty_percent } = plan.cancellation;
        let hours = free_until_hours.is_none_or(|hours| hours <= 24 * 365);
        self.that(&format!("{pointer}/cancellation/free_until_hours"), hours, "0 to 8760, or null");
        self.that(&format!("{pointer}/cancellation/penalty_percent"), penalty_percent <= 100, "0 to 100");
        RatePlanProfile {
            id: RatePlanId::of_name(room_type, plan.name.trim()),
            name: plan.name.trim().to_owned(),
            amount: plan.amount,
            cancellation: Cancellation { free_until_hours, penalty_percent },
            active: plan.active,
        }
    }
}

fn country(text: &str) -> bool {
    text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_uppercase())
}

/// One `@`, something on both sides, nothing that could end a header: the mail server knows the rest.
pub(crate) fn is_email(text: &str) -> bool {
    let odd = |letter: char| letter.is_whitespace() || letter.is_control() || "<>,;\"".contains(letter);
    let parts = text.split_once('@');
    text.len() <= 254
        && !text.contains(odd)
        && parts.is_some_and(|(name, host)| {
            !name.is_empty() && host.contains('.') && !host.contains('@') && !host.ends_with('.')
        })
}

#[cfg(test)]
mod tests {
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
    fn a_good_line_is_a_hotel() {
        let hotel = hotel_of_json(&good().to_string()).unwrap();
        assert_eq!(hotel.id, HotelId::of_reference("grand"));
        assert_eq!(hotel.amenities, ["pool", "wifi"]);
        assert_eq!(hotel.taxes[0].basis_points, 750);
        assert_eq!(hotel.room_types[0].id, RoomTypeId::of_name(hotel.id, "Double"));
        assert_eq!(hotel.room_types[0].rate_plans[0].cancellation.free_until_hours, Some(24));
        assert!(hotel.active && !hotel.demo);
    }

    #[test]
    fn each_wrong_field_is_pointed_to() {
        let room = |change: fn(&mut Value)| {
            let mut room = good()["room_types"][0].clone();
            change(&mut room);
            json!([room])
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
    fn what_is_no_line_is_said_without_repeating_it() {
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
