//! A new password by mail.

use contracts::users::{MailLink, Refusal, Reply};
use group::Turn;
use token::LinkKey;

use super::{MAIL_PAUSE_SECS, RESET, RESET_SECS, check_hash, open_account, revoke_sessions};
use crate::service::{Effect, Users, reset_parts, tag};
use crate::state::{ACCOUNTS, ADDRESSES, address_key};

/// Sends a link, if there is such an account and none was sent just now. Nobody is told which.
pub(crate) fn request_reset(turn: &mut Turn<'_, Users>, email: &str) -> Result<Reply, Refusal> {
    let Some(user) = turn.get(&ADDRESSES, &address_key(email)) else { return Ok(Reply::Done) };
    let Ok(mut account) = open_account(turn, user) else { return Ok(Reply::Done) };
    let now = turn.now();
    if now >= account.mailed_at[RESET].plus_secs(MAIL_PAUSE_SECS) {
        account.mailed_at[RESET] = now;
        turn.put(&ACCOUNTS, &user, &account);
        let until = now.plus_secs(RESET_SECS);
        turn.effect(user.0, &Effect::MailReset { user, email: account.email, until, epoch: account.epoch });
    }
    Ok(Reply::Done)
}

/// Takes the link, once: a new password is a new epoch, and the link is good for the old one only. Who could read the
/// mail has the address, so it counts as verified.
pub(crate) fn reset_password(
    turn: &mut Turn<'_, Users>,
    links: &LinkKey,
    link: &MailLink,
    password_hash: String,
) -> Result<Reply, Refusal> {
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
    Ok(Reply::Done)
}
