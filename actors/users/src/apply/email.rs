//! Replaces the email address of an account. The account keeps its address, and with it its roles, until the owner of the new
//! mailbox opens a link.

use contracts::UserId;
use contracts::users::{Account, ChangeEmail, Refusal, check_email};
use group::Turn;

use super::register::mail_already_registered;
use super::{VERIFICATION_SECS, check_version, invalid, notify, open_account, revoke_sessions};
use crate::service::{Effect, Notice, Users};
use crate::state::{ACCOUNTS, ADDRESSES, AccountRecord, MailKind, address_key};

/// Mails a link to the new address and a notice to the current one. If the new address has an account, its owner is notified
/// instead; the reply is the same.
pub(crate) fn change_email(turn: &mut Turn<'_, Users>, request: ChangeEmail) -> Result<Account, Refusal> {
    let ChangeEmail { user, email, expected_version } = request;
    let mut account = open_account(turn, user)?;
    check_version(&account, expected_version)?;
    check_email(&email).map_err(|why| invalid("email", why))?;
    if address_key(&email) == address_key(&account.email) {
        return Err(invalid("email", "is the address of this account already"));
    }
    let now = turn.now();
    account.request_mail(MailKind::EmailChange, now).map_err(Refusal::TooManyMails)?;
    account.pending_email = Some(email.clone());
    account.version += 1;
    turn.put(&ACCOUNTS, &user, &account);
    match turn.get(&ADDRESSES, &address_key(&email)) {
        Some(owner) => mail_already_registered(turn, owner),
        None => {
            let (until, epoch) = (now.plus_secs(VERIFICATION_SECS), account.epoch);
            turn.effect(user.0, &Effect::MailEmailChange { user, email, until, epoch });
        }
    }
    notify(turn, user, &account.email, Notice::EmailChangeRequested);
    Ok(account.account(user))
}

/// Replaces the address. All sessions end, because links to set a new password in the old mailbox must become invalid.
pub(super) fn replace(
    turn: &mut Turn<'_, Users>,
    user: UserId,
    mut account: AccountRecord,
    new: String,
) -> Result<(), Refusal> {
    if turn.has(&ADDRESSES, &address_key(&new)) {
        return Err(Refusal::AddressTaken);
    }
    let old = std::mem::replace(&mut account.email, new);
    account.pending_email = None;
    account.verified = true;
    account.version += 1;
    turn.remove(&ADDRESSES, &address_key(&old));
    turn.put(&ADDRESSES, &address_key(&account.email), &user);
    revoke_sessions(turn, user, &mut account);
    turn.put(&ACCOUNTS, &user, &account);
    notify(turn, user, &old, Notice::EmailChanged);
    Ok(())
}
