//! Reads JSON field by field, so that every missing, unknown or mistyped field is reported with its pointer.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::Fault;
use super::input::{CancellationRule, NewHotel, NewRatePlan, NewRoomType, SeasonFactors, TaxRule};

/// Reads an import line.
///
/// # Errors
/// Every field that is missing, unknown or of the wrong type.
pub(super) fn line(value: Value) -> Result<NewHotel, Vec<Fault>> {
    let mut faults = Vec::new();
    let line = Fields::of(value, "", &mut faults).map(|mut fields| {
        let taxes = fields.list("taxes", false, tax);
        let room_types = fields.list("room_types", true, room_type);
        let line = NewHotel {
            reference: fields.required("reference"),
            name: fields.required("name"),
            city: fields.required("city"),
            country: fields.required("country"),
            address: fields.or_default("address"),
            latitude: fields.required("latitude"),
            longitude: fields.required("longitude"),
            time_zone: fields.required("time_zone"),
            stars: fields.or_default("stars"),
            rating: fields.or_default("rating"),
            description: fields.or_default("description"),
            amenities: fields.or_default("amenities"),
            currency: fields.required("currency"),
            taxes,
            email: fields.or_default("email"),
            photos: fields.or_default("photos"),
            room_types,
            active: fields.optional("active").unwrap_or(true),
        };
        fields.end();
        line
    });
    match line {
        Some(line) if faults.is_empty() => Ok(line),
        Some(_) | None => Err(faults),
    }
}

fn tax(mut fields: Fields<'_>) -> TaxRule {
    let tax = TaxRule {
        name: fields.required("name"),
        percent: fields.required("percent"),
        included: fields.or_default("included"),
    };
    fields.end();
    tax
}

fn room_type(mut fields: Fields<'_>) -> NewRoomType {
    let rate_plans = fields.list("rate_plans", true, rate_plan);
    let season = fields.object("season", |mut fields| {
        let (months, weekdays): ([u16; 12], [u16; 7]) =
            (fields.required("months"), fields.required("weekdays"));
        let season = SeasonFactors { months: months.to_vec(), weekdays: weekdays.to_vec() };
        fields.end();
        season
    });
    let room_type = NewRoomType {
        reference: fields.optional("reference"),
        name: fields.required("name"),
        sleeps: fields.required("sleeps"),
        rooms: fields.required("rooms"),
        rate_plans,
        season,
        active: fields.optional("active").unwrap_or(true),
    };
    fields.end();
    room_type
}

fn rate_plan(mut fields: Fields<'_>) -> NewRatePlan {
    let cancellation = fields.object("cancellation", |mut fields| {
        let cancellation = CancellationRule {
            free_until_hours: fields.or_default("free_until_hours"),
            penalty_percent: fields.required("penalty_percent"),
        };
        fields.end();
        cancellation
    });
    if cancellation.is_none() {
        fields.fault("cancellation", "an object with free_until_hours and penalty_percent");
    }
    let plan = NewRatePlan {
        reference: fields.optional("reference"),
        name: fields.required("name"),
        amount: fields.required("amount"),
        cancellation: cancellation.unwrap_or(CancellationRule { free_until_hours: None, penalty_percent: 0 }),
        active: fields.optional("active").unwrap_or(true),
    };
    fields.end();
    plan
}

/// The fields of an object that have not been read yet.
struct Fields<'a> {
    map: Map<String, Value>,
    /// The JSON pointer of the object.
    pointer: String,
    faults: &'a mut Vec<Fault>,
}

impl<'a> Fields<'a> {
    fn of(value: Value, pointer: &str, faults: &'a mut Vec<Fault>) -> Option<Self> {
        match value {
            Value::Object(map) => Some(Self { map, pointer: pointer.to_owned(), faults }),
            _ => {
                faults.push(Fault { pointer: pointer.to_owned(), why: "a JSON object".to_owned() });
                None
            }
        }
    }

    fn fault(&mut self, name: &str, why: &str) {
        // Escaped after RFC 6901, because unknown fields can have any name.
        let name: String = name.replace('~', "~0").replace('/', "~1").chars().take(60).collect();
        self.faults.push(Fault { pointer: format!("{}/{name}", self.pointer), why: why.to_owned() });
    }

    /// `None` if the field is absent or null, or of the wrong type, which is a fault.
    fn optional<T: DeserializeOwned>(&mut self, name: &str) -> Option<T> {
        let value = self.map.remove(name).filter(|value| !value.is_null())?;
        let read = serde_json::from_value(value).ok();
        if read.is_none() {
            self.fault(name, "not a value of the right type, or out of bounds");
        }
        read
    }

    fn or_default<T: DeserializeOwned + Default>(&mut self, name: &str) -> T {
        self.optional(name).unwrap_or_default()
    }

    /// A default if the field is missing, so that the rest is read too; the fault rejects the line.
    fn required<T: DeserializeOwned + Default>(&mut self, name: &str) -> T {
        if self.map.get(name).is_none_or(Value::is_null) {
            self.map.remove(name);
            self.fault(name, "missing");
            return T::default();
        }
        self.or_default(name)
    }

    fn object<T>(&mut self, name: &str, read: impl FnOnce(Fields<'_>) -> T) -> Option<T> {
        let value = self.map.remove(name).filter(|value| !value.is_null())?;
        Fields::of(value, &format!("{}/{name}", self.pointer), self.faults).map(read)
    }

    fn list<T>(&mut self, name: &str, required: bool, read: impl Fn(Fields<'_>) -> T) -> Vec<T> {
        let items = match self.map.remove(name) {
            Some(Value::Array(items)) => items,
            None | Some(Value::Null) if !required => return Vec::new(),
            None | Some(Value::Null) => {
                self.fault(name, "missing");
                return Vec::new();
            }
            Some(_) => {
                self.fault(name, "a list");
                return Vec::new();
            }
        };
        // More than any bound.
        let numbered = items.into_iter().take(200).enumerate();
        let at = |index: usize| format!("{}/{name}/{index}", self.pointer);
        numbered.filter_map(|(index, item)| Fields::of(item, &at(index), self.faults).map(&read)).collect()
    }

    /// Reports the fields that are left: an unknown field is more likely a typing error than meant to be ignored.
    fn end(mut self) {
        let left: Vec<String> = self.map.keys().take(5).cloned().collect();
        for name in left {
            self.fault(&name, "unknown field");
        }
    }
}
