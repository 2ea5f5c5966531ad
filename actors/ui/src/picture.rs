//! Where a hotel's or a city's picture is found: everything that it is drawn from is in its address, so that it can be
//! kept for ever and needs nobody to be asked.

use contracts::HotelId;
use protocol::Timestamp;
use serde::Serialize;

use crate::format::local_hour;

/// Changes when the drawing does, so that nobody is shown yesterday's style.
pub(crate) const STYLE: u32 = 1;

/// A picture by day, and the same one for those who read in the dark.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Picture {
    pub photo: Option<String>,
    pub day: String,
    pub night: String,
    pub alt: String,
    pub width: u16,
    pub height: u16,
}

/// What a hotel's picture is made from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sight<'a> {
    pub hotel: HotelId,
    pub name: &'a str,
    pub stars: u8,
    pub latitude: f64,
    pub population: u32,
    pub time_zone: &'a str,
    pub photos: &'a [String],
}

/// A hotel's own first photo, or its drawn façade at the hour that it is there now.
pub(crate) fn of_hotel(sight: &Sight<'_>, now: Timestamp, wide: bool) -> Picture {
    let hour = local_hour(now, sight.time_zone);
    let dark = if (6..=20).contains(&hour) { 21 } else { hour };
    let size = sight.population.checked_ilog10().unwrap_or(0);
    let address = |hour: u8| {
        let wide = if wide { "&wide=true" } else { "" };
        format!(
            "/pictures/hotels/{}.svg?stars={}&latitude={:.0}&size={size}&hour={hour}{wide}&v={STYLE}",
            sight.hotel, sight.stars, sight.latitude
        )
    };
    let photo = sight.photos.iter().find(|photo| is_shown(photo)).cloned();
    let drawn = if photo.is_some() { "" } else { ", drawn" };
    let (width, height) = if wide { (1280, 420) } else { (640, 400) };
    Picture {
        photo,
        day: address(hour),
        night: address(dark),
        alt: format!("{}{drawn}", sight.name),
        width,
        height,
    }
}

/// A street of a city.
pub(crate) fn of_city(id: u32, latitude: f64, population: u32) -> Picture {
    let size = population.checked_ilog10().unwrap_or(0);
    let address = |hour: u8| {
        format!("/pictures/cities/{id}.svg?latitude={latitude:.0}&size={size}&hour={hour}&v={STYLE}")
    };
    Picture { photo: None, day: address(10), night: address(21), alt: String::new(), width: 480, height: 240 }
}

/// Photos come over TLS, or from here: what the content policy lets through.
pub(crate) fn is_shown(address: &str) -> bool {
    address.starts_with("https://") || (address.starts_with('/') && !address.starts_with("//"))
}

/// Inhabitants again, from the power of ten in an address.
pub(crate) fn population(size: u32) -> u32 {
    3 * 10u32.saturating_pow(size.min(8))
}
