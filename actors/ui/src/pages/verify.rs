//! Proving an address: the link in the mail opens a page with a button, because scanners open links too.

use contracts::users::{self, MailLink, Users};
use group::Failure;
use poem::{Response, handler};
use serde_json::json;

use crate::trouble::Trouble;
use crate::view::Form;
use crate::visit::{Fields, Visit};

#[handler]
pub(super) async fn show(mut visit: Visit, fields: Fields) -> Result<Response, Trouble> {
    let mut form = Form::of(&[]);
    if MailLink::of_token(fields.get("token")).is_none() {
        form.fail("The link is not complete", "Please open it from the mail again, or copy all of it.");
    }
    page(&mut visit, fields.get("token"), &form)
}

#[handler]
pub(super) async fn verify(mut visit: Visit, fields: Fields) -> Result<Response, Trouble> {
    visit.check_form(&fields)?;
    let mut form = Form::of(&[]);
    let Some(link) = MailLink::of_token(fields.get("token")) else {
        form.fail("The link is not complete", "Please open it from the mail again, or copy all of it.");
        return page(&mut visit, fields.get("token"), &form);
    };
    match visit
        .site
        .deps
        .client
        .command::<Users>(&visit.anonymous(), users::Command::VerifyEmail { link })
        .await
    {
        Ok(_) => {
            visit.flash("", "Your address is verified. Welcome.");
            let next = if visit.session.user.is_some() { "/account" } else { "/sign-in" };
            Ok(visit.redirect(next))
        }
        Err(Failure::Refused(_)) => {
            form.fail("This link does not work any more", "It was used before, or it is too old. Sign in, and ask for a new one on your account’s page.");
            page(&mut visit, fields.get("token"), &form)
        }
        Err(failure) => Err(failure.into()),
    }
}

/// Another mail, for who is signed in.
#[handler]
pub(super) async fn resend(mut visit: Visit, fields: Fields) -> Result<Response, Trouble> {
    visit.check_form(&fields)?;
    let call = visit.as_user().await?.ok_or_else(|| Trouble::SignIn("/account".into()))?;
    match visit.site.deps.client.command::<Users>(&call, users::Command::ResendVerification).await {
        Ok(_) => visit.flash("", "A new mail is on its way."),
        Err(Failure::Refused(_)) => visit.flash("heed", "No mail was needed: the address is verified."),
        Err(failure) => return Err(failure.into()),
    }
    Ok(visit.redirect("/account"))
}

fn page(visit: &mut Visit, token: &str, form: &Form) -> Result<Response, Trouble> {
    let view = json!({
        "action": "/verify-email", "button": "Yes, this is my address", "form": form,
        "intro": "One press, and the address belongs to your account.",
        "hidden": [{ "name": "token", "value": token }], "fields": [], "links": [],
    });
    visit.form_page("form.html", "Verify your address", view)
}
