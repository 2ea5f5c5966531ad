//! The secret link to a reservation: a credential of its own. Its bearer has the guest's rights to this one reservation, and
//! no rights of the reservation's owner.
//!
//! A reservation has one valid link at a time. Links are numbered; a new link, or turning links off, raises the number, and
//! earlier links open nothing. The tag in the URL is derived from the reservation and the number when a mail is sent, so no
//! secret is stored or logged.

use protocol::{Access, Principal, Request, Route};
use serde::{Deserialize, Serialize};

use super::{Reservation, Reservations};
use crate::{ReservationId, scope};

/// The prefix of [`BookingLink::subject`].
const SUBJECT_PREFIX: &str = "lnk_";

/// One link to a reservation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct BookingLink {
    pub reservation: ReservationId,
    /// [`Reservation::link`] while the link is valid.
    pub number: u32,
}

impl BookingLink {
    /// What the tag in the URL authenticates: `LinkKey("booking-link").tag(…)` of these parts.
    pub fn parts(self) -> [String; 2] {
        [self.reservation.to_string(), self.number.to_string()]
    }

    /// The path of the page that the link opens.
    pub fn path(self, tag: &str) -> String {
        format!("/bookings/{}?key={tag}", self.reservation)
    }

    /// The subject on whose behalf the pages call services for the bearer of this link: `lnk_…`.
    pub fn subject(self) -> String {
        let id = self.reservation.to_string();
        let digits = id.strip_prefix(ReservationId::PREFIX).unwrap_or_default();
        format!("{SUBJECT_PREFIX}{digits}_{}", self.number)
    }

    /// The link that has this [`BookingLink::subject`].
    pub fn of_subject(subject: &str) -> Option<Self> {
        let (digits, number) = subject.strip_prefix(SUBJECT_PREFIX)?.split_once('_')?;
        let reservation = format!("{}{digits}", ReservationId::PREFIX).parse().ok()?;
        let link = Self { reservation, number: number.parse().ok()? };
        // A number can be written in several ways, but a subject is written in one.
        (link.subject() == subject).then_some(link)
    }

    /// The link whose bearer calls. Only the pages call for bearers of links, after they have verified the tag.
    pub fn of_caller(caller: &Principal) -> Option<Self> {
        let subject = caller.on_behalf_of.as_deref().filter(|_| caller.as_service() == Some("ui"))?;
        Self::of_subject(subject)
    }
}

/// The page of a reservation without a secret: for visitors who sign in.
pub fn booking_path(reservation: ReservationId) -> String {
    format!("/bookings/{reservation}")
}

/// Makes the current link invalid, and mails the guest a new one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SendLink {
    pub reservation: ReservationId,
    /// The version that the reservation must have.
    pub expect: Option<u32>,
}

/// Makes the current link invalid. The next mail to the guest contains the next one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevokeLinks {
    pub reservation: ReservationId,
    /// The version that the reservation must have.
    pub expect: Option<u32>,
}

/// Reads how to reach the guest, with the secret link: for those who may act as the guest (the owner, the bearer of the
/// link), and for `payments` and `reservations`, which mail the guest. Staff and clients that may only read do not get it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GetGuestContact {
    pub reservation: ReservationId,
}

/// How to reach the guest.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuestContact {
    pub name: String,
    pub email: String,
    /// The valid link.
    pub link: BookingLink,
}

impl std::fmt::Debug for GuestContact {
    // Personal data is never logged.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("GuestContact")
    }
}

impl Request for SendLink {
    type Contract = Reservations;
    type Reply = Reservation;

    fn route(&self) -> Route {
        Route::Slot(self.reservation.slot())
    }

    fn access(&self) -> Access {
        super::hold::OWNER_OR_STAFF
    }
}

impl Request for RevokeLinks {
    type Contract = Reservations;
    type Reply = Reservation;

    fn route(&self) -> Route {
        Route::Slot(self.reservation.slot())
    }

    fn access(&self) -> Access {
        super::hold::OWNER_OR_STAFF
    }
}

impl Request for GetGuestContact {
    type Contract = Reservations;
    type Reply = GuestContact;

    fn route(&self) -> Route {
        Route::Slot(self.reservation.slot())
    }

    fn access(&self) -> Access {
        Access::scopes(&[scope::RESERVATIONS_WRITE]).or_services(&["ui", "payments", "reservations"])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_names_one_link() {
        let link = BookingLink { reservation: ReservationId(0x1234 << 112 | 7), number: 12 };
        let subject = link.subject();
        assert!(protocol::is_actor(&subject), "{subject}");
        assert_eq!(BookingLink::of_subject(&subject), Some(link));
        for wrong in [
            "",
            "lnk_",
            "usr_7",
            &link.reservation.to_string(),
            &subject[..subject.len() - 2],
            &format!("{subject}x"),
            &subject.replace("_12", "_012"),
            &subject.replace("_12", "_+12"),
            &subject.to_uppercase(),
        ] {
            assert_eq!(BookingLink::of_subject(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn only_the_pages_call_for_the_bearer_of_a_link() {
        let link = BookingLink { reservation: ReservationId(7), number: 1 };
        let by =
            |service: &str| Principal { on_behalf_of: Some(link.subject()), ..Principal::service(service) };
        assert_eq!(BookingLink::of_caller(&by("ui")), Some(link));
        assert_eq!(BookingLink::of_caller(&by("payments")), None);
        assert_eq!(BookingLink::of_caller(&Principal::service("ui")), None);
        let client = Principal { subject: link.subject(), ..Principal::default() };
        assert_eq!(BookingLink::of_caller(&client), None, "a client that has this name");
    }
}
