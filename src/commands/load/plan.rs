//! The requests of a run, which are built beforehand so that sending them is cheap.

use std::collections::BTreeMap;

use anyhow::bail;
use contracts::Date;
use serde::Deserialize;

use super::fixture::{self, Partner, read_json};
use super::http::{Connection, Request, Site, encoded};

/// The mix of requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Mix {
    /// Search for hotels: 200 cities, 100 check-in dates.
    Search,
    /// Hold a room for three nights, as a partner.
    Hold,
    /// Search, get offers, hold, pay, read until confirmed; one in five is cancelled.
    Journey,
    /// DeathStarBench's hotel mix: 60 % search, 39 % recommendation, 0.5 % sign-in, 0.5 % reserve.
    Hotel,
}

impl Mix {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Search => "search",
            Self::Hold => "hold",
            Self::Journey => "journey",
            Self::Hotel => "hotel",
        }
    }

    /// Whether it creates hotels and books them.
    pub const fn books(self) -> bool {
        match self {
            Self::Search => false,
            Self::Hold | Self::Journey | Self::Hotel => true,
        }
    }
}

/// Number of cities that are searched.
const CITIES: usize = 200;
/// Number of check-in dates that are searched.
const ARRIVALS: i32 = 100;
/// Days from today to the first check-in date.
const FIRST_ARRIVAL: i32 = 7;
/// The sort orders of recommendations.
const ORDERS: [&str; 3] = ["rating", "price", "distance"];
/// The requests of a run, shared by all connections.
#[derive(Debug)]
pub(super) struct Plan {
    pub site: Site,
    pub mix: Option<Mix>,
    pub searches: Vec<Request>,
    pub recommendations: Vec<Request>,
    /// Without their `Idempotency-Key`.
    pub holds: Vec<Request>,
    pub sign_in: Option<Request>,
    /// The partner's token.
    pub token: String,
    /// The ids of the fixture's hotels.
    pub hotels: Vec<String>,
    /// Check-in and check-out dates of journeys.
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
            sign_in: None,
            token: String::new(),
            hotels: Vec::new(),
            stays: Vec::new(),
        }
    }

    /// Adds searches in `cities`, by name; by default in the cities of the demo hotels.
    pub async fn with_searches(mut self, cities: &[String], today: Date) -> anyhow::Result<Self> {
        let names = if cities.is_empty() { demo_cities() } else { cities.to_vec() };
        let ids = city_ids(&self.site, &names).await?;
        if ids.is_empty() {
            bail!("there are no hotels in the cities: name others with --city, or load the demo hotels");
        }
        for (nth, id) in ids.iter().enumerate() {
            for day in 0..ARRIVALS {
                let check_in = today.plus_days(FIRST_ARRIVAL + day);
                let check_out = check_in.plus_days(1 + day % 3);
                let path = format!(
                    "/v1/hotels?city={id}&check_in={check_in}&check_out={check_out}&guests=2&limit=20"
                );
                self.searches.push(self.site.get(&path, None)?);
                let order = ORDERS[(nth + day as usize) % ORDERS.len()];
                self.recommendations.push(self.site.get(&format!("{path}&sort={order}"), None)?);
            }
        }
        Ok(self)
    }

    /// Adds bookings by `partner` at the fixture's hotels.
    pub async fn with_bookings(
        mut self,
        partner: &Partner,
        hotels: Vec<String>,
        today: Date,
    ) -> anyhow::Result<Self> {
        self.sign_in = Some(partner.sign_in(&self.site)?);
        self.token = partner.token(&self.site).await?;
        self.hotels = hotels;
        self.stays = fixture::stays(today).collect();
        if self.mix == Some(Mix::Journey) {
            fixture::wait_until_found(&self.site).await?;
        } else {
            let offers = fixture::offers(&self.site, &self.hotels, today).await?;
            self.holds = offers.iter().map(|offer| self.hold(offer)).collect::<Result<_, _>>()?;
        }
        Ok(self)
    }

    /// A request to hold a room with an offer.
    pub fn hold(&self, offer: &str) -> anyhow::Result<Request> {
        // Offers are PASETO tokens, which JSON need not escape.
        let body =
            format!(r#"{{"offer":"{offer}","guest":{{"name":"Load Guest","email":"guest@load.example"}}}}"#);
        self.site.post("/v1/reservations", Some(&self.token), "application/json", body)
    }
}

/// The cities with the most demo hotels, as `name, country`.
fn demo_cities() -> Vec<String> {
    let mut hotels: BTreeMap<String, usize> = BTreeMap::new();
    for hotel in search::demo::hotels() {
        *hotels.entry(format!("{}, {}", hotel.city, hotel.country)).or_default() += 1;
    }
    let mut cities: Vec<_> = hotels.into_iter().collect();
    cities.sort_by_key(|(_, hotels)| std::cmp::Reverse(*hotels));
    cities.into_iter().take(CITIES).map(|(name, _)| name).collect()
}

/// The ids of the cities that have hotels.
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
        let request = site.get(&format!("/v1/cities?q={}&limit=10", encoded(name)), None)?;
        let found: Cities = read_json(&mut connection, request).await?;
        let best = found.items.into_iter().max_by_key(|city| city.hotels).filter(|city| city.hotels > 0);
        ids.extend(best.map(|city| city.id).filter(|id| !ids.contains(id)));
    }
    Ok(ids)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_demo_has_enough_cities() {
        assert_eq!(demo_cities().len(), CITIES);
    }
}
