//! The state machine: which bookings a guest session has opened with secret links.

use contracts::ReservationId;
use contracts::ui::{Answer, Command, Query, Refusal, Reply};
use group::{Service, Turn, View};
use protocol::Principal;
use serde::{Deserialize, Serialize};

use crate::state::{OPENED, OPENED_MAX, Opened, REMEMBERED_SECS, is_guest};
use crate::{apply, query};

/// The `ui` service.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ui;

/// Timer: removes an opened booking, unless it was opened again in the meantime.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForgetBooking {
    /// The guest session, `gst_…`.
    pub guest: String,
    /// The opened booking.
    pub reservation: ReservationId,
}

/// This service has no effects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Effect {}

impl Service for Ui {
    type Contract = contracts::ui::Ui;
    type Effect = Effect;
    type Timer = ForgetBooking;
    type Note = ();

    fn apply(&self, turn: &mut Turn<'_, Self>, command: Command) -> Result<Reply, Refusal> {
        match command {
            Command::RememberBooking(request) => apply::remember(turn, request).map(Reply::from),
            Command::ForgetBookings(request) => apply::forget(turn, &request).map(Reply::from),
        }
    }

    fn fire(&self, turn: &mut Turn<'_, Self>, timer: ForgetBooking) {
        let key = (timer.guest, timer.reservation);
        let expired = |opened: Opened| opened.at.plus_secs(REMEMBERED_SECS) <= turn.now();
        if turn.get(&OPENED, &key).is_some_and(expired) {
            turn.remove(&OPENED, &key);
        }
    }

    fn query(&self, view: &View<'_>, _caller: &Principal, query: Query) -> Result<Answer, Refusal> {
        match query {
            Query::ListOpenedBookings(request) => query::list(view, &request).map(Answer::from),
            Query::GetOpenedBooking(request) => Ok(query::opened(view, request).into()),
        }
    }

    fn violations(&self, view: &View<'_>) -> Vec<String> {
        opened_bookings_are_bounded(view)
    }
}

/// Only guest sessions have opened bookings, and at most [`OPENED_MAX`] each.
pub fn opened_bookings_are_bounded(view: &View<'_>) -> Vec<String> {
    let mut counts = std::collections::BTreeMap::<String, usize>::new();
    let mut violations = Vec::new();
    for ((guest, reservation), _) in view.all(&OPENED) {
        if !is_guest(&guest) {
            violations.push(format!("{reservation} is remembered for an invalid guest session"));
        }
        *counts.entry(guest).or_default() += 1;
    }
    let exceeded = counts.values().filter(|count| **count > OPENED_MAX);
    violations.extend(
        exceeded.map(|count| format!("a guest session has {count} opened bookings, more than {OPENED_MAX}")),
    );
    violations
}

#[cfg(test)]
mod tests {
    use contracts::reservations::BookingLink;
    use contracts::ui::{ForgetBookings, GetOpenedBooking, ListOpenedBookings, RememberBooking};
    use group::testing::Bench;

    use super::*;

    fn remember(bench: &Bench<Ui>, guest: &str, id: u128) -> Result<(), Refusal> {
        remember_link(bench, guest, id, 1)
    }

    fn remember_link(bench: &Bench<Ui>, guest: &str, id: u128, number: u32) -> Result<(), Refusal> {
        let link = BookingLink { reservation: ReservationId(id), number };
        bench.call(&Principal::service("ui"), RememberBooking { guest: guest.to_owned(), link })
    }

    fn bookings(bench: &Bench<Ui>, guest: &str) -> Vec<u128> {
        let request = ListOpenedBookings { guest: guest.to_owned() };
        let found = bench.call(&Principal::service("ui"), request).unwrap();
        found.into_iter().map(|link| link.reservation.0).collect()
    }

    const ANNA: &str = "gst_0123456789abcdef";
    const BERT: &str = "gst_fedcba9876543210";

    #[test]
    fn a_session_has_the_bookings_that_it_opened() {
        let bench = Bench::new(Ui);
        for (guest, id) in [(ANNA, 1), (ANNA, 2), (BERT, 3), (ANNA, 1)] {
            bench.advance_secs(10);
            assert_eq!(remember(&bench, guest, id), Ok(()));
        }
        assert_eq!(bookings(&bench, ANNA), [1, 2], "the one opened last comes first");
        assert_eq!(bookings(&bench, BERT), [3]);
        let opened = |guest: &str, id| {
            let request = GetOpenedBooking { guest: guest.into(), reservation: ReservationId(id) };
            bench.call(&Principal::service("ui"), request).unwrap().map(|link| link.number)
        };
        assert_eq!((opened(ANNA, 2), opened(ANNA, 3)), (Some(1), None));
        assert_eq!(remember_link(&bench, ANNA, 2, 5), Ok(()));
        assert_eq!(opened(ANNA, 2), Some(5), "a later link replaces an earlier one");
        let forgotten = bench.call(&Principal::service("ui"), ForgetBookings { guest: ANNA.into() });
        assert_eq!(forgotten, Ok(()));
        assert_eq!((bookings(&bench, ANNA), bookings(&bench, BERT)), (vec![], vec![3]));
        assert_eq!(bench.violations(), Vec::<String>::new());
    }

    #[test]
    fn invalid_session_names_are_refused() {
        let bench = Bench::new(Ui);
        for name in ["", "gst_", "gst_short", "usr_0123456789abcdef0123", &format!("gst_{}", "x".repeat(80))]
        {
            assert_eq!(remember(&bench, name, 1), Err(Refusal::NoGuest), "{name}");
            let found = bench.call(&Principal::service("ui"), ListOpenedBookings { guest: name.into() });
            assert_eq!(found, Err(Refusal::NoGuest), "{name}");
        }
    }

    #[test]
    fn opened_bookings_are_bounded_and_expire() {
        let bench = Bench::new(Ui);
        for id in 0..60 {
            bench.advance_secs(1);
            assert_eq!(remember(&bench, ANNA, id), Ok(()));
        }
        let known = bookings(&bench, ANNA);
        assert_eq!((known.len(), known[0], known.contains(&9)), (OPENED_MAX, 59, false));
        assert_eq!(bench.violations(), Vec::<String>::new());
        bench.advance_secs(REMEMBERED_SECS - 100);
        assert_eq!(remember(&bench, ANNA, 42), Ok(()));
        bench.advance_secs(200);
        assert_eq!(bookings(&bench, ANNA), [42]);
    }
}
