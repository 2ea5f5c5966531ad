//! Home: one line of search over a skyline, and cities to start from; and the list that completes a city's name.

use contracts::search::Query;
use poem::http::header;
use poem::{Response, handler};
use serde_json::json;

use super::ask;
use super::search::{Line, escape};
use crate::format::count;
use crate::picture;
use crate::trouble::Trouble;
use crate::visit::{Fields, Visit};

/// Cities to start from.
const CITIES: u8 = 8;

/// Cities that complete a name.
const OPTIONS: u8 = 7;

#[handler]
pub(super) async fn home(mut visit: Visit, fields: Fields) -> Result<Response, Trouble> {
    let line = Line::of(&fields, visit.now);
    // Without search there are no cities, and the page is as useful as before otherwise.
    let cities = ask::cities(&visit, Query::TopCities { limit: CITIES }).await.unwrap_or_default();
    let query = line.query();
    let cities: Vec<_> = cities
        .iter()
        .map(|city| {
            json!({
                "name": city.name, "country": city.country_name, "hotels": count(city.hotels, "hotel"),
                "href": format!("/search?city={}&{query}", escape(&ask::full_name(city))),
                "picture": picture::of_city(city.id, city.latitude, city.population),
            })
        })
        .collect();
    visit.page("home.html", "A good night, wherever you are", json!({ "search": line, "cities": cities }))
}

/// Options for a city's name, as list items.
#[handler]
pub(super) async fn complete(visit: Visit, fields: Fields) -> Result<Response, Trouble> {
    let text: String = fields.get("q").chars().take(80).collect();
    let query = Query::Cities { text, limit: OPTIONS };
    let cities = if fields.get("q").is_empty() { Vec::new() } else { ask::cities(&visit, query).await? };
    let options: Vec<_> = cities
        .iter()
        .map(|city| {
            let note =
                if city.hotels == 0 { "no hotels yet".to_owned() } else { count(city.hotels, "hotel") };
            json!({ "value": ask::full_name(city), "name": ask::full_name(city), "note": note })
        })
        .collect();
    let html = visit.site.renderer.render("options.html", &json!({ "cities": options }))?;
    let response = Response::builder().content_type("text/html; charset=utf-8");
    Ok(response.header(header::CACHE_CONTROL, "public, max-age=60").body(html))
}
