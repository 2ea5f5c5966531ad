//! Stays with a total of 0: confirmed without a payment.

mod common;

use common::*;
use contracts::payments::{self, NotPayable, Payments, Quoted};
use contracts::reservations::{
    CalendarChange, GetPayable, ListBy, ListReservations, Nights, PaymentState, Refusal, SetCalendar, Status,
    TimelineEvent,
};
use contracts::{HotelProfile, PaymentId};
use reservations::{Effect, Occasion, Recipient};

const DAY: &str = "2026-12-24";

/// The hotel with free doubles.
fn free_hotel() -> HotelProfile {
    let mut hotel = hotel();
    hotel.room_types[0].rate_plans[0].amount = 0;
    hotel
}

fn mails(id: contracts::ReservationId, occasion: Occasion) -> [Effect; 2] {
    [Recipient::Guest, Recipient::Hotel].map(|to| Effect::Mail { reservation: id, occasion, to })
}

#[test]
fn a_stay_for_nothing_is_confirmed_and_mailed_at_once_and_does_not_expire() {
    let bench = open_with(free_hotel());
    let offer = quote(&bench, nights(DAY, 2), 1);
    assert_eq!((offer.total, offer.penalty()), (0, 0));
    let booked = hold(&bench, &user("ann"), offer).unwrap();
    assert_eq!((booked.status, booked.hold_expires_at), (Status::Confirmed, None));
    assert_eq!(booked.payment, PaymentState::Unpaid);
    let events: Vec<_> = booked.timeline.iter().map(|(_, event)| *event).collect();
    assert_eq!(events, [TimelineEvent::Held, TimelineEvent::Confirmed]);
    assert_eq!(bench.effects(), mails(booked.id, Occasion::Confirmed));
    bench.advance_secs(24 * 3600);
    assert_eq!(status(&bench, booked.id), Status::Confirmed);
    assert_eq!(taken(&bench, booked.room_type(), date(DAY)), 1);
    // Staff finds it among the hotel's reservations.
    let listing = ListReservations {
        by: ListBy::Hotel(hotel().id),
        status: None,
        check_in_from: None,
        check_in_to: None,
        reference: None,
        updated_since: None,
        after: None,
        limit: 10,
    };
    let found = bench.call(&staff(hotel().id), listing).unwrap();
    assert_eq!(found.items.iter().map(|(_, found)| found.id).collect::<Vec<_>>(), [booked.id]);
    assert_eq!(bench.violations(), [] as [String; 0]);
}

#[test]
fn there_is_nothing_to_pay_and_the_reason_is_said() {
    let bench = open_with(free_hotel());
    let booked = hold(&bench, &user("ann"), quote(&bench, nights(DAY, 1), 1)).unwrap();
    let ask = GetPayable { reservation: booked.id };
    assert_eq!(bench.call(&user("ann"), ask), Err(Refusal::NotPayable(NotPayable::NothingDue)));
    open_payment(&bench, booked.id, 7);
    let expected = Quoted { payment: PaymentId(7), answer: Err(NotPayable::NothingDue) };
    assert_eq!(bench.sent::<Payments>(), [payments::Command::from(expected)]);
    assert_eq!(read(&bench, &user("ann"), booked.id).unwrap(), booked);
}

#[test]
fn a_free_stay_is_cancelled_free_of_charge_even_after_the_deadline() {
    for day in ["2026-12-24", "2026-11-24"] {
        let bench = open_with(free_hotel());
        let booked = hold(&bench, &user("ann"), quote(&bench, nights(day, 1), 1)).unwrap();
        bench.effects();
        let cancelled = cancel(&bench, &user("ann"), booked.id).unwrap();
        assert_eq!((cancelled.status, cancelled.penalty, cancelled.refund), (Status::Cancelled, 0, None));
        assert_eq!(bench.effects(), mails(booked.id, Occasion::Cancelled));
        assert_eq!(bench.sent::<Payments>(), [] as [payments::Command; 0]);
        assert_eq!(taken(&bench, booked.room_type(), date(day)), 0);
        assert_eq!(bench.violations(), [] as [String; 0]);
    }
}

#[test]
fn a_calendar_price_of_nothing_is_free_too_and_a_price_on_one_night_is_not() {
    let bench = open();
    let set = |day: &str| {
        let night = Nights { from: date(day), to: date(day) };
        let room_type = &hotel().room_types[0];
        let prices = vec![(room_type.rate_plans[0].id, Some(0))];
        let change = CalendarChange { prices, ..CalendarChange::default() };
        let request = SetCalendar { hotel: hotel().id, room_type: room_type.id, nights: night, change };
        bench.call(&administrator(), request).unwrap();
    };
    set(DAY);
    let book = |length| hold(&bench, &user("ann"), quote(&bench, nights(DAY, length), 1)).unwrap();
    assert_eq!(book(1).status, Status::Confirmed);
    assert_eq!(book(2).status, Status::Held);
}

#[test]
fn free_stays_count_like_unpaid_holds() {
    let bench = open_with(HotelProfile { room_types: vec![free_room_type(100)], ..free_hotel() });
    for _ in 0..5 {
        hold(&bench, &user("ann"), quote(&bench, nights(DAY, 1), 1)).unwrap();
    }
    let sixth = || hold(&bench, &user("ann"), quote(&bench, nights(DAY, 1), 1));
    assert_eq!(sixth(), Err(Refusal::TooManyHolds { limit: 5 }));
    bench.advance_secs(1501);
    assert_eq!(sixth().unwrap().status, Status::Confirmed);
}

fn free_room_type(rooms: u32) -> contracts::RoomTypeProfile {
    contracts::RoomTypeProfile { rooms, ..free_hotel().room_types[0].clone() }
}
