//! The fixture of runs that book: hotels with enough rooms, a partner that books them, and offers.
//!
//! The hotels are in Longyearbyen and have the references `load-…`. They are upserted, so a run reuses those of the last
//! one. After the run they are deactivated, and the partner's client is revoked.

use std::time::Duration;

use anyhow::{Context, bail};
use contracts::Date;
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::http::{Connection, Request, Site, encoded};
use crate::client::{self, ApiClient};
use crate::commands::output;

/// Number of hotels.
const HOTELS: usize = 100;
/// Room types of each hotel: 1,000 in all.
const ROOM_TYPES: usize = 10;
/// Rooms of each type: the maximum of an import.
const ROOMS: u32 = 100_000;
/// The city of the hotels, as search finds it.
pub(super) const CITY: &str = "Longyearbyen, SJ";
/// Number of check-in dates, for each of which each room type has an offer.
const ARRIVALS: usize = 36;
/// Days between check-in dates, which cover a year.
const ARRIVALS_APART: i32 = 10;
/// Days from today to the first check-in date.
const FIRST_ARRIVAL: i32 = 2;
/// Nights of each stay.
pub(super) const NIGHTS: i32 = 3;
/// Connections over which offers are fetched.
const FETCHERS: usize = 16;
/// Maximum time until search finds the hotels.
const FOUND_MAX: Duration = Duration::from_secs(20);

/// The scopes of a partner. It manages the hotels, because the unpaid holds of other clients are limited.
const SCOPE: &str = "reservations:read reservations:write payments:read payments:write hotel:manage";

/// A client that books for guests.
#[derive(Deserialize)]
pub(super) struct Partner {
    client_id: String,
    client_secret: String,
}

#[derive(Deserialize)]
struct Issued {
    access_token: String,
}

#[derive(Deserialize)]
struct Results {
    items: Vec<LineResult>,
}

#[derive(Deserialize)]
struct LineResult {
    property_id: Option<String>,
    problem: Option<Value>,
}

#[derive(Deserialize)]
struct Offers {
    items: Vec<OfferItem>,
}

#[derive(Deserialize)]
struct OfferItem {
    offer: String,
}

impl Partner {
    /// Creates a partner.
    pub async fn create(server: &ApiClient) -> anyhow::Result<Self> {
        let body = json!({"name": "auberge load", "scope": SCOPE, "hotels": [contracts::ALL_HOTELS],
            "grant_types": ["client_credentials"]});
        server.post("/v1/clients", &body).await.context("creating the partner's client")
    }

    /// The request that signs it in.
    pub fn sign_in(&self, site: &Site) -> anyhow::Result<Request> {
        let (id, secret) = (encoded(&self.client_id), encoded(&self.client_secret));
        let form = format!("grant_type=client_credentials&client_id={id}&client_secret={secret}");
        site.post("/oauth/token", None, "application/x-www-form-urlencoded", form)
    }

    /// A token, which is valid for ten minutes.
    pub async fn token(&self, site: &Site) -> anyhow::Result<String> {
        let issued: Issued = read_json(&mut Connection::to(site), self.sign_in(site)?)
            .await
            .context("signing the partner in")?;
        Ok(issued.access_token)
    }

    /// Revokes its client.
    pub async fn revoke(&self, server: &ApiClient) -> anyhow::Result<()> {
        let request = server.request(Method::DELETE, &format!("/v1/clients/{}", self.client_id));
        client::send::<Value>(request).await.map(drop).context("revoking the partner's client")
    }
}

/// Sends a request and parses the JSON of its response.
///
/// # Errors
/// When the server cannot be reached, or refuses; its problem document as one line.
pub(super) async fn read_json<T: serde::de::DeserializeOwned>(
    connection: &mut Connection,
    request: Request,
) -> anyhow::Result<T> {
    let response = connection.send(request).await.context("no response: is the server running?")?;
    match reqwest::StatusCode::from_u16(response.status) {
        Ok(status) if status.is_success() => {
            serde_json::from_slice(response.body).context("unexpected response")
        }
        Ok(status) => Err(client::problem(status, response.body)),
        Err(_) => bail!("the server responded with {}", response.status),
    }
}

/// Activates or deactivates the hotels, and returns their ids.
pub(super) async fn hotels(server: &ApiClient, on_sale: bool) -> anyhow::Result<Vec<String>> {
    let lines: Vec<String> = (1..=HOTELS).map(|number| line(number, on_sale).to_string()).collect();
    let request =
        server.request(Method::POST, "/v1/properties/import").header("content-type", "application/x-ndjson");
    let results: Results =
        client::send(request.body(lines.join("\n"))).await.context("importing the load hotels")?;
    if let Some(problem) = results.items.iter().find_map(|result| result.problem.as_ref()) {
        let why = client::problem(reqwest::StatusCode::UNPROCESSABLE_ENTITY, problem.to_string().as_bytes());
        return Err(why.context("importing the load hotels"));
    }
    Ok(results.items.into_iter().filter_map(|result| result.property_id).collect())
}

fn line(number: usize, on_sale: bool) -> Value {
    let room_type = |room: usize| {
        json!({"name": format!("Type {room}"), "sleeps": 2, "rooms": ROOMS, "rate_plans": [{
            "name": "Flexible", "amount": 10_000, "cancellation": {"free_until_hours": 24, "penalty_percent": 100}}]})
    };
    let off = number as f64 / 10_000.0;
    json!({
        "reference": format!("load-{number:03}"), "name": format!("Load Hotel {number:03}"), "city": "Longyearbyen",
        "country": "SJ", "latitude": 78.22 + off, "longitude": 15.64 + off, "time_zone": "Arctic/Longyearbyen",
        "stars": 3, "description": "For load tests only.", "amenities": ["wifi"], "currency": "NOK",
        "taxes": [{"name": "VAT", "percent": 12, "included": true}], "active": on_sale,
        "room_types": (1..=ROOM_TYPES).map(room_type).collect::<Vec<_>>()
    })
}

/// The check-in and check-out dates of the fixture's stays.
pub(super) fn stays(today: Date) -> impl Iterator<Item = (Date, Date)> {
    (0..ARRIVALS as i32).map(move |nth| {
        let arrival = today.plus_days(FIRST_ARRIVAL + nth * ARRIVALS_APART);
        (arrival, arrival.plus_days(NIGHTS))
    })
}

/// The path of a hotel's offers for a stay.
pub(super) fn offers_path(hotel: &str, (check_in, check_out): (Date, Date)) -> String {
    format!("/v1/hotels/{hotel}/offers?check_in={check_in}&check_out={check_out}&guests=2&rooms=1")
}

/// Offers of every room type for every stay.
pub(super) async fn offers(site: &Site, hotels: &[String], today: Date) -> anyhow::Result<Vec<String>> {
    let requests: Vec<Request> = hotels
        .iter()
        .flat_map(|hotel| stays(today).map(move |stay| offers_path(hotel, stay)))
        .map(|path| site.get(&path, None))
        .collect::<Result<_, _>>()?;
    let progress = output::progress(requests.len() as u64, "offers fetched");
    let mut fetching = JoinSet::new();
    for share in requests.chunks(requests.len().div_ceil(FETCHERS).max(1)) {
        let (share, progress) = (share.to_vec(), progress.clone());
        let mut connection = Connection::to(site);
        fetching.spawn(async move {
            let mut found = Vec::new();
            for request in share {
                let offers: Offers = read_json(&mut connection, request).await?;
                found.extend(offers.items.into_iter().map(|item| item.offer));
                progress.inc(1);
            }
            anyhow::Ok(found)
        });
    }
    let mut found = Vec::new();
    while let Some(share) = fetching.join_next().await {
        found.append(&mut share?.context("fetching offers")?);
    }
    progress.finish_and_clear();
    if found.is_empty() {
        bail!("the load hotels have no offers: are there restrictions on them?");
    }
    Ok(found)
}

/// Waits until search finds the hotels.
pub(super) async fn wait_until_found(site: &Site) -> anyhow::Result<()> {
    #[derive(Deserialize)]
    struct Found {
        items: Vec<Value>,
    }
    let request = site.get(&format!("/v1/hotels?city={}&limit=1", encoded(CITY)), None)?;
    let mut connection = Connection::to(site);
    let begun = tokio::time::Instant::now();
    loop {
        let found: Found = read_json(&mut connection, request.clone()).await?;
        if !found.items.is_empty() {
            return Ok(());
        }
        if begun.elapsed() > FOUND_MAX {
            bail!("search has not found the load hotels within {} s", FOUND_MAX.as_secs());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_import_accepts_the_hotels() {
        for number in [1, HOTELS] {
            assert!(reservations::import::hotel_of_json(&line(number, true).to_string()).is_ok());
        }
        let bytes: usize = (1..=HOTELS).map(|number| line(number, true).to_string().len() + 1).sum();
        assert!(HOTELS <= 200 && bytes <= 1 << 20, "{bytes}");
    }

    #[test]
    fn stays_are_within_a_year() {
        let stays: Vec<_> = stays(Date(20_000)).collect();
        assert_eq!(stays.len(), ARRIVALS);
        assert!(stays.iter().all(|(check_in, check_out)| check_in.0 > 20_000 && check_out.0 < 20_000 + 366));
    }
}
