//! What the tests of payments stand on: people, a small house around it, and the sandbox bank.
#![allow(dead_code, reason = "each test file uses its part")]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use contract::Principal;
use contracts::payments::{
    self, Answer, Command, NotPayable, Payable, Payment, Payments as Contract, Query, RefundReason, Reply,
};
use contracts::pricing::TaxAmount;
use contracts::reservations::{self, Reservations};
use contracts::{Date, HotelId, Money, PaymentId, RefundId, ReservationId, pdf};
use group::testing::House;
use group::{Call, NoEffects, Service, Tree, Turn, View};
use mail::{Address, Mailer};
use payments_crate::{Bank, BankSettings, Mails, PaymentEffects, Payments};
use sandbox_bank::{Options, Running, Sandbox};

extern crate payments as payments_crate;

pub fn guest() -> Principal {
    let scopes = ["payments:read", "payments:write", "reservations:read"].map(str::to_owned).into();
    Principal { subject: "usr_guest".into(), client_id: "cli".into(), scopes, ..Principal::default() }
}

pub fn stranger() -> Principal {
    Principal { subject: "usr_stranger".into(), ..guest() }
}

pub fn staff(hotel: HotelId) -> Principal {
    let scopes = vec!["hotel:manage".to_owned(), "payments:read".to_owned()];
    Principal { subject: "usr_staff".into(), scopes, hotels: vec![hotel.to_string()], ..guest() }
}

pub fn admin() -> Principal {
    Principal { subject: "usr_admin".into(), scopes: vec!["hotel:manage".to_owned()], ..guest() }
}

pub fn own() -> Principal {
    Principal::service("payments")
}

pub fn from_reservations() -> Principal {
    Principal::service("reservations")
}

pub fn hotel() -> HotelId {
    HotelId::of_reference("grand")
}

/// The `n`th reservation of the hotel.
pub fn reservation(n: u64) -> ReservationId {
    ReservationId(u128::from(hotel().slot().number()) << 112 | u128::from(n))
}

pub fn euros(minor: i64) -> Money {
    Money::new(minor, contracts::Currency::EUR)
}

pub fn payable(amount: Money) -> Payable {
    Payable {
        amount,
        hotel: hotel(),
        hotel_name: "Hotel Grand".into(),
        hotel_address: "Main Street 1".into(),
        hotel_city: "Munich, DE".into(),
        time_zone: "Europe/Berlin".into(),
        guest_name: "Łukasz <Żółć>".into(),
        guest_email: "guest@example.org".into(),
        room: "1 × Double, Flexible".into(),
        check_in: Date(20_800),
        check_out: Date(20_802),
        lines: vec![("2 nights".into(), amount.amount)],
        taxes: vec![TaxAmount { name: "VAT".into(), amount: 654, included: true }],
    }
}

/// Reservations as payments sees it: what is held can be paid, and is confirmed then; a late success is sent back.
pub struct FakeReservations;

/// What is held, and for how much.
const HELD: Tree<ReservationId, Money> = Tree::new(32, "held");
const CONFIRMED: Tree<ReservationId, PaymentId> = Tree::new(33, "confirmed");
/// What it was told, in order.
const TOLD: Tree<u64, reservations::Command> = Tree::new(34, "told");

impl Service for FakeReservations {
    type Contract = Reservations;
    type Effect = ();
    type Timer = ();
    type Note = ();

    fn apply(
        &self, turn: &mut Turn<'_, Self>, command: reservations::Command,
    ) -> Result<reservations::Reply, reservations::Refusal> {
        let nth = turn.first(&TOLD, usize::MAX).len() as u64;
        turn.put(&TOLD, &nth, &command);
        match command {
            reservations::Command::OpenPayment { reservation, payment } => {
                let answer = turn.get(&HELD, &reservation).map(payable).ok_or(NotPayable::NotHeld);
                turn.send::<Contract>(reservation.0, &Command::Quoted { payment, answer });
            }
            reservations::Command::PaymentSucceeded { reservation, payment, amount } => {
                if turn.has(&HELD, &reservation) {
                    turn.remove(&HELD, &reservation);
                    turn.put(&CONFIRMED, &reservation, &payment);
                } else {
                    let reason = RefundReason::TooLate;
                    turn.send::<Contract>(reservation.0, &Command::Refund { payment, reservation, amount, reason });
                }
            }
            // Stands for "hold this" and "the hold is over" in these tests.
            reservations::Command::RefundSettled { .. } | reservations::Command::PaymentFailed { .. } => {}
            other => panic!("not asked here: {other:?}"),
        }
        Ok(reservations::Reply::Done)
    }

    fn fire(&self, _turn: &mut Turn<'_, Self>, (): ()) {}

    fn query(
        &self, view: &View<'_>, caller: &Principal, query: reservations::Query,
    ) -> Result<reservations::Answer, reservations::Refusal> {
        match query {
            reservations::Query::Payable(_) if caller.subject == "usr_stranger" => {
                Err(reservations::Refusal::NoSuchReservation)
            }
            reservations::Query::Payable(id) => match view.get(&HELD, &id) {
                Some(amount) => Ok(reservations::Answer::Payable(Box::new(payable(amount)))),
                None => Err(reservations::Refusal::NotPayable(NotPayable::NotHeld)),
            },
            other => panic!("not asked here: {other:?}"),
        }
    }
}
