//! Verification of email addresses.

use contracts::users::{MailLink, Refusal, VerifyEmail};
use group::Turn;
use token::LinkKey;

use super::{VERIFICATION_SECS, email, open_account, own_account};
use crate::links::{email_change_parts, tag, verification_parts};
use crate::service::{Effect, Users};
use crate::state::{ACCOUNTS, MailKind};

/// Verifies the address of an account. Repeating it is not an error.
pub(crate) fn verify_email(
    turn: &mut Turn<'_, Users>,
    links: &LinkKey,
    request: &VerifyEmail,
) -> Result<(), Refusal> {
    let link = &request.link;
    let mut account = open_account(turn, link.user).map_err(|_| Refusal::BadLink)?;
    if link.until <= turn.now() {
        return Err(Refusal::BadLink);
    }
    let is_for = |parts: &[String; 4]| MailLink::tag_hash(&tag(links, parts)) == link.tag_hash;
    if is_for(&verification_parts(link.user, link.until, &account.email)) {
        if !account.verified {
            account.verified = true;
            account.version += 1;
            turn.put(&ACCOUNTS, &link.user, &account);
        }
        return Ok(());
    }
    let change = |epoch, email: &str| email_change_parts(link.user, link.until, epoch, email);
    match account.pending_email.clone() {
        Some(new) if is_for(&change(account.epoch, &new)) => email::replace(turn, link.user, account, new),
        // The change has incremented the epoch.
        _ if is_for(&change(account.epoch.wrapping_sub(1), &account.email)) => Ok(()),
        _ => Err(Refusal::BadLink),
    }
}

/// Sends the verification mail again, unless one was sent recently.
pub(crate) fn resend_verification(turn: &mut Turn<'_, Users>) -> Result<(), Refusal> {
    let (user, mut account) = own_account(turn)?;
    let now = turn.now();
    if account.verified {
        return Ok(());
    }
    if account.request_mail(MailKind::Registration, now).is_ok() {
        turn.put(&ACCOUNTS, &user, &account);
        let until = now.plus_secs(VERIFICATION_SECS);
        turn.effect(user.0, &Effect::MailVerification { user, email: account.email, until });
    }
    Ok(())
}
