//! Fault injection. Faults are in memory: a restart clears them.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Deserialize;

/// The operation that a fault affects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// Any request.
    Any,
    /// Creating an intent.
    Create,
    /// Confirming an intent.
    Confirm,
    /// Retrieving an intent.
    Retrieve,
    /// Cancelling an intent.
    Cancel,
    /// Creating a refund.
    Refund,
    /// Listing refunds.
    ListRefunds,
}

/// The kind of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// 500, and the request is not executed.
    Error,
    /// 500, but the request is executed.
    ErrorAfter,
    /// 503 of a proxy in front of the bank.
    Down,
    /// 429.
    RateLimited,
    /// The request is not executed, and the response is delayed by this many milliseconds.
    HangBefore(u64),
    /// The request is executed, and the response is delayed by this many milliseconds.
    HangAfter(u64),
}

#[derive(Debug, Default)]
struct Switches {
    armed: Vec<(Operation, Fault, u32)>,
    double_webhooks: bool,
    hold_webhooks: bool,
}

/// The faults that are armed.
#[derive(Debug, Default)]
pub struct Faults {
    switches: Mutex<Switches>,
}

impl Faults {
    /// Arms a fault for the next `times` requests of this operation.
    pub fn arm(&self, operation: Operation, fault: Fault, times: u32) {
        self.lock().armed.push((operation, fault, times));
    }

    /// Clears all faults.
    pub fn clear(&self) {
        *self.lock() = Switches::default();
    }

    /// Sets whether each event is delivered twice.
    pub fn double_webhooks(&self, on: bool) {
        self.lock().double_webhooks = on;
    }

    /// Sets whether events are held back.
    pub fn hold_webhooks(&self, on: bool) {
        self.lock().hold_webhooks = on;
    }

    pub(crate) fn webhooks(&self) -> (bool, bool) {
        let switches = self.lock();
        (switches.double_webhooks, switches.hold_webhooks)
    }

    /// Takes the fault for this request, if one is armed.
    pub(crate) fn take(&self, operation: Option<Operation>) -> Option<Fault> {
        let operation = operation?;
        let mut switches = self.lock();
        let at = switches
            .armed
            .iter()
            .position(|(armed, _, _)| *armed == operation || *armed == Operation::Any)?;
        let (_, fault, times) = &mut switches.armed[at];
        let fault = *fault;
        *times = times.saturating_sub(1);
        if *times == 0 {
            switches.armed.remove(at);
        }
        Some(fault)
    }

    fn lock(&self) -> MutexGuard<'_, Switches> {
        self.switches.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Fault {
    /// The delay of the response, before and after the execution.
    pub(crate) fn delays(self) -> (Duration, Duration) {
        match self {
            Self::HangBefore(millis) => (Duration::from_millis(millis), Duration::ZERO),
            Self::HangAfter(millis) => (Duration::ZERO, Duration::from_millis(millis)),
            Self::Error | Self::ErrorAfter | Self::Down | Self::RateLimited => {
                (Duration::ZERO, Duration::ZERO)
            }
        }
    }
}
