//! The data of a receipt, for the PDF document and the mail.

use contracts::payments::{BankMode, Receipt, RefundReason, Refusal};
use protocol::Timestamp;
use serde_json::{Value, json};

use crate::state::{Record, receipt_number};

/// The receipt of a payment that succeeded. Nothing that happens later changes it: refunds have credit notes.
pub(crate) fn receipt(record: &Record, booking_url: &str) -> Result<Receipt, Refusal> {
    let (Some(number), Some(payable), Some(data)) =
        (record.receipt, &record.payable, data(record, booking_url))
    else {
        return Err(Refusal::NoReceipt);
    };
    Ok(Receipt {
        number: receipt_number(number),
        data_json: data.to_string(),
        guest_name: payable.guest_name.clone(),
        guest_email: payable.guest_email.clone(),
    })
}

/// The data of a payment for documents and mails; `None` if the bank has captured nothing. What the bank captured by mistake
/// has no receipt number.
pub(crate) fn data(record: &Record, booking_url: &str) -> Option<Value> {
    let payable = record.payable.as_ref().filter(|_| record.captured > 0)?;
    let paid_at = record.succeeded_at.unwrap_or(record.created_at);
    let paid_in = record.currency()?;
    let paid_in = paid_in.code();
    let currency = payable.amount.currency.code();
    let lines: Vec<Value> = payable
        .lines
        .iter()
        .map(|(text, amount)| json!({"text": text, "quantity": 1, "amount": amount}))
        .collect();
    let taxes: Vec<Value> = payable
        .taxes
        .iter()
        .map(|tax| json!({"name": tax.name, "amount": tax.amount, "included": tax.included}))
        .collect();
    let (city, country) = place(&payable.hotel_city);
    Some(json!({
        "number": record.receipt.map(receipt_number),
        "hotel": {"name": payable.hotel_name, "address": payable.hotel_address, "city": city, "country": country},
        "guest_name": payable.guest_name,
        "booking": {
            "number": record.reservation.to_string(),
            "url": booking_url,
            "room": payable.room,
            "check_in": payable.check_in.to_string(),
            "check_out": payable.check_out.to_string(),
        },
        "lines": lines,
        "taxes": taxes,
        "total": {"amount": payable.amount.amount, "currency": currency},
        "paid": {
            "amount": record.captured,
            "currency": paid_in,
            "method": record.method.as_deref().unwrap_or("Card"),
            "at": instant(paid_at),
        },
        "test": record.mode.is_none_or(BankMode::is_test),
        "issued_at": instant(paid_at),
        "time_zone": payable.time_zone,
    }))
}

/// RFC 3339, in UTC.
pub(crate) fn instant(at: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(at.millis()).unwrap_or_default().to_string()
}

/// The reason as guests read it.
pub(crate) fn reason_text(reason: &RefundReason) -> String {
    match reason {
        RefundReason::Cancelled => "Cancellation".to_owned(),
        RefundReason::TooLate => "The payment arrived after the hold on the room had ended".to_owned(),
        RefundReason::BankMismatch => {
            "The bank charged another amount than the total of the booking".to_owned()
        }
        RefundReason::Requested(text) if text.trim().is_empty() => "Refund by the hotel".to_owned(),
        RefundReason::Requested(text) => text.clone(),
    }
}

/// Splits `Munich, DE`.
pub(crate) fn place(city: &str) -> (&str, &str) {
    city.rsplit_once(", ").unwrap_or((city, ""))
}
