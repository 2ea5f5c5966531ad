//! The account of who is signed in.

use contracts::users::{self, Account, Users};
use group::{Call, Failure};
use poem::{Response, handler};
use serde_json::json;

use super::sign_in;
use crate::trouble::Trouble;
use crate::view::Form;
use crate::visit::{Fields, Visit};

#[handler]
pub(super) async fn show(mut visit: Visit) -> Result<Response, Trouble> {
    let call = signed_in(&mut visit).await?;
    let account = me(&visit, &call).await?;
    let mut form = Form::of(&["name"]);
    form.values.insert("name", account.name.clone());
    page(&mut visit, &account, &form)
}

#[handler]
pub(super) async fn save(mut visit: Visit, fields: Fields) -> Result<Response, Trouble> {
    visit.check_form(&fields)?;
    let call = signed_in(&mut visit).await?;
    let account = me(&visit, &call).await?;
    let mut form = Form::typed(&["name"], &fields);
    if let Err(why) = users::check_name(fields.get("name")) {
        form.wrong("name", format!("The name {why}."));
        return page(&mut visit, &account, &form);
    }
    let expected_version = fields.get("version").parse().ok();
    let command =
        users::Command::UpdateProfile { name: Some(fields.get("name").to_owned()), expected_version };
    match visit.site.deps.client.command::<Users>(&call, command).await {
        Ok(_) => {
            visit.flash("", "Saved.");
            Ok(visit.redirect("/account"))
        }
        Err(Failure::Refused(users::Refusal::Stale(_))) => {
            form.fail("It was changed elsewhere meanwhile", "Please look at it, and save again.");
            page(&mut visit, &account, &form)
        }
        Err(Failure::Refused(refusal)) => {
            form.fail("That did not work", &refusal.to_string());
            page(&mut visit, &account, &form)
        }
        Err(failure) => Err(failure.into()),
    }
}

/// Closes the account. The word is typed, so that no stray press does it.
#[handler]
pub(super) async fn close(mut visit: Visit, fields: Fields) -> Result<Response, Trouble> {
    visit.check_form(&fields)?;
    let call = signed_in(&mut visit).await?;
    if fields.get("sure") != "on" {
        visit.flash("heed", "Nothing was closed: tick the box first, if you are sure.");
        return Ok(visit.redirect("/account"));
    }
    match visit
        .site
        .deps
        .client
        .command::<Users>(&call, users::Command::Close { expected_version: None })
        .await
    {
        Ok(_) => {
            sign_in::end(&mut visit).await?;
            visit.flash("", "Your account is closed. The links in your mails still open your bookings.");
            Ok(visit.redirect("/"))
        }
        Err(Failure::Refused(refusal)) => {
            visit.flash("failed", refusal.to_string());
            Ok(visit.redirect("/account"))
        }
        Err(failure) => Err(failure.into()),
    }
}

async fn signed_in(visit: &mut Visit) -> Result<Call, Trouble> {
    visit.as_user().await?.ok_or_else(|| Trouble::SignIn("/account".into()))
}

async fn me(visit: &Visit, call: &Call) -> Result<Account, Trouble> {
    match visit.site.deps.client.query::<Users>(call, users::Query::Me).await {
        Ok(users::Answer::Account(account)) => Ok(account),
        Ok(_) => Err(Trouble::Broken("users answered no account".into())),
        Err(Failure::Refused(_) | Failure::Unauthenticated(_)) => Err(Trouble::SignIn("/account".into())),
        Err(failure) => Err(failure.into()),
    }
}

fn page(visit: &mut Visit, account: &Account, form: &Form) -> Result<Response, Trouble> {
    let view = json!({
        "form": form, "email": account.email, "unverified": !account.verified, "version": account.version.to_string(),
    });
    visit.form_page("account.html", "Your account", view)
}
