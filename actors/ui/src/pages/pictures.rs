//! Generated pictures. All their data is in the URL, so they can be cached forever.

use contracts::HotelId;
use poem::http::header;
use poem::web::Path;
use poem::{Response, handler};

use crate::context::{Fields, PageContext};
use crate::error::PageError;
use crate::facade::{self, Scene};
use crate::picture::population;

const IMMUTABLE: &str = "public, max-age=31536000, immutable";

fn svg(drawn: String) -> Response {
    Response::builder().content_type("image/svg+xml").header(header::CACHE_CONTROL, IMMUTABLE).body(drawn)
}

fn number<T: std::str::FromStr>(fields: &Fields, name: &str) -> Result<T, PageError> {
    fields.get(name).parse().map_err(|_| PageError::NotFound)
}

fn latitude(fields: &Fields) -> Result<f32, PageError> {
    let degrees: i8 = number(fields, "latitude")?;
    if (-90..=90).contains(&degrees) { Ok(f32::from(degrees)) } else { Err(PageError::NotFound) }
}

fn hour(fields: &Fields) -> Result<u8, PageError> {
    number::<u8>(fields, "hour").and_then(|hour| if hour < 24 { Ok(hour) } else { Err(PageError::NotFound) })
}

#[handler]
pub(super) async fn hotel(Path(name): Path<String>, fields: Fields) -> Result<Response, PageError> {
    let id: HotelId = name.strip_suffix(".svg").and_then(|id| id.parse().ok()).ok_or(PageError::NotFound)?;
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
pub(super) async fn city(Path(name): Path<String>, fields: Fields) -> Result<Response, PageError> {
    let id: u32 = name.strip_suffix(".svg").and_then(|id| id.parse().ok()).ok_or(PageError::NotFound)?;
    let size = population(number(&fields, "size")?);
    Ok(svg(facade::vignette(id.into(), latitude(&fields)?, size, hour(&fields)?)))
}

#[handler]
pub(super) async fn skyline(fields: Fields) -> Result<Response, PageError> {
    Ok(svg(facade::skyline(hour(&fields)?)))
}

/// Browsers request this path even though pages link another icon.
#[handler]
pub(super) async fn icon(mut context: PageContext) -> Result<Response, PageError> {
    let address = context.site.assets.url("icon.svg");
    Ok(context.redirect(&address))
}

#[handler]
pub(super) async fn robots() -> Response {
    let text = "User-agent: *\nDisallow: /bookings\nDisallow: /b/\nDisallow: /checkout\nDisallow: /account\nDisallow: /search\n";
    Response::builder().content_type("text/plain; charset=utf-8").body(text)
}
