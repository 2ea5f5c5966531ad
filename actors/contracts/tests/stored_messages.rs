//! The commands and replies of `reservations` and `payments` keep the bytes that logs and idempotency rows hold. The enums in
//! [`before`] are the first stored form.

use std::fmt::Debug;

use contracts::payments::{
    self, BankEvent, BankMode, BankReport, BankReported, CancelPayment, GuestReturned, NotPayable, Quoted,
    RefundPayment, RefundReason, RequestRefund, RetryRefund, SettleRefund, StartPayment,
};
use contracts::reservations::{
    self, AdmissionId, CalendarChange, Cancel, CheckIn, CheckOut, Configure, Guest, Hold, ImportHotels,
    Imported, Modify, Nights, NoShow, OpenPayment, PaymentAccepted, PaymentFailed, PaymentSucceeded, Policy,
    Precondition, PutHotel, Quote, RefundChanged, SetCalendar, Settings,
};
use contracts::{
    Currency, Date, HotelId, HotelProfile, Money, PaymentId, RatePlanId, RefundId, ReservationId, RoomTypeId,
    Stay,
};
use protocol::{Slot, Timestamp, codec};
use serde::Serialize;
use serde::de::DeserializeOwned;

mod before {
    use super::*;

    #[derive(Serialize)]
    pub enum Reservations {
        ImportHotels {
            hotels: Vec<HotelProfile>,
        },
        OpenPayment {
            reservation: ReservationId,
            payment: PaymentId,
        },
        PaymentSucceeded {
            reservation: ReservationId,
            payment: PaymentId,
            amount: Money,
        },
        PaymentFailed {
            reservation: ReservationId,
            payment: PaymentId,
        },
        RefundChanged {
            reservation: ReservationId,
            payment: PaymentId,
            refund: RefundId,
            amount: Money,
            status: payments::RefundStatus,
            refunded: i64,
            pending: i64,
            failed: i64,
        },
        Hold {
            quote: Box<Quote>,
            guest: Guest,
            requests: Option<String>,
            reference: Option<String>,
            admission: Option<u128>,
        },
        Modify {
            reservation: ReservationId,
            expect: Option<u32>,
            guest: Option<Guest>,
            requests: Option<Option<String>>,
        },
        Cancel {
            reservation: ReservationId,
            expect: Option<u32>,
            penalty: Option<Money>,
        },
        PutHotel {
            hotel: Box<HotelProfile>,
            expect: Precondition,
        },
        SetCalendar {
            hotel: HotelId,
            room_type: RoomTypeId,
            nights: Nights,
            change: CalendarChange,
        },
        CheckIn(ReservationId),
        CheckOut(ReservationId),
        NoShow(ReservationId),
        Configure {
            slot: Slot,
            settings: Settings,
        },
        Undo {
            reservation: ReservationId,
            expect: Option<u32>,
            action: reservations::DeskAction,
        },
        PaymentAccepted {
            reservation: ReservationId,
            payment: PaymentId,
        },
    }

    #[derive(Serialize)]
    pub enum ReservationsReply {
        Done,
        Imported { created: u32, updated: u32, unchanged: u32 },
    }

    #[derive(Serialize)]
    pub enum Payments {
        Quoted { payment: PaymentId, answer: Result<payments::Payable, NotPayable> },
        Refund { payment: PaymentId, reservation: ReservationId, amount: Money, reason: RefundReason },
        Start { reservation: ReservationId, payment_method: String, return_url: String, shown: Option<Money> },
        RequestRefund { payment: PaymentId, amount: Option<i64>, reason: String },
        BankEvent { event: String, kind: String, payment: Option<PaymentId>, intent: Option<String> },
        BankReported { payment: PaymentId, report: BankReport },
        Returned { payment: PaymentId },
        CancelPayment { payment: PaymentId },
        RetryRefund { payment: PaymentId, refund: RefundId },
        SettleRefund { payment: PaymentId, refund: RefundId, note: String },
        CountCardAttempt { address: Option<u128>, visitor_max: u32, address_max: u32 },
    }

    #[derive(Serialize)]
    pub enum PaymentsReply {
        Done,
        Started(PaymentId),
        RefundStarted(RefundId),
        Parked,
    }
}

fn assert_same<T: Serialize + DeserializeOwned + PartialEq + Debug>(before: &impl Serialize, now: T) {
    let bytes = codec::encode(before);
    assert_eq!(codec::encode(&now), bytes, "{now:?}");
    assert_eq!(codec::decode::<T>(&bytes), Ok(now));
}

const RESERVATION: ReservationId = ReservationId(1 << 100 | 7);
const PAYMENT: PaymentId = PaymentId(8);
const REFUND: RefundId = RefundId(9);

fn amount() -> Money {
    Money::new(12_345, Currency::EUR)
}

fn hotel() -> HotelProfile {
    HotelProfile {
        id: HotelId::of_reference("grand"),
        reference: "grand".into(),
        name: "Grand Hotel".into(),
        city: "München".into(),
        country: "DE".into(),
        address: "Am Fluss 1".into(),
        latitude: 48.1,
        longitude: 11.6,
        time_zone: "Europe/Berlin".into(),
        stars: 4,
        rating_tenths: 87,
        description: "By the river.".into(),
        amenities: vec!["wifi".into()],
        currency: Currency::EUR,
        taxes: Vec::new(),
        email: Some("desk@grand.example".into()),
        photos: Vec::new(),
        room_types: Vec::new(),
        active: true,
        demo: false,
    }
}

fn quote() -> Quote {
    Quote {
        hotel: HotelId(1),
        room_type: RoomTypeId(2),
        rate_plan: RatePlanId(3),
        room_name: "Double".into(),
        plan_name: "Flexible".into(),
        time_zone: "Europe/Berlin".into(),
        stay: Stay::new(Date(20_000), Date(20_002)).unwrap(),
        rooms: 1,
        guests: 2,
        currency: Currency::EUR,
        nightly: vec![10_000, 11_000],
        taxes: Vec::new(),
        total: 21_000,
        policy: Policy { free_until: Some(Timestamp(5)), penalty_percent: 80, guest_until: Timestamp(7) },
        expires_at: Timestamp(6),
    }
}

#[test]
fn commands_of_reservations_keep_their_bytes() {
    use before::Reservations as Before;
    use reservations::Command;
    let same = |before: Before, now: Command| assert_same(&before, now);
    let (reservation, payment, refund, amount) = (RESERVATION, PAYMENT, REFUND, amount());
    let guest = Guest { name: "Ann".into(), email: "ann@example.org".into(), phone: Some("+1".into()) };
    let (requests, reference) = (Some("Quiet".to_owned()), Some("R-1".to_owned()));
    let (room_type, nights) = (RoomTypeId(2), Nights { from: Date(1), to: Date(2) });
    let change = CalendarChange { rooms: Some(None), stop_sell: Some(true), ..CalendarChange::default() };
    let (slot, settings) = (Slot::of(1), Settings::default());
    same(Before::ImportHotels { hotels: vec![hotel()] }, ImportHotels { hotels: vec![hotel()] }.into());
    same(Before::OpenPayment { reservation, payment }, OpenPayment { reservation, payment }.into());
    same(
        Before::PaymentSucceeded { reservation, payment, amount },
        PaymentSucceeded { reservation, payment, amount }.into(),
    );
    let (status, refunded, pending, failed) = (payments::RefundStatus::Failed, 1, 2, 3);
    let action = reservations::DeskAction::CheckOut;
    same(
        Before::Undo { reservation, expect: Some(2), action },
        reservations::Undo { reservation, expect: Some(2), action }.into(),
    );
    same(Before::PaymentAccepted { reservation, payment }, PaymentAccepted { reservation, payment }.into());
    same(Before::PaymentFailed { reservation, payment }, PaymentFailed { reservation, payment }.into());
    same(
        Before::RefundChanged { reservation, payment, refund, amount, status, refunded, pending, failed },
        RefundChanged { reservation, payment, refund, amount, status, refunded, pending, failed }.into(),
    );
    same(
        Before::Hold {
            quote: Box::new(quote()),
            guest: guest.clone(),
            requests: requests.clone(),
            reference: reference.clone(),
            admission: Some(7),
        },
        Hold {
            quote: quote(),
            guest: guest.clone(),
            requests: requests.clone(),
            reference,
            admission: Some(AdmissionId(7)),
        }
        .into(),
    );
    same(
        Before::Modify {
            reservation,
            expect: Some(2),
            guest: Some(guest.clone()),
            requests: Some(requests.clone()),
        },
        Modify { reservation, expect: Some(2), guest: Some(guest), requests: Some(requests) }.into(),
    );
    let penalty = Some(amount);
    same(
        Before::Cancel { reservation, expect: None, penalty },
        Cancel { reservation, expect: None, penalty }.into(),
    );
    for expect in [Precondition::Absent, Precondition::None, Precondition::Version(3)] {
        same(
            Before::PutHotel { hotel: Box::new(hotel()), expect },
            PutHotel { hotel: hotel(), expect }.into(),
        );
    }
    same(
        Before::SetCalendar { hotel: HotelId(1), room_type, nights, change: change.clone() },
        SetCalendar { hotel: HotelId(1), room_type, nights, change }.into(),
    );
    same(Before::CheckIn(reservation), CheckIn { reservation }.into());
    same(Before::CheckOut(reservation), CheckOut { reservation }.into());
    same(Before::NoShow(reservation), NoShow { reservation }.into());
    same(Before::Configure { slot, settings: settings.clone() }, Configure { slot, settings }.into());
    // The positions are what is stored.
    assert_eq!(codec::encode(&Before::CheckIn(ReservationId(7))), [1, 10, 7]);
    assert_eq!(codec::encode(&Command::from(CheckIn { reservation: ReservationId(7) })), [1, 10, 7]);
}

#[test]
fn replies_of_reservations_keep_their_bytes() {
    use reservations::Reply;
    assert_same(&before::ReservationsReply::Done, Reply::from(()));
    let (created, updated, unchanged) = (1, 2, 300);
    assert_same(
        &before::ReservationsReply::Imported { created, updated, unchanged },
        Reply::from(Imported { created, updated, unchanged }),
    );
}

#[test]
fn commands_of_payments_keep_their_bytes() {
    use before::Payments as Before;
    use payments::Command;
    let same = |before: Before, now: Command| assert_same(&before, now);
    let (payment, reservation, amount) = (PAYMENT, RESERVATION, amount());
    let answer = Err(NotPayable::NotHeld);
    same(Before::Quoted { payment, answer: answer.clone() }, Quoted { payment, answer }.into());
    for reason in [
        RefundReason::Cancelled,
        RefundReason::TooLate,
        RefundReason::Requested("Noise".into()),
        RefundReason::BankMismatch,
    ] {
        same(
            Before::Refund { payment, reservation, amount, reason: reason.clone() },
            RefundPayment { payment, reservation, amount, reason }.into(),
        );
    }
    let (payment_method, return_url) = ("pm_card_visa".to_owned(), "https://hotel.example".to_owned());
    same(
        Before::Start {
            reservation,
            payment_method: payment_method.clone(),
            return_url: return_url.clone(),
            shown: Some(amount),
        },
        StartPayment { reservation, payment_method, return_url, expected_amount: Some(amount) }.into(),
    );
    same(
        Before::RequestRefund { payment, amount: Some(5), reason: "Noise".into() },
        RequestRefund { payment, amount: Some(5), reason: "Noise".into() }.into(),
    );
    let (event, kind, intent) = ("evt_1".to_owned(), "refund.failed".to_owned(), Some("pi_1".to_owned()));
    same(
        Before::BankEvent {
            event: event.clone(),
            kind: kind.clone(),
            payment: Some(payment),
            intent: intent.clone(),
        },
        BankEvent { event, kind, payment: Some(payment), intent }.into(),
    );
    let report = BankReport::IntentCreated { intent: "pi_1".into(), mode: BankMode::Test };
    same(Before::BankReported { payment, report: report.clone() }, BankReported { payment, report }.into());
    same(Before::Returned { payment }, GuestReturned { payment }.into());
    same(Before::CancelPayment { payment }, CancelPayment { payment }.into());
    let (refund, note) = (REFUND, "Bank transfer".to_owned());
    same(Before::RetryRefund { payment, refund }, RetryRefund { payment, refund }.into());
    same(
        Before::SettleRefund { payment, refund, note: note.clone() },
        SettleRefund { payment, refund, note }.into(),
    );
    let (address, visitor_max, address_max) = (Some(7), 20, 60);
    same(
        Before::CountCardAttempt { address, visitor_max, address_max },
        payments::CountCardAttempt { address, visitor_max, address_max }.into(),
    );
    assert_eq!(codec::encode(&Command::from(GuestReturned { payment: PaymentId(7) })), [1, 6, 7]);
}

#[test]
fn replies_of_payments_keep_their_bytes() {
    use before::PaymentsReply as Before;
    use payments::{BankEventReply, Reply};
    assert_same(&Before::Done, Reply::from(()));
    assert_same(&Before::Started(PAYMENT), Reply::from(PAYMENT));
    assert_same(&Before::RefundStarted(REFUND), Reply::from(REFUND));
    assert_same(&Before::Parked, Reply::from(BankEventReply::Parked));
    assert_eq!(Reply::from(BankEventReply::Accepted), Reply::from(()));
    assert_eq!(Reply::from(Some(REFUND)), Reply::from(REFUND));
    assert_eq!(Reply::from(None::<RefundId>), Reply::from(()));
}
