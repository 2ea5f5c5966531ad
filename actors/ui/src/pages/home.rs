//! The home page with the search form and popular cities, and the completion of city names.

use contracts::search::ListTopCities;
use poem::http::header;
use poem::{Response, handler};
use serde_json::json;

use super::lookup;
use super::search::{SearchForm, escape};
use crate::context::{Fields, PageContext};
use crate::error::PageError;
use crate::format::count;
use crate::picture;

/// Popular cities on the home page.
const CITIES: u8 = 8;

/// Suggestions for a city's name.
const OPTIONS: u8 = 7;

#[handler]
pub(super) async fn home(mut context: PageContext, fields: Fields) -> Result<Response, PageError> {
    let search = SearchForm::of(&fields, context.now);
    // If `search` is unavailable, the page is shown without cities.
    let cities = lookup::cities(&context, ListTopCities { limit: CITIES }).await.unwrap_or_default();
    let query = search.query();
    let cities: Vec<_> = cities
        .iter()
        .map(|city| {
            json!({
                "name": city.name, "country": city.country_name, "hotels": count(city.hotels, "hotel"),
                "href": format!("/search?city={}&{query}", escape(&city.full_name)),
                "picture": picture::of_city(city.id, city.latitude, city.population),
            })
        })
        .collect();
    context.page("home.html", "A good night, wherever you are", json!({ "search": search, "cities": cities }))
}

/// Suggestions for a city's name, as list items.
#[handler]
pub(super) async fn complete(context: PageContext, fields: Fields) -> Result<Response, PageError> {
    let text: String = fields.get("q").chars().take(80).collect();
    let cities = if text.is_empty() { Vec::new() } else { lookup::suggest(&context, text, OPTIONS).await? };
    let options: Vec<_> = cities
        .iter()
        .map(|found| {
            let city = &found.city;
            let note =
                if city.hotels == 0 { "no hotels yet".to_owned() } else { count(city.hotels, "hotel") };
            json!({
                "value": city.full_name, "name": city.full_name, "matched": lookup::matched_name(found), "note": note,
            })
        })
        .collect();
    let html = context.site.renderer.render("options.html", &json!({ "cities": options }))?;
    let response = Response::builder().content_type("text/html; charset=utf-8");
    let response = response.header(header::VARY, "accept-language");
    Ok(response.header(header::CACHE_CONTROL, "public, max-age=60").body(html))
}
