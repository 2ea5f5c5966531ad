//! A group that adds up.

use contract::{Access, Contract, Principal, Reach, Route};
use group::{Service, Tree, Turn, View};
use serde::{Deserialize, Serialize};

pub struct Adder;

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub enum Query {
    Total,
    Near,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("nothing to add")]
pub struct Zero;

impl Contract for Adder {
    const SERVICE: &'static str = "adder";
    type Command = u64;
    type Reply = u64;
    type Refusal = Zero;
    type Query = Query;
    type Answer = u64;

    fn route_command(_: &u64) -> Route {
        Route::SINGLE
    }
    fn route_query(_: &Query) -> Route {
        Route::SINGLE
    }
    fn query_reach(query: &Query) -> Reach {
        match query {
            Query::Total => Reach::Leader,
            Query::Near => Reach::Nearby,
        }
    }
    fn command_access(_: &u64) -> Access {
        Access::ANYONE
    }
    fn query_access(_: &Query) -> Access {
        Access::ANYONE
    }
}

const TOTAL: Tree<u8, u64> = Tree::new(32, "total");

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

    fn query(&self, view: &View<'_>, _: &Principal, _: Query) -> Result<u64, Zero> {
        Ok(view.get(&TOTAL, &0).unwrap_or_default())
    }
}
