//! Settings of the service, replicated so that every replica decides alike.

use std::collections::BTreeMap;

use protocol::{Access, Request, Route, Slot};
use serde::{Deserialize, Serialize};

use super::Reservations;
use crate::scope;

/// Operators: replaces the settings of one shard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Configure {
    /// Any slot of the shard.
    pub slot: Slot,
    pub settings: Settings,
}

impl Request for Configure {
    type Contract = Reservations;
    type Reply = ();

    fn route(&self) -> Route {
        Route::Slot(self.slot)
    }

    fn access(&self) -> Access {
        Access::scopes(&[scope::CLUSTER_MANAGE])
    }
}

/// The settings of one shard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// The most unpaid reservations of an account or of a guest's session at a time, over all shards.
    pub unpaid_holds_max: u32,
    /// The same for OAuth clients by their id. Users of these clients are not limited by address.
    pub client_unpaid_holds_max: BTreeMap<String, u32>,
    /// How long a hold lasts, in seconds.
    pub hold_secs: u32,
    /// By how much a payment that the bank has accepted extends a hold, once, in seconds.
    pub hold_extension_secs: u32,
    /// How many days ahead nights are sold.
    pub horizon_days: u32,
    /// The most unpaid reservations of an OAuth client that is not listed.
    pub client_unpaid_holds_default: u32,
    /// The most rooms that one address holds unpaid at a time.
    pub address_rooms_max: u32,
    /// The most rooms of one property that one address holds unpaid at a time.
    pub address_property_rooms_max: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            unpaid_holds_max: 5,
            client_unpaid_holds_max: BTreeMap::new(),
            hold_secs: 15 * 60,
            hold_extension_secs: 10 * 60,
            // 18 months, rounded up.
            horizon_days: 550,
            client_unpaid_holds_default: 1_000,
            address_rooms_max: 20,
            address_property_rooms_max: 10,
        }
    }
}
