//! Changes to an account that is there.

use contracts::UserId;
use contracts::users::{Refusal, Reply, Roles, check_name};
use group::Turn;

use super::{check_hash, check_version, invalid, open_account, own_account, revoke_sessions};
use crate::service::Users;
use crate::state::{ACCOUNTS, ADDRESSES, address_key};

/// Staff of more hotels than this are administrators.
const HOTELS_MAX: usize = 200;

/// The owner changes the name.
pub(crate) fn update_profile(
    turn: &mut Turn<'_, Users>,
    name: Option<String>,
    expected_version: Option<u64>,
) -> Result<Reply, Refusal> {
    let (user, mut account) = own_account(turn)?;
    check_version(&account, expected_version)?;
    if let Some(name) = name.filter(|name| *name != account.name) {
        check_name(&name).map_err(|why| invalid("name", why))?;
        account.name = name;
        account.version += 1;
        turn.put(&ACCOUNTS, &user, &account);
    }
    Ok(Reply::Account(account.account(user)))
}

/// The service's own API has checked the current password.
pub(crate) fn change_password(
    turn: &mut Turn<'_, Users>,
    user: UserId,
    password_hash: String,
) -> Result<Reply, Refusal> {
    check_hash(&password_hash)?;
    let mut account = open_account(turn, user)?;
    account.password_hash = password_hash;
    account.version += 1;
    revoke_sessions(turn, user, &mut account);
    turn.put(&ACCOUNTS, &user, &account);
    Ok(Reply::Account(account.account(user)))
}

/// The owner closes the account: nothing of the person stays here, and the address is free.
pub(crate) fn close(turn: &mut Turn<'_, Users>, expected_version: Option<u64>) -> Result<Reply, Refusal> {
    let (user, mut account) = own_account(turn)?;
    check_version(&account, expected_version)?;
    turn.remove(&ADDRESSES, &address_key(&account.email));
    account.email.clear();
    account.name.clear();
    account.password_hash.clear();
    account.roles = Roles::default();
    account.closed = true;
    account.version += 1;
    revoke_sessions(turn, user, &mut account);
    turn.put(&ACCOUNTS, &user, &account);
    Ok(Reply::Done)
}

/// An administrator says who may what. Whoever is signed in to the account is signed out: the next sign-in bears the new
/// roles.
pub(crate) fn set_roles(turn: &mut Turn<'_, Users>, email: &str, mut roles: Roles) -> Result<Reply, Refusal> {
    let user = turn.get(&ADDRESSES, &address_key(email)).ok_or(Refusal::NoSuchUser)?;
    let mut account = open_account(turn, user)?;
    roles.hotels.sort_unstable();
    roles.hotels.dedup();
    if roles.hotels.len() > HOTELS_MAX {
        return Err(invalid("hotels", "are at most 200"));
    }
    if account.roles != roles {
        account.roles = roles;
        account.version += 1;
        revoke_sessions(turn, user, &mut account);
        turn.put(&ACCOUNTS, &user, &account);
    }
    Ok(Reply::Account(account.account(user)))
}
