//! OAuth scopes of access tokens: each name once, with what it allows.

use protocol::scope;

/// Declares constants for the names of scopes, and the lists of all of them.
macro_rules! scopes {
    ($($constant:ident = $name:expr, $description:literal;)+) => {
        $(
            #[doc = $description]
            pub const $constant: &str = $name;
        )+
        /// The names of all scopes.
        pub const ALL: [&str; [$($name),+].len()] = [$($name),+];
        /// All scopes, in the order of [`ALL`]: name, and what it allows as the OpenAPI documents describe it.
        pub const DESCRIBED: &[(&str, &str)] = &[$(($name, $description)),+];
    };
}

scopes! {
    RESERVATIONS_READ = "reservations:read", "See your reservations";
    RESERVATIONS_WRITE = "reservations:write", "Make, change and cancel reservations";
    PAYMENTS_READ = "payments:read", "See your payments and receipts";
    PAYMENTS_WRITE = "payments:write", "Pay and refund";
    PROFILE = "profile", "See and change your profile";
    DOCUMENTS = "documents", "Make documents from templates";
    TEMPLATES_MANAGE = "templates:manage", "Change document templates";
    // Valid for the hotels that the token names; see `manages_hotel`.
    HOTEL_MANAGE = "hotel:manage", "Run the hotels that the token names";
    CLUSTER_READ = scope::CLUSTER_READ, "See the cluster's state";
    CLUSTER_MANAGE = scope::CLUSTER_MANAGE, "Move, drain and rebalance";
}
