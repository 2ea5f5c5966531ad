//! Creates the administrator's account during bootstrap.

use contracts::UserId;
use contracts::users::{Account, CreateAdministrator, Refusal, Roles, check_email};
use group::Turn;
use protocol::Slot;

use super::register::new_account;
use super::{check_hash, invalid};
use crate::service::Users;
use crate::state::{ACCOUNTS, ADDRESSES, address_key};

/// Without effect if the address has an account.
pub(crate) fn create_administrator(
    turn: &mut Turn<'_, Users>,
    request: CreateAdministrator,
) -> Result<Option<Account>, Refusal> {
    let CreateAdministrator { email, password_hash } = request;
    check_email(&email).map_err(|why| invalid("email", why))?;
    check_hash(&password_hash)?;
    if turn.has(&ADDRESSES, &address_key(&email)) {
        return Ok(None);
    }
    let user = UserId(turn.fresh_id(Slot::default()));
    let mut account = new_account(email.clone(), "Administrator".to_owned(), password_hash, turn.now());
    account.verified = true;
    account.roles = Roles { administrator: true, ..Roles::default() };
    turn.put(&ADDRESSES, &address_key(&email), &user);
    turn.put(&ACCOUNTS, &user, &account);
    Ok(Some(account.account(user)))
}
