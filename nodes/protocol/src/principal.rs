//! The verified caller of a message, and the rules for who may send it.

use serde::{Deserialize, Serialize};

/// A caller whose access token was verified, or an anonymous caller. Logged with each command instead of the token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct Principal {
    /// A user's id, a client's id, or `svc:NAME` for a service; empty for an anonymous caller.
    pub subject: String,
    /// The OAuth client that the token was issued to.
    pub client_id: String,
    /// Scopes, sorted.
    pub scopes: Vec<String>,
    /// The subject for whom a service acts.
    pub on_behalf_of: Option<String>,
    /// Ids of the resources that the token names. Services decide which scopes need them, and what `*` means.
    pub resources: Vec<String>,
}

impl Principal {
    /// The caller of a request without an access token.
    pub fn anonymous() -> Self {
        Self::default()
    }

    /// A service of this cluster.
    pub fn service(name: &str) -> Self {
        Self { subject: format!("svc:{name}"), client_id: format!("svc:{name}"), ..Self::default() }
    }

    /// Whether there was no access token.
    pub fn is_anonymous(&self) -> bool {
        self.subject.is_empty()
    }

    /// The name of the service, if the caller is one.
    pub fn as_service(&self) -> Option<&str> {
        self.subject.strip_prefix("svc:")
    }

    /// Whether the access token has `scope`.
    pub fn has_scope(&self, scope: &str) -> bool {
        self.scopes.iter().any(|have| have == scope)
    }

    /// The owner of what the caller creates: the subject acted for, else the caller.
    pub fn effective_subject(&self) -> &str {
        self.on_behalf_of.as_deref().unwrap_or(&self.subject)
    }
}

/// The longest name of an actor, in bytes.
const ACTOR_BYTES_MAX: usize = 68;

/// Whether a service may act on behalf of this subject: a user (`usr_…`), a guest session (`gst_…`) or the bearer of a link
/// (`lnk_…`). A service never acts on behalf of an OAuth client or of another service.
pub fn is_actor(subject: &str) -> bool {
    let name_of = |prefix| subject.strip_prefix(prefix).filter(|name: &&str| !name.is_empty());
    let plain = subject.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    // The id of a user has 26 characters.
    let user = name_of("usr_").is_some_and(|name| name.len() == 26);
    plain
        && subject.len() <= ACTOR_BYTES_MAX
        && (user || name_of("gst_").is_some() || name_of("lnk_").is_some())
}

/// Who may send a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Access {
    /// Everybody may send it, without an access token.
    pub anyone: bool,
    /// Callers with any of these scopes may send it.
    pub scopes: &'static [&'static str],
    /// These services may send it, whatever their scopes.
    pub services: &'static [&'static str],
}

impl Access {
    /// Everybody, without an access token.
    pub const ANYONE: Self = Self { anyone: true, scopes: &[], services: &[] };

    /// Callers with any of these scopes.
    pub const fn scopes(scopes: &'static [&'static str]) -> Self {
        Self { anyone: false, scopes, services: &[] }
    }

    /// These services only.
    pub const fn services(services: &'static [&'static str]) -> Self {
        Self { anyone: false, scopes: &[], services }
    }

    /// Also these services.
    pub const fn or_services(self, services: &'static [&'static str]) -> Self {
        Self { services, ..self }
    }

    /// Whether `caller` may send the message.
    pub fn allows(&self, caller: &Principal) -> bool {
        self.anyone
            || self.scopes.iter().any(|scope| caller.has_scope(scope))
            || caller.as_service().is_some_and(|name| self.services.contains(&name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_act_for_users_guest_sessions_and_bearers_of_links() {
        for good in ["gst_a", "gst_0123456789abcdef-_X", "usr_0123456789abcdefghjkmnpqrs", "lnk_7_1"] {
            assert!(is_actor(good), "{good}");
        }
        let long = format!("gst_{}", "x".repeat(65));
        for bad in
            ["", "gst_", "lnk_", "usr_", "usr_1", "svc:users", "cli_partner", "admin", "gst_a b", &long]
        {
            assert!(!is_actor(bad), "{bad}");
        }
    }

    #[test]
    fn access_is_granted_by_scope_or_by_service_name() {
        let guest =
            Principal { subject: "usr_1".into(), scopes: vec!["profile".into()], ..Principal::default() };
        let rule = Access::scopes(&["payments:read"]).or_services(&["payments"]);
        assert!(!rule.allows(&guest));
        assert!(!rule.allows(&Principal::anonymous()));
        assert!(rule.allows(&Principal::service("payments")));
        assert!(!rule.allows(&Principal::service("search")));
        assert!(Access::scopes(&["profile"]).allows(&guest));
        assert!(Access::ANYONE.allows(&Principal::anonymous()));
    }
}
