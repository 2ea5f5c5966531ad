//! The engine of any service. The parts of a replica that do not depend on the service (its actors, its consensus) use this
//! trait, so that they are compiled once and not once a service.

use std::any::Any;
use std::sync::Arc;

use protocol::Timestamp;
use store::{Fault, Row, State};

use super::{Engine, EntryResult, Halt, LogEntry, Parked};
use crate::service::Service;
use crate::turn::Outgoing;
use crate::view::View;

/// The result of an entry that is not a command.
pub type KernelResult = EntryResult<(), ()>;

/// An [`Engine`] of any service.
pub trait AnyEngine: Any + Send + Sync {
    /// As [`Engine::apply`]. Results are [`super::Applied`] of the service for commands, else [`KernelResult`].
    ///
    /// # Errors
    /// When the store fails or a turn panics.
    fn apply(
        &self,
        entries: &[LogEntry<'_>],
        marks: Vec<Row>,
    ) -> Result<Vec<Option<Box<dyn Any + Send + Sync>>>, Halt>;
    /// As [`Engine::replace`].
    ///
    /// # Errors
    /// The error of `replace`, or that the new state cannot be read.
    fn replace(&self, replace: &mut dyn FnMut() -> Result<(), Fault>) -> Result<(), Halt>;
    /// As [`Engine::reopen`].
    ///
    /// # Errors
    /// When the state cannot be read.
    fn reopen(&self) -> Result<(), Halt>;
    /// The state of the service.
    fn state(&self) -> &Arc<dyn State>;
    /// As [`Engine::read`].
    ///
    /// # Errors
    /// When the state cannot be read.
    fn read(&self, now: Timestamp, read: &mut dyn FnMut(&View<'_>)) -> Result<(), Halt>;
    /// As [`Engine::violations`].
    ///
    /// # Errors
    /// When the state cannot be read.
    fn violations(&self) -> Result<Vec<String>, Halt>;
    /// As [`Engine::outbox`].
    ///
    /// # Errors
    /// When the state cannot be read.
    fn outbox(&self) -> Result<Vec<(u64, Outgoing)>, Halt>;
    /// As [`Engine::outbox_length`].
    ///
    /// # Errors
    /// When the state cannot be read.
    fn outbox_length(&self, count_max: usize) -> Result<usize, Halt>;
    /// As [`Engine::last_row`].
    fn last_row(&self) -> u64;
    /// As [`Engine::effects_are_held`].
    ///
    /// # Errors
    /// When the state cannot be read.
    fn effects_are_held(&self) -> Result<bool, Halt>;
    /// As [`Engine::parked`].
    ///
    /// # Errors
    /// When the state cannot be read.
    fn parked(&self) -> Result<Vec<(u64, Parked)>, Halt>;
    /// As [`Engine::next_timer`].
    ///
    /// # Errors
    /// When the state cannot be read.
    fn next_timer(&self) -> Result<Option<Timestamp>, Halt>;
    /// As [`Engine::oldest_hour`].
    ///
    /// # Errors
    /// When the state cannot be read.
    fn oldest_hour(&self) -> Result<Option<u32>, Halt>;
}

impl dyn AnyEngine {
    /// The engine of `S`, if it is one.
    pub fn of<S: Service>(&self) -> Option<&Engine<S>> {
        (self as &dyn Any).downcast_ref()
    }
}

impl<S: Service> AnyEngine for Engine<S> {
    fn apply(
        &self,
        entries: &[LogEntry<'_>],
        marks: Vec<Row>,
    ) -> Result<Vec<Option<Box<dyn Any + Send + Sync>>>, Halt> {
        let results = Self::apply(self, entries, marks)?;
        Ok(results
            .into_iter()
            .map(|result| {
                Some(match result? {
                    command @ (EntryResult::Reply(_) | EntryResult::Refused(_) | EntryResult::KeyReused) => {
                        Box::new(command) as Box<dyn Any + Send + Sync>
                    }
                    EntryResult::Delivered(results) => Box::new(KernelResult::Delivered(results)),
                    EntryResult::More(more) => Box::new(KernelResult::More(more)),
                    EntryResult::Done => Box::new(KernelResult::Done),
                })
            })
            .collect())
    }

    fn replace(&self, replace: &mut dyn FnMut() -> Result<(), Fault>) -> Result<(), Halt> {
        Self::replace(self, replace)
    }

    fn reopen(&self) -> Result<(), Halt> {
        Self::reopen(self)
    }

    fn state(&self) -> &Arc<dyn State> {
        Self::state(self)
    }

    fn read(&self, now: Timestamp, read: &mut dyn FnMut(&View<'_>)) -> Result<(), Halt> {
        Self::read(self, now, read)
    }

    fn violations(&self) -> Result<Vec<String>, Halt> {
        Self::violations(self)
    }

    fn outbox(&self) -> Result<Vec<(u64, Outgoing)>, Halt> {
        Self::outbox(self)
    }

    fn outbox_length(&self, count_max: usize) -> Result<usize, Halt> {
        Self::outbox_length(self, count_max)
    }

    fn last_row(&self) -> u64 {
        Self::last_row(self)
    }

    fn effects_are_held(&self) -> Result<bool, Halt> {
        Self::effects_are_held(self)
    }

    fn parked(&self) -> Result<Vec<(u64, Parked)>, Halt> {
        Self::parked(self)
    }

    fn next_timer(&self) -> Result<Option<Timestamp>, Halt> {
        Self::next_timer(self)
    }

    fn oldest_hour(&self) -> Result<Option<u32>, Halt> {
        Self::oldest_hour(self)
    }
}
