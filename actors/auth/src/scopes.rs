//! Who may have which scopes.

use contracts::scope;

/// What each service's own tokens bear. A service that is not here has no tokens.
///
/// `setup` is the first start of a cluster, which loads demo hotels and makes the administrator; `node` is in no table:
/// its tokens are node credentials, made from the cluster key.
const SERVICES: [(&str, &[&str]); 10] = [
    ("auth", &[]),
    ("cluster", &[scope::CLUSTER_READ, scope::CLUSTER_MANAGE]),
    // What it has nodes do, they do on its word: no service is asked for anything.
    ("directory", &[]),
    ("payments", &[scope::DOCUMENTS, scope::RESERVATIONS_READ]),
    ("pdf", &[]),
    ("reservations", &[scope::DOCUMENTS]),
    ("search", &[]),
    ("setup", &scope::ALL),
    // Acts for guests: whatever a guest may do.
    ("ui", &USER),
    ("users", &[scope::DOCUMENTS]),
];

/// What any user may do with their own things.
pub(crate) const USER: [&str; 6] = [
    scope::RESERVATIONS_READ,
    scope::RESERVATIONS_WRITE,
    scope::PAYMENTS_READ,
    scope::PAYMENTS_WRITE,
    scope::PROFILE,
    scope::DOCUMENTS,
];

/// The scopes of a service's tokens; none when there is no such service.
pub(crate) fn of_service(service: &str) -> Option<Vec<String>> {
    let (_, scopes) = SERVICES.iter().find(|(name, _)| *name == service)?;
    Some(sorted(scopes.iter().map(|scope| (*scope).to_owned())))
}

/// In order, each once.
pub(crate) fn sorted(scopes: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut scopes: Vec<String> = scopes.into_iter().collect();
    scopes.sort_unstable();
    scopes.dedup();
    scopes
}

/// What is asked for and allowed by each of `limits`; asking for nothing is asking for everything.
pub(crate) fn granted(asked: &[String], limits: &[&[String]]) -> Vec<String> {
    let asked = match (asked, limits) {
        ([], [first, ..]) => first,
        (asked, _) => asked,
    };
    let allowed = |scope: &&String| limits.iter().all(|limit| limit.contains(scope));
    sorted(asked.iter().filter(allowed).cloned())
}

/// What a person should read instead of a scope's name.
pub(crate) fn in_words(name: &str) -> &'static str {
    match name {
        scope::RESERVATIONS_READ => "See your reservations",
        scope::RESERVATIONS_WRITE => "Make, change and cancel reservations for you",
        scope::PAYMENTS_READ => "See your payments",
        scope::PAYMENTS_WRITE => "Pay for your reservations and ask for refunds",
        scope::PROFILE => "See and change your account",
        scope::DOCUMENTS => "Make documents for you",
        scope::TEMPLATES_MANAGE => "Change the templates of documents",
        scope::HOTEL_MANAGE => "Manage hotels, their prices, rooms and guests",
        scope::CLUSTER_READ => "See how the system runs",
        scope::CLUSTER_MANAGE => "Operate the system",
        _ => "Something that this version does not know",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(scopes: &[&str]) -> Vec<String> {
        scopes.iter().map(|scope| (*scope).to_owned()).collect()
    }

    #[test]
    fn only_what_is_asked_and_allowed_is_granted() {
        type Names = &'static [&'static str];
        let table: [(Names, Names, Names, Names); 6] = [
            (&["b", "a"], &["a", "b", "c"], &["a", "b"], &["a", "b"]),
            (&["a", "a", "d"], &["a", "b"], &["a"], &["a"]),
            (&[], &["b", "a"], &["a", "b", "c"], &["a", "b"]),
            (&["a"], &["b"], &["a"], &[]),
            (&["a"], &["a"], &["b"], &[]),
            (&["x"], &["a"], &["a"], &[]),
        ];
        for (asked, client, user, expected) in table {
            let found = granted(&list(asked), &[&list(client), &list(user)]);
            assert_eq!(found, list(expected), "{asked:?} of {client:?} and {user:?}");
        }
    }

    #[test]
    fn every_scope_has_words_and_services_have_known_scopes_only() {
        for scope in scope::ALL {
            assert!(!in_words(scope).contains("does not know"), "{scope}");
        }
        for (service, scopes) in SERVICES {
            assert!(scopes.iter().all(|scope| scope::ALL.contains(scope)), "{service}");
        }
        assert_eq!(of_service("node"), None);
        assert_eq!(of_service(""), None);
        assert!(!of_service("ui").unwrap().contains(&scope::HOTEL_MANAGE.to_owned()));
    }
}
