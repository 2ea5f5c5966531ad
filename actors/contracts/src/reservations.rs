//! The messages of `reservations`: hotels with their rates and inventory, offers, and reservations.

mod admission;
mod calendar;
mod desk;
mod hold;
mod hotel;
mod link;
mod list;
mod offer;
mod payment;
mod refusal;
mod reservation;
mod settings;

pub use admission::{Admission, AdmissionEnd, AdmissionId, AdmitHold, EndAdmission, VisitorAddress};
pub use calendar::{CALENDAR_NIGHTS_MAX, CalendarChange, CalendarNight, GetCalendar, Nights, SetCalendar};
pub use desk::{CheckIn, CheckOut, DeskAction, NoShow, Undo};
pub use hold::{Cancel, GetReservation, GetReservationByLink, Hold, Modify, ROOMS_MAX};
pub use hotel::{
    AddRoomType, GetHotel, GetManagedHotel, IMPORT_MAX, ImportHotels, Imported, ListManagedHotels,
    ManagedHotel, Precondition, PutHotel,
};
pub use link::{BookingLink, GetGuestContact, GuestContact, RevokeLinks, SendLink, booking_path};
pub use list::{DayList, GetDayList, ListBy, ListReservations, Position, ReservationPage, merge_pages};
pub use offer::{
    CHECK_IN_HOUR, CHECK_OUT_HOUR, GetOffers, LocalHour, OFFER_SECS, Offer, Offers, PartyError, Quote,
    Restriction, check_party, default_guests,
};
pub use payment::{GetPayable, OpenPayment, PaymentAccepted, PaymentFailed, PaymentSucceeded, RefundChanged};
pub use refusal::{CurrencyUse, Refusal};
pub use reservation::{
    CancelledBy, Guest, PaymentState, Policy, Refund, RefundStatus, Reservation, Status, TimelineEvent,
};
pub use settings::{Configure, Settings};

use serde::{Deserialize, Serialize};

use crate::HotelProfile;
use crate::payments::Payable;

protocol::contract! {
    /// The contract of `reservations`.
    pub struct Reservations = "reservations";
    refusal Refusal;

    /// What changes reservations, rates or inventory.
    // `Hold` is the largest and the most frequent: it needs no allocation of its own.
    #[allow(clippy::large_enum_variant)]
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    pub enum Command {
        ImportHotels,
        OpenPayment,
        PaymentSucceeded,
        PaymentFailed,
        RefundChanged,
        Hold,
        Modify,
        Cancel,
        PutHotel,
        SetCalendar,
        CheckIn,
        CheckOut,
        NoShow,
        Configure,
        Undo,
        PaymentAccepted,
        AdmitHold,
        EndAdmission,
        AddRoomType,
        SendLink,
        RevokeLinks,
    }

    /// The replies to commands.
    #[allow(clippy::large_enum_variant)]
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    pub enum Reply {
        Done(()),
        Imported(Imported),
        Reservation(Reservation),
        ManagedHotel(ManagedHotel),
        Admission(Admission),
    }

    /// What can be read.
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    pub enum Query {
        GetHotel,
        GetManagedHotel,
        ListManagedHotels,
        GetOffers,
        GetReservation,
        GetReservationByLink,
        ListReservations,
        GetPayable,
        GetCalendar,
        GetDayList,
        GetGuestContact,
    }

    /// The replies to queries.
    // Answers are made once and read once: boxing would only move the bytes.
    #[allow(clippy::large_enum_variant)]
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    pub enum Answer {
        Hotel(HotelProfile),
        ManagedHotel(ManagedHotel),
        ManagedHotels(Vec<ManagedHotel>),
        Offers(Offers),
        Reservation(Reservation),
        Reservations(ReservationPage),
        Payable(Payable),
        Calendar(Vec<CalendarNight>),
        GuestContact(GuestContact),
    }
}
