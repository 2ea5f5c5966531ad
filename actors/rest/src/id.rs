//! Ids as they come in.

use std::str::FromStr;

use edge::ApiError;

/// An id out of a path. One that cannot be any is as unknown as one that is none.
///
/// # Errors
/// 404.
pub fn id_in_path<I: FromStr>(text: &str) -> Result<I, ApiError> {
    text.parse().map_err(|_| ApiError::not_found("There is nothing under this id."))
}

/// An id out of a body or a query: `pointer` names the field.
///
/// # Errors
/// 400 that names the field.
pub fn id_in_body<I: FromStr<Err = contracts::IdError>>(text: &str, pointer: &str) -> Result<I, ApiError> {
    text.parse().map_err(|error: contracts::IdError| ApiError::invalid(pointer, error.to_string()))
}
