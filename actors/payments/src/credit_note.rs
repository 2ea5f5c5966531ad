//! The data of a credit note, for the PDF document.

use contracts::payments::{BankMode, Receipt, Refusal};
use contracts::pricing::TaxAmount;
use serde_json::{Value, json};

use crate::receipt::{instant, place, reason_text};
use crate::state::{CreditNoteRow, Record, credit_note_number, receipt_number};

/// The credit note with this number.
pub(crate) fn credit_note(record: &Record, number: &str, booking_url: &str) -> Result<Receipt, Refusal> {
    let note = record.credit_notes.iter().find(|note| credit_note_number(note.number) == number);
    let note = note.ok_or(Refusal::NoSuchCreditNote)?;
    let (Some(receipt), Some(paid_at), Some(payable)) =
        (record.receipt, record.succeeded_at, &record.payable)
    else {
        return Err(Refusal::NoReceipt);
    };
    let refund = record.refunds.iter().find(|refund| refund.id == note.refund);
    let currency = payable.amount.currency.code();
    let (city, country) = place(&payable.hotel_city);
    let data = json!({
        "number": number,
        "receipt": {"number": receipt_number(receipt), "issued_at": instant(paid_at)},
        "reverses": note.reverses.map(credit_note_number).unwrap_or_default(),
        "hotel": {"name": payable.hotel_name, "address": payable.hotel_address, "city": city, "country": country},
        "guest_name": payable.guest_name,
        "booking": {
            "number": record.reservation.to_string(),
            "url": booking_url,
            "room": payable.room,
            "check_in": payable.check_in.to_string(),
            "check_out": payable.check_out.to_string(),
        },
        "reason": refund.map(|refund| reason_text(&refund.reason)).unwrap_or_default(),
        "credit": {"amount": note.amount, "currency": currency},
        "taxes": taxes(record, note, &payable.taxes),
        "method": record.method.as_deref().unwrap_or("Card"),
        "test": record.mode.is_none_or(BankMode::is_test),
        "issued_at": instant(note.issued_at),
        "time_zone": payable.time_zone,
    });
    Ok(Receipt {
        number: number.to_owned(),
        data_json: data.to_string(),
        guest_name: payable.guest_name.clone(),
        guest_email: payable.guest_email.clone(),
    })
}

/// The taxes in the credited amount: their share of the receipt's taxes. Each share is the difference of two rounded sums, so
/// that the shares of a payment that is refunded in parts add up to the taxes of the receipt.
fn taxes(record: &Record, note: &CreditNoteRow, taxes: &[TaxAmount]) -> Vec<Value> {
    let original = note.reverses.unwrap_or(note.number);
    let before: i64 = record
        .credit_notes
        .iter()
        .filter(|earlier| earlier.number < original)
        .map(|earlier| if earlier.reverses.is_some() { -earlier.amount } else { earlier.amount })
        .sum();
    let share = |tax: i64, of: i64| {
        let (tax, of, whole) = (i128::from(tax), i128::from(of), i128::from(record.captured.max(1)));
        i64::try_from((tax * of * 2 + whole) / (whole * 2)).unwrap_or_default()
    };
    let credited = |tax: i64| share(tax, before + note.amount) - share(tax, before);
    taxes.iter().map(|tax| json!({"name": tax.name, "amount": credited(tax.amount)})).collect()
}
