//! State transitions, one file each.

mod account;
mod administrator;
mod email;
mod register;
mod reset;
mod verify;

pub(crate) use account::{change_password, close, set_roles, update_profile};
pub(crate) use administrator::create_administrator;
pub(crate) use email::change_email;
pub(crate) use register::register;
pub(crate) use reset::{request_reset, reset_password};
pub(crate) use verify::{resend_verification, verify_email};

use contracts::UserId;
use contracts::auth::{UserChanged, user_key};
use contracts::users::Refusal;
use group::Turn;

use crate::service::{Effect, Notice, Users};
use crate::state::{ACCOUNTS, AccountRecord, user_of};

/// Lifetime of a verification link, in seconds.
const VERIFICATION_SECS: i64 = 48 * 3600;
/// Lifetime of a reset link, in seconds.
const RESET_SECS: i64 = 3600;

/// The account of the user who calls, or on whose behalf a service calls.
fn own_account(turn: &Turn<'_, Users>) -> Result<(UserId, AccountRecord), Refusal> {
    let user = user_of(turn.caller())?;
    open_account(turn, user).map(|account| (user, account))
}

/// Ends all sessions of an account: increments its epoch and notifies `auth`.
fn revoke_sessions(turn: &mut Turn<'_, Users>, user: UserId, account: &mut AccountRecord) {
    account.epoch += 1;
    turn.emit(user_key(user), UserChanged { user, epoch: account.epoch });
}

/// Notifies the owner of an account by mail.
fn notify(turn: &mut Turn<'_, Users>, user: UserId, email: &str, notice: Notice) {
    turn.effect(user.0, &Effect::MailNotice { email: email.to_owned(), notice });
}

fn open_account(turn: &Turn<'_, Users>, user: UserId) -> Result<AccountRecord, Refusal> {
    turn.get(&ACCOUNTS, &user).filter(|account| !account.closed).ok_or(Refusal::NoSuchUser)
}

fn invalid(field: &str, why: &str) -> Refusal {
    Refusal::Invalid { field: field.to_owned(), why: why.to_owned() }
}

fn check_hash(password_hash: &str) -> Result<(), Refusal> {
    if crate::password::is_hash(password_hash) { Ok(()) } else { Err(invalid("password", "is not hashed")) }
}

fn check_version(account: &AccountRecord, expected: Option<u64>) -> Result<(), Refusal> {
    match expected {
        Some(expected) if expected != account.version => Err(Refusal::Stale(account.version)),
        _ => Ok(()),
    }
}
