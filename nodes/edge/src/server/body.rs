//! Reading of request bodies, completely and up to a maximum size.

use poem::error::ReadBodyError;
use poem::http::{Method, header};
use poem::{Body, Request};

use crate::error::ApiError;
use crate::problem::problem_types;

/// Reads the body of `request`, at most `bytes_max`.
///
/// # Errors
/// 413 when it is larger; 415 when it is compressed, since a small body could expand to a large one; 400 when it is
/// incomplete.
pub(crate) async fn take(request: &mut Request, bytes_max: usize) -> Result<(), ApiError> {
    let headers = request.headers();
    let length =
        headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    let chunked = headers.contains_key(header::TRANSFER_ENCODING);
    let safe = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    if length == Some(0) || (safe && length.is_none() && !chunked) {
        return Ok(());
    }
    if headers.get(header::CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity") {
        return Err(ApiError::new(&problem_types::UNSUPPORTED_MEDIA_TYPE));
    }
    if length.is_some_and(|length| length > bytes_max) {
        return Err(too_large(bytes_max));
    }
    let bytes = request.take_body().into_bytes_limit(bytes_max).await.map_err(|error| match error {
        ReadBodyError::PayloadTooLarge => too_large(bytes_max),
        _ => ApiError::bad_request("The body is incomplete."),
    })?;
    request.set_body(Body::from_bytes(bytes));
    Ok(())
}

fn too_large(bytes_max: usize) -> ApiError {
    crate::Problem::new(&problem_types::TOO_LARGE)
        .detail(format!("The maximum size is {bytes_max} bytes."))
        .into()
}
