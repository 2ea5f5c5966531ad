//! What load is put on: hotels of its own with rooms enough, a partner that books them, and offers to be taken.
//!
//! The hotels stand in Longyearbyen under the references `load-…`. They are upserted, so each run finds those of the
//! last; afterwards they are taken off sale, and the partner's access is revoked.

use std::time::Duration;

use anyhow::{Context, bail};
use contracts::Date;
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::http::{Connection, Site, quoted};
use crate::client::{self, ApiClient};
use crate::commands::output;

/// Hotels of the fixture.
const HOTELS: usize = 100;
/// Room types of each: 1,000 in all.
const ROOM_TYPES: usize = 10;
/// Rooms of a type: as many as an import takes.
const ROOMS: u32 = 100_000;
/// Where they are, as search knows it.
pub(super) const CITY: &str = "Longyearbyen, SJ";
/// Days of arrival: as many offers of each room type.
const ARRIVALS: usize = 36;
/// Days from one arrival to the next: a year is covered.
const ARRIVALS_APART: i32 = 10;
/// Days from today to the first arrival.
const FIRST_ARRIVAL: i32 = 2;
/// Nights of each stay.
pub(super) const NIGHTS: i32 = 3;
/// Connections over which offers are fetched.
const FETCHERS: usize = 16;
/// How long search may take to hear of the hotels.
const HEARD_MAX: Duration = Duration::from_secs(20);

/// Everything that a partner may do for guests.
const SCOPE: &str = "reservations:read reservations:write payments:read payments:write";

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
    /// Makes one.
    pub async fn make(server: &ApiClient) -> anyhow::Result<Self> {
        let body = json!({"name": "auberge load", "scope": SCOPE, "grant_types": ["client_credentials"]});
        server.post("/v1/clients", &body).await.context("making a partner's client")
    }

    /// What signs it in.
    pub fn sign_in(&self, site: &Site) -> Vec<u8> {
        let (id, secret) = (quoted(&self.client_id), quoted(&self.client_secret));
        let form = format!("grant_type=client_credentials&client_id={id}&client_secret={secret}");
        site.post("/oauth/token", None, "content-type: application/x-www-form-urlencoded\r\n", &form)
    }

    /// A token, good for ten minutes.
    pub async fn token(&self, site: &Site) -> anyhow::Result<String> {
        let issued: Issued =
            asked(&mut Connection::to(site), &self.sign_in(site)).await.context("signing the partner in")?;
        Ok(issued.access_token)
    }

    /// Takes its access away.
    pub async fn revoke(&self, server: &ApiClient) -> anyhow::Result<()> {
        let request = server.request(Method::DELETE, &format!("/v1/clients/{}", self.client_id));
        client::answer::<Value>(request).await.map(drop).context("revoking the partner's client")
    }
}

/// Sends a request and reads the JSON of its answer.
///
/// # Errors
/// The server's problem, in a line.
pub(super) async fn asked<T: serde::de::DeserializeOwned>(
    connection: &mut Connection,
    request: &[u8],
) -> anyhow::Result<T> {
    let answer = connection.ask(request).await.context("no answer: is the server running?")?;
    match reqwest::StatusCode::from_u16(answer.status) {
        Ok(status) if status.is_success() => {
            serde_json::from_slice(answer.body).context("the answer is not what was asked for")
        }
        Ok(status) => Err(client::problem(status, answer.body)),
        Err(_) => bail!("the server answered {}", answer.status),
    }
}

/// Puts the hotels on sale, or takes them off; says their ids.
pub(super) async fn hotels(server: &ApiClient, on_sale: bool) -> anyhow::Result<Vec<String>> {
    let lines: Vec<String> = (1..=HOTELS).map(|number| line(number, on_sale).to_string()).collect();
    let request =
        server.request(Method::POST, "/v1/properties/import").header("content-type", "application/x-ndjson");
    let results: Results =
        client::answer(request.body(lines.join("\n"))).await.context("importing the load hotels")?;
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

/// The days of arrival and departure of the fixture's stays.
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
    let questions: Vec<Vec<u8>> = hotels
        .iter()
        .flat_map(|hotel| stays(today).map(move |stay| offers_path(hotel, stay)))
        .map(|path| site.get(&path, None))
        .collect();
    let progress = output::progress(questions.len() as u64, "offers fetched");
    let mut fetching = JoinSet::new();
    for share in questions.chunks(questions.len().div_ceil(FETCHERS).max(1)) {
        let (share, progress) = (share.to_vec(), progress.clone());
        let mut connection = Connection::to(site);
        fetching.spawn(async move {
            let mut found = Vec::new();
            for question in share {
                let offers: Offers = asked(&mut connection, &question).await?;
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
        bail!("the load hotels offer nothing: are there restrictions on them?");
    }
    Ok(found)
}

/// Waits until search has heard of the hotels.
pub(super) async fn until_found(site: &Site) -> anyhow::Result<()> {
    #[derive(Deserialize)]
    struct Found {
        items: Vec<Value>,
    }
    let question = site.get(&format!("/v1/hotels?city={}&limit=1", quoted(CITY)), None);
    let mut connection = Connection::to(site);
    let begun = tokio::time::Instant::now();
    loop {
        let found: Found = asked(&mut connection, &question).await?;
        if !found.items.is_empty() {
            return Ok(());
        }
        if begun.elapsed() > HEARD_MAX {
            bail!("search has not heard of the load hotels within {} s", HEARD_MAX.as_secs());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hotels_are_what_an_import_takes() {
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
