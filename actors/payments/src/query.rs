//! Answers: one payment, lists of them, receipts.

use contracts::payments::{Answer, Payment, PaymentCursor, PaymentStatus, Query, Refusal};
use contracts::{HotelId, PaymentId};
use group::View;
use protocol::{Principal, Timestamp};

use crate::limits;
use crate::receipt;
use crate::state::{
    ALL, BANK, BY_HOTEL, BY_OWNER, BY_TIME, OF_RESERVATION, PAYMENTS, Record, administers, works_for,
};

/// The most payments on one page, the one that tells whether there is another page included.
const PAGE_MAX: u32 = 101;

pub(crate) fn answer(view: &View<'_>, caller: &Principal, query: Query) -> Result<Answer, Refusal> {
    match query {
        Query::Payment(payment) => {
            Ok(Answer::Payment(Box::new(visible(view, caller, payment)?.to_payment())))
        }
        Query::OfReservation(reservation) => {
            let ids = view.scan_back(&OF_RESERVATION, &reservation).map(|((_, payment), ())| payment);
            let records = ids.filter_map(|payment| visible(view, caller, payment).ok());
            Ok(Answer::Payments(records.map(|record| record.to_payment()).collect()))
        }
        Query::Payments { hotel, status, after, limit } => {
            Ok(Answer::Payments(list(view, caller, hotel, status, after, limit)))
        }
        Query::Receipt { payment, booking_url } => {
            receipt::answer(&visible(view, caller, payment)?, &booking_url)
        }
        Query::BankMode => Ok(Answer::BankMode(view.get(&BANK, &0))),
    }
}

/// One that the caller may not see does not exist.
fn visible(view: &View<'_>, caller: &Principal, payment: PaymentId) -> Result<Record, Refusal> {
    let record = view.get(&PAYMENTS, &payment).filter(|record| record.is_visible_to(caller));
    record.ok_or(Refusal::NoSuchPayment)
}

type Row = (Timestamp, PaymentId);
type Take<'t> = dyn FnMut(&mut dyn Iterator<Item = Row>) + 't;

fn list(
    view: &View<'_>,
    caller: &Principal,
    hotel: Option<HotelId>,
    status: Option<PaymentStatus>,
    after: Option<PaymentCursor>,
    limit: u32,
) -> Vec<Payment> {
    let after = after.map(|after| (after.created_at, after.payment));
    let limit = limit.min(PAGE_MAX) as usize;
    let wanted = |row: &Row| {
        let record = view.get(&PAYMENTS, &row.1)?;
        let fits = hotel.is_none_or(|hotel| record.hotel() == Some(hotel));
        let fits = fits && status.is_none_or(|status| record.status() == status);
        (fits && record.is_visible_to(caller)).then_some(record)
    };
    let mut found: Vec<(Row, Record)> = Vec::new();
    let mut take = |rows: &mut dyn Iterator<Item = Row>| {
        let rows = rows.take(limits::ROWS_LOOKED_AT_MAX);
        found.extend(rows.filter_map(|row| wanted(&row).map(|record| (row, record))).take(limit));
    };
    match hotel {
        Some(hotel) if administers(caller) || works_for(caller, hotel) => {
            of_hotel(view, hotel, after, &mut take);
        }
        None if administers(caller) => of_all(view, after, &mut take),
        Some(_) => of_owner(view, caller.effective_subject(), after, &mut take),
        None => {
            of_owner(view, caller.effective_subject(), after, &mut take);
            for hotel in caller.resources.iter().filter_map(|hotel| hotel.parse().ok()) {
                of_hotel(view, hotel, after, &mut take);
            }
        }
    }
    found.sort_by_key(|(row, _)| std::cmp::Reverse(*row));
    found.dedup_by_key(|(row, _)| *row);
    found.truncate(limit);
    found.into_iter().map(|(_, record)| record.to_payment()).collect()
}

fn of_all(view: &View<'_>, after: Option<Row>, take: &mut Take<'_>) {
    match after {
        Some((at, id)) => {
            take(
                &mut view.scan_after(&BY_TIME, &ALL, &(ALL, at, id), true).map(|((_, at, id), ())| (at, id)),
            );
        }
        None => take(&mut view.scan_back(&BY_TIME, &ALL).map(|((_, at, id), ())| (at, id))),
    }
}

fn of_owner(view: &View<'_>, owner: &str, after: Option<Row>, take: &mut Take<'_>) {
    let owner = owner.to_owned();
    match after {
        Some((at, id)) => {
            let after = (owner.clone(), at, id);
            take(&mut view.scan_after(&BY_OWNER, &owner, &after, true).map(|((_, at, id), ())| (at, id)));
        }
        None => take(&mut view.scan_back(&BY_OWNER, &owner).map(|((_, at, id), ())| (at, id))),
    }
}

fn of_hotel(view: &View<'_>, hotel: HotelId, after: Option<Row>, take: &mut Take<'_>) {
    match after {
        Some((at, id)) => {
            let after = (hotel, at, id);
            take(&mut view.scan_after(&BY_HOTEL, &hotel, &after, true).map(|((_, at, id), ())| (at, id)));
        }
        None => take(&mut view.scan_back(&BY_HOTEL, &hotel).map(|((_, at, id), ())| (at, id))),
    }
}
