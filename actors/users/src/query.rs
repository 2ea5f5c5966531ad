//! Queries.

use contracts::users::{
    Account, Grants, HashPassword, ListAccounts, PASSWORD_CHARS_MAX, Refusal, VerifyPassword,
};
use contracts::{ALL_HOTELS, UserId, scope};
use group::View;
use protocol::Principal;

use crate::password;
use crate::state::{ACCOUNTS, ADDRESSES, AccountRecord, address_key, user_of};

/// Scopes of every user.
const GUEST: [&str; 6] = [
    scope::RESERVATIONS_READ,
    scope::RESERVATIONS_WRITE,
    scope::PAYMENTS_READ,
    scope::PAYMENTS_WRITE,
    scope::PROFILE,
    scope::DOCUMENTS,
];

/// The grants of the account, if the password is correct. Takes the same time if there is no account.
pub(crate) fn verify_password(view: &View<'_>, request: &VerifyPassword) -> Option<Grants> {
    let VerifyPassword { email, password } = request;
    // Limits the work that an attacker can cause.
    if password.chars().count() > PASSWORD_CHARS_MAX {
        return None;
    }
    let found = view
        .get(&ADDRESSES, &address_key(email))
        .and_then(|user| Some((user, open_account(view, user).ok()?)));
    let Some((user, account)) = found else {
        password::hash_dummy(password);
        return None;
    };
    password::matches(password, &account.password_hash).then(|| grants_of(user, &account))
}

pub(crate) fn grants(view: &View<'_>, user: UserId) -> Result<Grants, Refusal> {
    open_account(view, user).map(|account| grants_of(user, &account))
}

pub(crate) fn own_account(view: &View<'_>, caller: &Principal) -> Result<Account, Refusal> {
    let user = user_of(caller)?;
    open_account(view, user).map(|account| account.account(user))
}

pub(crate) fn hash_password(request: &HashPassword) -> Result<String, Refusal> {
    if request.password.chars().count() > PASSWORD_CHARS_MAX {
        let why = "must be at most 128 characters long".to_owned();
        return Err(Refusal::Invalid { field: "password".to_owned(), why });
    }
    Ok(password::hash(&request.password, request.salt))
}

pub(crate) fn list_accounts(view: &View<'_>, request: ListAccounts) -> Vec<Account> {
    let ListAccounts { after, limit } = request;
    let rows: Box<dyn Iterator<Item = (String, UserId)> + '_> = match after {
        None => Box::new(view.all(&ADDRESSES)),
        Some(after) => Box::new(view.all(&ADDRESSES).skip_while(move |(email, _)| *email <= after)),
    };
    rows.filter_map(|(_, user)| open_account(view, user).ok().map(|account| account.account(user)))
        .take(usize::from(limit.min(101)))
        .collect()
}

fn open_account(view: &View<'_>, user: UserId) -> Result<AccountRecord, Refusal> {
    view.get(&ACCOUNTS, &user).filter(|account| !account.closed).ok_or(Refusal::NoSuchUser)
}

fn grants_of(user: UserId, account: &AccountRecord) -> Grants {
    let mut scopes: Vec<_> = GUEST.iter().map(|scope| (*scope).to_owned()).collect();
    if account.roles.administrator {
        scopes = scope::ALL.iter().map(|scope| (*scope).to_owned()).collect();
    } else if account.roles.all_hotels || !account.roles.hotels.is_empty() {
        scopes.push(scope::HOTEL_MANAGE.to_owned());
    }
    scopes.sort_unstable();
    let hotels = match account.roles.administrator || account.roles.all_hotels {
        true => vec![ALL_HOTELS.to_owned()],
        false => account.roles.hotels.iter().map(ToString::to_string).collect(),
    };
    Grants { user, scopes, hotels, epoch: account.epoch }
}
