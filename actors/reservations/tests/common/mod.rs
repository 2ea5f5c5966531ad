//! A hotel, callers, and short functions for requests.
#![allow(dead_code)]

use std::sync::atomic::{AtomicU64, Ordering};

use contracts::reservations::{
    Admission, AdmissionId, AdmitHold, Cancel, GetCalendar, GetOffers, GetReservation, Guest, Hold,
    ImportHotels, Nights, Offer, OpenPayment, PaymentAccepted, PaymentSucceeded, Quote, Refusal, Reservation,
    Status, VisitorAddress,
};
use contracts::{
    Cancellation, Currency, Date, HotelId, HotelProfile, Money, PaymentId, RatePlanId, RatePlanProfile,
    ReservationId, RoomTypeId, RoomTypeProfile, Season, Stay, TaxRule, scope,
};
use group::testing::Bench;
use protocol::{Principal, Timestamp};
use reservations::Reservations;
use token::{ClusterKey, LinkKey};

pub type ReservationBench = Bench<Reservations>;

pub fn principal(subject: &str, scopes: &[&str]) -> Principal {
    let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
    Principal { subject: subject.into(), client_id: subject.into(), scopes, ..Principal::default() }
}

pub fn user(name: &str) -> Principal {
    principal(
        &format!("usr_{name}"),
        &[scope::RESERVATIONS_READ, scope::RESERVATIONS_WRITE, scope::PAYMENTS_WRITE],
    )
}

pub fn client(name: &str) -> Principal {
    principal(name, &[scope::RESERVATIONS_READ, scope::RESERVATIONS_WRITE, scope::PAYMENTS_WRITE])
}

pub fn administrator() -> Principal {
    principal("admin", &scope::ALL)
}

pub fn staff(hotel: HotelId) -> Principal {
    Principal { resources: vec![hotel.to_string()], ..principal("usr_staff", &[scope::HOTEL_MANAGE]) }
}

pub fn payments() -> Principal {
    Principal::service("payments")
}

pub fn guest_session(session: &str) -> Principal {
    Principal { on_behalf_of: Some(session.into()), ..Principal::service("ui") }
}

pub fn guest() -> Guest {
    Guest { name: "Łukasz Żółć".into(), email: "guest@example.org".into(), phone: None }
}

/// A hotel of two doubles and one single, in a zone.
pub fn hotel_in(reference: &str, zone: &str) -> HotelProfile {
    let id = HotelId::of_reference(reference);
    let room = |name: &str, sleeps, rooms, amount| {
        let room = RoomTypeId::of_name(id, name);
        let plan = |name: &str, amount, cancellation| RatePlanProfile {
            id: RatePlanId::of_name(room, name),
            name: name.into(),
            amount,
            cancellation,
            active: true,
            reference: None,
        };
        let flexible = Cancellation { free_until_hours: Some(24), penalty_percent: 80 };
        let fixed = Cancellation { free_until_hours: None, penalty_percent: 100 };
        RoomTypeProfile {
            id: room,
            name: name.into(),
            sleeps,
            rooms,
            rate_plans: vec![plan("Flexible", amount, flexible), plan("Saver", amount * 9 / 10, fixed)],
            season: Season::FLAT,
            active: true,
            reference: None,
        }
    };
    HotelProfile {
        id,
        reference: reference.into(),
        name: "Grand Hotel".into(),
        city: "München".into(),
        country: "DE".into(),
        address: "Am Fluss 1".into(),
        latitude: 48.1,
        longitude: 11.6,
        time_zone: zone.into(),
        stars: 4,
        rating_tenths: 87,
        description: "By the river.".into(),
        amenities: vec!["wifi".into()],
        currency: Currency::EUR,
        taxes: vec![
            TaxRule { name: "VAT".into(), basis_points: 700, included: true },
            TaxRule { name: "City tax".into(), basis_points: 500, included: false },
        ],
        email: Some("desk@grand.example".into()),
        photos: Vec::new(),
        room_types: vec![room("Double", 2, 2, 10_000), room("Single", 1, 1, 7_000)],
        active: true,
        demo: false,
    }
}

pub fn hotel() -> HotelProfile {
    hotel_in("grand", "Europe/Berlin")
}

pub fn links() -> LinkKey {
    ClusterKey::random().links("booking-link")
}

/// A service with [`hotel`].
pub fn open() -> ReservationBench {
    open_with(hotel())
}

pub fn open_with(hotel: HotelProfile) -> ReservationBench {
    let bench = ReservationBench::new(Reservations::new(links()));
    bench.call(&administrator(), ImportHotels { hotels: vec![hotel] }).unwrap();
    bench.sent::<contracts::search::Search>();
    bench
}

pub fn date(text: &str) -> Date {
    text.parse().unwrap()
}

pub fn at(text: &str) -> Timestamp {
    Timestamp(text.parse::<jiff::Timestamp>().unwrap().as_millisecond())
}

/// Nights from a date on.
pub fn nights(from: &str, nights: i32) -> Stay {
    Stay::new(date(from), date(from).plus_days(nights)).unwrap()
}

pub fn offers_at(
    bench: &ReservationBench,
    hotel: HotelId,
    stay: Stay,
    guests: u32,
    rooms: u32,
) -> Result<Vec<Offer>, Refusal> {
    Ok(bench.call(&Principal::anonymous(), GetOffers { hotel, stay, guests, rooms })?.offers)
}

pub fn offers(bench: &ReservationBench, stay: Stay, guests: u32, rooms: u32) -> Result<Vec<Offer>, Refusal> {
    offers_at(bench, hotel().id, stay, guests, rooms)
}

/// The quote of the first offer: doubles, flexible.
pub fn quote(bench: &ReservationBench, stay: Stay, rooms: u32) -> Quote {
    offers(bench, stay, rooms * 2, rooms).unwrap().remove(0).quote
}

pub fn hold(bench: &ReservationBench, caller: &Principal, quote: Quote) -> Result<Reservation, Refusal> {
    let admission = admit(bench, caller, &quote, HERE)?;
    bench.call(caller, Hold { quote, guest: guest(), requests: None, reference: None, admission })
}

/// Delivers the events that the service has sent to itself.
pub fn deliver(bench: &ReservationBench) {
    for command in bench.sent::<contracts::reservations::Reservations>() {
        bench.command(&Principal::service("reservations"), command).unwrap();
    }
}

/// The address of most callers.
pub const HERE: VisitorAddress = VisitorAddress { address: 7, network: None };

/// Counts a hold, as the edge does before it sends [`Hold`].
///
/// # Panics
/// If the address has to wait.
pub fn admit(
    bench: &ReservationBench,
    caller: &Principal,
    quote: &Quote,
    address: VisitorAddress,
) -> Result<Option<AdmissionId>, Refusal> {
    static ADMITTED: AtomicU64 = AtomicU64::new(1);
    let (hotel, rooms) = (quote.hotel, quote.rooms);
    let admission = AdmissionId::new(ADMITTED.fetch_add(1, Ordering::Relaxed).into(), hotel, rooms);
    match bench.call(caller, AdmitHold { admission, hotel, rooms, address })? {
        Admission::Counted => Ok(Some(admission)),
        Admission::Exempt => Ok(None),
        Admission::Later { retry_after_secs } => panic!("wait {retry_after_secs} seconds"),
    }
}

pub fn read(bench: &ReservationBench, caller: &Principal, id: ReservationId) -> Result<Reservation, Refusal> {
    bench.call(caller, GetReservation { reservation: id })
}

pub fn status(bench: &ReservationBench, id: ReservationId) -> Status {
    read(bench, &payments(), id).unwrap().status
}

pub fn open_payment(bench: &ReservationBench, reservation: ReservationId, payment: u128) {
    let payment = PaymentId(payment);
    bench.call(&payments(), OpenPayment { reservation, payment }).unwrap();
}

/// The bank accepts the card of an open payment.
pub fn accept_payment(bench: &ReservationBench, reservation: ReservationId, payment: u128) {
    let payment = PaymentId(payment);
    bench.call(&payments(), PaymentAccepted { reservation, payment }).unwrap();
}

pub fn pay(bench: &ReservationBench, reservation: &Reservation, payment: u128) {
    pay_sum(bench, reservation, payment, reservation.total());
}

pub fn pay_sum(bench: &ReservationBench, reservation: &Reservation, payment: u128, amount: Money) {
    let command = PaymentSucceeded { reservation: reservation.id, payment: PaymentId(payment), amount };
    bench.call(&payments(), command).unwrap();
}

pub fn cancel(
    bench: &ReservationBench,
    caller: &Principal,
    reservation: ReservationId,
) -> Result<Reservation, Refusal> {
    bench.call(caller, Cancel { reservation, expect: None, penalty: None })
}

/// A paid reservation of one double.
pub fn confirmed(bench: &ReservationBench, caller: &Principal, stay: Stay) -> Reservation {
    let held = hold(bench, caller, quote(bench, stay, 1)).unwrap();
    open_payment(bench, held.id, held.id.0);
    pay(bench, &held, held.id.0);
    read(bench, caller, held.id).unwrap()
}

pub fn taken(bench: &ReservationBench, room_type: RoomTypeId, night: Date) -> u32 {
    let nights = Nights { from: night, to: night };
    bench.call(&administrator(), GetCalendar { hotel: hotel().id, room_type, nights }).unwrap()[0].1.taken
}
