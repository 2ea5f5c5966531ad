//! Random holds, payments, cancellations and delays are compared with a simple model. Every invariant is checked after every
//! step.

mod common;

use std::collections::BTreeMap;

use common::*;
use contracts::reservations::{
    CalendarChange, Nights, PaymentFailed, Quote, Refusal, Reservation, SetCalendar, Status,
};
use contracts::{Date, PaymentId, Stay};
use proptest::prelude::*;

#[derive(Debug, Clone)]
enum Step {
    Hold { room: usize, day: i32, nights: i32, rooms: u32 },
    Open(usize),
    Accept(usize),
    Fail(usize),
    Pay(usize),
    Cancel(usize),
    Wait(i64),
    Rooms { day: i32, rooms: u32 },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => (0..2usize, 1..12i32, 1..5i32, 1..3u32)
            .prop_map(|(room, day, nights, rooms)| Step::Hold { room, day, nights, rooms }),
        2 => any::<prop::sample::Index>().prop_map(|index| Step::Open(index.index(1000))),
        1 => any::<prop::sample::Index>().prop_map(|index| Step::Accept(index.index(1000))),
        1 => any::<prop::sample::Index>().prop_map(|index| Step::Fail(index.index(1000))),
        3 => any::<prop::sample::Index>().prop_map(|index| Step::Pay(index.index(1000))),
        2 => any::<prop::sample::Index>().prop_map(|index| Step::Cancel(index.index(1000))),
        2 => (1..1000i64).prop_map(Step::Wait),
        1 => (1..12i32, 0..4u32).prop_map(|(day, rooms)| Step::Rooms { day, rooms }),
    ]
}

/// A reservation in the model.
struct Modelled {
    reservation: Reservation,
    status: Status,
    ends: i64,
    extended: bool,
    open: bool,
    paid: bool,
    rooms: u32,
    room: usize,
}

struct Model {
    known: Vec<Modelled>,
    /// Rooms by room type and day.
    inventory: BTreeMap<(usize, Date), u32>,
    own: [u32; 2],
}

impl Model {
    fn taken(&self, room: usize, night: Date) -> u32 {
        let live = self.known.iter().filter(|known| known.room == room && known.status.takes_rooms());
        live.filter(|known| known.reservation.stay().nights().any(|at| at == night))
            .map(|known| known.rooms)
            .sum()
    }

    fn rooms(&self, room: usize, night: Date) -> u32 {
        self.inventory.get(&(room, night)).copied().unwrap_or(self.own[room])
    }

    fn expire(&mut self, now: i64) {
        for known in self.known.iter_mut().filter(|known| known.status == Status::Held && known.ends <= now) {
            known.status = Status::Expired;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_service_agrees_with_the_model(steps in prop::collection::vec(step(), 1..60)) {
        let mut hotel = hotel();
        hotel.room_types[0].rooms = 4;
        hotel.room_types[1].sleeps = 2;
        let bench = open_with(hotel.clone());
        let mut model = Model { known: Vec::new(), inventory: BTreeMap::new(), own: [4, 1] };
        let partner = client("partner");
        let today = date("2026-11-23");
        for step in steps {
            match step {
                Step::Hold { room, day, nights, rooms } => {
                    let first = today.plus_days(day);
                    let stay = Stay::new(first, first.plus_days(nights)).unwrap();
                    let full = stay.nights().find(|night| model.rooms(room, *night) < model.taken(room, *night) + rooms);
                    let name = &hotel.room_types[room].name;
                    let offer = offers(&bench, stay, rooms, rooms).unwrap().into_iter().find(|offer| offer.quote.room_name == *name);
                    prop_assert_eq!(offer.is_none(), full.is_some());
                    // An earlier offer is refused as well when the rooms are taken.
                    let mut quote = offer.map_or_else(
                        || earlier_quote(&bench, &hotel, room, stay, rooms),
                        |offer| offer.quote,
                    );
                    quote.expires_at = bench.now().plus_secs(60);
                    match (hold(&bench, &partner, quote), full) {
                        (Ok(reservation), None) => {
                            let ends = bench.now().seconds() + 900;
                            let (status, extended, open, paid) = (Status::Held, false, false, false);
                            model.known.push(Modelled { reservation, status, ends, extended, open, paid, rooms, room });
                        }
                        (Err(Refusal::SoldOut { night }), Some(full)) => prop_assert_eq!(night, full),
                        (other, full) => prop_assert!(false, "{other:?} {full:?}"),
                    }
                }
                Step::Open(index) => if let Some(known) = pick(&mut model.known, index) {
                    open_payment(&bench, known.reservation.id, known.reservation.id.0);
                    if known.status == Status::Held {
                        known.open = true;
                    }
                },
                Step::Accept(index) => if let Some(known) = pick(&mut model.known, index) {
                    accept_payment(&bench, known.reservation.id, known.reservation.id.0);
                    if known.status == Status::Held && known.open && !known.extended {
                        known.extended = true;
                        known.ends += 600;
                    }
                },
                Step::Fail(index) => if let Some(known) = pick(&mut model.known, index) {
                    let (reservation, payment) = (known.reservation.id, PaymentId(known.reservation.id.0));
                    bench.call(&payments(), PaymentFailed { reservation, payment }).unwrap();
                    known.open = false;
                },
                Step::Pay(index) if !model.known.is_empty() => {
                    let index = index % model.known.len();
                    let known = &model.known[index];
                    let (room, rooms, stay) = (known.room, known.rooms, known.reservation.stay());
                    let first_payment = !known.paid;
                    let free = stay.nights().all(|night| model.rooms(room, night) >= model.taken(room, night) + rooms);
                    let begun = stay.check_in() < reservations::zone::today("Europe/Berlin", bench.now());
                    pay(&bench, &known.reservation, known.reservation.id.0);
                    let known = &mut model.known[index];
                    match known.status {
                        Status::Held => known.status = Status::Confirmed,
                        // A late payment takes the rooms again, if all of them are free.
                        Status::Expired if first_payment && free && !begun => known.status = Status::Confirmed,
                        _ => {}
                    }
                    known.paid = true;
                },
                Step::Pay(_) => {}
                Step::Cancel(index) => if let Some(known) = pick(&mut model.known, index) {
                    let cancelled = cancel(&bench, &partner, known.reservation.id);
                    match known.status {
                        Status::Held | Status::Confirmed => {
                            prop_assert!(cancelled.is_ok());
                            known.status = Status::Cancelled;
                        }
                        Status::Cancelled => prop_assert!(cancelled.is_ok()),
                        status => prop_assert_eq!(cancelled, Err(Refusal::WrongStatus { status })),
                    }
                },
                Step::Wait(secs) => {
                    bench.advance_secs(secs);
                    model.expire(bench.now().seconds());
                }
                Step::Rooms { day, rooms } => {
                    let night = today.plus_days(day);
                    let change = CalendarChange { rooms: Some(Some(rooms)), ..CalendarChange::default() };
                    let room_type = hotel.room_types[0].id;
                    let request = SetCalendar { hotel: hotel.id, room_type, nights: Nights { from: night, to: night }, change };
                    let set = bench.call(&administrator(), request);
                    prop_assert_eq!(set.is_ok(), rooms >= model.taken(0, night));
                    if set.is_ok() {
                        model.inventory.insert((0, night), rooms);
                    }
                }
            }
            prop_assert_eq!(bench.violations(), Vec::<String>::new());
            for known in &model.known {
                prop_assert_eq!(status(&bench, known.reservation.id), known.status);
            }
            for day in 0..16 {
                let night = today.plus_days(day);
                prop_assert_eq!(taken(&bench, hotel.room_types[0].id, night), model.taken(0, night));
            }
        }
    }
}

fn pick(known: &mut [Modelled], index: usize) -> Option<&mut Modelled> {
    let count = known.len();
    if count == 0 { None } else { known.get_mut(index % count) }
}

/// A quote from a time when rooms were left.
fn earlier_quote(
    bench: &ReservationBench,
    hotel: &contracts::HotelProfile,
    room: usize,
    stay: Stay,
    rooms: u32,
) -> Quote {
    let room_type = &hotel.room_types[room];
    let far = Stay::new(stay.check_in().plus_days(200), stay.check_out().plus_days(200)).unwrap();
    let mut offer = offers(bench, far, 1, 1)
        .unwrap()
        .into_iter()
        .find(|offer| offer.quote.room_type == room_type.id)
        .unwrap();
    offer.quote.stay = stay;
    offer.quote.rooms = rooms;
    offer.quote
}
