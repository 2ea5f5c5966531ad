//! Random steps of hotels and guests: import, calendar changes, holds, payments, cancellations, check-in, refunds and reads.

use contracts::payments::{
    BankEvent, CancelPayment, GuestReturned, ListReservationPayments, RefundStatus, RequestRefund,
    RetryRefund, StartPayment,
};
use contracts::reservations::{
    Admission, AdmissionEnd, AdmissionId, AdmitHold, BookingLink, CalendarChange, Cancel, CheckIn, CheckOut,
    DeskAction, EndAdmission, GetOffers, GetPayable, GetReservation, Guest, Hold, ImportHotels, Modify,
    Nights, NoShow, Quote, Refusal, Reservation, RevokeLinks, SendLink, SetCalendar, Status, Undo,
    VisitorAddress,
};
use contracts::{Date, Money, PaymentId, ReservationId, RoomTypeId, Stay};
use payments::Payments;
use protocol::{Principal, Timestamp};
use reservations::{Reservations, zone};

use crate::bank::CARDS;
use crate::fixtures::{GUESTS, PLACES, administrator, guest, hotel, hotel_id, staff};
use crate::member::Violation;
use crate::world::World;

/// The most quotes that are kept for later holds.
const QUOTES_MAX: usize = 12;

/// The ids that clients have received.
#[derive(Debug, Default)]
pub struct Known {
    /// Whether the hotel of each place was imported.
    pub hotels: [bool; PLACES.len()],
    /// Quotes that guests have received.
    quotes: Vec<Quote>,
    /// Reservations and their owners.
    pub reservations: Vec<(ReservationId, Principal)>,
    /// Payments, their reservations and their owners.
    pub payments: Vec<(PaymentId, ReservationId, Principal)>,
}

impl World {
    /// The local date at a place.
    pub fn today(&self, place: usize) -> Date {
        zone::today(PLACES[place].2, self.now)
    }

    fn some_place(&mut self) -> Option<usize> {
        let known: Vec<_> = (0..PLACES.len()).filter(|place| self.known.hotels[*place]).collect();
        self.rng.pick(&known).copied()
    }

    fn some_reservation(&mut self) -> Option<(ReservationId, Principal)> {
        let known = &self.known.reservations;
        // Mostly a recent one.
        let from = if self.rng.chance(80) { known.len().saturating_sub(8) } else { 0 };
        self.rng.pick(&known[from..]).cloned()
    }

    /// Creates or updates a hotel.
    pub fn import(&mut self) -> Result<(), Violation> {
        let place = self.rng.below(PLACES.len());
        let profile = hotel(place, &mut self.rng);
        let request = ImportHotels { hotels: vec![profile] };
        if self.call::<Reservations, _>(&administrator(), request)?.is_ok() {
            self.known.hotels[place] = true;
        }
        Ok(())
    }

    /// Staff changes the calendar of some nights.
    pub fn change_calendar(&mut self) -> Result<(), Violation> {
        let Some(place) = self.some_place() else { return Ok(()) };
        let (hotel, today) = (hotel_id(place), self.today(place));
        let room_type = RoomTypeId::of_name(hotel, if self.rng.chance(50) { "Double" } else { "Family" });
        let plan = contracts::RatePlanId::of_name(room_type, "Flexible");
        let from = today.plus_days(self.rng.between(0, 20) as i32);
        let nights = Nights { from, to: from.plus_days(self.rng.between(0, 5) as i32) };
        let change = match self.rng.below(7) {
            0 | 1 => CalendarChange {
                rooms: Some(Some(self.rng.between(0, 5) as u32)),
                ..CalendarChange::default()
            },
            2 => CalendarChange { rooms: Some(None), ..CalendarChange::default() },
            3 => CalendarChange {
                prices: vec![(plan, Some(self.rng.between(1_000, 30_000)))],
                ..CalendarChange::default()
            },
            4 => CalendarChange { prices: vec![(plan, None)], ..CalendarChange::default() },
            5 => CalendarChange { stop_sell: Some(self.rng.chance(30)), ..CalendarChange::default() },
            _ => CalendarChange {
                min_stay: Some(self.rng.between(0, 2) as u8),
                closed_to_arrival: Some(self.rng.chance(20)),
                closed_to_departure: Some(self.rng.chance(20)),
                ..CalendarChange::default()
            },
        };
        let request = SetCalendar { hotel, room_type, nights, change };
        self.call::<Reservations, _>(&staff(hotel), request).map(|_| ())
    }

    /// A guest holds an offer, either a current one or one that was read earlier.
    pub fn hold(&mut self) -> Result<(), Violation> {
        if self.known.quotes.is_empty() || self.rng.chance(75) {
            self.ask_offers()?;
        }
        let Some(quote) = self.rng.pick(&self.known.quotes).cloned() else { return Ok(()) };
        let who = guest(self.rng.below(GUESTS));
        let named = Guest { name: "Łukasz Żółć".into(), email: "guest@example.org".into(), phone: None };
        let reference = self.rng.chance(20).then(|| "trip".to_owned());
        // Like the edge, this first asks for an admission. Sometimes no hold follows.
        let place = u128::from(self.rng.below(3) as u64);
        let address = VisitorAddress { address: place, network: (place > 0).then_some(9) };
        let (hotel, rooms) = (quote.hotel, quote.rooms);
        let admission = AdmissionId::new(self.rng.wide(), hotel, rooms);
        let request = AdmitHold { admission, hotel, rooms, address };
        if self.call::<Reservations, _>(&who, request)? != Ok(Admission::Counted) || self.rng.chance(5) {
            return Ok(());
        }
        let request = Hold { quote, guest: named, requests: None, reference, admission: Some(admission) };
        match self.call::<Reservations, _>(&who, request)? {
            Ok(held) => self.known.reservations.push((held.id, who)),
            Err(_) => {
                let request = EndAdmission { owner: None, admission, end: AdmissionEnd::Refused };
                self.call::<Reservations, _>(&who, request)?.map_err(|refused| format!("{refused:?}"))?;
            }
        }
        Ok(())
    }

    fn ask_offers(&mut self) -> Result<(), Violation> {
        let Some(place) = self.some_place() else { return Ok(()) };
        let check_in = self.today(place).plus_days(self.rng.between(0, 9) as i32);
        let stay = Stay::new(check_in, check_in.plus_days(self.rng.between(1, 4) as i32));
        let (Ok(stay), guests) = (stay, self.rng.between(1, 4) as u32) else { return Ok(()) };
        let rooms = if guests > 1 && self.rng.chance(30) { 2 } else { 1 };
        let request = GetOffers { hotel: hotel_id(place), stay, guests, rooms };
        if let Ok(found) = self.call::<Reservations, _>(&Principal::anonymous(), request)?
            && let Some(offer) = self.rng.pick(&found.offers)
        {
            if self.known.quotes.len() == QUOTES_MAX {
                self.known.quotes.remove(0);
            }
            self.known.quotes.push(offer.quote.clone());
        }
        Ok(())
    }

    /// A guest pays. Like the API, this first queries reservations in the guest's name.
    pub fn pay(&mut self) -> Result<(), Violation> {
        let Some((reservation, who)) = self.some_reservation() else { return Ok(()) };
        let Ok(payable) = self.call::<Reservations, _>(&who, GetPayable { reservation })? else {
            return Ok(());
        };
        let expected_amount = self.rng.chance(30).then_some(payable.amount);
        let payment_method = self.rng.pick(&CARDS).copied().unwrap_or_default().to_owned();
        let return_url = "https://auberge.example/back".to_owned();
        let request = StartPayment { reservation, payment_method, return_url, expected_amount };
        if let Ok(payment) = self.call::<Payments, _>(&who, request)? {
            self.known.payments.push((payment, reservation, who));
        }
        Ok(())
    }

    /// A guest cancels a reservation, or the hotel does, with or without a fee.
    pub fn cancel_reservation(&mut self) -> Result<(), Violation> {
        let Some((reservation, guest)) = self.some_reservation() else { return Ok(()) };
        let by_hotel = self.rng.chance(30);
        let who = if by_hotel { administrator() } else { guest };
        let fee = (by_hotel && self.rng.chance(50)).then(|| self.rng.between(0, 15_000));
        let penalty = match fee {
            Some(fee) => Some(Money::new(fee, self.reservation(reservation)?.currency())),
            None => None,
        };
        self.call::<Reservations, _>(&who, Cancel { reservation, expect: None, penalty }).map(|_| ())
    }

    /// A guest asks for a new link, turns links off, or moves to another mailbox.
    pub fn replace_link(&mut self) -> Result<(), Violation> {
        let Some((reservation, who)) = self.some_reservation() else { return Ok(()) };
        match self.rng.below(3) {
            0 => self.call::<Reservations, _>(&who, SendLink { reservation, expect: None }).map(|_| ()),
            1 => self.call::<Reservations, _>(&who, RevokeLinks { reservation, expect: None }).map(|_| ()),
            _ => {
                let email = format!("guest{}@example.org", self.rng.below(3));
                let guest = Some(Guest { name: "A guest".to_owned(), email, phone: None });
                let request = Modify { reservation, expect: None, guest, requests: None };
                self.call::<Reservations, _>(&who, request).map(|_| ())
            }
        }
    }

    /// A guest changes the special requests.
    pub fn modify(&mut self) -> Result<(), Violation> {
        let Some((reservation, who)) = self.some_reservation() else { return Ok(()) };
        let requests = Some(self.rng.chance(70).then(|| "A quiet room".to_owned()));
        let request = Modify { reservation, expect: None, guest: None, requests };
        self.call::<Reservations, _>(&who, request).map(|_| ())
    }

    /// The front desk checks a guest in or out, marks a no-show, or undoes one of these.
    pub fn front_desk(&mut self) -> Result<(), Violation> {
        let Some((reservation, _)) = self.some_reservation() else { return Ok(()) };
        let actions = [DeskAction::CheckIn, DeskAction::CheckOut, DeskAction::NoShow];
        let command = match self.rng.below(5) {
            0 => CheckIn { reservation }.into(),
            1 => CheckOut { reservation }.into(),
            2 => NoShow { reservation }.into(),
            _ => {
                let action = self.rng.pick(&actions).copied().unwrap_or(DeskAction::CheckIn);
                Undo { reservation, expect: None, action }.into()
            }
        };
        self.send::<Reservations>(&administrator(), command).map(|_| ())
    }

    /// Staff refunds a payment as goodwill, or retries a refund that failed.
    pub fn goodwill(&mut self) -> Result<(), Violation> {
        let Some((payment, ..)) = self.rng.pick(&self.known.payments).cloned() else { return Ok(()) };
        if self.rng.chance(30) {
            let refunds = self.payment(payment)?.refunds;
            let failed = refunds.into_iter().find(|refund| refund.status == RefundStatus::Failed);
            let Some(refund) = failed.map(|refund| refund.id) else { return Ok(()) };
            return self.call::<Payments, _>(&administrator(), RetryRefund { payment, refund }).map(|_| ());
        }
        let amount = self.rng.chance(80).then(|| self.rng.between(1, 3_000));
        let request = RequestRefund { payment, amount, reason: "the noise".into() };
        self.call::<Payments, _>(&administrator(), request).map(|_| ())
    }

    /// A guest returns from the bank's page, or abandons the payment.
    pub fn returned(&mut self) -> Result<(), Violation> {
        let Some((payment, _, who)) = self.rng.pick(&self.known.payments).cloned() else { return Ok(()) };
        if self.rng.chance(50) {
            return self.call::<Payments, _>(&who, CancelPayment { payment }).map(|_| ());
        }
        self.call::<Payments, _>(&who, GuestReturned { payment }).map(|_| ())
    }

    /// An intent or a refund changes at the bank.
    pub fn bank_moves(&mut self) {
        let (undecided, refunds) = (self.bank.undecided(), self.bank.refunds());
        match self.rng.below(12) {
            0..6 => {
                if let Some(intent) = self.rng.pick(&undecided) {
                    self.bank.decide(intent, self.rng.chance(75));
                    self.trace.note(format_args!("the bank decides {intent}"));
                }
            }
            6..10 => {
                let pending: Vec<_> =
                    refunds.iter().filter(|found| found.2 == RefundStatus::Pending).collect();
                if let Some((intent, at, _)) = self.rng.pick(&pending) {
                    let good = self.rng.chance(85);
                    let status = if good { RefundStatus::Succeeded } else { RefundStatus::Failed };
                    self.bank.decide_refund(intent, *at, status);
                    self.trace.note(format_args!("a refund of {intent}: {status:?}"));
                }
            }
            10 => {
                if self.rng.chance(15)
                    && let Some((intent, at, _)) = self.rng.pick(&refunds)
                {
                    self.bank.decide_refund(intent, *at, RefundStatus::Failed);
                    self.trace.note(format_args!("a refund of {intent} fails after all"));
                }
            }
            _ => self.bank.tell_of_others(),
        }
        if !self.bank.lost.is_empty() && self.rng.chance(50) {
            let at = self.rng.below(self.bank.lost.len());
            self.trace.note("a request to confirm comes late");
            self.bank.confirm_late(at, &mut self.rng);
        }
    }

    /// Delivers a random event of the bank, possibly twice, or loses it.
    pub fn webhook(&mut self) -> Result<(), Violation> {
        if self.bank.events.is_empty() {
            return Ok(());
        }
        let at = self.rng.below(self.bank.events.len());
        let event = self.bank.events[at].clone();
        if self.rng.chance(75) {
            self.bank.events.swap_remove(at);
        }
        if self.rng.chance(15) {
            return Ok(());
        }
        let request = BankEvent {
            event: event.id,
            kind: event.kind.to_owned(),
            payment: event.payment,
            intent: Some(event.intent),
        };
        self.call::<Payments, _>(&Principal::service("payments"), request).map(|_| ())
    }

    /// Reads a reservation: its owner sees it, a stranger does not.
    pub fn look(&mut self) -> Result<(), Violation> {
        let Some((reservation, who)) = self.some_reservation() else { return Ok(()) };
        let stranger = crate::fixtures::principal("usr_stranger", &contracts::scope::ALL[..4]);
        let link = match self.call::<Reservations, _>(&who, GetReservation { reservation })? {
            Ok(found) if found.owner == who.effective_subject() => found.link(),
            other => return Err(format!("the owner of {reservation} sees {other:?}")),
        };
        for number in [link.number - 1, link.number, link.number + 1] {
            let bearer = Principal {
                on_behalf_of: Some(BookingLink { reservation, number }.subject()),
                ..Principal::service("ui")
            };
            match self.call::<Reservations, _>(&bearer, GetReservation { reservation })? {
                Ok(_) if number == link.number => {}
                Err(Refusal::NoSuchReservation) if number != link.number => {}
                other => return Err(format!("link {number} of {link:?} opens {other:?}")),
            }
        }
        match self.call::<Reservations, _>(&stranger, GetReservation { reservation })? {
            Err(Refusal::NoSuchReservation) => {}
            other => return Err(format!("a stranger sees {reservation}: {other:?}")),
        }
        match self.call::<Payments, _>(&stranger, ListReservationPayments { reservation })? {
            Ok(found) if found.is_empty() => Ok(()),
            other => Err(format!("a stranger sees payments of {reservation}: {other:?}")),
        }
    }

    /// Reads a reservation in the name of payments.
    pub fn reservation(&mut self, id: ReservationId) -> Result<Reservation, Violation> {
        let request = GetReservation { reservation: id };
        let found = self.call::<Reservations, _>(&Principal::service("payments"), request)?;
        found.map_err(|refused| format!("{id}: {refused:?}"))
    }
}

/// Whether the reservation is paid and was not cancelled.
pub const fn is_sold(status: Status) -> bool {
    match status {
        Status::Confirmed | Status::CheckedIn | Status::CheckedOut | Status::NoShow => true,
        Status::Held | Status::Expired | Status::Cancelled => false,
    }
}

/// An instant after which no timer that matters is due.
pub const fn long_after(now: Timestamp) -> Timestamp {
    now.plus_secs(10 * 24 * 3600)
}
