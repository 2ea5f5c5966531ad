//! What may be said to `ui`.

use contract::{Access, Contract, Route};
use serde::{Deserialize, Serialize};

/// The contract.
#[derive(Debug, Clone, Copy)]
pub struct Ui;

/// What changes state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Command {}

/// What a command that was obeyed answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Reply {
    /// Noted.
    Done,
}

/// The domain's "no".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Refusal {}

/// What may be asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Query {}

/// What a query finds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Answer {}

impl Contract for Ui {
    const SERVICE: &'static str = "ui";
    type Command = Command;
    type Reply = Reply;
    type Refusal = Refusal;
    type Query = Query;
    type Answer = Answer;

    fn route_command(_: &Command) -> Route {
        Route::SINGLE
    }

    fn route_query(_: &Query) -> Route {
        Route::SINGLE
    }

    fn command_access(command: &Command) -> Access {
        match *command {}
    }

    fn query_access(query: &Query) -> Access {
        match *query {}
    }
}
