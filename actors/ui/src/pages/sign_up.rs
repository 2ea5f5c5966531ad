//! Making an account. The answer is the same whether the address is known or not.

use contracts::users::{self, PASSWORD_CHARS_MIN, Users};
use group::Failure;
use poem::{Response, handler};
use serde_json::json;

use super::sign_in::{field, hinted};
use crate::picture;
use crate::trouble::Trouble;
use crate::view::Form;
use crate::visit::{Fields, Visit};

const FIELDS: [&str; 3] = ["name", "email", "password"];

#[handler]
pub(super) async fn show(mut visit: Visit) -> Result<Response, Trouble> {
    page(&mut visit, &Form::of(&FIELDS))
}

#[handler]
pub(super) async fn sign_up(mut visit: Visit, fields: Fields) -> Result<Response, Trouble> {
    visit.check_form(&fields)?;
    let (name, email, password) = (fields.get("name"), fields.get("email"), fields.raw("password"));
    let mut form = Form::typed(&FIELDS, &fields);
    if let Err(why) = users::check_name(name) {
        form.wrong("name", format!("The name {why}."));
    }
    if let Err(why) = users::check_email(email) {
        form.wrong("email", format!("This {why}."));
    }
    if let Err(why) = users::check_password(password, email) {
        form.wrong("password", format!("A password {why}."));
    }
    if !form.is_fine() {
        return page(&mut visit, &form);
    }
    let password_hash = hash(&visit, password).await?;
    let command = users::Command::Register { email: email.to_owned(), name: name.to_owned(), password_hash };
    match visit.site.deps.client.command::<Users>(&visit.anonymous(), command).await {
        Ok(_) => look_into_your_mail(
            &mut visit,
            "If the address is yours, a mail with a link is on its way to it. The link makes the account complete. You can book meanwhile.",
        ),
        Err(Failure::Refused(users::Refusal::Invalid { field, why })) => {
            match FIELDS.into_iter().find(|known| *known == field.trim_start_matches('/')) {
                Some(field) => form.wrong(field, format!("This {why}.")),
                None => form.fail("That did not work", &why),
            }
            page(&mut visit, &form)
        }
        Err(failure) => Err(failure.into()),
    }
}

fn page(visit: &mut Visit, form: &Form) -> Result<Response, Trouble> {
    let hint = format!("At least {PASSWORD_CHARS_MIN} characters. A sentence is easy to keep in mind.");
    let view = json!({
        "action": "/sign-up", "button": "Make an account", "form": form, "hidden": [],
        "intro": "To find your bookings on every device. You can also book without.",
        "fields": [
            field("name", "Your name", "text", "name", 120),
            field("email", "E-mail", "email", "username", 254),
            hinted(field("password", "Password", "password", "new-password", 128), &hint),
        ],
        "links": [{ "before": "You have an account?", "href": "/sign-in", "label": "Sign in" }],
    });
    visit.form_page("form.html", "Make an account", view)
}

/// Passwords are hashed by `users`, in a query, and only the hash is ever in a command.
pub(super) async fn hash(visit: &Visit, password: &str) -> Result<String, Trouble> {
    let salt = token::random_bytes()[..16].try_into().expect("16 of 32 bytes");
    let query = users::Query::HashPassword { password: password.to_owned(), salt };
    match visit.site.deps.client.query::<Users>(&visit.as_ui().await?, query).await? {
        users::Answer::PasswordHash(hash) => Ok(hash),
        _ => Err(Trouble::Broken("users answered no hash".into())),
    }
}

/// The page after something was sent by mail, or not: nobody learns which.
pub(super) fn look_into_your_mail(visit: &mut Visit, text: &str) -> Result<Response, Trouble> {
    let view = json!({
        "text": text, "links": [{ "href": "/", "label": "Find a hotel" }, { "href": "/sign-in", "label": "Sign in" }],
        "request_id": null, "picture": picture::of_city(77, 44.0, 50_000),
    });
    visit.page("message.html", "Look into your mail", view)
}
