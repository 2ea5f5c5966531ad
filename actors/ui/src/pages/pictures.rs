//! Drawn pictures: everything that they are made from is in their address, so they are kept for ever.

use contracts::HotelId;
use poem::http::header;
use poem::web::Path;
use poem::{Response, handler};

use crate::facade::{self, Scene};
use crate::picture::population;
use crate::trouble::Trouble;
use crate::visit::{Fields, Visit};

const FOR_EVER: &str = "public, max-age=31536000, immutable";

fn svg(drawn: String) -> Response {
    Response::builder().content_type("image/svg+xml").header(header::CACHE_CONTROL, FOR_EVER).body(drawn)
}

fn number<T: std::str::FromStr>(fields: &Fields, name: &str) -> Result<T, Trouble> {
    fields.get(name).parse().map_err(|_| Trouble::NotFound)
}

fn latitude(fields: &Fields) -> Result<f32, Trouble> {
    let degrees: i8 = number(fields, "latitude")?;
    if (-90..=90).contains(&degrees) { Ok(f32::from(degrees)) } else { Err(Trouble::NotFound) }
}

fn hour(fields: &Fields) -> Result<u8, Trouble> {
    number::<u8>(fields, "hour").and_then(|hour| if hour < 24 { Ok(hour) } else { Err(Trouble::NotFound) })
}

#[handler]
pub(super) async fn hotel(Path(name): Path<String>, fields: Fields) -> Result<Response, Trouble> {
    let id: HotelId = name.strip_suffix(".svg").and_then(|id| id.parse().ok()).ok_or(Trouble::NotFound)?;
    let scene = Scene {
        id: id.0,
        stars: number::<u8>(&fields, "stars")?.min(5),
        latitude: latitude(&fields)?,
        population: population(number(&fields, "size")?),
        hour: hour(&fields)?,
        wide: fields.get("wide") == "true",
    };
    Ok(svg(scene.draw()))
}

#[handler]
pub(super) async fn city(Path(name): Path<String>, fields: Fields) -> Result<Response, Trouble> {
    let id: u32 = name.strip_suffix(".svg").and_then(|id| id.parse().ok()).ok_or(Trouble::NotFound)?;
    let size = population(number(&fields, "size")?);
    Ok(svg(facade::vignette(id.into(), latitude(&fields)?, size, hour(&fields)?)))
}

#[handler]
pub(super) async fn skyline(fields: Fields) -> Result<Response, Trouble> {
    Ok(svg(facade::skyline(hour(&fields)?)))
}

/// Browsers ask for it whatever pages say.
#[handler]
pub(super) async fn icon(mut visit: Visit) -> Result<Response, Trouble> {
    let address = visit.site.assets.url("icon.svg");
    Ok(visit.redirect(&address))
}

#[handler]
pub(super) async fn robots() -> Response {
    let text = "User-agent: *\nDisallow: /bookings\nDisallow: /b/\nDisallow: /checkout\nDisallow: /account\nDisallow: /search\n";
    Response::builder().content_type("text/plain; charset=utf-8").body(text)
}
