//! State transitions, one file each.

mod forget;
mod remember;

pub(crate) use forget::forget;
pub(crate) use remember::remember;
