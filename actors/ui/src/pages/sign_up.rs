//! Registration. The response does not reveal whether the address has an account.

use contracts::users::{self, HashPassword, PASSWORD_CHARS_MIN, Register};
use group::Failure;
use poem::{Response, handler};
use serde_json::json;

use super::sign_in::{field, hinted};
use crate::context::{Fields, PageContext};
use crate::error::PageError;
use crate::picture;
use crate::view::Form;

const FIELDS: [&str; 3] = ["name", "email", "password"];

#[handler]
pub(super) async fn show(mut context: PageContext) -> Result<Response, PageError> {
    page(&mut context, &Form::of(&FIELDS))
}

#[handler]
pub(super) async fn sign_up(mut context: PageContext, fields: Fields) -> Result<Response, PageError> {
    context.check_form(&fields)?;
    let (name, email, password) = (fields.get("name"), fields.get("email"), fields.raw("password"));
    let mut form = Form::typed(&FIELDS, &fields);
    if let Err(why) = users::check_name(name) {
        form.field_error("name", format!("The name {why}."));
    }
    if let Err(why) = users::check_email(email) {
        form.field_error("email", format!("This {why}."));
    }
    if let Err(why) = users::check_password(password, email) {
        form.field_error("password", format!("The password {why}."));
    }
    if !form.is_valid() {
        return page(&mut context, &form);
    }
    context.site.dependencies.attempts.mail(context.address).await?;
    let password_hash = hash(&context, password).await?;
    let request = Register { email: email.to_owned(), name: name.to_owned(), password_hash };
    match context.site.dependencies.client.call(&context.anonymous(), request).await {
        Ok(_) => check_your_email(
            &mut context,
            "If this is your address, you will receive an email that says how to continue. You can book in the meantime.",
        ),
        Err(Failure::Refused(users::Refusal::Invalid { field, why })) => {
            match FIELDS.into_iter().find(|known| *known == field.trim_start_matches('/')) {
                Some(field) => form.field_error(field, format!("This {why}.")),
                None => form.fail("Your account could not be created", &why),
            }
            page(&mut context, &form)
        }
        Err(failure) => Err(failure.into()),
    }
}

fn page(context: &mut PageContext, form: &Form) -> Result<Response, PageError> {
    let hint = format!("At least {PASSWORD_CHARS_MIN} characters. A sentence is easy to remember.");
    let view = json!({
        "action": "/sign-up", "button": "Create account", "form": form, "hidden": [],
        "intro": "See your bookings on all your devices. You can also book without an account.",
        "fields": [
            field("name", "Your name", "text", "name", 120),
            field("email", "Email", "email", "username", 254),
            hinted(field("password", "Password", "password", "new-password", 128), &hint),
        ],
        "links": [{ "before": "Already have an account?", "href": "/sign-in", "label": "Sign in" }],
    });
    context.form_page("form.html", "Create an account", view)
}

/// Hashes a password with a query to `users`, so that commands contain the hash only.
pub(super) async fn hash(context: &PageContext, password: &str) -> Result<String, PageError> {
    let salt = token::random_bytes()[..16].try_into().expect("16 of 32 bytes");
    let request = HashPassword { password: password.to_owned(), salt };
    Ok(context.site.dependencies.client.call(&context.as_ui().await?, request).await?)
}

/// The page after a registration or a password reset request. It does not reveal whether an email was sent.
pub(super) fn check_your_email(context: &mut PageContext, text: &str) -> Result<Response, PageError> {
    let view = json!({
        "text": text, "links": [{ "href": "/", "label": "Find a hotel" }, { "href": "/sign-in", "label": "Sign in" }],
        "request_id": null, "picture": picture::of_city(77, 44.0, 50_000),
    });
    context.page("message.html", "Check your email", view)
}
