//! Verifying an email address. The link in the mail opens a page with a button, because mail scanners open links too.

use contracts::users::{MailLink, Refusal, ResendVerification, VerifyEmail};
use group::Failure;
use poem::{Response, handler};
use serde_json::json;

use crate::context::{Fields, PageContext};
use crate::error::PageError;
use crate::view::Form;

/// The error for a link whose token cannot be parsed: title and text.
pub(super) const INCOMPLETE_LINK: (&str, &str) =
    ("The link is incomplete", "Please open it from the email again, or copy all of it.");

#[handler]
pub(super) async fn show(mut context: PageContext, fields: Fields) -> Result<Response, PageError> {
    let mut form = Form::of(&[]);
    if MailLink::of_token(fields.get("token")).is_none() {
        form.fail(INCOMPLETE_LINK.0, INCOMPLETE_LINK.1);
    }
    page(&mut context, fields.get("token"), &form)
}

#[handler]
pub(super) async fn verify(mut context: PageContext, fields: Fields) -> Result<Response, PageError> {
    context.check_form(&fields)?;
    let mut form = Form::of(&[]);
    let Some(link) = MailLink::of_token(fields.get("token")) else {
        form.fail(INCOMPLETE_LINK.0, INCOMPLETE_LINK.1);
        return page(&mut context, fields.get("token"), &form);
    };
    match context.site.dependencies.client.call(&context.anonymous(), VerifyEmail { link }).await {
        Ok(_) => {
            context.flash("", "Your email address is confirmed.");
            let next = if context.session.user.is_some() { "/account" } else { "/sign-in" };
            Ok(context.redirect(next))
        }
        Err(Failure::Refused(Refusal::AddressTaken)) => {
            form.fail(
                "This address has an account already",
                "Sign in with this address, or choose another one for your first account.",
            );
            page(&mut context, fields.get("token"), &form)
        }
        Err(Failure::Refused(_)) => {
            form.fail(
                "This link is no longer valid",
                "It has been used before or has expired. Sign in and request a new one on your account page.",
            );
            page(&mut context, fields.get("token"), &form)
        }
        Err(failure) => Err(failure.into()),
    }
}

/// Sends the verification mail again to the signed-in user.
#[handler]
pub(super) async fn resend(mut context: PageContext, fields: Fields) -> Result<Response, PageError> {
    context.check_form(&fields)?;
    let call = context.as_user().await?.ok_or_else(|| PageError::SignInRequired("/account".into()))?;
    match context.site.dependencies.client.call(&call, ResendVerification).await {
        Ok(_) => context.flash("", "The email with the link is on its way. We send at most one a minute."),
        Err(Failure::Refused(_)) => context.flash("heed", "Your email address is already verified."),
        Err(failure) => return Err(failure.into()),
    }
    Ok(context.redirect("/account"))
}

fn page(context: &mut PageContext, token: &str, form: &Form) -> Result<Response, PageError> {
    let view = json!({
        "action": "/verify-email", "button": "Yes, this is my address", "form": form,
        "intro": "Please confirm that this email address belongs to you.",
        "hidden": [{ "name": "token", "value": token }], "fields": [], "links": [],
    });
    context.form_page("form.html", "Verify your email address", view)
}
