//! The steps that most journeys begin with.

use jiff::ToSpan;
use serde_json::{Value, json};

use crate::caller::Caller;

/// A day so many days after today, `2027-03-01`. Days that count are weeks away, so that no time zone matters.
pub fn day(days: i64) -> String {
    let today = jiff::tz::Offset::UTC.to_datetime(jiff::Timestamp::now()).date();
    today.saturating_add(days.days()).to_string()
}

/// When, and for how many.
#[derive(Debug, Clone)]
pub struct Stay {
    /// The first night.
    pub check_in: String,
    /// The day of departure.
    pub check_out: String,
    /// Guests.
    pub guests: u32,
    /// Rooms.
    pub rooms: u32,
}

impl Stay {
    /// Two guests in a room, from a day on.
    pub fn from_day(days: i64, nights: i64) -> Self {
        Self { check_in: day(days), check_out: day(days + nights), guests: 2, rooms: 1 }
    }

    /// As parameters of a query.
    pub fn query(&self) -> String {
        let Self { check_in, check_out, guests, rooms } = self;
        format!("check_in={check_in}&check_out={check_out}&guests={guests}&rooms={rooms}")
    }
}

impl Caller {
    /// The offers of a hotel.
    pub async fn offers(&self, hotel: &str, stay: &Stay) -> Vec<Value> {
        let offers =
            self.get(&format!("/v1/hotels/{hotel}/offers?{}", stay.query())).await.expect(200).json();
        offers["items"].as_array().cloned().unwrap_or_default()
    }

    /// The offer of a hotel under a rate plan, as sealed text.
    ///
    /// # Panics
    /// When there is none.
    pub async fn offer(&self, hotel: &str, stay: &Stay, plan: &str) -> String {
        let offers = self.offers(hotel, stay).await;
        let found = offers.iter().find(|offer| offer["rate_plan_name"] == plan);
        let found = found.unwrap_or_else(|| panic!("no {plan} among {offers:?}"));
        found["offer"].as_str().unwrap_or_default().to_owned()
    }

    /// Holds a room: the reservation.
    pub async fn hold(&self, offer: &str, email: &str) -> Value {
        let body = json!({"offer": offer, "guest": {"name": "Łucja Żółć", "email": email}});
        self.post("/v1/reservations", &body).await.expect(201).json()
    }

    /// Pays for a reservation: the payment.
    pub async fn pay(&self, reservation: &Value, method: &str) -> Value {
        let body = json!({"reservation_id": reservation["id"], "payment_method": method});
        self.post("/v1/payments", &body).await.expect(201).json()
    }

    /// A reservation as it is now.
    pub async fn reservation(&self, reservation: &Value) -> Value {
        let id = reservation["id"].as_str().unwrap_or_default();
        self.get(&format!("/v1/reservations/{id}")).await.expect(200).json()
    }

    /// A reservation, once it has this status: what a payment sets off arrives a moment later.
    pub async fn once(&self, reservation: &Value, status: &str) -> Value {
        crate::eventually(&format!("{} to be {status}", reservation["id"]), || async {
            Some(self.reservation(reservation).await).filter(|found| found["status"] == status)
        })
        .await
    }
}
