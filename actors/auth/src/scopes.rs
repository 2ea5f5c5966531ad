//! Scopes of services and users, and how requested scopes are limited.

use contracts::scope;

/// Scopes of each service's tokens. A service that is not listed has no tokens.
///
/// `setup` is the bootstrap of a cluster, which imports demo hotels and creates the administrator. `node` is not listed:
/// nodes use credentials derived from the cluster key.
const SERVICES: [(&str, &[&str]); 10] = [
    ("auth", &[]),
    ("cluster", &[scope::CLUSTER_READ, scope::CLUSTER_MANAGE]),
    // Calls nodes only, never services.
    ("directory", &[]),
    ("payments", &[scope::DOCUMENTS, scope::RESERVATIONS_READ]),
    ("pdf", &[]),
    ("reservations", &[scope::DOCUMENTS]),
    ("search", &[]),
    ("setup", &scope::ALL),
    // Acts on behalf of guests, with the scopes of a guest.
    ("ui", &USER),
    ("users", &[scope::DOCUMENTS]),
];

/// Scopes that every user has.
pub(crate) const USER: [&str; 6] = [
    scope::RESERVATIONS_READ,
    scope::RESERVATIONS_WRITE,
    scope::PAYMENTS_READ,
    scope::PAYMENTS_WRITE,
    scope::PROFILE,
    scope::DOCUMENTS,
];

/// The scopes of a service's tokens, or `None` for an unknown service.
pub(crate) fn of_service(service: &str) -> Option<Vec<String>> {
    let (_, scopes) = SERVICES.iter().find(|(name, _)| *name == service)?;
    Some(sorted(scopes.iter().map(|scope| (*scope).to_owned())))
}

/// Sorted and without duplicates.
pub(crate) fn sorted(scopes: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut scopes: Vec<String> = scopes.into_iter().collect();
    scopes.sort_unstable();
    scopes.dedup();
    scopes
}

/// The requested scopes that all of `limits` contain. An empty request means all scopes (RFC 6749 §3.3).
pub(crate) fn granted(requested: &[String], limits: &[&[String]]) -> Vec<String> {
    let requested = match (requested, limits) {
        ([], [first, ..]) => first,
        (requested, _) => requested,
    };
    let allowed = |scope: &&String| limits.iter().all(|limit| limit.contains(scope));
    sorted(requested.iter().filter(allowed).cloned())
}

/// The description of a scope on the consent page.
pub(crate) fn description(name: &str) -> &'static str {
    match name {
        scope::RESERVATIONS_READ => "See your reservations",
        scope::RESERVATIONS_WRITE => "Make, change and cancel reservations for you",
        scope::PAYMENTS_READ => "See your payments",
        scope::PAYMENTS_WRITE => "Pay for your reservations and request refunds",
        scope::PROFILE => "See and change your account",
        scope::DOCUMENTS => "Create documents for you",
        scope::TEMPLATES_MANAGE => "Change document templates",
        scope::HOTEL_MANAGE => "Manage hotels, their prices, rooms and guests",
        scope::CLUSTER_READ => "See the state of the system",
        scope::CLUSTER_MANAGE => "Operate the system",
        _ => "An unknown permission",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(scopes: &[&str]) -> Vec<String> {
        scopes.iter().map(|scope| (*scope).to_owned()).collect()
    }

    #[test]
    fn granted_scopes_are_requested_and_allowed_by_every_limit() {
        type Names = &'static [&'static str];
        let table: [(Names, Names, Names, Names); 6] = [
            (&["b", "a"], &["a", "b", "c"], &["a", "b"], &["a", "b"]),
            (&["a", "a", "d"], &["a", "b"], &["a"], &["a"]),
            (&[], &["b", "a"], &["a", "b", "c"], &["a", "b"]),
            (&["a"], &["b"], &["a"], &[]),
            (&["a"], &["a"], &["b"], &[]),
            (&["x"], &["a"], &["a"], &[]),
        ];
        for (requested, client, user, expected) in table {
            let found = granted(&list(requested), &[&list(client), &list(user)]);
            assert_eq!(found, list(expected), "{requested:?} of {client:?} and {user:?}");
        }
    }

    #[test]
    fn every_scope_has_a_description_and_services_have_known_scopes_only() {
        for scope in scope::ALL {
            assert!(!description(scope).contains("unknown"), "{scope}");
        }
        for (service, scopes) in SERVICES {
            assert!(scopes.iter().all(|scope| scope::ALL.contains(scope)), "{service}");
        }
        assert_eq!(of_service("node"), None);
        assert_eq!(of_service(""), None);
        assert!(!of_service("ui").unwrap().contains(&scope::HOTEL_MANAGE.to_owned()));
    }
}
