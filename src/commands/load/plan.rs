//! What is asked: requests made beforehand, so that asking costs the machine little.

use std::collections::BTreeMap;

use anyhow::bail;
use contracts::Date;
use serde::Deserialize;

use super::fixture::{self, Partner, asked};
use super::http::{Connection, Site, quoted};

/// What users do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Mix {
    /// Look for hotels: 200 cities, 100 days of arrival.
    Search,
    /// Hold a room for three nights, as a partner.
    Hold,
    /// Search, look at offers, hold, pay, read until confirmed; one in five cancels.
    Journey,
    /// DeathStarBench's hotel mix: 60 % search, 39 % recommendation, 0.5 % sign-in, 0.5 % reserve.
    Hotel,
}

impl Mix {
    /// As written on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Search => "search",
            Self::Hold => "hold",
            Self::Journey => "journey",
            Self::Hotel => "hotel",
        }
    }

    /// Whether it makes hotels and books them.
    pub const fn books(self) -> bool {
        match self {
            Self::Search => false,
            Self::Hold | Self::Journey | Self::Hotel => true,
        }
    }
}

/// Cities that are searched.
const CITIES: usize = 200;
/// Days of arrival that are searched.
const ARRIVALS: i32 = 100;
/// Days from today to the first of them.
const FIRST_ARRIVAL: i32 = 7;
/// The orders of recommendations.
const ORDERS: [&str; 3] = ["rating", "price", "distance"];
/// Hexadecimal digits of an `Idempotency-Key`.
pub(super) const KEY_DIGITS: usize = 32;

/// A POST whose `Idempotency-Key` is written into it before it is sent.
#[derive(Debug, Clone)]
pub(super) struct Keyed {
    pub bytes: Vec<u8>,
    pub key_at: usize,
}

impl Keyed {
    /// A POST of JSON.
    pub fn post(site: &Site, path: &str, token: &str, body: &str) -> Self {
        let blank = "0".repeat(KEY_DIGITS);
        let headers = format!("content-type: application/json\r\nidempotency-key: {blank}\r\n");
        let bytes = site.post(path, Some(token), &headers, body);
        let name = b"idempotency-key: ";
        let at = bytes.windows(name.len()).position(|window| window == name);
        Self { bytes, key_at: at.map_or(0, |at| at + name.len()) }
    }
}

/// Everything that is asked, shared by all connections.
#[derive(Debug)]
pub(super) struct Plan {
    pub site: Site,
    pub mix: Option<Mix>,
    /// Ready to be sent.
    pub searches: Vec<Vec<u8>>,
    /// Ready to be sent.
    pub recommendations: Vec<Vec<u8>>,
    /// Ready but for the key.
    pub holds: Vec<Keyed>,
    /// Ready to be sent.
    pub sign_in: Vec<u8>,
    /// The partner's.
    pub token: String,
    /// The fixture's, by id.
    pub hotels: Vec<String>,
    /// Of journeys.
    pub stays: Vec<(Date, Date)>,
}

impl Plan {
    pub fn empty(site: Site, mix: Option<Mix>) -> Self {
        Self {
            site,
            mix,
            searches: Vec::new(),
            recommendations: Vec::new(),
            holds: Vec::new(),
            sign_in: Vec::new(),
            token: String::new(),
            hotels: Vec::new(),
            stays: Vec::new(),
        }
    }

    /// Searches in `cities`, by name, or else where the demo's hotels are.
    pub async fn with_searches(mut self, cities: &[String], today: Date) -> anyhow::Result<Self> {
        let names = if cities.is_empty() { demo_cities() } else { cities.to_vec() };
        let ids = city_ids(&self.site, &names).await?;
        if ids.is_empty() {
            bail!("no hotels in the cities to be searched: name some with --city, or serve the demo");
        }
        for (nth, id) in ids.iter().enumerate() {
            for day in 0..ARRIVALS {
                let check_in = today.plus_days(FIRST_ARRIVAL + day);
                let check_out = check_in.plus_days(1 + day % 3);
                let path = format!(
                    "/v1/hotels?city={id}&check_in={check_in}&check_out={check_out}&guests=2&limit=20"
                );
                self.searches.push(self.site.get(&path, None));
                let order = ORDERS[(nth + day as usize) % ORDERS.len()];
                self.recommendations.push(self.site.get(&format!("{path}&sort={order}"), None));
            }
        }
        Ok(self)
    }

    /// Bookings by `partner` at the fixture's hotels.
    pub async fn with_bookings(
        mut self,
        partner: &Partner,
        hotels: Vec<String>,
        today: Date,
    ) -> anyhow::Result<Self> {
        self.sign_in = partner.sign_in(&self.site);
        self.token = partner.token(&self.site).await?;
        self.hotels = hotels;
        self.stays = fixture::stays(today).collect();
        if self.mix == Some(Mix::Journey) {
            fixture::until_found(&self.site).await?;
        } else {
            let offers = fixture::offers(&self.site, &self.hotels, today).await?;
            self.holds = offers.iter().map(|offer| self.hold(offer)).collect();
        }
        Ok(self)
    }

    /// A hold with an offer.
    pub fn hold(&self, offer: &str) -> Keyed {
        // Offers are PASETO tokens, which JSON need not escape.
        let body =
            format!(r#"{{"offer":"{offer}","guest":{{"name":"Load Guest","email":"guest@load.example"}}}}"#);
        Keyed::post(&self.site, "/v1/reservations", &self.token, &body)
    }
}

/// The cities of the demo with most hotels, as `name, country`.
fn demo_cities() -> Vec<String> {
    let mut hotels: BTreeMap<String, usize> = BTreeMap::new();
    for hotel in search::demo::hotels() {
        *hotels.entry(format!("{}, {}", hotel.city, hotel.country)).or_default() += 1;
    }
    let mut cities: Vec<_> = hotels.into_iter().collect();
    cities.sort_by_key(|(_, hotels)| std::cmp::Reverse(*hotels));
    cities.into_iter().take(CITIES).map(|(name, _)| name).collect()
}

/// The ids of those that have hotels.
async fn city_ids(site: &Site, names: &[String]) -> anyhow::Result<Vec<String>> {
    #[derive(Deserialize)]
    struct City {
        id: String,
        hotels: u32,
    }
    #[derive(Deserialize)]
    struct Cities {
        items: Vec<City>,
    }
    let mut connection = Connection::to(site);
    let mut ids = Vec::new();
    for name in names {
        let question = site.get(&format!("/v1/cities?q={}&limit=10", quoted(name)), None);
        let found: Cities = asked(&mut connection, &question).await?;
        let best = found.items.into_iter().max_by_key(|city| city.hotels).filter(|city| city.hotels > 0);
        ids.extend(best.map(|city| city.id).filter(|id| !ids.contains(id)));
    }
    Ok(ids)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_key_has_its_place() {
        let site = Site::at("http://127.0.0.1:80").await.unwrap();
        let keyed = Keyed::post(&site, "/v1/reservations", "t", "{}");
        let (before, key) = keyed.bytes.split_at(keyed.key_at);
        assert!(before.ends_with(b"\r\nidempotency-key: "));
        assert_eq!(key[..KEY_DIGITS], [b'0'; KEY_DIGITS]);
        assert!(key[KEY_DIGITS..].starts_with(b"\r\n"));
    }

    #[test]
    fn the_demo_has_cities_enough() {
        assert_eq!(demo_cities().len(), CITIES);
    }
}
