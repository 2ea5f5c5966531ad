//! What may be said to `reservations`: properties, rates and inventory, and who sleeps where.

mod booking;
mod listing;
mod offer;

pub use booking::{Guest, PaymentState, Policy, Refund, RefundStatus, Reservation, Status, TimelineEvent};
pub use listing::{
    CalendarChange, DayList, ListBy, ListReservations, ManagedHotel, Nights, Position, Precondition,
    ReservationPage, Settings, merge,
};
pub use offer::{OFFER_SECS, Offer, Offers, Quote};

use protocol::{Access, Contract, Route, Slot};
use serde::{Deserialize, Serialize};

use crate::payments::{NotPayable, Payable};
use crate::search::Night;
use crate::{
    Date, HotelId, HotelProfile, Money, PaymentId, RatePlanId, RefundId, ReservationId, RoomTypeId, Stay,
    scope,
};

/// Rooms that one reservation takes at most.
pub const ROOMS_MAX: u32 = 50;

/// Hotels in one [`Command::ImportHotels`] at most.
pub const IMPORT_MAX: usize = 200;

/// Nights that one [`Command::SetCalendar`] or [`Query::Calendar`] spans at most.
pub const CALENDAR_NIGHTS_MAX: i32 = 732;

/// The page that the secret link of a guest's mail opens, below the public address. The tag is
/// `LinkKey("booking-link").tag(&[&id.to_string()])`, which [`Query::ByLink`] verifies.
pub fn link_path(reservation: ReservationId, tag: &str) -> String {
    format!("/bookings/{reservation}?key={tag}")
}

/// The contract.
#[derive(Debug, Clone, Copy)]
pub struct Reservations;

/// What changes reservations, rates or inventory.
// The largest is `Hold`, which is also the one that has to be fast: it goes without an allocation of its own.
#[allow(clippy::large_enum_variant)]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Command {
    /// Makes hotels or brings them up to date, by their reference; all of one shard. Room types and rate plans that are
    /// not named any more go off sale. Answered by [`Reply::Imported`].
    ImportHotels {
        /// At most [`IMPORT_MAX`].
        hotels: Vec<HotelProfile>,
    },
    /// From payments: somebody wants to pay. Answered by [`crate::payments::Command::Quoted`].
    OpenPayment {
        /// What is paid.
        reservation: ReservationId,
        /// With what.
        payment: PaymentId,
    },
    /// From payments: the money is there.
    PaymentSucceeded {
        /// What was paid.
        reservation: ReservationId,
        /// With what.
        payment: PaymentId,
        /// How much.
        amount: Money,
    },
    /// From payments: it came to nothing; another attempt is allowed.
    PaymentFailed {
        /// What was to be paid.
        reservation: ReservationId,
        /// With what.
        payment: PaymentId,
    },
    /// From payments: a refund has reached its end.
    RefundSettled {
        /// Of what.
        reservation: ReservationId,
        /// From what.
        payment: PaymentId,
        /// Which.
        refund: RefundId,
        /// How much.
        amount: Money,
        /// Whether the money went back; else somebody has to look.
        succeeded: bool,
    },
    /// Sets rooms aside for every night of a stay, or for none. Answered by [`Reply::Reservation`].
    Hold {
        /// What was promised, from an opened offer.
        quote: Quote,
        /// Who stays.
        guest: Guest,
        /// Wishes.
        requests: Option<String>,
        /// The maker's own name for it.
        reference: Option<String>,
    },
    /// Changes guest details or wishes. Answered by [`Reply::Reservation`].
    Modify {
        /// Which.
        reservation: ReservationId,
        /// Only if this is its version still.
        expect: Option<u32>,
        /// New details of the guest.
        guest: Option<Guest>,
        /// New wishes; `Some(None)` removes them.
        requests: Option<Option<String>>,
    },
    /// Calls it off, at the price of its policy. Answered by [`Reply::Reservation`].
    Cancel {
        /// Which.
        reservation: ReservationId,
        /// Only if this is its version still.
        expect: Option<u32>,
    },
    /// Makes a hotel, or replaces its description. Answered by [`Reply::ManagedHotel`].
    PutHotel {
        /// As it shall be.
        hotel: Box<HotelProfile>,
        /// What must be there now.
        expect: Precondition,
    },
    /// Sets rates, inventory or restrictions for a range of nights of a room type.
    SetCalendar {
        /// Of which hotel.
        hotel: HotelId,
        /// Of which room type.
        room_type: RoomTypeId,
        /// Which nights.
        nights: Nights,
        /// What about them.
        change: CalendarChange,
    },
    /// Staff: the guest arrived. Answered by [`Reply::Reservation`].
    CheckIn(ReservationId),
    /// Staff: the guest left. Answered by [`Reply::Reservation`].
    CheckOut(ReservationId),
    /// Staff: nobody came. Answered by [`Reply::Reservation`].
    NoShow(ReservationId),
    /// Operators: the settings of one shard, which its turns go by from then on.
    Configure {
        /// Any slot of the shard.
        slot: Slot,
        /// The settings.
        settings: Settings,
    },
}

/// What a command that was obeyed answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Reply {
    /// Noted.
    Done,
    /// How many hotels were new, brought up to date, and found as they were.
    Imported {
        /// New.
        created: u32,
        /// Changed.
        updated: u32,
        /// As they were.
        unchanged: u32,
    },
    /// The reservation as it is now.
    Reservation(Box<Reservation>),
    /// The hotel as it is now.
    ManagedHotel(Box<ManagedHotel>),
}

/// The domain's "no".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Refusal {
    /// There is none, or none that the caller may see.
    #[error("no such reservation")]
    NoSuchReservation,
    /// There is none.
    #[error("no such hotel")]
    NoSuchHotel,
    /// The hotel has none.
    #[error("no such room type")]
    NoSuchRoomType,
    /// The room type has none.
    #[error("no such rate plan")]
    NoSuchRatePlan,
    /// Not enough rooms on a night.
    #[error("not enough rooms are left on {night}")]
    SoldOut {
        /// The first such night.
        night: Date,
    },
    /// The hotel sells nothing on a night.
    #[error("the hotel does not sell these rooms on {night}")]
    StopSell {
        /// The first such night.
        night: Date,
    },
    /// The hotel, the room type or the rate plan is off sale.
    #[error("this is not on sale any more")]
    Inactive,
    /// The quote is older than half an hour.
    #[error("the offer has expired")]
    OfferExpired,
    /// The stay would begin before today, by the hotel's calendar.
    #[error("the stay begins in the past: it is {today} at the hotel")]
    InThePast {
        /// The hotel's date.
        today: Date,
    },
    /// The stay would end after the last night that is sold.
    #[error("nights are sold until {last} only")]
    BeyondHorizon {
        /// The last day of departure.
        last: Date,
    },
    /// The caller holds as much unpaid as anybody may.
    #[error("at most {limit} unpaid reservations at a time")]
    TooManyHolds {
        /// How many are allowed.
        limit: u32,
    },
    /// What the command says makes no sense; the field, and why.
    #[error("{field}: {why}")]
    Invalid {
        /// A JSON pointer's last part.
        field: String,
        /// A sentence.
        why: String,
    },
    /// Somebody changed it meanwhile.
    #[error("it was changed meanwhile")]
    Changed,
    /// What its status does not allow.
    #[error("a reservation that is {} does not allow this", status.as_str())]
    WrongStatus {
        /// The status that it has.
        status: Status,
    },
    /// The day for it has not come, or is over.
    #[error("not on this day: it is {today} at the hotel")]
    WrongDay {
        /// The hotel's date.
        today: Date,
    },
    /// It cannot be paid.
    #[error("it cannot be paid now")]
    NotPayable(NotPayable),
    /// Staff of other hotels, or somebody who is no administrator.
    #[error("not one of your hotels")]
    NotYourHotel,
    /// A hotel with this reference exists.
    #[error("a hotel with this reference exists")]
    ReferenceTaken,
    /// The inventory would be less than what is held and sold.
    #[error("{taken} of the rooms {room_type} are held or sold on {night}: {rooms} would be too few")]
    InventoryBelowTaken {
        /// The room type's name.
        room_type: String,
        /// The first such night.
        night: Date,
        /// Held and sold.
        taken: u32,
        /// What there would be.
        rooms: u32,
    },
}

/// What may be asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Query {
    /// One hotel, as everybody may see it: without its mail address.
    Hotel(HotelId),
    /// One hotel, as its staff sees it.
    ManagedHotel(HotelId),
    /// The hotels that the caller manages, in the order of their ids, from every shard.
    ManagedHotels {
        /// Those after this one.
        after: Option<HotelId>,
        /// At most so many.
        limit: u32,
    },
    /// What a stay would cost.
    Offers {
        /// Where.
        hotel: HotelId,
        /// Which nights.
        stay: Stay,
        /// How many guests.
        guests: u32,
        /// How many rooms.
        rooms: u32,
    },
    /// One reservation, for those who may see it: its owner, staff of its hotel, administrators; `ui` and `payments` in
    /// their own name.
    Reservation(ReservationId),
    /// One reservation, for whoever has the secret link.
    ByLink {
        /// Which.
        reservation: ReservationId,
        /// The link's tag.
        tag: String,
    },
    /// Many reservations. Of an actor: from every shard, see [`merge`].
    Reservations(ListReservations),
    /// What would have to be paid, for those who may see the reservation.
    Payable(ReservationId),
    /// Nights of a room type, for staff.
    Calendar {
        /// Of which hotel.
        hotel: HotelId,
        /// Of which room type.
        room_type: RoomTypeId,
        /// Which nights.
        nights: Nights,
    },
    /// Who comes, leaves or stays on a day, for staff.
    HotelDay {
        /// Where.
        hotel: HotelId,
        /// When.
        date: Date,
        /// Who.
        list: DayList,
    },
}

/// A night of the calendar: what is particular about it, and each rate plan's price.
pub type CalendarNight = (Date, Night, Vec<(RatePlanId, i64)>);

/// What a query finds.
// Answers are made once and read once: boxing would only move the bytes.
#[allow(clippy::large_enum_variant)]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Answer {
    /// A hotel.
    Hotel(HotelProfile),
    /// A hotel and its version.
    ManagedHotel(Box<ManagedHotel>),
    /// A shard's part of a page.
    ManagedHotels(Vec<ManagedHotel>),
    /// Offers.
    Offers(Offers),
    /// A reservation.
    Reservation(Box<Reservation>),
    /// A shard's part of a page.
    Reservations(ReservationPage),
    /// What has to be paid.
    Payable(Box<Payable>),
    /// Nights, in order.
    Calendar(Vec<CalendarNight>),
}

impl Contract for Reservations {
    const SERVICE: &'static str = "reservations";
    type Command = Command;
    type Reply = Reply;
    type Refusal = Refusal;
    type Query = Query;
    type Answer = Answer;

    fn route_command(command: &Command) -> Route {
        match command {
            Command::ImportHotels { hotels } => {
                hotels.first().map_or(Route::SINGLE, |hotel| Route::Slot(hotel.id.slot()))
            }
            Command::OpenPayment { reservation, .. }
            | Command::PaymentSucceeded { reservation, .. }
            | Command::PaymentFailed { reservation, .. }
            | Command::RefundSettled { reservation, .. }
            | Command::Modify { reservation, .. }
            | Command::Cancel { reservation, .. }
            | Command::CheckIn(reservation)
            | Command::CheckOut(reservation)
            | Command::NoShow(reservation) => Route::Slot(reservation.slot()),
            Command::Hold { quote, .. } => Route::Slot(quote.hotel.slot()),
            Command::PutHotel { hotel, .. } => Route::Slot(hotel.id.slot()),
            Command::SetCalendar { hotel, .. } => Route::Slot(hotel.slot()),
            Command::Configure { slot, .. } => Route::Slot(*slot),
        }
    }

    fn route_query(query: &Query) -> Route {
        match query {
            Query::Hotel(hotel)
            | Query::ManagedHotel(hotel)
            | Query::Offers { hotel, .. }
            | Query::Calendar { hotel, .. }
            | Query::HotelDay { hotel, .. } => Route::Slot(hotel.slot()),
            Query::Reservation(reservation)
            | Query::ByLink { reservation, .. }
            | Query::Payable(reservation) => Route::Slot(reservation.slot()),
            Query::Reservations(listing) => match listing.by {
                ListBy::Owner => Route::AllShards,
                ListBy::Hotel(hotel) => Route::Slot(hotel.slot()),
            },
            Query::ManagedHotels { .. } => Route::AllShards,
        }
    }

    fn command_access(command: &Command) -> Access {
        match command {
            Command::ImportHotels { .. } | Command::PutHotel { .. } | Command::SetCalendar { .. } => {
                Access::scopes(&[scope::HOTEL_MANAGE])
            }
            Command::CheckIn(_) | Command::CheckOut(_) | Command::NoShow(_) => {
                Access::scopes(&[scope::HOTEL_MANAGE])
            }
            Command::OpenPayment { .. }
            | Command::PaymentSucceeded { .. }
            | Command::PaymentFailed { .. }
            | Command::RefundSettled { .. } => Access::services(&["payments"]),
            Command::Hold { .. } => Access::scopes(&[scope::RESERVATIONS_WRITE]).or_services(&["ui"]),
            Command::Modify { .. } | Command::Cancel { .. } => {
                Access::scopes(&[scope::RESERVATIONS_WRITE, scope::HOTEL_MANAGE]).or_services(&["ui"])
            }
            Command::Configure { .. } => Access::scopes(&[scope::CLUSTER_MANAGE]),
        }
    }

    fn query_access(query: &Query) -> Access {
        match query {
            // The link's tag is the credential of whoever has no other.
            Query::Hotel(_) | Query::Offers { .. } | Query::ByLink { .. } => Access::ANYONE,
            Query::ManagedHotels { .. } | Query::Calendar { .. } | Query::HotelDay { .. } => {
                Access::scopes(&[scope::HOTEL_MANAGE])
            }
            Query::ManagedHotel(_) => Access::scopes(&[scope::HOTEL_MANAGE]).or_services(&["reservations"]),
            Query::Reservation(_) | Query::Reservations(_) => {
                let readers = Access::scopes(&[scope::RESERVATIONS_READ, scope::HOTEL_MANAGE]);
                // Its own mails are written from it, too.
                readers.or_services(&["ui", "payments", "reservations"])
            }
            Query::Payable(_) => Access::scopes(&[scope::PAYMENTS_WRITE]).or_services(&["ui", "payments"]),
        }
    }
}
