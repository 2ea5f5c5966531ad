//! The scopes that operations name in their documents: `#[oai(scope = "rest::scope::PROFILE")]`.

use contracts::scope;
use edge::Scope;

pub use edge::scope::{CLUSTER_MANAGE, CLUSTER_READ};

macro_rules! operation_scopes {
    ($($name:ident),+ $(,)?) => {
        $(#[allow(missing_docs)] pub const $name: Scope = Scope(scope::$name);)+
    };
}

operation_scopes!(
    RESERVATIONS_READ,
    RESERVATIONS_WRITE,
    PAYMENTS_READ,
    PAYMENTS_WRITE,
    PROFILE,
    DOCUMENTS,
    TEMPLATES_MANAGE,
    HOTEL_MANAGE,
);
