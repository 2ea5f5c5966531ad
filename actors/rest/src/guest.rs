//! Guests and addresses.

use edge::ApiError;
use poem_openapi::Object;
use serde::Serialize;

/// The guest of a reservation.
#[derive(Clone, PartialEq, Eq, Object, Serialize)]
pub struct Guest {
    /// The full name, as on the passport.
    #[oai(validator(min_length = 1, max_length = 120))]
    pub name: String,
    /// The email address, to which the confirmation and the receipt are sent.
    #[oai(validator(min_length = 3, max_length = 254))]
    pub email: String,
    /// The phone number for the hotel, with country code.
    #[oai(skip_serializing_if_is_none, validator(max_length = 32))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
}

impl std::fmt::Debug for Guest {
    // Personal data must not be logged.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Guest")
    }
}

impl From<contracts::reservations::Guest> for Guest {
    fn from(guest: contracts::reservations::Guest) -> Self {
        Self { name: guest.name, email: guest.email, phone: guest.phone }
    }
}

impl From<Guest> for contracts::reservations::Guest {
    fn from(guest: Guest) -> Self {
        Self { name: guest.name, email: guest.email, phone: guest.phone }
    }
}

impl Guest {
    /// Trims and validates the fields; `pointer` is the guest's position in the body (`/guest`).
    ///
    /// # Errors
    /// 400 that names the field.
    pub fn checked(self, pointer: &str) -> Result<Self, ApiError> {
        let wrong = |field: &str, detail: &str| Err(ApiError::invalid(format!("{pointer}/{field}"), detail));
        let trimmed = |text: &str| text.trim().to_owned();
        let guest = Self {
            name: trimmed(&self.name),
            email: trimmed(&self.email),
            phone: self.phone.as_deref().map(trimmed).filter(|phone| !phone.is_empty()),
        };
        if guest.name.is_empty() {
            return wrong("name", "missing");
        }
        if guest.name.chars().any(char::is_control) {
            return wrong("name", "contains control characters");
        }
        if !is_email(&guest.email) {
            return wrong("email", "not a valid email address");
        }
        let is_phone_character = |letter: char| letter.is_ascii_digit() || "+ ()-./".contains(letter);
        match &guest.phone {
            Some(phone)
                if !phone.chars().all(is_phone_character)
                    || !phone.chars().any(|letter| letter.is_ascii_digit()) =>
            {
                wrong("phone", "not a valid phone number")
            }
            _ => Ok(guest),
        }
    }
}

/// Whether the text is a valid email address: `local@domain` in ASCII, without spaces, control characters or quotes.
fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let is_local_valid = (1..=64).contains(&local.len())
        && local.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+/=?^_`{|}~-.".contains(&byte))
        && !local.starts_with('.')
        && !local.ends_with('.')
        && !local.contains("..");
    let is_label_valid = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    is_local_valid && domain.len() <= 253 && domain.contains('.') && domain.split('.').all(is_label_valid)
}

/// The address of a hotel.
#[derive(Debug, Clone, PartialEq, Object, Serialize)]
pub struct Address {
    /// The street and number, if known.
    #[oai(validator(max_length = 200))]
    pub street: String,
    /// The name of the city.
    #[oai(validator(min_length = 1, max_length = 120))]
    pub city: String,
    /// The country code (ISO 3166-1 alpha-2), such as `PL`.
    #[oai(validator(pattern = "^[A-Z]{2}$", max_length = 2))]
    pub country: String,
    /// The latitude, in degrees north.
    #[oai(validator(minimum(value = "-90"), maximum(value = "90")))]
    pub latitude: f64,
    /// The longitude, in degrees east.
    #[oai(validator(minimum(value = "-180"), maximum(value = "180")))]
    pub longitude: f64,
}

impl From<&contracts::HotelProfile> for Address {
    fn from(hotel: &contracts::HotelProfile) -> Self {
        Self {
            street: hotel.address.clone(),
            city: hotel.city.clone(),
            country: hotel.country.clone(),
            latitude: hotel.latitude,
            longitude: hotel.longitude,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_guests_are_refused() {
        let check = |name: &str, email: &str, phone: Option<&str>| {
            let guest =
                Guest { name: name.to_owned(), email: email.to_owned(), phone: phone.map(str::to_owned) };
            guest.checked("/guest").map_err(|error| error.problem().errors()[0].pointer.clone())
        };
        let valid = check(" Łukasz Żółć ", "l.z+x@example.org ", Some("+48 (12) 345-67-89")).unwrap();
        assert_eq!((valid.name.as_str(), valid.email.as_str()), ("Łukasz Żółć", "l.z+x@example.org"));
        assert_eq!(check("A", "a@b.example", Some(" ")).unwrap().phone, None);
        for (name, email, phone, field) in [
            ("  ", "a@b.example", None, "/guest/name"),
            ("A\r\nBcc: x", "a@b.example", None, "/guest/name"),
            ("A", "a", None, "/guest/email"),
            ("A", "a@b", None, "/guest/email"),
            ("A", "a b@c.example", None, "/guest/email"),
            ("A", "a@-b.example", None, "/guest/email"),
            ("A", "a..b@c.example", None, "/guest/email"),
            ("A", "a@b.example\nBcc: c@d.example", None, "/guest/email"),
            ("A", "a@b.example", Some("call me"), "/guest/phone"),
            ("A", "a@b.example", Some("+"), "/guest/phone"),
        ] {
            assert_eq!(check(name, email, phone), Err(field.to_owned()), "{name} {email} {phone:?}");
        }
    }
}
