//! The account of the signed-in user.

use contracts::users::{self, Account, CloseAccount, GetOwnAccount, UpdateProfile};
use group::{Call, Failure};
use poem::{Response, handler};
use serde_json::json;

use super::sign_in;
use crate::context::{Fields, PageContext};
use crate::error::PageError;
use crate::view::Form;

#[handler]
pub(super) async fn show(mut context: PageContext) -> Result<Response, PageError> {
    let call = signed_in(&mut context).await?;
    let account = me(&context, &call).await?;
    let mut form = Form::of(&["name"]);
    form.values.insert("name", account.name.clone());
    page(&mut context, &account, &form)
}

#[handler]
pub(super) async fn save(mut context: PageContext, fields: Fields) -> Result<Response, PageError> {
    context.check_form(&fields)?;
    let call = signed_in(&mut context).await?;
    let account = me(&context, &call).await?;
    let mut form = Form::typed(&["name"], &fields);
    if let Err(why) = users::check_name(fields.get("name")) {
        form.field_error("name", format!("The name {why}."));
        return page(&mut context, &account, &form);
    }
    let expected_version = fields.get("version").parse().ok();
    let request = UpdateProfile { name: Some(fields.get("name").to_owned()), expected_version };
    match context.site.dependencies.client.call(&call, request).await {
        Ok(_) => {
            context.flash("", "Your changes are saved.");
            Ok(context.redirect("/account"))
        }
        Err(Failure::Refused(users::Refusal::Stale(_))) => {
            form.fail("Your account was changed in another window", "Please check it and save again.");
            page(&mut context, &account, &form)
        }
        Err(Failure::Refused(refusal)) => {
            form.fail("Your changes could not be saved", &refusal.to_string());
            page(&mut context, &account, &form)
        }
        Err(failure) => Err(failure.into()),
    }
}

/// Closes the account. A checkbox confirms it, so that one click alone does not.
#[handler]
pub(super) async fn close(mut context: PageContext, fields: Fields) -> Result<Response, PageError> {
    context.check_form(&fields)?;
    let call = signed_in(&mut context).await?;
    if fields.get("sure") != "on" {
        context.flash("heed", "Your account is still open. To close it, tick the box first.");
        return Ok(context.redirect("/account"));
    }
    match context.site.dependencies.client.call(&call, CloseAccount { expected_version: None }).await {
        Ok(_) => {
            sign_in::end(&mut context).await?;
            context.flash("", "Your account is closed. The links in our emails still open your bookings.");
            Ok(context.redirect("/"))
        }
        Err(Failure::Refused(refusal)) => {
            context.flash("failed", refusal.to_string());
            Ok(context.redirect("/account"))
        }
        Err(failure) => Err(failure.into()),
    }
}

async fn signed_in(context: &mut PageContext) -> Result<Call, PageError> {
    context.as_user().await?.ok_or_else(|| PageError::SignInRequired("/account".into()))
}

async fn me(context: &PageContext, call: &Call) -> Result<Account, PageError> {
    match context.site.dependencies.client.call(call, GetOwnAccount).await {
        Ok(account) => Ok(account),
        Err(Failure::Refused(_) | Failure::Unauthenticated(_)) => {
            Err(PageError::SignInRequired("/account".into()))
        }
        Err(failure) => Err(failure.into()),
    }
}

fn page(context: &mut PageContext, account: &Account, form: &Form) -> Result<Response, PageError> {
    let view = json!({
        "form": form, "email": account.email, "unverified": !account.verified, "version": account.version.to_string(),
    });
    context.form_page("account.html", "Your account", view)
}
