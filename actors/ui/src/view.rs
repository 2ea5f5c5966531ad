//! Data of templates that several pages share.

use std::collections::BTreeMap;

use contracts::reservations::{Policy, Quote};
use contracts::{Date, HotelProfile};
use protocol::Timestamp;
use serde::Serialize;

use crate::format::{self, Locale, amount, count};
use crate::picture::{Picture, PictureSource, of_hotel};

/// A form: the values as typed, errors by field, and an error of the form as a whole.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Form {
    pub values: BTreeMap<&'static str, String>,
    pub errors: BTreeMap<&'static str, String>,
    pub failure: Option<FormFailure>,
}

/// An error of the form as a whole.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct FormFailure {
    pub title: String,
    pub text: String,
}

impl Form {
    /// An empty form. It has an entry for each field, because templates access fields by name.
    pub fn of(names: &[&'static str]) -> Self {
        let empty = |name: &&'static str| (*name, String::new());
        Self {
            values: names.iter().map(empty).collect(),
            errors: names.iter().map(empty).collect(),
            failure: None,
        }
    }

    /// A form with the submitted values.
    pub fn typed(names: &[&'static str], fields: &crate::context::Fields) -> Self {
        let mut form = Self::of(names);
        for (name, value) in &mut form.values {
            *value = fields.get(name).to_owned();
        }
        form
    }

    /// Sets the error of a field.
    pub fn field_error(&mut self, name: &'static str, why: impl Into<String>) {
        self.errors.insert(name, why.into());
    }

    /// Sets the error of the form as a whole.
    pub fn fail(&mut self, title: &str, text: &str) {
        self.failure = Some(FormFailure { title: title.to_owned(), text: text.to_owned() });
    }

    /// Whether there are no errors.
    pub fn is_valid(&self) -> bool {
        self.failure.is_none() && self.errors.values().all(String::is_empty)
    }
}

/// A hotel with data of its city.
#[derive(Debug, Clone)]
pub(crate) struct HotelView {
    pub profile: HotelProfile,
    pub population: u32,
    pub country: String,
    pub distance_metres: Option<u32>,
}

impl HotelView {
    /// The hotel's picture.
    pub fn picture(&self, now: Timestamp, wide: bool) -> Picture {
        let source = PictureSource {
            hotel: self.profile.id,
            name: &self.profile.name,
            stars: self.profile.stars,
            latitude: self.profile.latitude,
            population: self.population,
            time_zone: &self.profile.time_zone,
            photos: &self.profile.photos,
        };
        of_hotel(&source, now, wide)
    }

    /// Street, city and country.
    pub fn place(&self) -> String {
        let parts = [self.profile.address.as_str(), &self.profile.city, &self.country];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
    }
}

/// A stay with its price, for the checkout and for bookings.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Stay {
    pub hotel: String,
    pub hotel_href: String,
    pub stars: u8,
    #[serde(rename = "where")]
    pub place: String,
    pub picture: Picture,
    pub room: String,
    pub people: String,
    pub arrive: String,
    pub leave: String,
    pub nights: String,
    pub price: Price,
    pub terms: String,
}

/// A price breakdown.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Price {
    pub lines: Vec<PriceLine>,
    pub taxes: Vec<PriceLine>,
    pub total: String,
    pub total_label: &'static str,
}

/// A line of a price breakdown.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct PriceLine {
    pub text: String,
    pub amount: String,
    pub included: bool,
}

impl Stay {
    /// The stay of a quote.
    pub fn of(quote: &Quote, hotel: &HotelView, locale: Locale, now: Timestamp) -> Self {
        let rooms = if quote.rooms == 1 { String::new() } else { format!("{} × ", quote.rooms) };
        Self {
            hotel: hotel.profile.name.clone(),
            hotel_href: format!(
                "/hotels/{}?check_in={}&check_out={}&guests={}&rooms={}",
                quote.hotel,
                quote.stay.check_in(),
                quote.stay.check_out(),
                quote.guests,
                quote.rooms
            ),
            stars: hotel.profile.stars,
            place: hotel.place(),
            picture: hotel.picture(now, false),
            room: format!("{rooms}{}, {}", quote.room_name, quote.plan_name),
            people: format!("{}, {}", count(quote.guests, "guest"), count(quote.rooms, "room")),
            arrive: format::day(locale, quote.stay.check_in()),
            leave: format::day(locale, quote.stay.check_out()),
            nights: count(quote.stay.length(), "night"),
            price: Price::of(quote, locale),
            terms: terms(quote.policy, quote.penalty(), quote, hotel, locale, now),
        }
    }
}

impl Price {
    fn of(quote: &Quote, locale: Locale) -> Self {
        let line = |text: String, sum: i64, included| PriceLine {
            text,
            amount: amount(locale, sum, quote.currency),
            included,
        };
        let nights: Vec<_> = quote.priced_nights().collect();
        let lines = group_nights(&nights).into_iter().map(|(first, last, price)| {
            let length = last.0 - first.0 + 1;
            let text = if length == 1 {
                format!("Night of {}", format::day_month(locale, first))
            } else {
                format!(
                    "{} from {}, {} each",
                    count(length, "night"),
                    format::day_month(locale, first),
                    amount(locale, price, quote.currency)
                )
            };
            line(text, price.saturating_mul(i64::from(length)), false)
        });
        let tax = |tax: &contracts::pricing::TaxAmount| {
            let text = if tax.included { format!("of which {}", tax.name) } else { tax.name.clone() };
            line(text, tax.amount, tax.included)
        };
        Self {
            lines: lines.collect(),
            taxes: quote
                .taxes
                .iter()
                .filter(|tax| !tax.included)
                .chain(quote.taxes.iter().filter(|tax| tax.included))
                .map(tax)
                .collect(),
            total: amount(locale, quote.total, quote.currency),
            total_label: "Total",
        }
    }
}

/// Groups consecutive nights with the same price: first night, last night, price.
fn group_nights(nights: &[(Date, i64)]) -> Vec<(Date, Date, i64)> {
    let mut groups: Vec<(Date, Date, i64)> = Vec::new();
    for (night, price) in nights {
        match groups.last_mut() {
            Some((_, last, same)) if same == price => *last = *night,
            Some(_) | None => groups.push((*night, *night, *price)),
        }
    }
    groups
}

/// The text of a cancellation policy at this time.
pub(crate) fn terms(
    policy: Policy,
    penalty: i64,
    quote: &Quote,
    hotel: &HotelView,
    locale: Locale,
    now: Timestamp,
) -> String {
    let zone = &hotel.profile.time_zone;
    let kept = match policy.penalty_percent {
        0 => "nothing".to_owned(),
        100 => "the whole amount".to_owned(),
        _ => amount(locale, penalty, quote.currency),
    };
    match policy.free_until {
        Some(until) if until > now && penalty > 0 => format!(
            "Cancel free of charge until {} ({} time). After that, the hotel keeps {kept}.",
            format::deadline(locale, until, zone, now),
            format::zone_city(zone)
        ),
        _ if penalty == 0 => format!(
            "Cancel free of charge until {} ({} time).",
            format::deadline(locale, policy.guest_until, zone, now),
            format::zone_city(zone)
        ),
        Some(_) | None => format!("If you cancel, the hotel keeps {kept}."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn consecutive_nights_with_one_price_are_one_line() {
        let nights = [(Date(1), 5), (Date(2), 5), (Date(3), 7), (Date(4), 5)];
        let grouped = group_nights(&nights);
        assert_eq!(grouped, [(Date(1), Date(2), 5), (Date(3), Date(3), 7), (Date(4), Date(4), 5)]);
    }

    #[test]
    fn a_form_keeps_the_submitted_values() {
        let fields =
            crate::context::Fields(vec![("name".into(), " Ada ".into()), ("other".into(), "x".into())]);
        let mut form = Form::typed(&["name", "email"], &fields);
        assert_eq!((form.values["name"].as_str(), form.values["email"].as_str()), ("Ada", ""));
        assert!(form.is_valid());
        form.field_error("email", "is required");
        assert!(!form.is_valid());
    }
}
