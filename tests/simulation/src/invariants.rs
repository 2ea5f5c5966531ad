//! Invariants over several services, which hold once all messages are delivered. Each is a function that returns the first
//! violation. The invariants of a single service are part of the service, and are checked after every step.

use std::collections::BTreeMap;

use contracts::payments::{
    ListReservationPayments, Payment, PaymentStatus, Refund, RefundReason, RefundStatus,
};
use contracts::reservations::{
    GetOffers, Offer, PaymentState, RefundStatus as ReservationRefundStatus, Refusal, Reservation, Status,
    TimelineEvent,
};
use contracts::search::{self as finding, CityName, FindHotels, Sort};
use contracts::{ReservationId, Stay, UserId, auth as keys};
use payments::Payments;
use protocol::Principal;
use reservations::Reservations;
use search::Search;

use crate::effects::succeeded;
use crate::fixtures::{PLACES, hotel_id};
use crate::guests::is_sold;
use crate::member::Violation;
use crate::world::{MEMBERS, World};

/// The number of nights, from today on, for which search and reservations are compared.
const NIGHTS: i32 = 26;

/// Checks all invariants.
///
/// # Errors
/// The first violation.
pub fn check_when_idle(world: &mut World) -> Result<(), Violation> {
    what_search_finds_is_what_reservations_offers(world)?;
    everything_captured_is_folio_and_refunds(world)?;
    reservations_know_what_was_refunded(world)?;
    sold_means_one_payment_that_counts(world)?;
    no_refund_is_pending_for_ever(world)?;
    nobody_is_charged_twice(world)?;
    receipts_run_without_a_gap(world)?;
    every_mail_was_sent_under_one_name(world)?;
    auth_knows_the_epoch_of_every_account(world)?;
    nothing_waits_and_nothing_is_parked(world)
}

/// For each hotel, stay and number of guests, search and reservations have the same cheapest offer and rooms left.
///
/// # Errors
/// The first stay for which they differ.
pub fn what_search_finds_is_what_reservations_offers(world: &mut World) -> Result<(), Violation> {
    let nobody = Principal::anonymous();
    for (place, (city, ..)) in
        PLACES.iter().enumerate().filter(|(place, _)| world.known.hotels[*place]).collect::<Vec<_>>()
    {
        let (hotel, today) = (hotel_id(place), world.today(place));
        for (day, nights, guests) in (0..NIGHTS).flat_map(|day| [(day, 1, 1), (day, 1, 3), (day, 3, 2)]) {
            let check_in = today.plus_days(day);
            let stay = Stay::new(check_in, check_in.plus_days(nights)).map_err(|error| error.to_string())?;
            let request = GetOffers { hotel, stay, guests, rooms: 1 };
            let offers = match world.call::<Reservations, _>(&nobody, request)? {
                Ok(offers) => offers.offers,
                Err(Refusal::Inactive) => Vec::new(),
                other => return Err(format!("offers of {city}: {other:?}")),
            };
            let cheapest = offers.iter().min_by_key(|offer| offer.quote.total);
            let offered = cheapest.map(|offer| offer.quote.total);
            let sought = FindHotels {
                city: CityName::Name((*city).to_owned()),
                stay: Some(stay),
                guests: guests as u16,
                rooms: 1,
                price_min: None,
                price_max: None,
                stars: Vec::new(),
                amenities: Vec::new(),
                sort: Sort::Price,
                limit: 10,
                after: None,
                languages: Vec::new(),
            };
            let found = match world.query::<Search>(&nobody, finding::Query::FindHotels(sought))? {
                Ok(finding::Answer::Hotels(found)) => found.hotels,
                other => return Err(format!("search in {city}: {other:?}")),
            };
            let found = found.into_iter().find(|found| found.id == hotel).and_then(|found| found.offer);
            let shown = found.as_ref().map(|found| found.total);
            let left = found.as_ref().is_none_or(|found| {
                let same = |offer: &&Offer| {
                    (offer.quote.room_type, offer.quote.rate_plan) == (found.room_type, found.rate_plan)
                };
                offers.iter().find(same).is_some_and(|offer| offer.rooms_left == found.rooms_left)
            });
            if shown != offered || !left {
                return Err(format!(
                    "{city} from {check_in} for {nights} nights, {guests} guests: search shows {found:?}, reservations offers {cheapest:?}"
                ));
            }
        }
    }
    Ok(())
}

/// What was captured is the folio (the penalty after a cancellation), what was refunded or is on its way, and what staff has
/// to refund because a refund failed. A guest never gets less than is due.
///
/// # Errors
/// The first payment for which this does not hold.
pub fn everything_captured_is_folio_and_refunds(world: &mut World) -> Result<(), Violation> {
    let intents: Vec<_> = world.bank.intents.values().filter(|intent| intent.charges > 0).cloned().collect();
    for intent in intents {
        let id = intent.payment;
        let payment = world.payment(id)?;
        let reservation = world.reservation(payment.reservation)?;
        let matches = intent.received() == intent.amount.amount;
        let counted = if matches { succeeded(payment.status) } else { payment.failure.is_some() };
        if !counted || payment.amount != Some(intent.amount) {
            return Err(format!("{id}: the bank took {}, payments says {payment:?}", intent.received()));
        }
        for (refund, amount, status) in &intent.refunds {
            let told = payment.refunds.iter().find(|told| told.id == *refund);
            if told.is_none_or(|told| told.amount.amount != *amount || told.status != *status) {
                return Err(format!("{refund} of {id} is {status:?} at the bank: payments says {told:?}"));
            }
        }
        let made: i64 =
            intent.refunds.iter().filter(|found| found.2 != RefundStatus::Failed).map(|found| found.1).sum();
        let sum = |wanted: &dyn Fn(&&Refund) -> bool| -> i64 {
            payment.refunds.iter().filter(wanted).map(|refund| refund.amount.amount).sum()
        };
        let failed = |refund: &&Refund| refund.status == RefundStatus::Failed;
        let unresolved = sum(&|refund| failed(refund) && refund.retried_as.is_none());
        let (captured, folio) = (intent.received(), folio(&reservation, &payment));
        let promised = (made + unresolved).min(captured);
        if unresolved > 0 && promised > made && payment.attention.is_empty() {
            return Err(format!("{id}: a refund failed, and staff does not know: {:?}", payment.refunds));
        }
        // A goodwill refund before a cancellation is part of what is due; one after it comes on top.
        let goodwill = sum(&|refund| matches!(refund.reason, RefundReason::Requested(_)));
        let due = captured - folio;
        let most = (due + goodwill).min(captured);
        if promised < due || promised > most {
            return Err(format!(
                "{id} of {} ({}): {captured} captured, {folio} of folio, {goodwill} of goodwill, {promised} refunded or promised: {:?}",
                reservation.id,
                reservation.status.as_str(),
                payment.refunds
            ));
        }
    }
    Ok(())
}

/// A reservation has the same sum of refunds as its payment.
///
/// # Errors
/// The first reservation that has another.
pub fn reservations_know_what_was_refunded(world: &mut World) -> Result<(), Violation> {
    for (id, _) in world.known.reservations.clone() {
        let reservation = world.reservation(id)?;
        let PaymentState::Paid { payment, .. } = reservation.payment else { continue };
        let payment = world.payment(payment)?;
        let failed =
            reservation.refund.is_some_and(|refund| refund.status == ReservationRefundStatus::Failed);
        if reservation.refunded != payment.refunded || failed == payment.attention.is_empty() {
            return Err(format!(
                "{id} has {} refunded and {:?}, {} has {} and {:?}",
                reservation.refunded, reservation.refund, payment.id, payment.refunded, payment.attention
            ));
        }
    }
    Ok(())
}

const fn over(status: Status) -> bool {
    match status {
        Status::Cancelled | Status::NoShow | Status::Expired => true,
        Status::Held | Status::Confirmed | Status::CheckedIn | Status::CheckedOut => false,
    }
}

/// What the guest owes for the reservation of a payment, without goodwill refunds, in minor units.
fn folio(reservation: &Reservation, payment: &Payment) -> i64 {
    let counts =
        matches!(reservation.payment, PaymentState::Paid { payment: paid, .. } if paid == payment.id);
    match reservation.status {
        _ if !counts => 0,
        Status::Confirmed | Status::CheckedIn | Status::CheckedOut => reservation.quote.total,
        Status::Cancelled | Status::NoShow => reservation.penalty,
        Status::Held | Status::Expired => 0,
    }
}

/// A reservation with a price is sold if and only if exactly one of its payments succeeded and is not refunded as too late.
/// One with a total of 0 has no payment that succeeded.
///
/// # Errors
/// The first reservation for which this does not hold.
pub fn sold_means_one_payment_that_counts(world: &mut World) -> Result<(), Violation> {
    for (id, _) in world.known.reservations.clone() {
        let reservation = world.reservation(id)?;
        let sold = (is_sold(reservation.status) || happened(&reservation, TimelineEvent::Confirmed))
            && reservation.quote.total > 0;
        // Staff may have refunded the whole payment before reservations did.
        let gone = |payment: &Payment| {
            let late = payment.refunds.iter().any(|refund| refund.reason == RefundReason::TooLate);
            let mistaken = payment.failure.is_some();
            late || mistaken || !sold && payment.status == PaymentStatus::Refunded
        };
        let counting: Vec<_> = payments_of(world, id)?
            .into_iter()
            .filter(|payment| succeeded(payment.status) && !gone(payment))
            .collect();
        if counting.len() != usize::from(sold) {
            let payments: Vec<_> = counting.iter().map(|payment| (payment.id, payment.status)).collect();
            return Err(format!("{id} is {} and has {payments:?}", reservation.status.as_str()));
        }
        if let (PaymentState::Open(payment), true) = (&reservation.payment, over(reservation.status)) {
            let status = world.payment(*payment)?.status;
            if succeeded(status) && world.payment(*payment)?.failure.is_none() {
                return Err(format!("{id} is over and knows nothing of the money of {payment}"));
            }
        }
    }
    Ok(())
}

/// A reservation has a pending refund only while a refund of its payments is pending.
///
/// # Errors
/// The first reservation with a pending refund that is not pending at payments.
pub fn no_refund_is_pending_for_ever(world: &mut World) -> Result<(), Violation> {
    for (id, _) in world.known.reservations.clone() {
        let refund = world.reservation(id)?.refund;
        if refund.is_none_or(|refund| refund.status != ReservationRefundStatus::Pending) {
            continue;
        }
        let payments = payments_of(world, id)?;
        let mut refunds = payments.iter().flat_map(|payment| &payment.refunds);
        if refunds.all(|refund| refund.status != RefundStatus::Pending) {
            let all: Vec<_> = payments.iter().map(|payment| (payment.id, &payment.refunds)).collect();
            return Err(format!("{id} waits for {refund:?}, and nothing is on its way: {all:?}"));
        }
    }
    Ok(())
}

/// A payment is charged at most once, over all intents that were created for it.
///
/// # Errors
/// The first payment that was charged twice.
pub fn nobody_is_charged_twice(world: &mut World) -> Result<(), Violation> {
    let mut charges = BTreeMap::new();
    for intent in world.bank.intents.values() {
        *charges.entry(intent.payment).or_insert(0) += intent.charges;
    }
    match charges.into_iter().find(|(_, charges)| *charges > 1) {
        None => Ok(()),
        Some((payment, charges)) => Err(format!("{payment} was charged {charges} times")),
    }
}

/// The receipt numbers of a hotel are consecutive from 1.
///
/// # Errors
/// The first hotel with a gap.
pub fn receipts_run_without_a_gap(world: &mut World) -> Result<(), Violation> {
    let mut numbers: BTreeMap<_, Vec<String>> = BTreeMap::new();
    for (payment, ..) in world.known.payments.clone() {
        let payment = world.payment(payment)?;
        if let (Some(hotel), Some(number)) = (payment.hotel, payment.receipt_number) {
            numbers.entry(hotel).or_default().push(number);
        }
    }
    for (hotel, mut numbers) in numbers {
        numbers.sort();
        let expected: Vec<_> = (1..=numbers.len()).map(|number| format!("R-{number:06}")).collect();
        if numbers != expected {
            return Err(format!("{hotel} has receipts {numbers:?}"));
        }
    }
    Ok(())
}

/// Each confirmation, cancellation, receipt and refund was mailed at least once, and each mail has a unique name.
///
/// # Errors
/// The first mail that is missing or has another number of names.
pub fn every_mail_was_sent_under_one_name(world: &mut World) -> Result<(), Violation> {
    let mut due = Vec::new();
    for (id, _) in world.known.reservations.clone() {
        let reservation = world.reservation(id)?;
        if happened(&reservation, TimelineEvent::Confirmed) {
            due.extend(["confirmed", "new-booking"].map(|word| format!("{word} {id}")));
            if reservation.status == Status::Cancelled {
                due.extend(["cancelled", "cancellation"].map(|word| format!("{word} {id}")));
            }
        }
    }
    for (id, ..) in world.known.payments.clone() {
        let payment = world.payment(id)?;
        if payment.receipt_number.is_some() {
            due.push(format!("receipt {id}"));
        }
        let back = payment.refunds.iter().filter(|refund| refund.status == RefundStatus::Succeeded);
        due.extend(back.map(|refund| format!("refund {}", refund.id)));
    }
    for about in due {
        let names = world.mails.sent.iter().filter(|(_, occasions)| occasions.contains_key(&about)).count();
        if names != 1 {
            return Err(format!("the mail `{about}` went out under {names} names"));
        }
    }
    if let Some((name, occasions)) = world.mails.sent.iter().find(|(_, occasions)| occasions.len() > 1) {
        return Err(format!("{name} is the name of {occasions:?}"));
    }
    match world.mails.names.iter().find(|(_, names)| names.len() > 1) {
        None => Ok(()),
        Some((row, names)) => Err(format!("the mail of {row:?} went by {names:?}")),
    }
}

/// A new password ends all sessions: a session cannot start with the grants of an earlier epoch.
///
/// # Errors
/// The first account for which it can.
pub fn auth_knows_the_epoch_of_every_account(world: &mut World) -> Result<(), Violation> {
    let users: Vec<UserId> = world.accounts.users.clone();
    for user in users {
        let Some(grants) = world.grants(user)? else { continue };
        if grants.epoch < 2 {
            continue;
        }
        // The grants of the previous epoch, which a browser may still have.
        let old = contracts::users::Grants { epoch: grants.epoch - 1, ..grants };
        let refresh_hash = [7; 32];
        let command = keys::StartSession { grants: old, scopes: None, refresh_hash }.into();
        match world.send::<auth::Auth>(&Principal::service("ui"), command)? {
            Err(keys::Refusal::InvalidGrant(_)) => {}
            other => return Err(format!("{user} signs in with what was void before: {other:?}")),
        }
    }
    Ok(())
}

/// Every outbox is empty, no row is parked, and no payment is open.
///
/// # Errors
/// The first outbox row, parked row or open payment.
pub fn nothing_waits_and_nothing_is_parked(world: &mut World) -> Result<(), Violation> {
    for at in 0..MEMBERS {
        let member = world.member(at);
        if let Some((row, outgoing)) = member.outbox()?.first() {
            return Err(format!("{}: row {row} waits: {outgoing:?}", member.name()));
        }
        if let Some(why) = member.parked()?.first() {
            return Err(format!("{}: parked: {why}", member.name()));
        }
    }
    for (id, ..) in world.known.payments.clone() {
        let payment = world.payment(id)?;
        match payment.status {
            // Something else than was requested was captured, and staff has to refund it.
            PaymentStatus::Processing if !payment.attention.is_empty() => {}
            PaymentStatus::Processing | PaymentStatus::RequiresAction => {
                return Err(format!("{id} is open still: {:?}", payment.timeline));
            }
            PaymentStatus::Succeeded
            | PaymentStatus::Failed
            | PaymentStatus::PartiallyRefunded
            | PaymentStatus::Refunded => {}
        }
    }
    Ok(())
}

fn payments_of(world: &mut World, id: ReservationId) -> Result<Vec<Payment>, Violation> {
    let request = ListReservationPayments { reservation: id };
    let found = world.call::<Payments, _>(&Principal::service("reservations"), request)?;
    found.map_err(|refused| format!("{id}: {refused:?}"))
}

fn happened(reservation: &Reservation, what: TimelineEvent) -> bool {
    reservation.timeline.iter().any(|(_, happened)| *happened == what)
}
