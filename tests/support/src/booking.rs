//! Booking steps that most tests share: offers, holds and payments.

use jiff::ToSpan;
use serde_json::{Value, json};

use crate::caller::Caller;

/// The UTC date `days` days after today, as `2027-03-01`. Tests book weeks ahead, so that time zones do not matter.
pub fn day(days: i64) -> String {
    let today = jiff::tz::Offset::UTC.to_datetime(jiff::Timestamp::now()).date();
    today.saturating_add(days.days()).to_string()
}

/// The dates and the size of a search or booking.
#[derive(Debug, Clone)]
pub struct Stay {
    /// The first night.
    pub check_in: String,
    /// The day of departure.
    pub check_out: String,
    pub guests: u32,
    pub rooms: u32,
}

impl Stay {
    /// Two guests in one room, for `nights` nights that start `days` days after today.
    pub fn from_day(days: i64, nights: i64) -> Self {
        Self { check_in: day(days), check_out: day(days + nights), guests: 2, rooms: 1 }
    }

    /// The query string of a search.
    pub fn query(&self) -> String {
        let Self { check_in, check_out, guests, rooms } = self;
        format!("check_in={check_in}&check_out={check_out}&guests={guests}&rooms={rooms}")
    }
}

impl Caller {
    /// Lists the offers of a hotel.
    pub async fn offers(&self, hotel: &str, stay: &Stay) -> Vec<Value> {
        let offers =
            self.get(&format!("/v1/hotels/{hotel}/offers?{}", stay.query())).await.expect(200).json();
        offers["items"].as_array().cloned().unwrap_or_default()
    }

    /// The sealed offer of a hotel under a rate plan.
    ///
    /// # Panics
    /// When the hotel has no such offer.
    pub async fn offer(&self, hotel: &str, stay: &Stay, plan: &str) -> String {
        let offers = self.offers(hotel, stay).await;
        let found = offers.iter().find(|offer| offer["rate_plan_name"] == plan);
        let found = found.unwrap_or_else(|| panic!("no offer for rate plan {plan} in {offers:?}"));
        found["offer"].as_str().unwrap_or_default().to_owned()
    }

    /// Creates a held reservation and returns it.
    pub async fn hold(&self, offer: &str, email: &str) -> Value {
        let body = json!({"offer": offer, "guest": {"name": "Łucja Żółć", "email": email}});
        self.post("/v1/reservations", &body).await.expect(201).json()
    }

    /// Pays for a reservation and returns the payment.
    pub async fn pay(&self, reservation: &Value, method: &str) -> Value {
        let body = json!({"reservation_id": reservation["id"], "payment_method": method});
        self.post("/v1/payments", &body).await.expect(201).json()
    }

    /// Reads a reservation.
    pub async fn reservation(&self, reservation: &Value) -> Value {
        let id = reservation["id"].as_str().unwrap_or_default();
        self.get(&format!("/v1/reservations/{id}")).await.expect(200).json()
    }

    /// Waits until a reservation has a status, and returns it. A payment changes the reservation asynchronously.
    pub async fn once(&self, reservation: &Value, status: &str) -> Value {
        crate::eventually(&format!("{} to be {status}", reservation["id"]), || async {
            Some(self.reservation(reservation).await).filter(|found| found["status"] == status)
        })
        .await
    }
}
