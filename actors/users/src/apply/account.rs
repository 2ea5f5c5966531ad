//! Changes to an existing account.

use contracts::users::{
    Account, ChangePassword, CloseAccount, Refusal, Roles, SetRoles, UpdateProfile, check_name,
};
use group::Turn;

use super::{check_hash, check_version, invalid, notify, open_account, own_account, revoke_sessions};
use crate::service::{Notice, Users};
use crate::state::{ACCOUNTS, ADDRESSES, address_key};

/// Hotels of one staff member.
const HOTELS_MAX: usize = 200;

pub(crate) fn update_profile(turn: &mut Turn<'_, Users>, request: UpdateProfile) -> Result<Account, Refusal> {
    let (user, mut account) = own_account(turn)?;
    check_version(&account, request.expected_version)?;
    if let Some(name) = request.name.filter(|name| *name != account.name) {
        check_name(&name).map_err(|why| invalid("name", why))?;
        account.name = name;
        account.version += 1;
        turn.put(&ACCOUNTS, &user, &account);
    }
    Ok(account.account(user))
}

pub(crate) fn change_password(
    turn: &mut Turn<'_, Users>,
    request: ChangePassword,
) -> Result<Account, Refusal> {
    let ChangePassword { user, password_hash } = request;
    check_hash(&password_hash)?;
    let mut account = open_account(turn, user)?;
    account.password_hash = password_hash;
    account.version += 1;
    revoke_sessions(turn, user, &mut account);
    turn.put(&ACCOUNTS, &user, &account);
    notify(turn, user, &account.email, Notice::PasswordChanged);
    Ok(account.account(user))
}

/// Removes all personal data from the account and releases its address.
pub(crate) fn close(turn: &mut Turn<'_, Users>, request: &CloseAccount) -> Result<(), Refusal> {
    let user = request.user;
    let mut account = open_account(turn, user)?;
    check_version(&account, request.expected_version)?;
    notify(turn, user, &account.email, Notice::AccountClosed);
    turn.remove(&ADDRESSES, &address_key(&account.email));
    account.email.clear();
    account.pending_email = None;
    account.name.clear();
    account.password_hash.clear();
    account.roles = Roles::default();
    account.closed = true;
    account.version += 1;
    revoke_sessions(turn, user, &mut account);
    turn.put(&ACCOUNTS, &user, &account);
    Ok(())
}

/// Sets the roles and ends the user's sessions, so that new tokens contain the new roles.
pub(crate) fn set_roles(turn: &mut Turn<'_, Users>, request: SetRoles) -> Result<Account, Refusal> {
    let SetRoles { email, mut roles } = request;
    let user = turn.get(&ADDRESSES, &address_key(&email)).ok_or(Refusal::NoSuchUser)?;
    let mut account = open_account(turn, user)?;
    roles.hotels.sort_unstable();
    roles.hotels.dedup();
    if roles.hotels.len() > HOTELS_MAX {
        return Err(invalid("hotels", "must be at most 200"));
    }
    if roles != Roles::default() && !account.verified {
        return Err(Refusal::Unverified);
    }
    if account.roles != roles {
        let hotels = u16::try_from(roles.hotels.len()).unwrap_or(u16::MAX);
        let (administrator, all_hotels) = (roles.administrator, roles.all_hotels);
        account.roles = roles;
        account.version += 1;
        revoke_sessions(turn, user, &mut account);
        turn.put(&ACCOUNTS, &user, &account);
        let notice = Notice::RolesChanged { administrator, hotels, all_hotels };
        notify(turn, user, &account.email, notice);
    }
    Ok(account.account(user))
}
