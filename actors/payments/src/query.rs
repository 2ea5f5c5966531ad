//! The queries: payments, lists of payments, receipts.

use contracts::payments::{
    Answer, GetCreditNote, GetPayment, GetReceipt, ListPayments, ListReservationPayments, Payment, Query,
    Receipt, Refusal,
};
use contracts::{HotelId, PaymentId, managed_hotels, manages_all_hotels, manages_hotel};
use group::{Tree, View};
use protocol::{Principal, Timestamp};

use crate::credit_note;
use crate::limits;
use crate::receipt;
use crate::state::{ALL, ATTENTION, BANK, BY_HOTEL, BY_OWNER, BY_TIME, OF_RESERVATION, PAYMENTS, Record};

/// The most payments on one page, including the one that shows whether there is another page.
const PAGE_MAX: u32 = 101;

pub(crate) fn dispatch(view: &View<'_>, caller: &Principal, query: Query) -> Result<Answer, Refusal> {
    Ok(match query {
        Query::GetPayment(request) => get_payment(view, caller, &request)?.into(),
        Query::ListReservationPayments(request) => list_reservation_payments(view, caller, &request).into(),
        Query::ListPayments(request) => list_payments(view, caller, &request).into(),
        Query::GetReceipt(request) => get_receipt(view, caller, &request)?.into(),
        Query::GetBankMode(_) => view.get(&BANK, &0).into(),
        Query::GetCreditNote(request) => get_credit_note(view, caller, &request)?.into(),
        Query::AwaitPayment(request) => visible(view, caller, request.payment)?.to_payment().into(),
    })
}

fn get_payment(view: &View<'_>, caller: &Principal, request: &GetPayment) -> Result<Payment, Refusal> {
    Ok(visible(view, caller, request.payment)?.to_payment())
}

fn list_reservation_payments(
    view: &View<'_>,
    caller: &Principal,
    request: &ListReservationPayments,
) -> Vec<Payment> {
    let ids = view.scan_back(&OF_RESERVATION, &request.reservation).map(|((_, payment), ())| payment);
    let records = ids.filter_map(|payment| visible(view, caller, payment).ok());
    records.map(|record| record.to_payment()).collect()
}

fn get_receipt(view: &View<'_>, caller: &Principal, request: &GetReceipt) -> Result<Receipt, Refusal> {
    receipt::receipt(&visible(view, caller, request.payment)?, &request.booking_url)
}

fn get_credit_note(view: &View<'_>, caller: &Principal, request: &GetCreditNote) -> Result<Receipt, Refusal> {
    let record = visible(view, caller, request.payment)?;
    credit_note::credit_note(&record, &request.number, &request.booking_url)
}

/// The payment, if the caller may see it.
fn visible(view: &View<'_>, caller: &Principal, payment: PaymentId) -> Result<Record, Refusal> {
    let record = view.get(&PAYMENTS, &payment).filter(|record| record.is_visible_to(caller));
    record.ok_or(Refusal::NoSuchPayment)
}

type Row = (Timestamp, PaymentId);
type Take<'t> = dyn FnMut(&mut dyn Iterator<Item = Row>) + 't;

fn list_payments(view: &View<'_>, caller: &Principal, request: &ListPayments) -> Vec<Payment> {
    let ListPayments { hotel, status, after, limit, needs_attention } = *request;
    let after = after.map(|after| (after.created_at, after.payment));
    let limit = limit.min(PAGE_MAX) as usize;
    let matching = |row: &Row| {
        let record = view.get(&PAYMENTS, &row.1)?;
        let matches = hotel.is_none_or(|hotel| record.hotel() == Some(hotel));
        let matches = matches && status.is_none_or(|status| record.status() == status);
        (matches && record.is_visible_to(caller)).then_some(record)
    };
    let mut found: Vec<(Row, Record)> = Vec::new();
    let mut take = |rows: &mut dyn Iterator<Item = Row>| {
        let rows = rows.take(limits::ROWS_SCANNED_MAX);
        found.extend(rows.filter_map(|row| matching(&row).map(|record| (row, record))).take(limit));
    };
    if needs_attention {
        // These are few, whoever asks.
        of_tree(view, &ATTENTION, after, &mut take);
        return found.into_iter().map(|(_, record)| record.to_payment()).collect();
    }
    match hotel {
        Some(hotel) if manages_hotel(caller, hotel) => {
            of_hotel(view, hotel, after, &mut take);
        }
        None if manages_all_hotels(caller) => of_tree(view, &BY_TIME, after, &mut take),
        Some(_) => of_owner(view, caller.effective_subject(), after, &mut take),
        None => {
            of_owner(view, caller.effective_subject(), after, &mut take);
            for hotel in managed_hotels(caller) {
                of_hotel(view, hotel, after, &mut take);
            }
        }
    }
    found.sort_by_key(|(row, _)| std::cmp::Reverse(*row));
    found.dedup_by_key(|(row, _)| *row);
    found.truncate(limit);
    found.into_iter().map(|(_, record)| record.to_payment()).collect()
}

/// A tree whose keys begin with [`ALL`].
fn of_tree(
    view: &View<'_>,
    tree: &Tree<(u8, Timestamp, PaymentId), ()>,
    after: Option<Row>,
    take: &mut Take<'_>,
) {
    match after {
        Some((at, id)) => {
            take(&mut view.scan_after(tree, &ALL, &(ALL, at, id), true).map(|((_, at, id), ())| (at, id)));
        }
        None => take(&mut view.scan_back(tree, &ALL).map(|((_, at, id), ())| (at, id))),
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
