//! Invariants: pure checks over a view, with one line for each violation.

use contracts::users::Roles;
use group::View;

use crate::state::{ACCOUNTS, ADDRESSES, address_key};

pub(crate) fn violations(view: &View<'_>) -> Vec<String> {
    let mut violations = every_address_belongs_to_its_account(view);
    violations.extend(every_open_account_has_its_address(view));
    violations.extend(every_account_with_roles_is_verified(view));
    violations
}

fn every_address_belongs_to_its_account(view: &View<'_>) -> Vec<String> {
    let wrong = view.all(&ADDRESSES).filter(|(email, user)| {
        view.get(&ACCOUNTS, user)
            .is_none_or(|account| account.closed || address_key(&account.email) != *email)
    });
    wrong.map(|(_, user)| format!("an address is stored for {user}, which has another address")).collect()
}

fn every_open_account_has_its_address(view: &View<'_>) -> Vec<String> {
    let missing = view.all(&ACCOUNTS).filter(|(user, account)| {
        !account.closed && view.get(&ADDRESSES, &address_key(&account.email)) != Some(*user)
    });
    missing.map(|(user, _)| format!("the address of {user} is not stored")).collect()
}

/// Anyone can register an address, so a role must not go to an account whose address is not verified.
fn every_account_with_roles_is_verified(view: &View<'_>) -> Vec<String> {
    let wrong =
        view.all(&ACCOUNTS).filter(|(_, account)| account.roles != Roles::default() && !account.verified);
    wrong.map(|(user, _)| format!("{user} has roles, but its address is not verified")).collect()
}
