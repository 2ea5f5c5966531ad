//! Switches that make the bank fail as banks do. In memory: a restart is a healthy bank.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Deserialize;

/// What a fault is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// Any request.
    Any,
    /// Making an intent.
    Create,
    /// Confirming one.
    Confirm,
    /// Retrieving one.
    Retrieve,
    /// Cancelling one.
    Cancel,
    /// Making a refund.
    Refund,
    /// Listing refunds.
    ListRefunds,
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// 500, and nothing was done.
    Error,
    /// 500, but it was done.
    ErrorAfter,
    /// 503 by something in front of the bank.
    Down,
    /// 429.
    RateLimited,
    /// Nothing was done, and the answer comes after so many milliseconds.
    HangBefore(u64),
    /// It was done, and the answer comes after so many milliseconds.
    HangAfter(u64),
}

#[derive(Debug, Default)]
struct Switches {
    armed: Vec<(Operation, Fault, u32)>,
    double_webhooks: bool,
    hold_webhooks: bool,
}

/// The switches.
#[derive(Debug, Default)]
pub struct Faults {
    switches: Mutex<Switches>,
}

impl Faults {
    /// Lets the next `times` requests of this kind go wrong.
    pub fn arm(&self, operation: Operation, fault: Fault, times: u32) {
        self.lock().armed.push((operation, fault, times));
    }

    /// Everything is well again.
    pub fn clear(&self) {
        *self.lock() = Switches::default();
    }

    /// Whether each event is delivered twice.
    pub fn double_webhooks(&self, on: bool) {
        self.lock().double_webhooks = on;
    }

    /// Whether events wait: to make them late.
    pub fn hold_webhooks(&self, on: bool) {
        self.lock().hold_webhooks = on;
    }

    pub(crate) fn webhooks(&self) -> (bool, bool) {
        let switches = self.lock();
        (switches.double_webhooks, switches.hold_webhooks)
    }

    /// The fault that hits this request, if any.
    pub(crate) fn hit(&self, operation: Option<Operation>) -> Option<Fault> {
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
    /// How long the answer is kept back, before and after the deed.
    pub(crate) fn pauses(self) -> (Duration, Duration) {
        match self {
            Self::HangBefore(millis) => (Duration::from_millis(millis), Duration::ZERO),
            Self::HangAfter(millis) => (Duration::ZERO, Duration::from_millis(millis)),
            Self::Error | Self::ErrorAfter | Self::Down | Self::RateLimited => {
                (Duration::ZERO, Duration::ZERO)
            }
        }
    }
}
