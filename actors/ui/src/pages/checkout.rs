//! Checkout: the price of an offer taken apart, who stays, how one pays; one button books and pays.

use contracts::reservations::{self, Guest, Quote, Refusal, Reservations};
use group::Failure;
use poem::{Response, handler};
use protocol::Timestamp;
use serde_json::json;

use super::card::{self, Attempt};
use super::{ask, hotel};
use crate::trouble::Trouble;
use crate::view::{Form, HotelView, Stay};
use crate::visit::{Fields, Visit};

const FIELDS: [&str; 5] = ["name", "email", "phone", "requests", "payment_method"];

/// The longest wishes, in characters.
const REQUESTS_MAX: usize = 1_000;

/// Somebody came to the checkout without a room: by reload or by hand.
#[handler]
pub(super) async fn nothing(mut visit: Visit) -> Result<Response, Trouble> {
    visit.flash("heed", "Choose a room first, then you can book it.");
    Ok(visit.redirect("/"))
}

/// Shows the checkout of an offer. Changes nothing.
#[handler]
pub(super) async fn show(mut visit: Visit, fields: Fields) -> Result<Response, Trouble> {
    match visit.site.deps.offers.open::<Quote>(fields.get("offer"), visit.now) {
        Ok(quote) => {
            let hotel = ask::hotel(&visit, quote.hotel).await?;
            let mut form = Form::of(&FIELDS);
            if let Ok(Some((name, email))) = known(&mut visit).await {
                form.values.insert("name", name);
                form.values.insert("email", email);
            }
            page(&mut visit, &quote, &hotel, fields.get("offer"), &form, &token::random_secret("once_"))
        }
        Err(token::SealError::Expired(quote)) => again(&mut visit, &quote, &Refusal::OfferExpired).await,
        Err(token::SealError::Invalid) => Err(Trouble::Bad),
    }
}

/// Books and pays.
#[handler]
pub(super) async fn book(mut visit: Visit, fields: Fields) -> Result<Response, Trouble> {
    visit.check_form(&fields)?;
    let offer = fields.get("offer");
    let quote = match visit.site.deps.offers.open::<Quote>(offer, visit.now) {
        Ok(quote) => quote,
        Err(token::SealError::Expired(quote)) => {
            return again(&mut visit, &quote, &Refusal::OfferExpired).await;
        }
        Err(token::SealError::Invalid) => return Err(Trouble::Bad),
    };
    let (mut form, guest, requests) = read(&fields);
    let once = fields.get("once");
    if once.len() < 20 {
        return Err(Trouble::Bad);
    }
    let hotel = ask::hotel(&visit, quote.hotel).await?;
    let card = card::token(fields.get("payment_method"));
    if let Err(why) = card {
        form.wrong("payment_method", why);
    }
    let (true, Ok(card)) = (form.is_fine(), card) else {
        return page(&mut visit, &quote, &hotel, offer, &form, once);
    };
    let call = visit.as_visitor().await?;
    let keyed = call.with_key("ui book", &visit.session.form_subject(), once);
    let command = reservations::Command::Hold { quote: quote.clone(), guest, requests, reference: None };
    let held = match visit.site.deps.client.command::<Reservations>(&keyed, command).await {
        Ok(reservations::Reply::Reservation(held)) => held,
        Ok(other) => return Err(Trouble::Broken(format!("reservations answered a hold with {other:?}"))),
        // The guest corrected something and sent the same page again: that is a new order.
        Err(Failure::KeyReused) => {
            form.fail(
                "Please send it once more",
                "Something in the form was changed after it had been sent.",
            );
            return page(&mut visit, &quote, &hotel, offer, &form, &token::random_secret("once_"));
        }
        Err(Failure::Refused(Refusal::Invalid { field, why })) => {
            let field = FIELDS.into_iter().find(|known| field.rsplit('/').next() == Some(known));
            match field {
                Some(field) => form.wrong(field, format!("This {why}.")),
                None => form.fail("Something is not right yet", &why),
            }
            return page(&mut visit, &quote, &hotel, offer, &form, &token::random_secret("once_"));
        }
        Err(Failure::Refused(refusal)) => return again(&mut visit, &quote, &refusal).await,
        Err(failure) => return Err(failure.into()),
    };
    visit.keep();
    let booking = format!("/bookings/{}", held.id);
    match card::start(&visit, &call, &held, card, once).await? {
        Attempt::Started => Ok(visit.redirect(&format!("{booking}/paying"))),
        Attempt::BadCard => Ok(visit.redirect(&format!("{booking}/pay?card=refused"))),
        Attempt::TooLate | Attempt::Paid => Ok(visit.redirect(&booking)),
    }
}

/// Back to the hotel's rooms for the same days, saying why.
async fn again(visit: &mut Visit, quote: &Quote, refusal: &Refusal) -> Result<Response, Trouble> {
    let why = hotel::why_not(visit, refusal);
    visit.flash("heed", format!("{why} These are the rooms and prices now."));
    let stay = quote.stay;
    Ok(visit.redirect(&format!(
        "/hotels/{}?check_in={}&check_out={}&guests={}&rooms={}#rooms",
        quote.hotel,
        stay.check_in(),
        stay.check_out(),
        quote.guests,
        quote.rooms
    )))
}

fn page(
    visit: &mut Visit,
    quote: &Quote,
    hotel: &HotelView,
    offer: &str,
    form: &Form,
    once: &str,
) -> Result<Response, Trouble> {
    let view = json!({
        "stay": Stay::of(quote, hotel, visit.locale, visit.now),
        "form": form, "offer": offer, "once": once, "action": "/checkout/book",
        "bank": card::form(&visit.site.deps.bank),
        "hold": hold("We keep this price", quote.expires_at, visit.now, "This price has run out. Go back for the price now."),
    });
    visit.form_page("checkout.html", "Your booking", view)
}

/// A countdown: with scripts it counts, without it says how long it was when the page was made.
pub(super) fn hold(still: &str, until: Timestamp, now: Timestamp, gone: &str) -> serde_json::Value {
    let minutes = (until.seconds() - now.seconds()).max(0).div_euclid(60);
    let text = format!("{still} for {}", crate::format::count(minutes.max(1), "minute"));
    json!({ "text": text, "still": still, "until": until.millis(), "gone": gone })
}

/// Name and address of who is signed in.
async fn known(visit: &mut Visit) -> Result<Option<(String, String)>, Trouble> {
    let Some(call) = visit.as_user().await? else { return Ok(None) };
    let me =
        visit.site.deps.client.query::<contracts::users::Users>(&call, contracts::users::Query::Me).await;
    match me {
        Ok(contracts::users::Answer::Account(account)) => Ok(Some((account.name, account.email))),
        Ok(_) | Err(_) => Ok(None),
    }
}

/// What was typed, and what is wrong with it.
fn read(fields: &Fields) -> (Form, Guest, Option<String>) {
    let mut form = Form::typed(&FIELDS, fields);
    let (name, email, phone, requests) =
        (fields.get("name"), fields.get("email"), fields.get("phone"), fields.get("requests"));
    if let Err(why) = contracts::users::check_name(name) {
        form.wrong("name", format!("The name {why}."));
    }
    if email.is_empty() {
        form.wrong("email", "We need an address for the confirmation.");
    } else if let Err(why) = contracts::users::check_email(email) {
        form.wrong("email", format!("This {why}."));
    }
    let dialled = phone.chars().all(|c| c.is_ascii_digit() || "+-() ./".contains(c)) && phone.len() <= 32;
    if !phone.is_empty() && (!dialled || phone.chars().filter(char::is_ascii_digit).count() < 5) {
        form.wrong("phone", "This is not a telephone number. You can also leave it out.");
    }
    if requests.chars().count() > REQUESTS_MAX {
        form.wrong("requests", format!("Please say it in at most {REQUESTS_MAX} characters."));
    }
    // Browsers send line ends as CR LF.
    let requests = requests.replace("\r\n", "\n");
    let guest = Guest {
        name: name.to_owned(),
        email: email.to_owned(),
        phone: (!phone.is_empty()).then(|| phone.to_owned()),
    };
    (form, guest, (!requests.is_empty()).then_some(requests))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_fields_are_told_and_kept() {
        let table = [
            ("Ada Lovelace", "ada@inn.example", "", ""),
            ("Ada Lovelace", "ada@inn.example", "+44 20 7946 0000", ""),
            ("", "ada@inn.example", "", "name"),
            ("A\nB", "ada@inn.example", "", "name"),
            ("Ada", "", "", "email"),
            ("Ada", "ada", "", "email"),
            ("Ada", "ada@inn.example", "call me", "phone"),
            ("Ada", "ada@inn.example", "123", "phone"),
        ];
        for (name, email, phone, wrong) in table {
            let pairs = [("name", name), ("email", email), ("phone", phone)];
            let (form, ..) =
                read(&Fields(pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).to_vec()));
            let found: Vec<_> =
                form.errors.iter().filter(|(_, why)| !why.is_empty()).map(|(key, _)| *key).collect();
            assert_eq!(found.join(","), wrong, "{name} {email} {phone}");
            assert_eq!(form.values["email"], email);
        }
    }
}
