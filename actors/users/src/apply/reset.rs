//! Password reset by mail.

use contracts::users::{MailLink, Refusal, RequestPasswordReset, ResetPassword};
use group::Turn;
use token::LinkKey;

use super::{RESET_SECS, check_hash, notify, open_account, revoke_sessions};
use crate::links::{reset_parts, tag};
use crate::service::{Effect, Notice, Users};
use crate::state::{ACCOUNTS, ADDRESSES, MailKind, address_key};

/// Sends a link if the account exists and no mail was sent recently. The reply does not reveal this.
pub(crate) fn request_reset(
    turn: &mut Turn<'_, Users>,
    request: &RequestPasswordReset,
) -> Result<(), Refusal> {
    let Some(user) = turn.get(&ADDRESSES, &address_key(&request.email)) else { return Ok(()) };
    let Ok(mut account) = open_account(turn, user) else { return Ok(()) };
    let now = turn.now();
    if account.request_mail(MailKind::Reset, now).is_ok() {
        turn.put(&ACCOUNTS, &user, &account);
        let until = now.plus_secs(RESET_SECS);
        turn.effect(user.0, &Effect::MailReset { user, email: account.email, until, epoch: account.epoch });
    }
    Ok(())
}

/// Sets a new password. The link works once, because a reset increments the epoch for which the link is valid. The link
/// also proves that the user can read the mail, so the address becomes verified.
pub(crate) fn reset_password(
    turn: &mut Turn<'_, Users>,
    links: &LinkKey,
    request: ResetPassword,
) -> Result<(), Refusal> {
    let ResetPassword { link, password_hash } = request;
    check_hash(&password_hash)?;
    let mut account = open_account(turn, link.user).map_err(|_| Refusal::BadLink)?;
    let expected = tag(links, &reset_parts(link.user, link.until, account.epoch));
    if link.until <= turn.now() || MailLink::tag_hash(&expected) != link.tag_hash {
        return Err(Refusal::BadLink);
    }
    account.password_hash = password_hash;
    account.verified = true;
    account.version += 1;
    revoke_sessions(turn, link.user, &mut account);
    turn.put(&ACCOUNTS, &link.user, &account);
    notify(turn, link.user, &account.email, Notice::PasswordChanged);
    Ok(())
}
