//! What always holds.

use group::View;

use crate::state::{ACCOUNTS, ADDRESSES, folded};

pub(crate) fn violations(view: &View<'_>) -> Vec<String> {
    let mut violations = every_address_leads_to_its_account(view);
    violations.extend(every_open_account_has_its_address(view));
    violations
}

fn every_address_leads_to_its_account(view: &View<'_>) -> Vec<String> {
    let wrong = view.all(&ADDRESSES).filter(|(email, user)| {
        view.get(&ACCOUNTS, user).is_none_or(|account| account.closed || folded(&account.email) != *email)
    });
    wrong.map(|(_, user)| format!("an address leads to {user}, whose it is not")).collect()
}

fn every_open_account_has_its_address(view: &View<'_>) -> Vec<String> {
    let lost = view.all(&ACCOUNTS).filter(|(user, account)| {
        !account.closed && view.get(&ADDRESSES, &folded(&account.email)) != Some(*user)
    });
    lost.map(|(user, _)| format!("{user} cannot be found by its address")).collect()
}
