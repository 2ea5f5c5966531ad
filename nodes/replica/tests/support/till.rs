//! Two services on a single node: a till that adds up amounts, sends each to a ledger by event, and runs an effect for
//! it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use group::{
    Call, Client, EffectContext, Effects, Failure, NoEffects, Outcome, Service, Tree, Turn, Unavailable,
    View, Why,
};
use protocol::{Access, Contract, Principal, Route};
use replica::{Limits, Node};
use serde::{Deserialize, Serialize};

use super::{Keys, LONG};

pub struct TillContract;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum TillCommand {
    Add(u64),
    AddLater(u64, i64),
    Performed(u64),
    Break,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, thiserror::Error)]
#[error("the amount exceeds 100")]
pub struct TooMuch;

impl Contract for TillContract {
    const SERVICE: &'static str = "till";
    type Command = TillCommand;
    type Reply = u64;
    type Refusal = TooMuch;
    type Query = ();
    type Answer = (u64, u64);

    fn route_command(_: &TillCommand) -> Route {
        Route::SINGLE
    }
    fn route_query((): &()) -> Route {
        Route::SINGLE
    }
    fn command_access(command: &TillCommand) -> Access {
        match command {
            TillCommand::Performed(_) => Access::services(&["till"]),
            TillCommand::Add(_) | TillCommand::AddLater(..) | TillCommand::Break => {
                Access::scopes(&["till:write"])
            }
        }
    }
    fn query_access((): &()) -> Access {
        Access::ANYONE
    }
}

const TOTALS: Tree<u8, u64> = Tree::new(32, "totals");

struct Till;

impl Service for Till {
    type Contract = TillContract;
    type Effect = u64;
    type Timer = u64;
    type Note = ();

    fn apply(&self, turn: &mut Turn<'_, Self>, command: TillCommand) -> Result<u64, TooMuch> {
        match command {
            TillCommand::Add(amount) if amount > 100 => Err(TooMuch),
            TillCommand::Add(amount) => Ok(add(turn, amount)),
            TillCommand::AddLater(amount, secs) => {
                turn.schedule(turn.now().plus_secs(secs), amount);
                Ok(0)
            }
            TillCommand::Performed(times) => {
                let performed = turn.get(&TOTALS, &1).unwrap_or_default() + times;
                turn.put(&TOTALS, &1, &performed);
                Ok(performed)
            }
            TillCommand::Break => panic!("a bug in the service"),
        }
    }

    fn fire(&self, turn: &mut Turn<'_, Self>, amount: u64) {
        add(turn, amount);
    }

    fn query(&self, view: &View<'_>, _: &Principal, (): ()) -> Result<(u64, u64), TooMuch> {
        Ok((view.get(&TOTALS, &0).unwrap_or_default(), view.get(&TOTALS, &1).unwrap_or_default()))
    }
}

fn add(turn: &mut Turn<'_, Till>, amount: u64) -> u64 {
    let total = turn.get(&TOTALS, &0).unwrap_or_default() + amount;
    turn.put(&TOTALS, &0, &total);
    turn.send::<LedgerContract>(7, &amount);
    turn.effect(7, &amount);
    total
}

/// Fails the first attempt at each effect.
struct TillEffects(Arc<AtomicU32>);

impl Effects<Till> for TillEffects {
    async fn perform(&self, context: &EffectContext, _effect: u64) -> Outcome<TillCommand> {
        self.0.fetch_add(1, Ordering::SeqCst);
        if context.attempt == 0 {
            Outcome::Retry("the first attempt fails".into())
        } else {
            Outcome::Report(TillCommand::Performed(1))
        }
    }
}

// ---- the ledger

pub struct LedgerContract;

impl Contract for LedgerContract {
    const SERVICE: &'static str = "ledger";
    type Command = u64;
    type Reply = ();
    type Refusal = TooMuch;
    type Query = ();
    type Answer = Vec<u64>;

    fn route_command(_: &u64) -> Route {
        Route::SINGLE
    }
    fn route_query((): &()) -> Route {
        Route::SINGLE
    }
    fn command_access(_: &u64) -> Access {
        Access::services(&["till"])
    }
    fn query_access((): &()) -> Access {
        Access::ANYONE
    }
}

const LINES: Tree<u64, u64> = Tree::new(32, "lines");

struct Ledger;

impl Service for Ledger {
    type Contract = LedgerContract;
    type Effect = ();
    type Timer = ();
    type Note = ();

    fn apply(&self, turn: &mut Turn<'_, Self>, amount: u64) -> Result<(), TooMuch> {
        if amount == 13 {
            return Err(TooMuch);
        }
        let line = turn.first(&LINES, usize::MAX).len() as u64;
        turn.put(&LINES, &line, &amount);
        Ok(())
    }

    fn fire(&self, _: &mut Turn<'_, Self>, (): ()) {}

    fn query(&self, view: &View<'_>, _: &Principal, (): ()) -> Result<Vec<u64>, TooMuch> {
        Ok(view.all(&LINES).map(|(_, amount)| amount).collect())
    }
}

// ---- the node

pub struct TestNode {
    pub node: Arc<Node>,
    pub client: Client,
    /// Attempts at effects.
    pub attempts: Arc<AtomicU32>,
    log: Arc<store::NodeLog>,
}

pub async fn open(data: &Path, keys: &Arc<Keys>, limits: Limits) -> TestNode {
    let (node, log) = keys.node(data, limits);
    let attempts = Arc::new(AtomicU32::new(0));
    node.host(0, 1, || Ledger, NoEffects).await.unwrap();
    node.host(0, 1, || Till, TillEffects(Arc::clone(&attempts))).await.unwrap();
    TestNode { client: node.client(), node, log, attempts }
}

impl TestNode {
    pub async fn close(self) {
        self.node.shutdown().await;
        self.log.close();
    }

    pub async fn totals(&self) -> (u64, u64) {
        let call = Call::anonymous(LONG);
        loop {
            match self.client.query::<TillContract>(&call, ()).await {
                Err(Failure::Unavailable(Unavailable { why: Why::NoLeader, .. })) => pause().await,
                answer => return answer.unwrap(),
            }
        }
    }

    pub async fn lines(&self) -> Vec<u64> {
        let call = Call::anonymous(LONG);
        loop {
            match self.client.query::<LedgerContract>(&call, ()).await {
                Err(Failure::Unavailable(Unavailable { why: Why::NoLeader, .. })) => pause().await,
                answer => return answer.unwrap(),
            }
        }
    }

    pub async fn add(&self, keys: &Keys, command: TillCommand) -> Result<u64, Failure<TooMuch>> {
        let call = keys.call("usr_1", "till:write", LONG);
        loop {
            match self.client.command::<TillContract>(&call, command.clone()).await {
                Err(Failure::Unavailable(Unavailable { why: Why::NoLeader, .. })) => pause().await,
                answer => return answer,
            }
        }
    }
}

pub async fn pause() {
    tokio::time::sleep(Duration::from_millis(10)).await;
}
