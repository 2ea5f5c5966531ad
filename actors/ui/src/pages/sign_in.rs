//! Signing in and out.

use contracts::auth::{EndSession, StartSession, refresh_hash};
use contracts::users::VerifyPassword;
use poem::{Response, handler};
use serde_json::{Value, json};

use crate::context::{Fields, PageContext, local_path};
use crate::error::PageError;
use crate::session::SignedIn;
use crate::view::Form;

const FIELDS: [&str; 2] = ["email", "password"];

#[handler]
pub(super) async fn show(mut context: PageContext, fields: Fields) -> Result<Response, PageError> {
    let next = fields.get("next").to_owned();
    // Staff who are signed in follow the link in a mail straight to the booking.
    if let Some(next) = local_path(&next)
        && context.as_user().await?.is_some()
    {
        return Ok(context.redirect(next));
    }
    page(&mut context, &next, &Form::of(&FIELDS))
}

#[handler]
pub(super) async fn sign_in(mut context: PageContext, fields: Fields) -> Result<Response, PageError> {
    context.check_form(&fields)?;
    let (email, next) = (fields.get("email").to_owned(), fields.get("next").to_owned());
    // Counted before the password is verified, so that concurrent attempts cannot exceed the limit.
    let attempts = context.site.dependencies.attempts.clone();
    let attempt = attempts.sign_in(&email, context.address).await?;
    let request = VerifyPassword { email: email.clone(), password: fields.raw("password").to_owned() };
    let ours = context.as_ui().await?;
    let client = context.site.dependencies.client.clone();
    let Some(grants) = client.call(&ours, request).await? else {
        let mut form = Form::typed(&FIELDS, &fields);
        form.fail("The email address or password is incorrect", "Please check both and try again.");
        return page(&mut context, &next, &form);
    };
    attempts.succeeded(attempt).await;
    let refresh = token::random_secret("rt_");
    let user = grants.user.to_string();
    let request = StartSession { grants, scopes: None, refresh_hash: refresh_hash(&refresh) };
    let session = client.call(&ours, request).await?.session;
    context.session.user = Some(SignedIn { user, session, refresh, made: context.now });
    context.save_session();
    Ok(context.redirect(local_path(&next).unwrap_or("/bookings")))
}

#[handler]
pub(super) async fn sign_out(mut context: PageContext, fields: Fields) -> Result<Response, PageError> {
    context.check_form(&fields)?;
    end(&mut context).await?;
    context.flash(
        "",
        "You have signed out. This browser no longer shows your bookings; the links in our emails still open them.",
    );
    Ok(context.redirect("/"))
}

/// Ends the session in `auth`, and the visit of this browser.
pub(super) async fn end(context: &mut PageContext) -> Result<(), PageError> {
    if let Some(user) = context.session.user.clone() {
        let request = EndSession { refresh_hash: refresh_hash(&user.refresh) };
        let ours = context.as_ui().await?;
        context.site.dependencies.client.call(&ours, request).await?;
        context.end_visit().await;
    }
    Ok(())
}

fn page(context: &mut PageContext, next: &str, form: &Form) -> Result<Response, PageError> {
    let next = local_path(next).unwrap_or("");
    let view = json!({
        "action": "/sign-in", "button": "Sign in", "form": form, "intro": null,
        "hidden": [{ "name": "next", "value": next }],
        "fields": [
            field("email", "Email", "email", "username", 254),
            field("password", "Password", "password", "current-password", 128),
        ],
        "links": [
            { "before": "No account yet?", "href": "/sign-up", "label": "Create one" },
            { "before": "Forgot your password?", "href": "/password-reset", "label": "Reset it" },
            { "before": "You can also", "href": "/", "label": "book without an account" },
        ],
    });
    context.form_page("form.html", "Sign in", view)
}

/// A field of `form.html`.
pub(super) fn field(name: &str, label: &str, kind: &str, autocomplete: &str, maxlength: u32) -> Value {
    json!({
        "name": name, "label": label, "kind": kind, "autocomplete": autocomplete, "maxlength": maxlength,
        "hint": "", "required": true,
    })
}

/// The same field with a hint.
pub(super) fn hinted(mut field: Value, hint: &str) -> Value {
    field["hint"] = hint.into();
    field
}
