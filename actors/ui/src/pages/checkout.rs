//! Checkout: the price breakdown of an offer, the guest's details and, unless the total is 0, the card. One button books and
//! pays.

use contracts::reservations::{Guest, Hold, Quote, Refusal};
use group::Failure;
use poem::http::{StatusCode, header};
use poem::{Response, handler};
use protocol::Timestamp;
use serde_json::json;

use super::admission::{self, Admitted};
use super::card::{self, Attempt};
use super::{hotel, lookup};
use crate::context::{Fields, PageContext};
use crate::error::PageError;
use crate::view::{Form, HotelView, Stay};

const FIELDS: [&str; 5] = ["name", "email", "phone", "requests", "payment_method"];

/// The longest special requests, in characters.
const REQUESTS_MAX: usize = 1_000;

/// A GET of the checkout, for example after a reload: there is no offer.
#[handler]
pub(super) async fn without_offer(mut context: PageContext) -> Result<Response, PageError> {
    context.flash("heed", "Please choose a room first.");
    Ok(context.redirect("/"))
}

/// Shows the checkout of an offer. A POST without side effects, because an offer is too long for a URL.
#[handler]
pub(super) async fn show(mut context: PageContext, fields: Fields) -> Result<Response, PageError> {
    match context.site.dependencies.offers.open::<Quote>(fields.get("offer"), context.now) {
        Ok(quote) => {
            let hotel = lookup::hotel(&context, quote.hotel).await?;
            let mut form = Form::of(&FIELDS);
            if let Ok(Some((name, email))) = account_details(&mut context).await {
                form.values.insert("name", name);
                form.values.insert("email", email);
            }
            page(&mut context, &quote, &hotel, fields.get("offer"), &form, &token::random_secret("once_"))
        }
        Err(token::SealError::Expired(quote)) => {
            back_to_hotel(&mut context, &quote, &Refusal::OfferExpired).await
        }
        Err(token::SealError::Invalid) => Err(PageError::BadRequest),
    }
}

/// Holds the room and starts the payment.
#[handler]
pub(super) async fn book(mut context: PageContext, fields: Fields) -> Result<Response, PageError> {
    context.check_form(&fields)?;
    let offer = fields.get("offer");
    let quote = match context.site.dependencies.offers.open::<Quote>(offer, context.now) {
        Ok(quote) => quote,
        Err(token::SealError::Expired(quote)) => {
            return back_to_hotel(&mut context, &quote, &Refusal::OfferExpired).await;
        }
        Err(token::SealError::Invalid) => return Err(PageError::BadRequest),
    };
    let (mut form, guest, requests) = read(&fields);
    let once = fields.get("once");
    if once.len() < 20 {
        return Err(PageError::BadRequest);
    }
    let hotel = lookup::hotel(&context, quote.hotel).await?;
    let card = match card::token(fields.get("payment_method")) {
        // Nothing is charged, so no card is asked for.
        _ if quote.total == 0 => None,
        Ok(card) => Some(card),
        Err(why) => {
            form.field_error("payment_method", why);
            None
        }
    };
    if !form.is_valid() {
        return page(&mut context, &quote, &hotel, offer, &form, once);
    }
    let call = context.as_visitor().await?;
    let keyed = call.with_key("ui book", &context.session.form_subject(), once);
    let admission = match admission::admit(&context, &keyed, &quote).await {
        Ok(Admitted::Yes(admission)) => admission,
        Ok(Admitted::Later(seconds)) => {
            let text = admission::later_text(seconds, context.session.user.is_some());
            form.fail("Too many unpaid rooms are held from your network", &text);
            let mut response = page(&mut context, &quote, &hotel, offer, &form, once)?;
            response.set_status(StatusCode::TOO_MANY_REQUESTS);
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
            return Ok(response);
        }
        Err(Failure::Refused(refusal)) => return back_to_hotel(&mut context, &quote, &refusal).await,
        Err(failure) => return Err(failure.into()),
    };
    let hold = Hold { quote: quote.clone(), guest, requests, reference: None, admission };
    let held = context.site.dependencies.client.call(&keyed, hold).await;
    if matches!(held, Err(Failure::Refused(_))) {
        admission::give_back(&context, &keyed, admission).await;
    }
    let held = match held {
        Ok(held) => held,
        // The same page was submitted again with other content, so it needs a new idempotency key.
        Err(Failure::KeyReused) => {
            form.fail("Please send the form again", "The form was changed after it had been sent.");
            return page(&mut context, &quote, &hotel, offer, &form, &token::random_secret("once_"));
        }
        Err(Failure::Refused(Refusal::Invalid { field, why })) => {
            let field = FIELDS.into_iter().find(|known| field.rsplit('/').next() == Some(known));
            match field {
                Some(field) => form.field_error(field, format!("This {why}.")),
                None => form.fail("Please check your details", &why),
            }
            return page(&mut context, &quote, &hotel, offer, &form, &token::random_secret("once_"));
        }
        Err(Failure::Refused(refusal)) => return back_to_hotel(&mut context, &quote, &refusal).await,
        Err(failure) => return Err(failure.into()),
    };
    context.save_session();
    let booking = format!("/bookings/{}", held.id);
    let Some(card) = card else { return Ok(context.redirect(&booking)) };
    match card::start(&context, &call, &held, card, once).await? {
        Attempt::Started => Ok(context.redirect(&format!("{booking}/paying"))),
        Attempt::BadCard => Ok(context.redirect(&format!("{booking}/pay?card=refused"))),
        Attempt::TooManyCards(what_to_do) => {
            context.flash("failed", format!("Too many cards have been tried. {what_to_do}"));
            Ok(context.redirect(&booking))
        }
        Attempt::TooLate | Attempt::Paid => Ok(context.redirect(&booking)),
    }
}

/// Redirects to the hotel's rooms for the same dates, with the reason.
async fn back_to_hotel(
    context: &mut PageContext,
    quote: &Quote,
    refusal: &Refusal,
) -> Result<Response, PageError> {
    let why = hotel::refusal_text(context, refusal);
    context.flash("heed", format!("{why} Here are the rooms and prices available now."));
    let stay = quote.stay;
    Ok(context.redirect(&format!(
        "/hotels/{}?check_in={}&check_out={}&guests={}&rooms={}#rooms",
        quote.hotel,
        stay.check_in(),
        stay.check_out(),
        quote.guests,
        quote.rooms
    )))
}

fn page(
    context: &mut PageContext,
    quote: &Quote,
    hotel: &HotelView,
    offer: &str,
    form: &Form,
    once: &str,
) -> Result<Response, PageError> {
    let view = json!({
        "stay": Stay::of(quote, hotel, context.locale, context.now), "free": quote.total == 0,
        "form": form, "offer": offer, "once": once, "action": "/checkout/book",
        "bank": card::form(&context.site.dependencies.bank),
        "hold": countdown("We hold this price", quote.expires_at, context.now, "This price has expired. Please go back to see the current price."),
    });
    context.form_page("checkout.html", "Your booking", view)
}

/// The data of a countdown. Without JavaScript it shows the time that was left when the page was rendered.
pub(super) fn countdown(running: &str, until: Timestamp, now: Timestamp, expired: &str) -> serde_json::Value {
    let minutes = (until.seconds() - now.seconds()).max(0).div_euclid(60);
    let text = format!("{running} for {}", crate::format::count(minutes.max(1), "minute"));
    json!({ "text": text, "running": running, "until": until.millis(), "expired": expired })
}

/// Name and email address of the signed-in user.
async fn account_details(context: &mut PageContext) -> Result<Option<(String, String)>, PageError> {
    let Some(call) = context.as_user().await? else { return Ok(None) };
    let account = context.site.dependencies.client.call(&call, contracts::users::GetOwnAccount).await;
    Ok(account.ok().map(|account| (account.name, account.email)))
}

/// Reads and checks the guest's details.
fn read(fields: &Fields) -> (Form, Guest, Option<String>) {
    let mut form = Form::typed(&FIELDS, fields);
    let (name, email, phone, requests) =
        (fields.get("name"), fields.get("email"), fields.get("phone"), fields.get("requests"));
    if let Err(why) = contracts::users::check_name(name) {
        form.field_error("name", format!("The name {why}."));
    }
    if email.is_empty() {
        form.field_error("email", "Please enter an email address for the confirmation.");
    } else if let Err(why) = contracts::users::check_email(email) {
        form.field_error("email", format!("This {why}."));
    }
    let dialled = phone.chars().all(|c| c.is_ascii_digit() || "+-() ./".contains(c)) && phone.len() <= 32;
    if !phone.is_empty() && (!dialled || phone.chars().filter(char::is_ascii_digit).count() < 5) {
        form.field_error(
            "phone",
            "This is not a valid telephone number. You can also leave this field empty.",
        );
    }
    if requests.chars().count() > REQUESTS_MAX {
        form.field_error("requests", format!("Please use at most {REQUESTS_MAX} characters."));
    }
    // Browsers send line breaks as CR LF.
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
    fn invalid_fields_are_reported_and_their_values_kept() {
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
