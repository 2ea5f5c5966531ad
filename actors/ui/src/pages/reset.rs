//! A new password, by mail. The answer is the same whether the address is known or not.

use contracts::users::{self, MailLink, PASSWORD_CHARS_MIN, Users};
use group::Failure;
use poem::{Response, handler};
use serde_json::json;

use super::sign_in::{field, hinted};
use super::sign_up::{hash, look_into_your_mail};
use crate::trouble::Trouble;
use crate::view::Form;
use crate::visit::{Fields, Visit};

#[handler]
pub(super) async fn show(mut visit: Visit) -> Result<Response, Trouble> {
    asking(&mut visit, &Form::of(&["email"]))
}

#[handler]
pub(super) async fn ask(mut visit: Visit, fields: Fields) -> Result<Response, Trouble> {
    visit.check_form(&fields)?;
    let email = fields.get("email");
    let mut form = Form::typed(&["email"], &fields);
    if let Err(why) = users::check_email(email) {
        form.wrong("email", format!("This {why}."));
        return asking(&mut visit, &form);
    }
    let address = visit.address.ip.filter(|_| !visit.address.local);
    let name = format!("reset {email}");
    if visit.site.deps.sign_ins.check(&name, address).is_err() {
        return Err(Trouble::TooMany(60));
    }
    // Each request counts: nobody's mailbox is filled from here.
    visit.site.deps.sign_ins.failed(&name, address);
    let command = users::Command::RequestPasswordReset { email: email.to_owned() };
    match visit.site.deps.client.command::<Users>(&visit.anonymous(), command).await {
        Ok(_) | Err(Failure::Refused(_)) => look_into_your_mail(
            &mut visit,
            "If there is an account with this address, a mail with a link is on its way to it.",
        ),
        Err(failure) => Err(failure.into()),
    }
}

#[handler]
pub(super) async fn choose(mut visit: Visit, fields: Fields) -> Result<Response, Trouble> {
    let mut form = Form::of(&["password"]);
    if MailLink::of_token(fields.get("token")).is_none() {
        form.fail("The link is not complete", "Please open it from the mail again, or copy all of it.");
    }
    choosing(&mut visit, fields.get("token"), &form)
}

#[handler]
pub(super) async fn reset(mut visit: Visit, fields: Fields) -> Result<Response, Trouble> {
    visit.check_form(&fields)?;
    let (text, password) = (fields.get("token").to_owned(), fields.raw("password"));
    let mut form = Form::of(&["password"]);
    let Some(link) = MailLink::of_token(&text) else {
        form.fail("The link is not complete", "Please open it from the mail again, or copy all of it.");
        return choosing(&mut visit, &text, &form);
    };
    if let Err(why) = users::check_password(password, "") {
        form.wrong("password", format!("A password {why}."));
        return choosing(&mut visit, &text, &form);
    }
    let password_hash = hash(&visit, password).await?;
    let command = users::Command::ResetPassword { link, password_hash };
    match visit.site.deps.client.command::<Users>(&visit.anonymous(), command).await {
        Ok(_) => {
            // Whoever was signed in with the old password is not any more, here neither.
            visit.forget_user();
            visit.flash("", "The new password holds. Please sign in with it.");
            Ok(visit.redirect("/sign-in"))
        }
        Err(Failure::Refused(_)) => {
            form.fail(
                "This link does not work any more",
                "It was used before, or it is too old. You can ask for a new one.",
            );
            choosing(&mut visit, &text, &form)
        }
        Err(failure) => Err(failure.into()),
    }
}

fn asking(visit: &mut Visit, form: &Form) -> Result<Response, Trouble> {
    let view = json!({
        "action": "/password-reset", "button": "Send the mail", "form": form, "hidden": [],
        "intro": "We send you a link that sets a new one.",
        "fields": [field("email", "E-mail", "email", "username", 254)],
        "links": [{ "before": "It came back to you?", "href": "/sign-in", "label": "Sign in" }],
    });
    visit.form_page("form.html", "A new password", view)
}

fn choosing(visit: &mut Visit, token: &str, form: &Form) -> Result<Response, Trouble> {
    let hint = format!("At least {PASSWORD_CHARS_MIN} characters. A sentence is easy to keep in mind.");
    let view = json!({
        "action": "/reset-password", "button": "Set the password", "form": form, "intro": null,
        "hidden": [{ "name": "token", "value": token }],
        "fields": [hinted(field("password", "New password", "password", "new-password", 128), &hint)],
        "links": [{ "before": "The link is too old?", "href": "/password-reset", "label": "Ask for a new one" }],
    });
    visit.form_page("form.html", "Choose a new password", view)
}
