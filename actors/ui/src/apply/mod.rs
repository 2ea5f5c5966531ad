//! Transitions, one a file.

mod forget;
mod remember;

pub(crate) use forget::forget;
pub(crate) use remember::remember;
