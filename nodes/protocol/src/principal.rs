//! Who is asking, as far as a verified token tells, and what that allows.

use serde::{Deserialize, Serialize};

/// A caller whose token was verified, or nobody. Proposed with each command in the token's place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct Principal {
    /// `usr_…`, a client's id, `svc:NAME`, or empty for nobody.
    pub subject: String,
    /// The OAuth client that the token was issued to.
    pub client_id: String,
    /// Scopes, sorted.
    pub scopes: Vec<String>,
    /// For whom a service acts: `usr_…`, or `gst_…` for a guest without an account.
    pub on_behalf_of: Option<String>,
    /// Hotels that a staff token is bound to, as ids (`htl_…`); empty when it is bound to none.
    pub hotels: Vec<String>,
}

impl Principal {
    /// Nobody: a call without a token.
    pub fn anonymous() -> Self {
        Self::default()
    }

    /// A service of this cluster.
    pub fn service(name: &str) -> Self {
        Self { subject: format!("svc:{name}"), client_id: format!("svc:{name}"), ..Self::default() }
    }

    /// Whether nobody is asking.
    pub fn is_anonymous(&self) -> bool {
        self.subject.is_empty()
    }

    /// The service's name, when a service is asking.
    pub fn as_service(&self) -> Option<&str> {
        self.subject.strip_prefix("svc:")
    }

    /// Whether the token bears `scope`.
    pub fn has(&self, scope: &str) -> bool {
        self.scopes.iter().any(|have| have == scope)
    }

    /// Whose things these are: the one acted for, else the caller.
    pub fn actor(&self) -> &str {
        self.on_behalf_of.as_deref().unwrap_or(&self.subject)
    }
}

/// Who may send a message: anybody, or holders of one of some scopes, or some services by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Access {
    /// No token is needed.
    pub anyone: bool,
    /// Any one of these scopes suffices.
    pub scopes: &'static [&'static str],
    /// These services may, whatever their scopes.
    pub services: &'static [&'static str],
}

impl Access {
    /// No token is needed.
    pub const ANYONE: Self = Self { anyone: true, scopes: &[], services: &[] };

    /// Any one of these scopes.
    pub const fn scopes(scopes: &'static [&'static str]) -> Self {
        Self { anyone: false, scopes, services: &[] }
    }

    /// These services only.
    pub const fn services(services: &'static [&'static str]) -> Self {
        Self { anyone: false, scopes: &[], services }
    }

    /// And these services too.
    pub const fn or_services(self, services: &'static [&'static str]) -> Self {
        Self { services, ..self }
    }

    /// Whether `caller` may.
    pub fn allows(&self, caller: &Principal) -> bool {
        self.anyone
            || self.scopes.iter().any(|scope| caller.has(scope))
            || caller.as_service().is_some_and(|name| self.services.contains(&name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_name_is_no_scope_and_a_scope_no_service() {
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
