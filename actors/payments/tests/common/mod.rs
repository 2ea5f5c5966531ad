//! Callers, test doubles of other services, and the sandbox bank.
#![allow(dead_code, reason = "each test file uses its part")]

pub mod bench;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use contracts::payments::{
    GetPayment, NotPayable, Payable, Payment, Quoted, RefundPayment, RefundReason, StartPayment,
};
use contracts::pricing::TaxAmount;
use contracts::reservations::{
    self, BookingLink, GetGuestContact, GetPayable, GuestContact, OpenPayment, PaymentSucceeded, Reservations,
};
use contracts::{Date, HotelId, Money, PaymentId, ReservationId, pdf};
use group::testing::TestServices;
use group::{Call, NoEffects, Service, Turn, View};
use mail::{Address, Mailer};
use payments::{Bank, BankSettings, Mails, PaymentEffects, Payments};
use protocol::Principal;
use sandbox_bank::{Options, Running, Sandbox};

/// The deadline of requests to the bank.
pub const BANK_TIMEOUT: Duration = Duration::from_millis(400);

pub fn guest() -> Principal {
    let scopes = ["payments:read", "payments:write", "reservations:read"].map(str::to_owned).into();
    Principal { subject: "usr_guest".into(), client_id: "cli".into(), scopes, ..Principal::default() }
}

pub fn stranger() -> Principal {
    Principal { subject: "usr_stranger".into(), ..guest() }
}

pub fn staff(hotel: HotelId) -> Principal {
    let scopes = vec!["hotel:manage".to_owned(), "payments:read".to_owned()];
    Principal { subject: "usr_staff".into(), scopes, resources: vec![hotel.to_string()], ..guest() }
}

pub fn admin() -> Principal {
    let resources = vec![contracts::ALL_HOTELS.to_owned()];
    Principal { subject: "usr_admin".into(), scopes: vec!["hotel:manage".to_owned()], resources, ..guest() }
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
        owner: "cli_partner".into(),
    }
}

pub fn start(reservation: ReservationId, payment_method: &str) -> StartPayment {
    StartPayment {
        reservation,
        payment_method: payment_method.into(),
        return_url: "https://hotel.example/back".into(),
        expected_amount: None,
    }
}

/// The state of the test double.
#[derive(Default)]
pub struct FakeState {
    pub held: BTreeMap<ReservationId, Money>,
    /// Held, and a payment is open.
    pub open: BTreeMap<ReservationId, PaymentId>,
    pub confirmed: BTreeMap<ReservationId, PaymentId>,
    pub received: Vec<reservations::Command>,
    /// The guest's mail address, once it has changed.
    pub email: Option<String>,
    /// How often the link was replaced.
    pub link: u32,
}

/// The link with its number, or without one.
pub fn booking_url(reservation: ReservationId, link: Option<BookingLink>) -> String {
    match link {
        Some(link) => format!("https://auberge.example/r/{reservation}?key=secret-{}", link.number),
        None => format!("https://auberge.example/r/{reservation}"),
    }
}

/// A test double of reservations: a held reservation can be paid, which confirms it; a late payment is refunded.
#[derive(Clone, Default)]
pub struct FakeReservations {
    state: Arc<Mutex<FakeState>>,
}

impl FakeReservations {
    pub fn state(&self) -> MutexGuard<'_, FakeState> {
        self.state.lock().expect("no panic inside")
    }
}

impl Service for FakeReservations {
    type Contract = Reservations;
    type Effect = ();
    type Timer = ();
    type Note = ();

    fn apply(
        &self,
        turn: &mut Turn<'_, Self>,
        command: reservations::Command,
    ) -> Result<reservations::Reply, reservations::Refusal> {
        let mut state = self.state();
        state.received.push(command.clone());
        match command {
            reservations::Command::OpenPayment(OpenPayment { reservation, payment }) => {
                let answer =
                    state.held.get(&reservation).map(|amount| payable(*amount)).ok_or(NotPayable::NotHeld);
                if answer.is_ok() {
                    state.open.insert(reservation, payment);
                }
                turn.emit(reservation.0, Quoted { payment, answer });
            }
            reservations::Command::PaymentSucceeded(PaymentSucceeded { reservation, payment, amount }) => {
                if state.held.remove(&reservation).is_some() {
                    state.confirmed.insert(reservation, payment);
                } else {
                    let reason = RefundReason::TooLate;
                    turn.emit(reservation.0, RefundPayment { payment, reservation, amount, reason });
                }
            }
            reservations::Command::RefundChanged(_)
            | reservations::Command::PaymentFailed(_)
            | reservations::Command::PaymentAccepted(_) => {}
            other => panic!("unexpected: {other:?}"),
        }
        Ok(().into())
    }

    fn fire(&self, _turn: &mut Turn<'_, Self>, (): ()) {}

    fn query(
        &self,
        _view: &View<'_>,
        caller: &Principal,
        query: reservations::Query,
    ) -> Result<reservations::Answer, reservations::Refusal> {
        match query {
            reservations::Query::GetPayable(_) if caller.subject == "usr_stranger" => {
                Err(reservations::Refusal::NoSuchReservation)
            }
            reservations::Query::GetPayable(GetPayable { reservation }) => {
                match self.state().held.get(&reservation) {
                    Some(amount) => Ok(payable(*amount).into()),
                    None => Err(reservations::Refusal::NotPayable(NotPayable::NotHeld)),
                }
            }
            // The contract has checked the scope.
            reservations::Query::GetGuestContact(GetGuestContact { reservation })
                if ["usr_guest", "svc:payments"].contains(&caller.effective_subject()) =>
            {
                let state = self.state();
                let email = state.email.clone().unwrap_or_else(|| "guest@example.org".into());
                let link = BookingLink { reservation, number: state.link + 1 };
                Ok(GuestContact { name: "Łukasz <Żółć>".into(), email, link }.into())
            }
            reservations::Query::GetGuestContact(_) => Err(reservations::Refusal::NotTheGuest),
            other => panic!("unexpected: {other:?}"),
        }
    }
}

/// A test double that returns the data of a document as its content.
pub struct FakePdf;

impl Service for FakePdf {
    type Contract = pdf::Pdf;
    type Effect = ();
    type Timer = ();
    type Note = ();

    fn apply(&self, _turn: &mut Turn<'_, Self>, command: pdf::Command) -> Result<pdf::Reply, pdf::Refusal> {
        panic!("unexpected: {command:?}")
    }

    fn fire(&self, _turn: &mut Turn<'_, Self>, (): ()) {}

    fn query(
        &self,
        _view: &View<'_>,
        caller: &Principal,
        query: pdf::Query,
    ) -> Result<pdf::Answer, pdf::Refusal> {
        match query {
            pdf::Query::RenderDocument(pdf::RenderDocument { template, data_json }) => {
                if !caller.as_service().is_some_and(|service| pdf::owners(&template).contains(&service)) {
                    return Err(pdf::Refusal::Reserved(template));
                }
                Ok(pdf::Answer::Document(format!("%PDF {template} {data_json}").into_bytes()))
            }
            other => panic!("unexpected: {other:?}"),
        }
    }
}

/// The services, the bank, and a directory of mails.
pub struct World {
    pub services: TestServices,
    pub reservations: FakeReservations,
    pub bank: Option<Running>,
    dir: tempfile::TempDir,
}

impl World {
    pub async fn new() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let bank = open(dir.path().join("bank")).await;
        let settings = BankSettings {
            base_url: bank.base_url.clone(),
            secret_key: bank.secret_key.clone(),
            sandbox: true,
            timeout: Some(BANK_TIMEOUT),
        };
        Self { bank: Some(bank), ..Self::with(dir, settings) }
    }

    /// With another bank.
    pub fn with(dir: tempfile::TempDir, settings: BankSettings) -> Self {
        let services = TestServices::new();
        let reservations = FakeReservations::default();
        services.add(reservations.clone(), NoEffects);
        services.add(FakePdf, NoEffects);
        let mailer =
            Mailer::new(&mail::Settings::Directory { path: dir.path().join("outbox") }).expect("a mailer");
        let from = Address::new("Auberge", "no-reply@auberge.example").expect("an address");
        let mails = Mails::new(mailer, from, Arc::new(booking_url));
        let clock = services.clone();
        let effects = PaymentEffects::new(Bank::new(settings).expect("a client"), mails);
        services.add(Payments, effects.with_clock(Arc::new(move || clock.now())));
        Self { services, reservations, bank: None, dir }
    }

    pub fn bank(&self) -> &Running {
        self.bank.as_ref().expect("the bank is open")
    }

    pub async fn close_bank(&mut self) {
        self.bank.take().expect("the bank is open").stop().await;
    }

    pub fn books(&self) -> PathBuf {
        self.dir.path().join("bank")
    }

    pub fn hold(&self, n: u64, amount: Money) -> ReservationId {
        self.reservations.state().held.insert(reservation(n), amount);
        reservation(n)
    }

    pub fn call(&self, who: &Principal) -> Call {
        Call::bearer(self.services.token(who), Duration::from_secs(10))
    }

    /// Starts a payment without performing its effects.
    pub async fn begin(&self, reservation: ReservationId, payment_method: &str) -> PaymentId {
        let call = self.call(&guest());
        self.services.client().call(&call, start(reservation, payment_method)).await.expect("a payment")
    }

    /// Starts a payment and performs all effects.
    pub async fn pay(&self, reservation: ReservationId, payment_method: &str) -> Payment {
        let id = self.begin(reservation, payment_method).await;
        self.services.settle().await;
        self.payment(id).await
    }

    pub async fn payment(&self, id: PaymentId) -> Payment {
        let call = self.call(&own());
        self.services.client().call(&call, GetPayment { payment: id }).await.expect("the payment")
    }

    /// Reads an object from the bank.
    pub async fn at_bank(&self, path: &str) -> serde_json::Value {
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        let url = format!("{}{path}", self.bank().base_url);
        let answer = http.get(url).bearer_auth(&self.bank().secret_key).send().await.expect("an answer");
        serde_json::from_slice(&answer.bytes().await.expect("a body")).expect("JSON")
    }

    /// The number of successful charges over all intents.
    pub async fn charged(&self) -> usize {
        let charges = self.at_bank("/v1/charges").await;
        charges["data"].as_array().expect("a list").iter().filter(|charge| charge["paid"] == true).count()
    }

    /// The texts of the mails by file name.
    pub fn mails(&self) -> BTreeMap<String, String> {
        let files = std::fs::read_dir(self.dir.path().join("outbox")).expect("the outbox");
        let files = files
            .map(|file| file.expect("a file").path())
            .filter(|path| path.extension().is_some_and(|end| end == "eml"));
        files
            .map(|path| {
                let text = String::from_utf8_lossy(&std::fs::read(&path).expect("a mail")).into_owned();
                (path.file_name().expect("a name").to_string_lossy().into_owned(), text)
            })
            .collect()
    }
}

pub async fn open(dir: PathBuf) -> Running {
    let options = Options { refund_delay: Duration::from_millis(50), ..Options::new(dir) };
    Sandbox::start(options).await.expect("the bank opens")
}
