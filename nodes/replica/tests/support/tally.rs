//! A service that counts how often each number was put into it.

use std::collections::BTreeMap;

use group::{Service, Tree, Turn, View};
use protocol::{Access, Contract, Principal, ReadConsistency, Route};
use serde::{Deserialize, Serialize};

pub struct TallyContract;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Put {
    /// Counts a number.
    One(u64),
    /// Adds a row of this many bytes to the state.
    Ballast(u64, u32),
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Get {
    All,
    Nearby,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, thiserror::Error)]
#[error("never")]
pub struct Never;

impl Contract for TallyContract {
    const SERVICE: &'static str = "tally";
    type Command = Put;
    type Reply = u64;
    type Refusal = Never;
    type Query = Get;
    type Answer = BTreeMap<u64, u64>;

    fn route_command(_: &Put) -> Route {
        Route::SINGLE
    }
    fn route_query(_: &Get) -> Route {
        Route::SINGLE
    }
    fn query_consistency(query: &Get) -> ReadConsistency {
        match query {
            Get::All => ReadConsistency::Leader,
            Get::Nearby => ReadConsistency::BoundedStaleness,
        }
    }
    fn command_access(_: &Put) -> Access {
        Access::scopes(&["tally:write"])
    }
    fn query_access(_: &Get) -> Access {
        Access::ANYONE
    }
}

pub const COUNTS: Tree<u64, u64> = Tree::new(32, "counts");
const BALLAST: Tree<u64, Vec<u8>> = Tree::new(33, "ballast");

/// Keeps the total in memory as well, which detects a snapshot that did not refresh it.
#[derive(Default)]
pub struct Tally {
    total: std::sync::Mutex<u64>,
}

impl Service for Tally {
    type Contract = TallyContract;
    type Effect = ();
    type Timer = ();
    type Note = ();

    fn apply(&self, turn: &mut Turn<'_, Self>, put: Put) -> Result<u64, Never> {
        match put {
            Put::One(number) => {
                let count = turn.get(&COUNTS, &number).unwrap_or_default() + 1;
                turn.put(&COUNTS, &number, &count);
                turn.note(());
                Ok(count)
            }
            Put::Ballast(number, bytes) => {
                turn.put(&BALLAST, &number, &vec![number as u8; bytes as usize]);
                Ok(0)
            }
        }
    }

    fn fire(&self, _: &mut Turn<'_, Self>, (): ()) {}

    fn query(&self, view: &View<'_>, _: &Principal, _: Get) -> Result<BTreeMap<u64, u64>, Never> {
        Ok(view.all(&COUNTS).collect())
    }

    fn opened(&self, view: &View<'_>) {
        *self.total.lock().unwrap() = view.all(&COUNTS).map(|(_, count)| count).sum();
    }

    fn committed(&self, notes: Vec<()>) {
        *self.total.lock().unwrap() += notes.len() as u64;
    }

    fn violations(&self, view: &View<'_>) -> Vec<String> {
        let counted: u64 = view.all(&COUNTS).map(|(_, count)| count).sum();
        let total = *self.total.lock().unwrap();
        if counted == total { Vec::new() } else { vec![format!("{counted} counted, {total} in memory")] }
    }
}
