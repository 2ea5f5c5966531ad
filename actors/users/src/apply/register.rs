//! Registers an account.

use contracts::UserId;
use contracts::users::{Refusal, Register, Roles, check_email, check_name};
use group::Turn;
use protocol::{Slot, Timestamp};

use super::{VERIFICATION_SECS, check_hash, invalid};
use crate::service::{Effect, Users};
use crate::state::{ACCOUNTS, ADDRESSES, AccountRecord, MailKind, MailRequests, address_key};

/// Creates an account. If the address has one, its owner is notified by mail; the reply is the same.
pub(crate) fn register(turn: &mut Turn<'_, Users>, request: Register) -> Result<(), Refusal> {
    let Register { email, name, password_hash } = request;
    check_email(&email).map_err(|why| invalid("email", why))?;
    check_name(&name).map_err(|why| invalid("name", why))?;
    check_hash(&password_hash)?;
    let now = turn.now();
    if let Some(user) = turn.get(&ADDRESSES, &address_key(&email)) {
        mail_already_registered(turn, user);
        return Ok(());
    }
    let user = UserId(turn.fresh_id(Slot::default()));
    let mut account = new_account(email.clone(), name, password_hash, now);
    let _ = account.request_mail(MailKind::Registration, now);
    turn.put(&ADDRESSES, &address_key(&email), &user);
    turn.put(&ACCOUNTS, &user, &account);
    turn.effect(user.0, &Effect::MailVerification { user, email, until: now.plus_secs(VERIFICATION_SECS) });
    Ok(())
}

/// Notifies the owner of an account that somebody has tried to register its address.
pub(super) fn mail_already_registered(turn: &mut Turn<'_, Users>, user: UserId) {
    let Some(mut account) = turn.get(&ACCOUNTS, &user) else { return };
    // A limit of its own: the page promises a mail, also right after the first registration.
    if account.request_mail(MailKind::AlreadyRegistered, turn.now()).is_err() {
        return;
    }
    turn.put(&ACCOUNTS, &user, &account);
    turn.effect(user.0, &Effect::MailAlreadyRegistered { email: account.email });
}

/// An unverified account without roles.
pub(super) fn new_account(
    email: String,
    name: String,
    password_hash: String,
    now: Timestamp,
) -> AccountRecord {
    AccountRecord {
        email,
        name,
        password_hash,
        verified: false,
        roles: Roles::default(),
        created_at: now,
        version: 1,
        epoch: 1,
        mails: [MailRequests::default(); 4],
        closed: false,
        pending_email: None,
    }
}
