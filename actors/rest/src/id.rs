//! Parsing of ids.

use std::str::FromStr;

use edge::ApiError;

/// Parses an id in a path. A malformed id is answered like an unknown one.
///
/// # Errors
/// 404.
pub fn id_in_path<I: FromStr>(text: &str) -> Result<I, ApiError> {
    text.parse().map_err(|_| ApiError::not_found("There is no resource with this id."))
}

/// Parses an id in a body or query; `pointer` names the field.
///
/// # Errors
/// 400 that names the field.
pub fn id_in_body<I: FromStr<Err = contracts::IdError>>(text: &str, pointer: &str) -> Result<I, ApiError> {
    text.parse().map_err(|error: contracts::IdError| ApiError::invalid(pointer, error.to_string()))
}
