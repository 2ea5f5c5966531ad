//! The journey of a guest: from the search to a confirmed reservation, and sometimes its cancellation.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::fixture::{CITY, offers_path};
use super::http::{Request, Response, encoded};
use super::work::{Why, Worker};

/// Maximum number of reads of a paid reservation until it is confirmed.
const READS_MAX: u32 = 200;
/// Interval of these reads.
const READ_INTERVAL: Duration = Duration::from_millis(20);
/// One of this many journeys ends with a cancellation.
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
struct Resource {
    id: String,
    status: String,
}

impl Worker {
    /// Succeeds when the reservation is confirmed, and cancelled if it is to be.
    pub(super) async fn journey(&mut self) -> Result<(), Why> {
        let shared = Arc::clone(&self.shared);
        let (site, token) = (&shared.plan.site, shared.plan.token.as_str());
        let stay = shared.plan.stays[self.below(shared.plan.stays.len())];

        let (check_in, check_out, city) = (stay.0, stay.1, encoded(CITY));
        let path =
            format!("/v1/hotels?city={city}&check_in={check_in}&check_out={check_out}&guests=2&limit=20");
        let found: Page<Hotel> = read(self.send(Some("search"), built(site.get(&path, None))?).await?)?;
        // Only the fixture's hotels are booked.
        let ours: Vec<&Hotel> =
            found.items.iter().filter(|hotel| shared.plan.hotels.contains(&hotel.id)).collect();
        if ours.is_empty() {
            return Err("nothing found".to_owned());
        }
        let hotel = &ours[self.below(ours.len())].id;

        let offers: Page<Offer> =
            read(self.send(Some("offers"), built(site.get(&offers_path(hotel, stay), None))?).await?)?;
        if offers.items.is_empty() {
            return Err("nothing offered".to_owned());
        }
        let offer = &offers.items[self.below(offers.items.len())].offer;
        let held: Resource = read(self.send_keyed(Some("hold"), built(shared.plan.hold(offer))?).await?)?;

        let body = format!(r#"{{"reservation_id":"{}","payment_method":"pm_card_visa"}}"#, held.id);
        let pay = built(site.post("/v1/payments", Some(token), "application/json", body))?;
        let paid: Resource = read(self.send_keyed(Some("pay"), pay).await?)?;
        if paid.status == "failed" {
            return Err("payment failed".to_owned());
        }
        let reservation = built(site.get(&format!("/v1/reservations/{}", held.id), Some(token)))?;
        self.wait_until_confirmed(&reservation).await?;
        if self.below(CANCELS_ONE_IN) == 0 {
            let path = format!("/v1/reservations/{}/cancel", held.id);
            let cancel = built(site.post(&path, Some(token), "application/json", String::new()))?;
            let cancelled: Resource = read(self.send(Some("cancel"), cancel).await?)?;
            if cancelled.status != "cancelled" {
                return Err(format!("cancelled, but {}", cancelled.status));
            }
        }
        Ok(())
    }

    async fn wait_until_confirmed(&mut self, reservation: &Request) -> Result<(), Why> {
        for _ in 0..READS_MAX {
            let found: Resource = read(self.send(Some("read"), reservation.clone()).await?)?;
            match found.status.as_str() {
                "confirmed" => return Ok(()),
                "held" => tokio::time::sleep(READ_INTERVAL).await,
                other => return Err(format!("paid, but {other}")),
            }
        }
        Err("paid, but not confirmed".to_owned())
    }
}

fn built(request: anyhow::Result<Request>) -> Result<Request, Why> {
    request.map_err(|error| error.to_string())
}

fn read<T: DeserializeOwned>(response: Response<'_>) -> Result<T, Why> {
    serde_json::from_slice(response.body).map_err(|_| "unexpected response".to_owned())
}
