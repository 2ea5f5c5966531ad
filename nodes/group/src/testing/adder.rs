//! A service that adds numbers, for tests of calls, failovers and replicas.

use protocol::{Access, Contract, Principal, ReadConsistency, Route};
use serde::{Deserialize, Serialize};

use crate::service::{IsFinal, Service};
use crate::tree::Tree;
use crate::turn::Turn;
use crate::view::View;

/// The contract: numbers come from users with the scope `adder:write` and from the service `till`.
#[derive(Debug)]
pub struct Adder;

/// The queries.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub enum AdderQuery {
    /// The sum of all numbers, from the leader.
    Total,
    /// The sum of all numbers, from any replica.
    Near,
    /// The sum of all numbers, once it is at least so large.
    AtLeast(u64),
}

/// The number to add is 0.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("nothing to add")]
pub struct Zero;

impl Contract for Adder {
    const SERVICE: &'static str = "adder";
    type Command = u64;
    type Reply = u64;
    type Refusal = Zero;
    type Query = AdderQuery;
    type Answer = u64;

    fn route_command(_: &u64) -> Route {
        Route::SINGLE
    }
    fn route_query(_: &AdderQuery) -> Route {
        Route::SINGLE
    }
    fn query_consistency(query: &AdderQuery) -> ReadConsistency {
        match query {
            AdderQuery::Total | AdderQuery::AtLeast(_) => ReadConsistency::Leader,
            AdderQuery::Near => ReadConsistency::BoundedStaleness,
        }
    }
    fn command_access(_: &u64) -> Access {
        Access::scopes(&["adder:write"]).or_services(&["till"])
    }
    fn query_access(_: &AdderQuery) -> Access {
        Access::ANYONE
    }
}

const TOTAL: Tree<u8, u64> = Tree::new(32, "total");

/// The service of [`Adder`].
#[derive(Debug)]
pub struct Sum;

impl Service for Sum {
    type Contract = Adder;
    type Effect = ();
    type Timer = ();
    type Note = ();

    fn apply(&self, turn: &mut Turn<'_, Self>, amount: u64) -> Result<u64, Zero> {
        if amount == 0 {
            return Err(Zero);
        }
        let total = turn.get(&TOTAL, &0).unwrap_or_default() + amount;
        turn.put(&TOTAL, &0, &total);
        Ok(total)
    }

    fn fire(&self, _: &mut Turn<'_, Self>, (): ()) {}

    fn query(&self, view: &View<'_>, _: &Principal, _: AdderQuery) -> Result<u64, Zero> {
        Ok(view.get(&TOTAL, &0).unwrap_or_default())
    }

    fn long_poll(query: &AdderQuery) -> Option<IsFinal<Self>> {
        matches!(query, AdderQuery::AtLeast(_)).then_some(|query, total| match query {
            AdderQuery::AtLeast(least) => total >= least,
            AdderQuery::Total | AdderQuery::Near => true,
        })
    }
}
