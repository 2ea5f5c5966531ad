//! A stay as a calendar file (RFC 5545), in the hotel's zone, which the file itself defines.

use std::fmt::Write as _;

use contracts::HotelProfile;
use contracts::reservations::{Reservation, Status};
use icalendar::{Calendar, Component as _, Event, EventLike as _, EventStatus, Property};
use jiff::tz::{Offset, TimeZone};
use protocol::Timestamp;

use crate::booking_links::BookingLinks;
use crate::zone;

const LOCAL: &str = "%Y%m%dT%H%M%S";

/// The file's text. It bears no secret: calendars are shared.
pub fn file(links: &BookingLinks, reservation: &Reservation, hotel: &HotelProfile) -> String {
    let stay = reservation.stay();
    let start = zone::instant(&hotel.time_zone, stay.check_in(), zone::CHECK_IN_HOUR);
    let end = zone::instant(&hotel.time_zone, stay.check_out(), zone::CHECK_OUT_HOUR);
    let test = if links.is_test(hotel) { "TEST – " } else { "" };
    let mut event = Event::new();
    event.uid(&format!("{}@{}", reservation.id, links.host()));
    event.summary(&format!("{test}{}", hotel.name));
    event.description(&format!(
        "{} ({}), {} to {}. Check-in from 15:00, check-out until 11:00.",
        crate::query::room(reservation.quote.rooms, &reservation.quote.room_name),
        reservation.quote.plan_name,
        stay.check_in(),
        stay.check_out(),
    ));
    let place = [&hotel.name, &hotel.address, &hotel.city, &hotel.country];
    event.location(
        &place.into_iter().filter(|part| !part.is_empty()).map(String::as_str).collect::<Vec<_>>().join(", "),
    );
    event.url(&links.plain_link(reservation.id));
    event.append_property(Property::new("SEQUENCE", (reservation.version - 1).to_string()));
    event.append_property(Property::new("DTSTAMP", utc(reservation.updated_at)));
    event.append_property(local("DTSTART", start, &hotel.time_zone));
    event.append_property(local("DTEND", end, &hotel.time_zone));
    event.append_property(Property::new("GEO", format!("{:.6};{:.6}", hotel.latitude, hotel.longitude)));
    event.status(match reservation.status {
        Status::Held => EventStatus::Tentative,
        Status::Confirmed | Status::CheckedIn | Status::CheckedOut => EventStatus::Confirmed,
        Status::Expired | Status::Cancelled | Status::NoShow => EventStatus::Cancelled,
    });
    let mut calendar = Calendar::empty();
    calendar.append_property(Property::new("VERSION", "2.0"));
    calendar.append_property(Property::new("PRODID", "-//Auberge//Bookings//EN"));
    calendar.append_property(Property::new("CALSCALE", "GREGORIAN"));
    calendar.append_property(Property::new("METHOD", "PUBLISH"));
    calendar.push(event.done());
    // The library writes no VTIMEZONE, and an event must not name a zone that its file does not define.
    calendar.to_string().replacen(
        "BEGIN:VEVENT",
        &format!("{}BEGIN:VEVENT", definition(&hotel.time_zone, start, end)),
        1,
    )
}

fn utc(at: Timestamp) -> String {
    zone::local("UTC", at).strftime("%Y%m%dT%H%M%SZ").to_string()
}

fn local(key: &str, at: Timestamp, zone: &str) -> Property {
    let mut property = Property::new(key, zone::local(zone, at).strftime(LOCAL).to_string());
    property.add_parameter("TZID", zone);
    property.done()
}

/// A VTIMEZONE that is right from `start` to `end`: the offset that holds at the start, and each change until the end.
fn definition(name: &str, start: Timestamp, end: Timestamp) -> String {
    let zone = zone::named(name);
    let instant =
        |at: Timestamp| jiff::Timestamp::from_millisecond(at.millis()).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    let (start, end) = (instant(start), instant(end));
    let mut text = format!("BEGIN:VTIMEZONE\r\nTZID:{name}\r\n");
    match zone.preceding(start).next() {
        Some(change) => observance(&mut text, &zone, change.timestamp()),
        None => observance(&mut text, &zone, jiff::Timestamp::UNIX_EPOCH),
    }
    for change in zone.following(start).take_while(|change| change.timestamp() <= end) {
        observance(&mut text, &zone, change.timestamp());
    }
    text.push_str("END:VTIMEZONE\r\n");
    text
}

fn observance(text: &mut String, zone: &TimeZone, from: jiff::Timestamp) {
    let before = zone.to_offset(from - jiff::SignedDuration::from_secs(1));
    let after = zone.to_offset_info(from);
    let kind = if after.dst().is_dst() { "DAYLIGHT" } else { "STANDARD" };
    // The onset is told by the clock as it was before it.
    let onset = before.to_datetime(from).strftime(LOCAL);
    let (to, name) = (after.offset(), after.abbreviation());
    let written = write!(
        text,
        "BEGIN:{kind}\r\nDTSTART:{onset}\r\nTZOFFSETFROM:{}\r\nTZOFFSETTO:{}\r\nTZNAME:{name}\r\nEND:{kind}\r\n",
        offset(before),
        offset(to),
    );
    written.expect("a string takes all");
}

/// `+0100`, `-0430`.
fn offset(offset: Offset) -> String {
    let (sign, secs) = (if offset.seconds() < 0 { '-' } else { '+' }, offset.seconds().unsigned_abs());
    format!("{sign}{:02}{:02}", secs / 3600, secs / 60 % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp(text.parse::<jiff::Timestamp>().unwrap().as_millisecond())
    }

    #[test]
    fn a_zone_is_defined_for_as_long_as_the_stay_lasts() {
        let table = [
            // A winter stay, a stay over the change to summer time, a zone that has none, and half an hour of it.
            (
                "Europe/Berlin",
                "2026-12-24T14:00:00Z",
                "2026-12-26T10:00:00Z",
                &["STANDARD 20261025T030000 +0200 +0100 CET"][..],
            ),
            (
                "Europe/Berlin",
                "2027-03-27T14:00:00Z",
                "2027-03-29T09:00:00Z",
                &["STANDARD 20261025T030000 +0200 +0100 CET", "DAYLIGHT 20270328T020000 +0100 +0200 CEST"],
            ),
            (
                "Asia/Kathmandu",
                "2026-12-24T09:15:00Z",
                "2026-12-25T05:15:00Z",
                &["STANDARD 19860101T000000 +0530 +0545 +0545"],
            ),
            (
                "Australia/Lord_Howe",
                "2026-07-01T04:30:00Z",
                "2026-07-02T00:30:00Z",
                &["STANDARD 20260405T020000 +1100 +1030 +1030"],
            ),
        ];
        for (zone, start, end, expected) in table {
            let text = definition(zone, at(start), at(end));
            let lines: Vec<_> = text.lines().collect();
            assert_eq!((lines[0], lines[1]), ("BEGIN:VTIMEZONE", format!("TZID:{zone}").as_str()));
            let value = |line: &str| line.split_once(':').unwrap().1.to_owned();
            let found: Vec<_> = lines[2..lines.len() - 1]
                .chunks(6)
                .map(|part| part[..5].iter().map(|line| value(line)).collect::<Vec<_>>().join(" "))
                .collect();
            assert_eq!(found, expected, "{zone}");
        }
    }
}
