//! URLs of hotel and city pictures. A URL contains all data of its picture, so pictures can be cached forever and are
//! rendered without calls to services.

use contracts::HotelId;
use protocol::Timestamp;
use serde::Serialize;

use crate::format::local_hour;

/// The version of the drawing style. Increase it with each change, so that cached pictures are not used.
pub(crate) const STYLE: u32 = 1;

/// A picture for light mode and for dark mode.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Picture {
    pub photo: Option<String>,
    pub day: String,
    pub night: String,
    pub alt: String,
    pub width: u16,
    pub height: u16,
}

/// The data of a hotel's picture.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PictureSource<'a> {
    pub hotel: HotelId,
    pub name: &'a str,
    pub stars: u8,
    pub latitude: f64,
    pub population: u32,
    pub time_zone: &'a str,
    pub photos: &'a [String],
}

/// The first photo of a hotel, or its generated façade at the hotel's local time.
pub(crate) fn of_hotel(source: &PictureSource<'_>, now: Timestamp, wide: bool) -> Picture {
    let hour = local_hour(now, source.time_zone);
    let dark = if (6..=20).contains(&hour) { 21 } else { hour };
    let size = source.population.checked_ilog10().unwrap_or(0);
    let address = |hour: u8| {
        let wide = if wide { "&wide=true" } else { "" };
        format!(
            "/pictures/hotels/{}.svg?stars={}&latitude={:.0}&size={size}&hour={hour}{wide}&v={STYLE}",
            source.hotel, source.stars, source.latitude
        )
    };
    let photo = source.photos.iter().find(|photo| is_shown(photo)).cloned();
    let drawn = if photo.is_some() { "" } else { ", drawn" };
    let (width, height) = if wide { (1280, 420) } else { (640, 400) };
    Picture {
        photo,
        day: address(hour),
        night: address(dark),
        alt: format!("{}{drawn}", source.name),
        width,
        height,
    }
}

/// The generated picture of a city.
pub(crate) fn of_city(id: u32, latitude: f64, population: u32) -> Picture {
    let size = population.checked_ilog10().unwrap_or(0);
    let address = |hour: u8| {
        format!("/pictures/cities/{id}.svg?latitude={latitude:.0}&size={size}&hour={hour}&v={STYLE}")
    };
    Picture { photo: None, day: address(10), night: address(21), alt: String::new(), width: 480, height: 240 }
}

/// Whether the content security policy permits a photo: `https` or a local path.
pub(crate) fn is_shown(address: &str) -> bool {
    address.starts_with("https://") || (address.starts_with('/') && !address.starts_with("//"))
}

/// The approximate population from the power of ten in a URL.
pub(crate) fn population(size: u32) -> u32 {
    3 * 10u32.saturating_pow(size.min(8))
}
