//! The account of the signed-in user.

use contracts::users::{
    self, Account, ChangeEmail, CloseAccount, GetOwnAccount, UpdateProfile, VerifyPassword,
};
use group::{Call, Failure};
use poem::{Response, handler};
use serde_json::json;

use super::sign_in;
use crate::context::{Fields, PageContext};
use crate::error::PageError;
use crate::view::Form;

const EMAIL_FIELDS: [&str; 2] = ["new-email", "email-password"];
const CLOSE_FIELDS: [&str; 1] = ["close-password"];

#[handler]
pub(super) async fn show(mut context: PageContext) -> Result<Response, PageError> {
    let call = signed_in(&mut context).await?;
    let account = me(&context, &call).await?;
    page(&mut context, &account, Forms::of(&account))
}

/// The forms of the page.
struct Forms {
    profile: Form,
    email: Form,
    closing: Form,
}

impl Forms {
    fn of(account: &Account) -> Self {
        let mut profile = Form::of(&["name"]);
        profile.values.insert("name", account.name.clone());
        Self { profile, email: Form::of(&EMAIL_FIELDS), closing: Form::of(&CLOSE_FIELDS) }
    }
}

#[handler]
pub(super) async fn save(mut context: PageContext, fields: Fields) -> Result<Response, PageError> {
    context.check_form(&fields)?;
    let call = signed_in(&mut context).await?;
    let account = me(&context, &call).await?;
    let mut form = Form::typed(&["name"], &fields);
    if let Err(why) = users::check_name(fields.get("name")) {
        form.field_error("name", format!("The name {why}."));
        return profile_page(&mut context, &account, form);
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
            profile_page(&mut context, &account, form)
        }
        Err(Failure::Refused(refusal)) => {
            form.fail("Your changes could not be saved", &refusal.to_string());
            profile_page(&mut context, &account, form)
        }
        Err(failure) => Err(failure.into()),
    }
}

/// Requests another email address. It changes when the link in the mail to it is opened.
#[handler]
pub(super) async fn change_email(mut context: PageContext, fields: Fields) -> Result<Response, PageError> {
    context.check_form(&fields)?;
    let call = signed_in(&mut context).await?;
    let account = me(&context, &call).await?;
    let mut form = Form::typed(&EMAIL_FIELDS, &fields);
    let email = fields.get("new-email");
    if let Err(why) = users::check_email(email) {
        form.field_error("new-email", format!("This {why}."));
    }
    if form.is_valid() && !is_password(&context, &account, fields.raw("email-password")).await? {
        form.field_error("email-password", "This is not your password.".to_owned());
    }
    if !form.is_valid() {
        let forms = Forms { email: form, ..Forms::of(&account) };
        return page(&mut context, &account, forms);
    }
    let request = ChangeEmail { user: account.id, email: email.to_owned(), expected_version: None };
    let ours = context.as_ui().await?;
    match context.site.dependencies.client.call(&ours, request).await {
        Ok(_) => {
            context.flash(
                "",
                "We have sent you an email with a link. Your address changes when you open the link and confirm it.",
            );
            Ok(context.redirect("/account"))
        }
        Err(Failure::Refused(refusal)) => {
            match refusal {
                users::Refusal::Invalid { why, .. } => form.field_error("new-email", format!("This {why}.")),
                users::Refusal::TooManyMails(secs) => form.fail(
                    "We have just sent you an email",
                    &format!("You can request another one in {} minutes.", secs.div_ceil(60)),
                ),
                refusal => form.fail("Your address could not be changed", &refusal.to_string()),
            }
            let forms = Forms { email: form, ..Forms::of(&account) };
            page(&mut context, &account, forms)
        }
        Err(failure) => Err(failure.into()),
    }
}

/// Closes the account. The password confirms that it is the owner who does it, and not somebody at an unlocked screen.
#[handler]
pub(super) async fn close(mut context: PageContext, fields: Fields) -> Result<Response, PageError> {
    context.check_form(&fields)?;
    let call = signed_in(&mut context).await?;
    let account = me(&context, &call).await?;
    if !is_password(&context, &account, fields.raw("close-password")).await? {
        let mut form = Form::of(&CLOSE_FIELDS);
        form.field_error(
            "close-password",
            "This is not your password. Your account is still open.".to_owned(),
        );
        let forms = Forms { closing: form, ..Forms::of(&account) };
        return page(&mut context, &account, forms);
    }
    let ours = context.as_ui().await?;
    let request = CloseAccount { user: account.id, expected_version: None };
    match context.site.dependencies.client.call(&ours, request).await {
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

/// Whether this is the password of the account. Wrong ones count like failed sign-ins.
async fn is_password(context: &PageContext, account: &Account, password: &str) -> Result<bool, PageError> {
    if password.is_empty() {
        return Ok(false);
    }
    let dependencies = &context.site.dependencies;
    let attempt = dependencies.attempts.sign_in(&account.email, context.address).await?;
    let request = VerifyPassword { email: account.email.clone(), password: password.to_owned() };
    let verified = dependencies.client.call(&context.as_ui().await?, request).await?;
    let is_right = verified.is_some_and(|grants| grants.user == account.id);
    if is_right {
        dependencies.attempts.succeeded(attempt).await;
    }
    Ok(is_right)
}

async fn signed_in(context: &mut PageContext) -> Result<Call, PageError> {
    context.as_user().await?.ok_or_else(|| PageError::SignInRequired("/account".into()))
}

async fn me(context: &PageContext, call: &Call) -> Result<Account, PageError> {
    match context.site.dependencies.client.call(call, GetOwnAccount).await {
        Ok(account) => Ok(account),
        // The account was closed, or its sessions were ended.
        Err(Failure::Refused(_)) => Err(PageError::SignInRequired(String::new())),
        Err(failure) => Err(failure.into()),
    }
}

fn profile_page(context: &mut PageContext, account: &Account, profile: Form) -> Result<Response, PageError> {
    page(context, account, Forms { profile, ..Forms::of(account) })
}

fn page(context: &mut PageContext, account: &Account, forms: Forms) -> Result<Response, PageError> {
    let Forms { profile, email, closing } = forms;
    let view = json!({
        "form": profile, "email_form": email, "close_form": closing, "email": account.email,
        "pending_email": account.pending_email, "unverified": !account.verified,
        "version": account.version.to_string(),
    });
    context.form_page("account.html", "Your account", view)
}
