//! The transitions, one per file.

mod delete;
mod put;

pub(crate) use delete::delete;
pub(crate) use put::put;

use contracts::pdf::Refusal;

use crate::builtin;
use crate::state::Kept;

/// Refuses a change that is not based on the current version.
fn unchanged(name: &str, now: Option<Kept>, expected: Option<u64>) -> Result<(), Refusal> {
    let version = now.map(|kept| kept.version).or_else(|| builtin::source(name).map(|_| 0));
    match expected {
        Some(expected) if version != Some(expected) => Err(Refusal::Changed { version }),
        Some(_) | None => Ok(()),
    }
}
