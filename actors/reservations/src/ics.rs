//! A stay as an iCalendar file (RFC 5545). Times are in UTC, so that the file needs no time zone definitions.

use contracts::HotelProfile;
use contracts::reservations::{CHECK_IN_HOUR, CHECK_OUT_HOUR, Reservation, Status};
use icalendar::{Calendar, Component as _, Event, EventLike as _, EventStatus, Property};
use protocol::Timestamp;

use crate::booking_links::BookingLinks;
use crate::payable::room;
use crate::zone;

/// The text of the file. It contains no secret link, because calendars are shared.
pub fn calendar_file(links: &BookingLinks, reservation: &Reservation, hotel: &HotelProfile) -> String {
    let (quote, stay) = (&reservation.quote, reservation.stay());
    let test = if links.is_test(hotel) { "TEST – " } else { "" };
    let location = [&hotel.name, &hotel.address, &hotel.city, &hotel.country];
    let location: Vec<_> = location.into_iter().filter(|part| !part.is_empty()).map(String::as_str).collect();
    let start = zone::instant(&hotel.time_zone, stay.check_in(), CHECK_IN_HOUR);
    let end = zone::instant(&hotel.time_zone, stay.check_out(), CHECK_OUT_HOUR);
    let event = Event::new()
        .uid(&format!("{}@{}", reservation.id, links.host()))
        .summary(&format!("{test}{}", hotel.name))
        .description(&format!(
            "{} ({}), {} to {}. Check-in from {CHECK_IN_HOUR}:00, check-out until {CHECK_OUT_HOUR}:00.",
            room(quote.rooms, &quote.room_name),
            quote.plan_name,
            stay.check_in(),
            stay.check_out(),
        ))
        .location(&location.join(", "))
        .url(&links.plain_link(reservation.id))
        .append_property(Property::new("SEQUENCE", (reservation.version - 1).to_string()))
        .append_property(Property::new("DTSTAMP", utc(reservation.updated_at)))
        .append_property(Property::new("DTSTART", utc(start)))
        .append_property(Property::new("DTEND", utc(end)))
        .append_property(Property::new("GEO", format!("{:.6};{:.6}", hotel.latitude, hotel.longitude)))
        .status(match reservation.status {
            Status::Held => EventStatus::Tentative,
            Status::Confirmed | Status::CheckedIn | Status::CheckedOut => EventStatus::Confirmed,
            Status::Expired | Status::Cancelled | Status::NoShow => EventStatus::Cancelled,
        })
        .done();
    Calendar::empty()
        .append_property(Property::new("VERSION", "2.0"))
        .append_property(Property::new("PRODID", "-//Auberge//Bookings//EN"))
        .append_property(Property::new("CALSCALE", "GREGORIAN"))
        .append_property(Property::new("METHOD", "PUBLISH"))
        .push(event)
        .to_string()
}

fn utc(at: Timestamp) -> String {
    zone::local("UTC", at).strftime("%Y%m%dT%H%M%SZ").to_string()
}
