//! The first start makes the administrator.

use contracts::UserId;
use contracts::users::{Refusal, Reply, Roles, check_email};
use group::Turn;
use protocol::Slot;

use super::register::new_account;
use super::{check_hash, invalid};
use crate::service::Users;
use crate::state::{ACCOUNTS, ADDRESSES, address_key};

/// Makes the account, unless the address has one: then nothing changes, least of all its password.
pub(crate) fn create_administrator(
    turn: &mut Turn<'_, Users>,
    email: String,
    password_hash: String,
) -> Result<Reply, Refusal> {
    check_email(&email).map_err(|why| invalid("email", why))?;
    check_hash(&password_hash)?;
    if turn.has(&ADDRESSES, &address_key(&email)) {
        return Ok(Reply::Done);
    }
    let user = UserId(turn.fresh_id(Slot::default()));
    let mut account = new_account(email.clone(), "Administrator".to_owned(), password_hash, turn.now());
    account.verified = true;
    account.roles = Roles { administrator: true, hotels: Vec::new() };
    turn.put(&ADDRESSES, &address_key(&email), &user);
    turn.put(&ACCOUNTS, &user, &account);
    Ok(Reply::Account(account.account(user)))
}
