//! Sample services that return fixed data: enough to see and try every page.

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use contracts::auth::Auth;
use contracts::payments::{self, Failure as PaymentFailure, Payment, PaymentStatus, Payments};
use contracts::pdf::Pdf;
use contracts::reservations::{
    self, BookingLink, Guest, PaymentState, Position, Reservation, ReservationPage, Reservations, Status,
};
use contracts::search::{self, CityName, FoundHotel, FoundHotels, FoundOffer, HotelDetails, Search, Sort};
use contracts::users::Users;
use contracts::{HotelId, HotelProfile, PaymentId, ReservationId, Stay, UserId};
use futures::future::BoxFuture;
use group::testing::TestServices;
use group::{
    Attempt, Call, EncodedCommand, Failure, GroupHandle, Inbox, NoEffects, Placement, Unavailable, Why,
};
use protocol::{Contract, Principal, Timestamp};
use token::{ClusterKey, LinkKey};

use crate::data;

/// The signed-in visitor's address and password.
pub const EMAIL: &str = "ada@analytical.example";
/// See [`EMAIL`].
pub const PASSWORD: &str = "notes by the translator";
/// The address of a member of staff of every sample hotel, with the same password.
pub const STAFF_EMAIL: &str = "desk@analytical.example";
/// The id of that account.
pub const STAFF: UserId = UserId(8);

/// All services at once.
pub struct SampleServices {
    pub(crate) services: TestServices,
    links: LinkKey,
    cluster: ClusterKey,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    hotels: Vec<(usize, HotelProfile)>,
    bookings: BTreeMap<ReservationId, Reservation>,
    payments: BTreeMap<ReservationId, Payment>,
    made: u128,
    /// Holds are refused for this number of seconds.
    holds_wait_secs: Option<u32>,
}

/// The dependencies of the pages.
pub fn dependencies(services: &Arc<SampleServices>, public_url: &str) -> ui::Dependencies {
    ui::Dependencies {
        client: group::Client::new(Arc::new(SamplePlacement(Arc::clone(services)))),
        credentials: Arc::new(services.services.clone()),
        sessions: services.cluster.seal("ui-session"),
        offers: services.cluster.seal("offers"),
        links: services.links.clone(),
        forms: services.cluster.links("ui-forms"),
        addresses: services.cluster.links("client-address"),
        public_url: public_url.to_owned(),
        bank: ui::Bank {
            test: true,
            tokenise_url: "http://127.0.0.1:9/v1/payment_methods".into(),
            script_url: String::new(),
            api_url: String::new(),
            publishable_key: "pk_test_gallery".into(),
        },
        documents: Arc::new(SampleDocuments(Arc::clone(services))),
        attempts: rest::attempts::AttemptLimits::in_memory(),
        card_limits: edge::rate_limit::CardLimits {
            addresses: token::ClusterKey::random().links("card-attempts"),
            visitor_max: 20,
            address_max: 60,
        },
    }
}

struct SampleDocuments(Arc<SampleServices>);

impl ui::Documents for SampleDocuments {
    fn confirmation<'a>(
        &'a self,
        call: &'a Call,
        id: ReservationId,
    ) -> BoxFuture<'a, Result<Option<ui::File>, Unavailable>> {
        Box::pin(async move {
            Ok(self.0.seen(&actor(call), id).ok().map(|_| ui::File {
                name: format!("confirmation-{id}.pdf"),
                bytes: b"%PDF-1.7\n%sample\n".to_vec(),
            }))
        })
    }

    fn calendar<'a>(
        &'a self,
        call: &'a Call,
        id: ReservationId,
    ) -> BoxFuture<'a, Result<Option<ui::File>, Unavailable>> {
        Box::pin(async move {
            Ok(self.0.seen(&actor(call), id).ok().map(|_| ui::File {
                name: format!("stay-{id}.ics"),
                bytes: b"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n".to_vec(),
            }))
        })
    }
}

impl SampleServices {
    /// Services with hotels, and a booking in each status.
    pub fn new() -> Arc<Self> {
        let (services, cluster) = (TestServices::new(), ClusterKey::random());
        services.add(ui::Ui, NoEffects);
        let mut state = State { hotels: data::hotels(), ..State::default() };
        let now = Timestamp::wall_clock();
        for (index, status) in Status::ALL.into_iter().enumerate() {
            let hotel = state.hotels[index * 2].1.clone();
            let offer = data::offers(&hotel, data::three_nights(now), 2, 1, now).remove(index % 2);
            let wishes = (index % 2 == 1).then(|| "A quiet room, please. We arrive late.".to_owned());
            let held = data::held(index as u128 + 1, "cli_sample", offer.quote, data::guest(), wishes, now);
            let grown = data::grown(held, status, now);
            if status == Status::Cancelled {
                state.payments.insert(grown.id, data::refunded(&grown, now));
            }
            state.bookings.insert(grown.id, grown);
        }
        Arc::new(Self { services, links: cluster.links("booking-link"), cluster, state: Mutex::new(state) })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no panic inside")
    }

    /// A booking in this status.
    pub fn booking(&self, status: Status) -> ReservationId {
        self.state().bookings.values().find(|one| one.status == status).expect("one of each").id
    }

    /// Changes the booking in this status.
    pub fn change(&self, status: Status, change: impl FnOnce(&mut Reservation)) {
        let id = self.booking(status);
        change(self.state().bookings.get_mut(&id).expect("one of each"));
    }

    /// The tag in the URL of a booking's secret link.
    pub fn tag(&self, id: ReservationId) -> String {
        self.tag_of(self.state().bookings[&id].link())
    }

    fn tag_of(&self, link: BookingLink) -> String {
        self.links.tag(&link.parts().each_ref().map(String::as_str))
    }

    /// The booking, if the actor is its owner, the bearer of its link, or staff.
    fn seen(&self, actor: &str, id: ReservationId) -> Result<Reservation, reservations::Refusal> {
        let found = self.state().bookings.get(&id).cloned();
        let sees = |one: &Reservation| {
            one.owner == actor
                || BookingLink::of_subject(actor) == Some(one.link())
                || actor == STAFF.to_string()
        };
        found.filter(sees).ok_or(reservations::Refusal::NoSuchReservation)
    }

    /// The `index`th hotel.
    pub fn hotel(&self, index: usize) -> HotelId {
        self.state().hotels[index].1.id
    }

    /// Whether no booking was made.
    pub fn is_untouched(&self) -> bool {
        self.state().made == 0
    }

    /// Refuses further holds for a number of seconds, or accepts them again.
    pub fn let_holds_wait(&self, secs: Option<u32>) {
        self.state().holds_wait_secs = secs;
    }
}

struct SamplePlacement(Arc<SampleServices>);

impl Placement for SamplePlacement {
    fn shards(&self, _: &str) -> Option<u16> {
        Some(1)
    }

    fn local(&self, service: &str, shard: u16) -> Result<Arc<dyn Any + Send + Sync>, Unavailable> {
        fn handle<C: Contract>(services: &Arc<SampleServices>) -> Arc<dyn Any + Send + Sync>
        where
            SamplePlacement: GroupHandle<C>,
        {
            let handle: Arc<dyn GroupHandle<C>> = Arc::new(SamplePlacement(Arc::clone(services)));
            Arc::new(handle)
        }
        match service {
            "search" => Ok(handle::<Search>(&self.0)),
            "reservations" => Ok(handle::<Reservations>(&self.0)),
            "payments" => Ok(handle::<Payments>(&self.0)),
            "users" => Ok(handle::<Users>(&self.0)),
            "auth" => Ok(handle::<Auth>(&self.0)),
            "pdf" => Ok(handle::<Pdf>(&self.0)),
            _ => self.0.services.local(service, shard),
        }
    }

    fn inbox(&self, service: &str, _: u16) -> Result<Arc<dyn Inbox>, Unavailable> {
        Err(Unavailable::new(Why::NoService(service.to_owned())))
    }
}

/// The caller behind a token of the test services.
fn actor(call: &Call) -> String {
    let digits = call.token.as_deref().and_then(|token| token.strip_prefix("services."));
    let bytes = digits.map(|digits| {
        (0..digits.len() / 2)
            .filter_map(|at| u8::from_str_radix(&digits[at * 2..at * 2 + 2], 16).ok())
            .collect::<Vec<_>>()
    });
    let principal: Option<Principal> = bytes.and_then(|bytes| protocol::codec::decode(&bytes).ok());
    principal.map(|principal| principal.effective_subject().to_owned()).unwrap_or_default()
}

macro_rules! sample_group {
    ($contract:ty, $command:ident, $query:ident) => {
        impl GroupHandle<$contract> for SamplePlacement {
            fn command<'a>(
                &'a self,
                call: &'a Call,
                _: Attempt,
                command: &'a EncodedCommand<$contract>,
            ) -> BoxFuture<
                'a,
                Result<<$contract as Contract>::Reply, Failure<<$contract as Contract>::Refusal>>,
            > {
                Box::pin(async move {
                    self.0.$command(&actor(call), command.command().clone()).map_err(Failure::Refused)
                })
            }

            fn query<'a>(
                &'a self,
                call: &'a Call,
                query: <$contract as Contract>::Query,
            ) -> BoxFuture<
                'a,
                Result<<$contract as Contract>::Answer, Failure<<$contract as Contract>::Refusal>>,
            > {
                Box::pin(async move { self.0.$query(&actor(call), query).map_err(Failure::Refused) })
            }
        }
    };
}

sample_group!(Search, search_command, search_query);
sample_group!(Reservations, reservations_command, reservations_query);
sample_group!(Payments, payments_command, payments_query);
sample_group!(Users, users_command, users_query);
sample_group!(Auth, auth_command, auth_query);
sample_group!(Pdf, pdf_command, pdf_query);

impl SampleServices {
    fn search_command(&self, _: &str, _: search::Command) -> Result<search::Reply, search::Refusal> {
        Ok(search::Reply::Done(()))
    }

    fn search_query(&self, _: &str, query: search::Query) -> Result<search::Answer, search::Refusal> {
        let cities = data::cities();
        match query {
            search::Query::GetHotel(request) => {
                let (city, profile) = self.find(request.hotel).ok_or(search::Refusal::NoSuchHotel)?;
                let details = HotelDetails {
                    profile,
                    city: cities[city].clone(),
                    distance_metres: 850,
                    changed_at: Timestamp(0),
                };
                Ok(search::Answer::Hotel(Box::new(details)))
            }
            search::Query::FindHotels(find) => self.find_hotels(&find).map(search::Answer::Hotels),
            search::Query::SuggestCities(search::SuggestCities { text, limit, .. }) => {
                let found = cities.into_iter().filter_map(|city| matched(city, &text));
                Ok(search::Answer::CityMatches(found.take(limit.into()).collect()))
            }
            search::Query::GetCity(request) => {
                Ok(search::Answer::Cities(vec![cities[city_of(&request.city)?].clone()]))
            }
            search::Query::ListTopCities(request) => {
                Ok(search::Answer::Cities(cities.into_iter().take(request.limit.into()).collect()))
            }
        }
    }

    fn find(&self, id: HotelId) -> Option<(usize, HotelProfile)> {
        self.state().hotels.iter().find(|(_, hotel)| hotel.id == id).cloned()
    }

    fn find_hotels(&self, find: &search::FindHotels) -> Result<FoundHotels, search::Refusal> {
        let city = city_of(&find.city)?;
        let place = data::cities()[city].clone();
        let now = Timestamp::wall_clock();
        let hotels = self.state().hotels.clone();
        let mut found: Vec<_> = hotels
            .iter()
            .enumerate()
            .filter(|(_, (at, hotel))| {
                *at == city
                    && (find.stars.is_empty() || find.stars.contains(&hotel.stars))
                    && find.amenities.iter().all(|word| hotel.amenities.contains(word))
            })
            .map(|(index, (_, hotel))| found_hotel(index, hotel, find.stay, find, now))
            .filter(|hotel| {
                let price = hotel.offer.as_ref().map_or(hotel.from, |offer| offer.total);
                find.price_min.is_none_or(|least| price >= least)
                    && find.price_max.is_none_or(|most| price <= most)
            })
            .collect();
        match find.sort {
            Sort::Recommended => {}
            Sort::Price => {
                found.sort_by_key(|hotel| hotel.offer.as_ref().map_or(hotel.from, |offer| offer.total));
            }
            Sort::Rating => found.sort_by_key(|hotel| std::cmp::Reverse(hotel.rating_tenths)),
            Sort::Distance => found.sort_by_key(|hotel| hotel.distance_metres),
        }
        Ok(FoundHotels { city: place, hotels: found, next: None, as_of: now })
    }

    fn reservations_command(
        &self,
        actor: &str,
        command: reservations::Command,
    ) -> Result<reservations::Reply, reservations::Refusal> {
        let now = Timestamp::wall_clock();
        match &command {
            reservations::Command::Cancel(reservations::Cancel { reservation, .. })
            | reservations::Command::SendLink(reservations::SendLink { reservation, .. })
            | reservations::Command::RevokeLinks(reservations::RevokeLinks { reservation, .. }) => {
                self.seen(actor, *reservation)?;
            }
            _ => {}
        }
        let mut state = self.state();
        match command {
            reservations::Command::AdmitHold(_) => Ok(match state.holds_wait_secs {
                Some(retry_after_secs) => reservations::Admission::Later { retry_after_secs },
                None => reservations::Admission::Counted,
            }
            .into()),
            reservations::Command::EndAdmission(_) => Ok(().into()),
            reservations::Command::SendLink(reservations::SendLink { reservation, .. }) => {
                let one = state.bookings.get_mut(&reservation).expect("it was seen");
                if one.link_sent_at.is_some_and(|sent_at| now < sent_at.plus_secs(60)) {
                    return Err(reservations::Refusal::LinkJustSent { wait_secs: 60 });
                }
                one.link += 1;
                one.link_sent_at = Some(now);
                Ok(one.clone().into())
            }
            reservations::Command::RevokeLinks(reservations::RevokeLinks { reservation, .. }) => {
                let one = state.bookings.get_mut(&reservation).expect("it was seen");
                one.link += 1;
                Ok(one.clone().into())
            }
            reservations::Command::Hold(reservations::Hold { quote, guest, requests, .. }) => {
                if guest.name == "Nobody" {
                    return Err(reservations::Refusal::SoldOut { night: quote.stay.check_in() });
                }
                state.made += 1;
                let free = quote.total == 0;
                let mut held = data::held(state.made + 1_000, actor, quote, Guest { ..guest }, requests, now);
                if free {
                    (held.status, held.hold_expires_at) = (Status::Confirmed, None);
                }
                state.bookings.insert(held.id, held.clone());
                Ok(held.into())
            }
            reservations::Command::Cancel(reservations::Cancel { reservation, .. }) => {
                let one =
                    state.bookings.get_mut(&reservation).ok_or(reservations::Refusal::NoSuchReservation)?;
                if !one.guest_can_cancel_at(now) {
                    let (until, by) = (one.quote.policy.guest_until, reservations::CancelledBy::Guest);
                    return Err(reservations::Refusal::TooLateToCancel { until, by });
                }
                *one = data::grown(one.clone(), Status::Cancelled, now);
                Ok(one.clone().into())
            }
            other => panic!("unexpected command {other:?}"),
        }
    }

    fn reservations_query(
        &self,
        actor: &str,
        query: reservations::Query,
    ) -> Result<reservations::Answer, reservations::Refusal> {
        use reservations::{Answer, Query, Refusal};
        let now = Timestamp::wall_clock();
        let one =
            |id: ReservationId| self.state().bookings.get(&id).cloned().ok_or(Refusal::NoSuchReservation);
        let seen = |id| self.seen(actor, id);
        match query {
            Query::GetHotel(request) => {
                self.find(request.hotel).map(|(_, hotel)| Answer::Hotel(hotel)).ok_or(Refusal::NoSuchHotel)
            }
            Query::GetOffers(reservations::GetOffers { hotel, stay, guests, rooms }) => {
                let (_, hotel) = self.find(hotel).ok_or(Refusal::NoSuchHotel)?;
                let offers = data::offers(&hotel, stay, guests, rooms, now);
                Ok(Answer::Offers(reservations::Offers { time_zone: hotel.time_zone, offers }))
            }
            Query::GetReservation(request) => seen(request.reservation).map(Answer::from),
            Query::GetReservationByLink(reservations::GetReservationByLink { reservation, tag }) => {
                let found = one(reservation)?;
                let is_tag_of = |number| self.tag_of(BookingLink { reservation, number }) == tag;
                match (is_tag_of(found.link), (1..found.link).any(is_tag_of)) {
                    (true, _) => Ok(found.into()),
                    (false, true) => Err(Refusal::LinkReplaced),
                    (false, false) => Err(Refusal::NoSuchReservation),
                }
            }
            Query::ListReservations(_) => {
                let mine = self
                    .state()
                    .bookings
                    .values()
                    .filter(|one| one.owner == actor)
                    .cloned()
                    .collect::<Vec<_>>();
                let place = |one: &Reservation| Position {
                    rank: u64::MAX - one.created_at.millis().unsigned_abs(),
                    reservation: one.id,
                };
                Ok(Answer::Reservations(ReservationPage {
                    items: mine.into_iter().map(|one| (place(&one), one)).collect(),
                    scanned_to: None,
                }))
            }
            Query::GetPayable(request) => seen(request.reservation).and_then(|one| match one.status {
                Status::Held => Ok(payable(&one).into()),
                _ => Err(Refusal::NotPayable(payments::NotPayable::NotHeld)),
            }),
            other => panic!("unexpected query {other:?}"),
        }
    }

    fn payments_command(
        &self,
        actor: &str,
        command: payments::Command,
    ) -> Result<payments::Reply, payments::Refusal> {
        let now = Timestamp::wall_clock();
        let reservation = match &command {
            payments::Command::StartPayment(request) => Some(request.reservation),
            payments::Command::GuestReturned(request) => Some(ReservationId(request.payment.0 ^ 1)),
            payments::Command::CancelPayment(request) => Some(ReservationId(request.payment.0 ^ 1)),
            _ => None,
        };
        if let Some(reservation) = reservation {
            self.seen(actor, reservation).map_err(|_| payments::Refusal::NoSuchPayment)?;
        }
        let mut state = self.state();
        match command {
            payments::Command::StartPayment(request) => {
                let payments::StartPayment { reservation, payment_method, return_url, expected_amount } =
                    request;
                let (status, code) = match payment_method.as_str() {
                    "pm_card_threeDSecure2Required" => (PaymentStatus::RequiresAction, None),
                    "pm_card_visa_chargeDeclined" => (PaymentStatus::Failed, Some("card_declined")),
                    _ => (PaymentStatus::Succeeded, None),
                };
                let payment = Payment {
                    id: PaymentId(reservation.0 ^ 1),
                    reservation,
                    hotel: None,
                    status,
                    amount: expected_amount,
                    refunded: 0,
                    failure: code.map(|code| PaymentFailure { code: code.to_owned() }),
                    redirect_url: Some(return_url),
                    method: None,
                    receipt_number: None,
                    refunds: Vec::new(),
                    created_at: now,
                    succeeded_at: None,
                    test: Some(true),
                    timeline: Vec::new(),
                    version: 1,
                    credit_notes: Vec::new(),
                    attention: Vec::new(),
                    cancelling: false,
                };
                let id = payment.id;
                state.payments.insert(reservation, payment);
                if status == PaymentStatus::Succeeded {
                    confirm(&mut state, reservation, now);
                }
                Ok(id.into())
            }
            payments::Command::GuestReturned(payments::GuestReturned { payment }) => {
                let found = state
                    .payments
                    .values_mut()
                    .find(|one| one.id == payment)
                    .ok_or(payments::Refusal::NoSuchPayment)?;
                found.status = PaymentStatus::Succeeded;
                let reservation = found.reservation;
                confirm(&mut state, reservation, now);
                Ok(().into())
            }
            payments::Command::CountCardAttempt(_) => Ok(().into()),
            payments::Command::CancelPayment(payments::CancelPayment { payment }) => {
                let found = state
                    .payments
                    .values_mut()
                    .find(|one| one.id == payment)
                    .ok_or(payments::Refusal::NoSuchPayment)?;
                found.status = PaymentStatus::Failed;
                found.failure = Some(PaymentFailure { code: "cancelled".to_owned() });
                Ok(().into())
            }
            other => panic!("unexpected command {other:?}"),
        }
    }

    fn payments_query(
        &self,
        actor: &str,
        query: payments::Query,
    ) -> Result<payments::Answer, payments::Refusal> {
        let reservation = match &query {
            payments::Query::ListReservationPayments(request) => request.reservation,
            payments::Query::GetReceipt(request) => ReservationId(request.payment.0 ^ 1),
            payments::Query::GetCreditNote(request) => ReservationId(request.payment.0 ^ 1),
            other => panic!("unexpected query {other:?}"),
        };
        self.seen(actor, reservation).map_err(|_| payments::Refusal::NoSuchPayment)?;
        match query {
            payments::Query::ListReservationPayments(request) => {
                let found = self.state().payments.get(&request.reservation).cloned();
                Ok(found.into_iter().collect::<Vec<_>>().into())
            }
            payments::Query::GetCreditNote(request) => Ok(payments::Receipt {
                number: request.number,
                data_json: "{}".into(),
                guest_name: "Ada".into(),
                guest_email: EMAIL.into(),
            }
            .into()),
            payments::Query::GetReceipt(_) => Ok(payments::Receipt {
                number: "R-000123".into(),
                data_json: "{}".into(),
                guest_name: "Ada".into(),
                guest_email: EMAIL.into(),
            }
            .into()),
            other => panic!("unexpected query {other:?}"),
        }
    }
}

fn payable(reservation: &Reservation) -> payments::Payable {
    let quote = &reservation.quote;
    payments::Payable {
        amount: reservation.total(),
        hotel: quote.hotel,
        hotel_name: String::new(),
        hotel_address: String::new(),
        hotel_city: String::new(),
        time_zone: quote.time_zone.clone(),
        guest_name: reservation.guest.name.clone(),
        guest_email: reservation.guest.email.clone(),
        room: quote.room_name.clone(),
        check_in: quote.stay.check_in(),
        check_out: quote.stay.check_out(),
        lines: Vec::new(),
        taxes: Vec::new(),
        owner: reservation.owner.clone(),
    }
}

fn confirm(state: &mut State, reservation: ReservationId, now: Timestamp) {
    if let Some(one) = state.bookings.get_mut(&reservation) {
        *one = data::grown(one.clone(), Status::Confirmed, now);
        one.payment = PaymentState::Paid { payment: PaymentId(reservation.0 ^ 1), amount: one.quote.total };
    }
}

/// Names of sample cities in other languages, and a misspelled one.
const OTHER_NAMES: [(&str, &str); 2] = [("Tukholma", "Stockholm"), ("Lissabon", "Lisbon")];
const MISSPELLED: (&str, &str) = ("Amstredam", "Amsterdam");

fn matched(city: search::City, text: &str) -> Option<search::CityMatch> {
    let begins = |name: &str| name.to_lowercase().starts_with(&text.to_lowercase());
    let other = OTHER_NAMES.iter().find(|(name, own)| begins(name) && *own == &*city.name);
    let (name, kind) = match other {
        _ if begins(&city.full_name) => {
            let is_whole = city.name.eq_ignore_ascii_case(text);
            let kind = if is_whole { search::CityMatchKind::Name } else { search::CityMatchKind::Prefix };
            (city.name.clone(), kind)
        }
        Some((name, _)) => ((*name).into(), search::CityMatchKind::Name),
        None if text == MISSPELLED.0 && &*city.name == MISSPELLED.1 => {
            (city.name.clone(), search::CityMatchKind::Spelling)
        }
        None => return None,
    };
    Some(search::CityMatch { city, name, kind })
}

fn city_of(name: &CityName) -> Result<usize, search::Refusal> {
    let cities = data::cities();
    let found = match name {
        CityName::Id(id) => cities.iter().position(|city| city.id == *id),
        CityName::Name(name) => {
            let (name, country) = name.split_once(',').unwrap_or((name, ""));
            let country = country.trim();
            if name == MISSPELLED.0 {
                let meant = cities.iter().filter(|city| &*city.name == MISSPELLED.1);
                let candidate = |city: &search::City| search::CityCandidate {
                    id: city.id,
                    full_name: city.full_name.to_string(),
                };
                return Err(search::Refusal::UncertainCity { candidates: meant.map(candidate).collect() });
            }
            let other = OTHER_NAMES.iter().find(|(other, _)| *other == name);
            let name = other.map_or(name, |(_, own)| own);
            cities.iter().position(|city| {
                city.name.eq_ignore_ascii_case(name.trim())
                    && (country.is_empty() || *city.country_name == *country)
            })
        }
    };
    found.ok_or(search::Refusal::NoSuchCity)
}

fn found_hotel(
    index: usize,
    hotel: &HotelProfile,
    stay: Option<Stay>,
    find: &search::FindHotels,
    now: Timestamp,
) -> FoundHotel {
    let offers = stay
        .map(|stay| data::offers(hotel, stay, find.guests.into(), find.rooms.into(), now))
        .unwrap_or_default();
    let offer = offers.into_iter().nth(index % 2).map(|offer| FoundOffer {
        room_type: offer.quote.room_type,
        room_type_name: offer.quote.room_name.into(),
        rate_plan: offer.quote.rate_plan,
        rate_plan_name: offer.quote.plan_name.into(),
        nightly: offer.quote.nightly.iter().sum(),
        total: offer.quote.total,
        rooms_left: offer.rooms_left,
        free_cancellation_until: offer.quote.policy.free_until,
    });
    FoundHotel {
        id: hotel.id,
        name: hotel.name.as_str().into(),
        address: hotel.address.as_str().into(),
        stars: hotel.stars,
        rating_tenths: hotel.rating_tenths,
        distance_metres: 230 + index as u32 * 415,
        latitude: hotel.latitude,
        longitude: hotel.longitude,
        time_zone: hotel.time_zone.as_str().into(),
        amenities: hotel.amenities.clone().into(),
        photos: hotel.photos.clone().into(),
        currency: hotel.currency,
        from: 9_900,
        offer,
        demo: hotel.demo,
    }
}
