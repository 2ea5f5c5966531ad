//! The amount that is owed for a reservation, with the details that payments needs for receipts.

use contracts::payments::Payable;
use contracts::reservations::Reservation;
use contracts::{HotelProfile, Money};

pub(crate) fn payable(reservation: &Reservation, hotel: &HotelProfile) -> Payable {
    let quote = &reservation.quote;
    let room = room(quote.rooms, &quote.room_name);
    Payable {
        amount: Money::new(quote.total, quote.currency),
        hotel: hotel.id,
        hotel_name: hotel.name.clone(),
        hotel_address: hotel.address.clone(),
        hotel_city: format!("{}, {}", hotel.city, hotel.country),
        time_zone: hotel.time_zone.clone(),
        guest_name: reservation.guest.name.clone(),
        guest_email: reservation.guest.email.clone(),
        room: format!("{room}, {}", quote.plan_name),
        check_in: quote.stay.check_in(),
        check_out: quote.stay.check_out(),
        lines: quote.priced_nights().map(|(night, amount)| (format!("{night} · {room}"), amount)).collect(),
        taxes: quote.taxes.clone(),
        owner: reservation.owner.clone(),
    }
}

/// `Double room`, or `2 × Double room`.
pub(crate) fn room(rooms: u32, name: &str) -> String {
    if rooms == 1 { name.to_owned() } else { format!("{rooms} × {name}") }
}
