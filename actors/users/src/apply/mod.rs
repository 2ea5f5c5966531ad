//! One transition a file.

mod account;
mod administrator;
mod register;
mod reset;
mod verify;

pub(crate) use account::{change_password, close, set_roles, update_profile};
pub(crate) use administrator::create_administrator;
pub(crate) use register::register;
pub(crate) use reset::{request_reset, reset_password};
pub(crate) use verify::{resend_verification, verify_email};

use contracts::UserId;
use contracts::users::Refusal;
use group::Turn;
use protocol::Principal;

use crate::service::Users;
use crate::state::{ACCOUNTS, AccountRecord};

/// How long a verification link is good.
const VERIFICATION_SECS: i64 = 48 * 3600;
/// How long a reset link is good.
const RESET_SECS: i64 = 3600;
/// Mails of one kind to one account are at least so far apart; what is asked for sooner is dropped silently.
const MAIL_PAUSE_SECS: i64 = 60;
/// Slots in [`AccountRecord::mailed_at`].
const VERIFICATION: usize = 0;
const RESET: usize = 1;

/// The account of the user who calls, or for whom a service calls.
fn own_account(turn: &Turn<'_, Users>) -> Result<(UserId, AccountRecord), Refusal> {
    let user = user_of(turn.caller())?;
    open_account(turn, user).map(|account| (user, account))
}

/// The user in whose name a call comes.
pub(crate) fn user_of(caller: &Principal) -> Result<UserId, Refusal> {
    caller.effective_subject().parse().map_err(|_| Refusal::NotAUser)
}

/// Signs everybody out who is signed in to an account: its epoch grows, and `auth` is told.
fn revoke_sessions(turn: &mut Turn<'_, Users>, user: UserId, account: &mut AccountRecord) {
    account.epoch += 1;
    let command = contracts::auth::Command::UserChanged { user, epoch: account.epoch };
    turn.send::<contracts::auth::Auth>(contracts::auth::user_key(user), &command);
}

/// An account that is not closed.
fn open_account(turn: &Turn<'_, Users>, user: UserId) -> Result<AccountRecord, Refusal> {
    turn.get(&ACCOUNTS, &user).filter(|account| !account.closed).ok_or(Refusal::NoSuchUser)
}

fn invalid(field: &str, why: &str) -> Refusal {
    Refusal::Invalid { field: field.to_owned(), why: why.to_owned() }
}

fn check_hash(password_hash: &str) -> Result<(), Refusal> {
    if crate::password::is_hash(password_hash) { Ok(()) } else { Err(invalid("password", "was not hashed")) }
}

fn check_version(account: &AccountRecord, expected: Option<u64>) -> Result<(), Refusal> {
    match expected {
        Some(expected) if expected != account.version => Err(Refusal::Stale(account.version)),
        _ => Ok(()),
    }
}
