//! A guest's whole way: from looking for a hotel to a confirmed stay, and sometimes away from it again.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::fixture::{CITY, offers_path};
use super::http::{Answer, quoted};
use super::plan::Keyed;
use super::work::{Why, Worker};

/// How often a paid reservation is looked at until it is confirmed.
const LOOKS_MAX: u32 = 200;
/// The time between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// One in so many cancels.
const CANCELS_ONE_IN: usize = 5;

#[derive(Deserialize)]
struct Page<T> {
    items: Vec<T>,
}

#[derive(Deserialize)]
struct Hotel {
    id: String,
}

#[derive(Deserialize)]
struct Offer {
    offer: String,
}

/// A reservation or a payment.
#[derive(Deserialize)]
struct Thing {
    id: String,
    status: String,
}

impl Worker {
    /// Succeeds when the reservation is confirmed, and then perhaps cancelled.
    pub(super) async fn journey(&mut self) -> Result<(), Why> {
        let shared = Arc::clone(&self.shared);
        let (site, token) = (&shared.plan.site, shared.plan.token.as_str());
        let stay = shared.plan.stays[self.below(shared.plan.stays.len())];

        let (check_in, check_out, city) = (stay.0, stay.1, quoted(CITY));
        let path =
            format!("/v1/hotels?city={city}&check_in={check_in}&check_out={check_out}&guests=2&limit=20");
        let found: Page<Hotel> = read(self.ask(Some("search"), &site.get(&path, None)).await?)?;
        // Nobody else's hotel is booked, whatever is found beside ours.
        let ours: Vec<&Hotel> =
            found.items.iter().filter(|hotel| shared.plan.hotels.contains(&hotel.id)).collect();
        if ours.is_empty() {
            return Err("nothing found".to_owned());
        }
        let hotel = &ours[self.below(ours.len())].id;

        let offers: Page<Offer> =
            read(self.ask(Some("offers"), &site.get(&offers_path(hotel, stay), None)).await?)?;
        if offers.items.is_empty() {
            return Err("nothing offered".to_owned());
        }
        let offer = &offers.items[self.below(offers.items.len())].offer;
        let held: Thing = read(self.ask_keyed(Some("hold"), &shared.plan.hold(offer)).await?)?;

        let body = format!(r#"{{"reservation_id":"{}","payment_method":"pm_card_visa"}}"#, held.id);
        let paid: Thing =
            read(self.ask_keyed(Some("pay"), &Keyed::post(site, "/v1/payments", token, &body)).await?)?;
        if paid.status == "failed" {
            return Err("payment failed".to_owned());
        }
        self.until_confirmed(&site.get(&format!("/v1/reservations/{}", held.id), Some(token))).await?;
        if self.below(CANCELS_ONE_IN) == 0 {
            let path = format!("/v1/reservations/{}/cancel", held.id);
            let headers = "content-type: application/json\r\n";
            let cancelled: Thing =
                read(self.ask(Some("cancel"), &site.post(&path, Some(token), headers, "")).await?)?;
            if cancelled.status != "cancelled" {
                return Err(format!("cancelled, but {}", cancelled.status));
            }
        }
        Ok(())
    }

    async fn until_confirmed(&mut self, look: &[u8]) -> Result<(), Why> {
        for _ in 0..LOOKS_MAX {
            let found: Thing = read(self.ask(Some("read"), look).await?)?;
            match found.status.as_str() {
                "confirmed" => return Ok(()),
                "held" => tokio::time::sleep(LOOK_EVERY).await,
                other => return Err(format!("paid, but {other}")),
            }
        }
        Err("paid, but not confirmed".to_owned())
    }
}

fn read<T: DeserializeOwned>(answer: Answer<'_>) -> Result<T, Why> {
    serde_json::from_slice(answer.body).map_err(|_| "unexpected answer".to_owned())
}
