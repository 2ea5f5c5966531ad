//! Signing in and out.

use contracts::auth::{self, Auth, refresh_hash};
use contracts::users::{self, Users};
use poem::{Response, handler};
use serde_json::{Value, json};

use crate::session::SignedIn;
use crate::trouble::Trouble;
use crate::view::Form;
use crate::visit::{Fields, Visit, local_path};

const FIELDS: [&str; 2] = ["email", "password"];

#[handler]
pub(super) async fn show(mut visit: Visit, fields: Fields) -> Result<Response, Trouble> {
    let next = fields.get("next").to_owned();
    page(&mut visit, &next, &Form::of(&FIELDS))
}

#[handler]
pub(super) async fn sign_in(mut visit: Visit, fields: Fields) -> Result<Response, Trouble> {
    visit.check_form(&fields)?;
    let (email, next) = (fields.get("email").to_owned(), fields.get("next").to_owned());
    let address = visit.address.ip.filter(|_| !visit.address.local);
    if visit.site.deps.sign_ins.check(&email, address).is_err() {
        return Err(Trouble::TooMany(60));
    }
    let query =
        users::Query::VerifyPassword { email: email.clone(), password: fields.raw("password").to_owned() };
    let ours = visit.as_ui().await?;
    let client = visit.site.deps.client.clone();
    let grants = match client.query::<Users>(&ours, query).await? {
        users::Answer::Grants(grants) => grants,
        _ => {
            visit.site.deps.sign_ins.failed(&email, address);
            let mut form = Form::typed(&FIELDS, &fields);
            form.fail(
                "That did not match",
                "No account has this address with this password. Please check both.",
            );
            return page(&mut visit, &next, &form);
        }
    };
    // Many guesses may have been under way at once: those that end after the last allowed one are too many.
    if visit.site.deps.sign_ins.check(&email, address).is_err() {
        return Err(Trouble::TooMany(60));
    }
    visit.site.deps.sign_ins.succeeded(&email);
    let refresh = token::random_secret("rt_");
    let user = grants.user.to_string();
    let command = auth::Command::StartSession { grants, scopes: None, refresh_hash: refresh_hash(&refresh) };
    let session = match client.command::<Auth>(&ours, command).await? {
        auth::Reply::Granted(grant) => grant.session,
        other => return Err(Trouble::Broken(format!("auth started no session but answered {other:?}"))),
    };
    visit.session.user = Some(SignedIn { user, session, refresh, made: visit.now });
    visit.keep();
    Ok(visit.redirect(local_path(&next).unwrap_or("/bookings")))
}

#[handler]
pub(super) async fn sign_out(mut visit: Visit, fields: Fields) -> Result<Response, Trouble> {
    visit.check_form(&fields)?;
    end(&mut visit).await?;
    visit.flash("", "You are signed out.");
    Ok(visit.redirect("/"))
}

/// Ends the session at `auth`, and forgets it here.
pub(super) async fn end(visit: &mut Visit) -> Result<(), Trouble> {
    if let Some(user) = visit.session.user.clone() {
        let command = auth::Command::EndSession { refresh_hash: refresh_hash(&user.refresh) };
        let ours = visit.as_ui().await?;
        visit.site.deps.client.command::<Auth>(&ours, command).await?;
        visit.forget_user();
    }
    Ok(())
}

fn page(visit: &mut Visit, next: &str, form: &Form) -> Result<Response, Trouble> {
    let next = local_path(next).unwrap_or("");
    let view = json!({
        "action": "/sign-in", "button": "Sign in", "form": form, "intro": null,
        "hidden": [{ "name": "next", "value": next }],
        "fields": [
            field("email", "E-mail", "email", "username", 254),
            field("password", "Password", "password", "current-password", 128),
        ],
        "links": [
            { "before": "No account yet?", "href": "/sign-up", "label": "Make one" },
            { "before": "Forgotten?", "href": "/password-reset", "label": "Set a new password" },
            { "before": "You can also", "href": "/", "label": "book without an account" },
        ],
    });
    visit.form_page("form.html", "Sign in", view)
}

/// One field of the simple forms.
pub(super) fn field(name: &str, label: &str, kind: &str, autocomplete: &str, maxlength: u32) -> Value {
    json!({
        "name": name, "label": label, "kind": kind, "autocomplete": autocomplete, "maxlength": maxlength,
        "hint": "", "required": true,
    })
}

/// The same with a hint beneath.
pub(super) fn hinted(mut field: Value, hint: &str) -> Value {
    field["hint"] = hint.into();
    field
}
