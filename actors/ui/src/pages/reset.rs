//! Password reset by email. The response does not reveal whether the address has an account.

use contracts::users::{self, MailLink, PASSWORD_CHARS_MIN, RequestPasswordReset, ResetPassword};
use group::Failure;
use poem::{Response, handler};
use serde_json::json;

use super::sign_in::{field, hinted};
use super::sign_up::{check_your_email, hash};
use super::verify::INCOMPLETE_LINK;
use crate::context::{Fields, PageContext};
use crate::error::PageError;
use crate::view::Form;

#[handler]
pub(super) async fn show(mut context: PageContext) -> Result<Response, PageError> {
    request_page(&mut context, &Form::of(&["email"]))
}

#[handler]
pub(super) async fn send_link(mut context: PageContext, fields: Fields) -> Result<Response, PageError> {
    context.check_form(&fields)?;
    let email = fields.get("email");
    let mut form = Form::typed(&["email"], &fields);
    if let Err(why) = users::check_email(email) {
        form.field_error("email", format!("This {why}."));
        return request_page(&mut context, &form);
    }
    context.site.dependencies.attempts.mail(context.address).await?;
    let request = RequestPasswordReset { email: email.to_owned() };
    match context.site.dependencies.client.call(&context.anonymous(), request).await {
        Ok(_) | Err(Failure::Refused(_)) => check_your_email(
            &mut context,
            "If there is an account with this address, we have sent you an email with a link to set a new password.",
        ),
        Err(failure) => Err(failure.into()),
    }
}

#[handler]
pub(super) async fn choose(mut context: PageContext, fields: Fields) -> Result<Response, PageError> {
    let mut form = Form::of(&["password"]);
    if MailLink::of_token(fields.get("token")).is_none() {
        form.fail(INCOMPLETE_LINK.0, INCOMPLETE_LINK.1);
    }
    password_page(&mut context, fields.get("token"), &form)
}

#[handler]
pub(super) async fn reset(mut context: PageContext, fields: Fields) -> Result<Response, PageError> {
    context.check_form(&fields)?;
    let (text, password) = (fields.get("token").to_owned(), fields.raw("password"));
    let mut form = Form::of(&["password"]);
    let Some(link) = MailLink::of_token(&text) else {
        form.fail(INCOMPLETE_LINK.0, INCOMPLETE_LINK.1);
        return password_page(&mut context, &text, &form);
    };
    if let Err(why) = users::check_password(password, "") {
        form.field_error("password", format!("The password {why}."));
        return password_page(&mut context, &text, &form);
    }
    let password_hash = hash(&context, password).await?;
    let request = ResetPassword { link, password_hash };
    match context.site.dependencies.client.call(&context.anonymous(), request).await {
        Ok(_) => {
            // The reset has ended all sessions of the account, also the one in this browser.
            context.end_visit().await;
            context.flash("", "Your password has been changed. Please sign in.");
            Ok(context.redirect("/sign-in"))
        }
        Err(Failure::Refused(_)) => {
            form.fail(
                "This link is no longer valid",
                "It has been used before or has expired. You can request a new one.",
            );
            password_page(&mut context, &text, &form)
        }
        Err(failure) => Err(failure.into()),
    }
}

fn request_page(context: &mut PageContext, form: &Form) -> Result<Response, PageError> {
    let view = json!({
        "action": "/password-reset", "button": "Send email", "form": form, "hidden": [],
        "intro": "We will send you a link to set a new password.",
        "fields": [field("email", "Email", "email", "username", 254)],
        "links": [{ "before": "Remembered your password?", "href": "/sign-in", "label": "Sign in" }],
    });
    context.form_page("form.html", "Reset your password", view)
}

fn password_page(context: &mut PageContext, token: &str, form: &Form) -> Result<Response, PageError> {
    let hint = format!("At least {PASSWORD_CHARS_MIN} characters. A sentence is easy to remember.");
    let view = json!({
        "action": "/reset-password", "button": "Set password", "form": form, "intro": null,
        "hidden": [{ "name": "token", "value": token }],
        "fields": [hinted(field("password", "New password", "password", "new-password", 128), &hint)],
        "links": [{ "before": "Has the link expired?", "href": "/password-reset", "label": "Request a new one" }],
    });
    context.form_page("form.html", "Choose a new password", view)
}
