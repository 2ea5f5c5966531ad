//! Validation of a hotel's description: every invalid field is reported with a JSON pointer.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use contracts::{
    Cancellation, Currency, HotelId, HotelProfile, RatePlanId, RatePlanProfile, RoomTypeId, RoomTypeProfile,
    Season,
};

use super::Fault;
use super::input::{CancellationRule, NewHotel, NewRatePlan, NewRoomType, SeasonFactors, TaxRule};
use crate::limits::{RATE_PLANS_MAX, ROOM_TYPES_MAX};
use crate::zone;

static CITIES: LazyLock<gazetteer::Cities> = LazyLock::new(gazetteer::Cities::new);

const TAXES_MAX: usize = 10;
const AMENITIES_MAX: usize = 60;
const PHOTOS_MAX: usize = 20;
const ROOMS_PER_TYPE_MAX: u32 = 100_000;
/// The highest price of a rate plan, in minor units.
const AMOUNT_MAX: i64 = 1_000_000_000_000;

/// Validates the description of a new or imported hotel.
///
/// # Errors
/// Every invalid field; a city that is unknown or far from the coordinates.
pub(crate) fn validate(new: &NewHotel) -> Result<HotelProfile, Vec<Fault>> {
    let mut check = Check::default();
    let valid_coordinates =
        (-90.0..=90.0).contains(&new.latitude) && (-180.0..=180.0).contains(&new.longitude);
    if is_country(&new.country) && valid_coordinates && !new.city.trim().is_empty() {
        check.location(new);
    }
    let details = check.details(new);
    let room_types = check.room_types(HotelId::of_reference(&new.reference), &new.room_types);
    let details = check.result(details)?;
    Ok(HotelProfile { room_types, ..details })
}

/// Validates the description of a hotel after a change, without its room types. Its location cannot be changed and is not
/// checked again.
///
/// # Errors
/// Every invalid field.
pub(crate) fn validate_details(new: &NewHotel) -> Result<HotelProfile, Vec<Fault>> {
    let mut check = Check::default();
    let details = check.details(new);
    check.result(details)
}

/// Validates the description of a room type.
///
/// # Errors
/// Every invalid field.
pub(crate) fn validate_room_type(hotel: HotelId, new: &NewRoomType) -> Result<RoomTypeProfile, Vec<Fault>> {
    let mut check = Check::default();
    let room_type = check.room_type("", hotel, new);
    check.result(Some(room_type))
}

/// Validates the description of a room type without its rate plans.
///
/// # Errors
/// Every invalid field.
pub(crate) fn validate_room_type_details(
    hotel: HotelId,
    new: &NewRoomType,
) -> Result<RoomTypeProfile, Vec<Fault>> {
    let mut check = Check::default();
    let room_type = check.room_type_details("", hotel, new);
    check.result(Some(room_type))
}

#[derive(Default)]
struct Check {
    faults: Vec<Fault>,
}

impl Check {
    /// The value, if there are no faults.
    fn result<T>(self, value: Option<T>) -> Result<T, Vec<Fault>> {
        value.filter(|_| self.faults.is_empty()).ok_or(self.faults)
    }

    fn details(&mut self, new: &NewHotel) -> Option<HotelProfile> {
        let check = self;
        check.text("/reference", &new.reference, 1, 100);
        check.text("/name", &new.name, 1, 120);
        check.text("/city", &new.city, 1, 120);
        check.that("/country", is_country(&new.country), "two capital letters, such as DE");
        check.text("/address", &new.address, 0, 200);
        check.that("/latitude", (-90.0..=90.0).contains(&new.latitude), "-90 to 90");
        check.that("/longitude", (-180.0..=180.0).contains(&new.longitude), "-180 to 180");
        check.that("/time_zone", zone::exists(&new.time_zone), "an IANA time zone, such as Europe/Berlin");
        check.that("/stars", new.stars <= 5, "0 to 5");
        check.that("/rating", (0.0..=10.0).contains(&new.rating), "0 to 10");
        check.prose("/description", &new.description, 4_000);
        check.that("/amenities", new.amenities.len() <= AMENITIES_MAX, "at most 60");
        for (index, amenity) in new.amenities.iter().enumerate() {
            check.text(&format!("/amenities/{index}"), amenity, 1, 40);
        }
        let currency = new
            .currency
            .parse::<Currency>()
            .ok()
            .filter(|code| iso_currency::Currency::from_code(code.code()).is_some());
        check.that("/currency", currency.is_some(), "an ISO 4217 currency, such as EUR");
        if let Some(email) = &new.email {
            check.that("/email", is_email(email), "a mail address");
        }
        check.that("/photos", new.photos.len() <= PHOTOS_MAX, "at most 20");
        for (index, photo) in new.photos.iter().enumerate() {
            let valid =
                photo.len() <= 500 && photo.starts_with("https://") && !photo.contains(char::is_whitespace);
            check.that(&format!("/photos/{index}"), valid, "an https address of at most 500 characters");
        }
        let taxes = check.taxes(&new.taxes);
        let amenities: BTreeSet<_> =
            new.amenities.iter().map(|amenity| amenity.trim().to_lowercase()).collect();
        Some(HotelProfile {
            id: HotelId::of_reference(&new.reference),
            reference: new.reference.clone(),
            name: new.name.trim().to_owned(),
            city: new.city.trim().to_owned(),
            country: new.country.clone(),
            address: new.address.trim().to_owned(),
            latitude: new.latitude,
            longitude: new.longitude,
            time_zone: new.time_zone.clone(),
            stars: new.stars,
            rating_tenths: (new.rating * 10.0).round() as u8,
            description: new.description.trim().to_owned(),
            amenities: amenities.into_iter().collect(),
            currency: currency?,
            taxes,
            email: new.email.clone(),
            photos: new.photos.clone(),
            room_types: Vec::new(),
            active: new.active,
            demo: false,
        })
    }

    fn location(&mut self, new: &NewHotel) {
        let checked = CITIES.check_location(&new.city, &new.country, new.latitude, new.longitude);
        if let Err(error) = checked {
            self.that("/city", false, &error.to_string());
        }
    }

    fn that(&mut self, pointer: &str, valid: bool, why: &str) {
        if !valid {
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

    fn unique_names<'a>(&mut self, pointer: &str, names: impl Iterator<Item = &'a str>) {
        let mut seen = BTreeSet::new();
        for (index, name) in names.enumerate() {
            self.that(
                &format!("{pointer}/{index}/name"),
                seen.insert(name.trim()),
                "this name is used above",
            );
        }
    }

    fn unique_references<'a>(&mut self, pointer: &str, references: impl Iterator<Item = &'a Option<String>>) {
        let mut seen = BTreeSet::new();
        for (index, reference) in references.enumerate() {
            let Some(reference) = reference else { continue };
            let at = format!("{pointer}/{index}/reference");
            self.that(&at, seen.insert(reference.trim()), "this reference is used above");
        }
    }

    fn taxes(&mut self, taxes: &[TaxRule]) -> Vec<contracts::TaxRule> {
        self.that("/taxes", taxes.len() <= TAXES_MAX, "at most 10");
        self.unique_names("/taxes", taxes.iter().map(|tax| tax.name.as_str()));
        let mut rules = Vec::new();
        for (index, tax) in taxes.iter().enumerate() {
            self.text(&format!("/taxes/{index}/name"), &tax.name, 1, 60);
            let basis_points = (tax.percent * 100.0).round();
            let exact = (tax.percent * 100.0 - basis_points).abs() < 1e-6;
            let valid = (0.0..=100.0).contains(&tax.percent) && exact;
            self.that(&format!("/taxes/{index}/percent"), valid, "0 to 100, with at most two decimals");
            let (name, included) = (tax.name.trim().to_owned(), tax.included);
            rules.push(contracts::TaxRule {
                name,
                basis_points: basis_points.clamp(0.0, 10_000.0) as u32,
                included,
            });
        }
        rules
    }

    fn room_types(&mut self, hotel: HotelId, room_types: &[NewRoomType]) -> Vec<RoomTypeProfile> {
        self.that("/room_types", (1..=ROOM_TYPES_MAX).contains(&room_types.len()), "1 to 50");
        self.unique_names("/room_types", room_types.iter().map(|room_type| room_type.name.as_str()));
        self.unique_references("/room_types", room_types.iter().map(|room_type| &room_type.reference));
        let numbered = room_types.iter().enumerate();
        numbered
            .map(|(index, room_type)| self.room_type(&format!("/room_types/{index}"), hotel, room_type))
            .collect()
    }

    fn room_type(&mut self, pointer: &str, hotel: HotelId, room_type: &NewRoomType) -> RoomTypeProfile {
        let details = self.room_type_details(pointer, hotel, room_type);
        let plans = &room_type.rate_plans;
        self.that(&format!("{pointer}/rate_plans"), (1..=RATE_PLANS_MAX).contains(&plans.len()), "1 to 20");
        self.unique_names(&format!("{pointer}/rate_plans"), plans.iter().map(|plan| plan.name.as_str()));
        self.unique_references(&format!("{pointer}/rate_plans"), plans.iter().map(|plan| &plan.reference));
        let numbered = plans.iter().enumerate();
        let plan = |(index, plan)| self.plan(&format!("{pointer}/rate_plans/{index}"), details.id, plan);
        RoomTypeProfile { rate_plans: numbered.map(plan).collect(), ..details }
    }

    fn room_type_details(
        &mut self,
        pointer: &str,
        hotel: HotelId,
        room_type: &NewRoomType,
    ) -> RoomTypeProfile {
        self.text(&format!("{pointer}/name"), &room_type.name, 1, 80);
        self.that(&format!("{pointer}/sleeps"), (1..=20).contains(&room_type.sleeps), "1 to 20");
        self.that(&format!("{pointer}/rooms"), room_type.rooms <= ROOMS_PER_TYPE_MAX, "0 to 100000");
        let season = self.season(&format!("{pointer}/season"), room_type.season.as_ref());
        if let Some(reference) = &room_type.reference {
            self.text(&format!("{pointer}/reference"), reference, 1, 100);
        }
        let name = room_type.name.trim().to_owned();
        let reference = room_type.reference.as_ref().map(|reference| reference.trim().to_owned());
        RoomTypeProfile {
            id: match &reference {
                Some(reference) => RoomTypeId::of_reference(hotel, reference),
                None => RoomTypeId::of_name(hotel, &name),
            },
            name,
            sleeps: room_type.sleeps,
            rooms: room_type.rooms,
            rate_plans: Vec::new(),
            season,
            active: room_type.active,
            reference,
        }
    }

    fn season(&mut self, pointer: &str, factors: Option<&SeasonFactors>) -> Season {
        let Some(factors) = factors else { return Season::FLAT };
        let months = <[u16; 12]>::try_from(factors.months.as_slice());
        let weekdays = <[u16; 7]>::try_from(factors.weekdays.as_slice());
        let in_bounds =
            factors.months.iter().chain(&factors.weekdays).all(|factor| (100..=10_000).contains(factor));
        let valid = in_bounds && months.is_ok() && weekdays.is_ok();
        self.that(pointer, valid, "factors of 100 to 10000");
        Season {
            months: months.unwrap_or(Season::FLAT.months),
            weekdays: weekdays.unwrap_or(Season::FLAT.weekdays),
        }
    }

    fn plan(&mut self, pointer: &str, room_type: RoomTypeId, plan: &NewRatePlan) -> RatePlanProfile {
        self.text(&format!("{pointer}/name"), &plan.name, 1, 80);
        if let Some(reference) = &plan.reference {
            self.text(&format!("{pointer}/reference"), reference, 1, 100);
        }
        self.that(
            &format!("{pointer}/amount"),
            (0..=AMOUNT_MAX).contains(&plan.amount),
            "0 to 1000000000000 minor units",
        );
        let CancellationRule { free_until_hours, penalty_percent } = plan.cancellation;
        let hours = free_until_hours.is_none_or(|hours| hours <= 24 * 365);
        self.that(&format!("{pointer}/cancellation/free_until_hours"), hours, "0 to 8760, or null");
        self.that(&format!("{pointer}/cancellation/penalty_percent"), penalty_percent <= 100, "0 to 100");
        let name = plan.name.trim().to_owned();
        let reference = plan.reference.as_ref().map(|reference| reference.trim().to_owned());
        RatePlanProfile {
            id: match &reference {
                Some(reference) => RatePlanId::of_reference(room_type, reference),
                None => RatePlanId::of_name(room_type, &name),
            },
            name,
            amount: plan.amount,
            cancellation: Cancellation { free_until_hours, penalty_percent },
            active: plan.active,
            reference,
        }
    }
}

fn is_country(text: &str) -> bool {
    text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_uppercase())
}

/// Exactly one `@`, text on both sides, and no characters that could inject mail headers. The mail server checks the rest.
fn is_email(text: &str) -> bool {
    let forbidden = |letter: char| letter.is_whitespace() || letter.is_control() || "<>,;\"".contains(letter);
    let parts = text.split_once('@');
    text.len() <= 254
        && !text.contains(forbidden)
        && parts.is_some_and(|(name, host)| {
            !name.is_empty() && host.contains('.') && !host.contains('@') && !host.ends_with('.')
        })
}
