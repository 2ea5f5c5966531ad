//! What can be asked.

use contracts::users::{Answer, Grants, PASSWORD_CHARS_MAX, Query, Refusal};
use contracts::{UserId, scope};
use group::View;
use protocol::Principal;

use crate::apply::user_of;
use crate::password;
use crate::state::{ACCOUNTS, ADDRESSES, AccountRecord, address_key};

/// Every guest's scopes.
const GUEST: [&str; 6] = [
    scope::RESERVATIONS_READ,
    scope::RESERVATIONS_WRITE,
    scope::PAYMENTS_READ,
    scope::PAYMENTS_WRITE,
    scope::PROFILE,
    scope::DOCUMENTS,
];

pub(crate) fn answer(view: &View<'_>, caller: &Principal, query: Query) -> Result<Answer, Refusal> {
    match query {
        Query::VerifyPassword { email, password } => Ok(verify(view, &email, &password)),
        Query::Grants(user) => open_account(view, user).map(|account| Answer::Grants(grants(user, &account))),
        Query::Me => {
            let user = user_of(caller)?;
            open_account(view, user).map(|account| Answer::Account(account.account(user)))
        }
        Query::HashPassword { password, salt } => {
            if password.chars().count() > PASSWORD_CHARS_MAX {
                return Err(Refusal::Invalid {
                    field: "password".into(),
                    why: "is at most 128 characters long".into(),
                });
            }
            Ok(Answer::PasswordHash(password::hash(&password, salt)))
        }
        Query::Accounts { after, limit } => Ok(Answer::Accounts(accounts(view, after, limit))),
    }
}

fn verify(view: &View<'_>, email: &str, password: &str) -> Answer {
    // Hashing a megabyte is work that an attacker could order.
    if password.chars().count() > PASSWORD_CHARS_MAX {
        return Answer::WrongPassword;
    }
    let found = view
        .get(&ADDRESSES, &address_key(email))
        .and_then(|user| Some((user, open_account(view, user).ok()?)));
    match found {
        Some((user, account)) if password::matches(password, &account.password_hash) => {
            Answer::Grants(grants(user, &account))
        }
        Some(_) => Answer::WrongPassword,
        None => {
            password::hash_dummy(password);
            Answer::WrongPassword
        }
    }
}

fn open_account(view: &View<'_>, user: UserId) -> Result<AccountRecord, Refusal> {
    view.get(&ACCOUNTS, &user).filter(|account| !account.closed).ok_or(Refusal::NoSuchUser)
}

fn grants(user: UserId, account: &AccountRecord) -> Grants {
    let mut scopes: Vec<_> = GUEST.iter().map(|scope| (*scope).to_owned()).collect();
    if account.roles.administrator {
        scopes = scope::ALL.iter().map(|scope| (*scope).to_owned()).collect();
    } else if !account.roles.hotels.is_empty() {
        scopes.push(scope::HOTEL_MANAGE.to_owned());
    }
    scopes.sort_unstable();
    // A list of hotels would bind an administrator to them.
    let hotels = if account.roles.administrator { &[][..] } else { &account.roles.hotels };
    Grants { user, scopes, hotels: hotels.iter().map(ToString::to_string).collect(), epoch: account.epoch }
}

fn accounts(view: &View<'_>, after: Option<String>, limit: u16) -> Vec<contracts::users::Account> {
    let rows: Box<dyn Iterator<Item = (String, UserId)> + '_> = match after {
        None => Box::new(view.all(&ADDRESSES)),
        Some(after) => Box::new(view.all(&ADDRESSES).skip_while(move |(email, _)| *email <= after)),
    };
    rows.filter_map(|(_, user)| open_account(view, user).ok().map(|account| account.account(user)))
        .take(usize::from(limit.min(101)))
        .collect()
}
