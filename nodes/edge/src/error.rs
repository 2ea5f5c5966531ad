//! The error type of all operations.

use std::borrow::Cow;

use group::{Failure, Why};
use poem::{IntoResponse, Response};
use poem_openapi::ApiResponse;
use poem_openapi::payload::Payload;
use poem_openapi::registry::{
    MetaHeader, MetaMediaType, MetaResponse, MetaResponses, MetaSchema, MetaSchemaRef, Registry,
};

use crate::problem::{Problem, ProblemJson, ProblemType, problem_types};

/// The error of an operation: a problem (RFC 9457). Its documentation is the same for all operations.
#[derive(Debug, Clone)]
pub struct ApiError(Box<Problem>);

/// The error statuses in the document of each operation.
const DOCUMENTED: [(u16, &str); 12] = [
    (400, "The request is malformed, or some of its fields are invalid"),
    (401, "The access token is missing or invalid"),
    (403, "The access token does not allow this"),
    (404, "The resource does not exist, or this caller must not see it"),
    (409, "The request conflicts with the current state of the resource"),
    (410, "The resource is no longer available"),
    (412, "The resource has changed since the version in `If-Match`"),
    (413, "The request body is too large"),
    (415, "The media type is not supported"),
    (422, "The request is well-formed but cannot be processed"),
    (429, "Too many requests"),
    (503, "The service is temporarily unavailable"),
];

impl ApiError {
    /// A problem of this type.
    pub fn new(kind: &'static ProblemType) -> Self {
        Problem::new(kind).into()
    }

    /// 400: the request is malformed.
    pub fn bad_request(detail: impl Into<Cow<'static, str>>) -> Self {
        Problem::new(&problem_types::BAD_REQUEST).detail(detail).into()
    }

    /// 400: one field is invalid, whatever the other fields and the state are.
    pub fn invalid(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Problem::new(&problem_types::INVALID).field(pointer, detail).into()
    }

    /// 401: an access token is required.
    pub fn unauthenticated() -> Self {
        Self::new(&problem_types::UNAUTHENTICATED)
    }

    /// 403: the access token is valid but does not allow this.
    pub fn forbidden(detail: impl Into<Cow<'static, str>>) -> Self {
        Problem::new(&problem_types::FORBIDDEN).detail(detail).into()
    }

    /// 404: the resource does not exist, or this caller must not see it.
    pub fn not_found(detail: impl Into<Cow<'static, str>>) -> Self {
        Problem::new(&problem_types::NOT_FOUND).detail(detail).into()
    }

    /// 409: the request conflicts with the current state.
    pub fn conflict(detail: impl Into<Cow<'static, str>>) -> Self {
        Problem::new(&problem_types::CONFLICT).detail(detail).into()
    }

    /// 410: the resource is no longer available.
    pub fn gone(detail: impl Into<Cow<'static, str>>) -> Self {
        Problem::new(&problem_types::GONE).detail(detail).into()
    }

    /// 412: the resource has changed since the version in `If-Match`.
    pub fn precondition_failed() -> Self {
        Self::new(&problem_types::PRECONDITION_FAILED)
    }

    /// 422: each field is valid, but not in combination or not at this time.
    pub fn unprocessable(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Problem::new(&problem_types::UNPROCESSABLE).field(pointer, detail).into()
    }

    /// 429: too many requests.
    pub fn rate_limited(retry_after_secs: u32) -> Self {
        Problem::new(&problem_types::RATE_LIMITED).retry_after(retry_after_secs).into()
    }

    /// 503: temporarily unavailable.
    pub fn unavailable(retry_after_secs: u32) -> Self {
        Problem::new(&problem_types::UNAVAILABLE).retry_after(retry_after_secs).into()
    }

    /// The problem.
    pub fn problem(&self) -> &Problem {
        &self.0
    }
}

/// The error of a failed call. `refused` converts a refusal of the service into a problem.
///
/// ```ignore
/// client.call(&call, request).await.map_err(|failure| edge::api_error(failure, problem))?
/// ```
pub fn api_error<R>(failure: Failure<R>, refused: impl FnOnce(R) -> Problem) -> ApiError {
    match failure {
        Failure::Refused(refusal) => refused(refusal).into(),
        Failure::Unauthenticated(_) => Problem::new(&problem_types::UNAUTHENTICATED)
            .detail("The access token is missing, expired or revoked.")
            .into(),
        Failure::Forbidden(scopes) => {
            let problem = Problem::new(&problem_types::INSUFFICIENT_SCOPE);
            match scopes.as_slice() {
                [] => problem.detail("This caller may not do this.").into(),
                scopes => {
                    problem.detail(format!("One of these scopes is required: {}.", scopes.join(", "))).into()
                }
            }
        }
        Failure::KeyReused => ApiError::new(&problem_types::KEY_REUSED),
        Failure::Unavailable(unavailable) => {
            let detail = match unavailable.why {
                Why::Deadline | Why::Unknown => {
                    "No response in time. The request may still be processed: retry it with the same Idempotency-Key."
                }
                // The command may be in the log already. It is then applied after a restart.
                Why::Store(_) | Why::Quarantined => {
                    "An internal failure. The request may still be processed: retry it with the same Idempotency-Key."
                }
                Why::TooManyKeys => "Too many idempotency keys of this caller are stored at present.",
                Why::Overloaded | Why::Busy | Why::NoLeader | Why::Elsewhere(_) | Why::NoService(_) => {
                    "The request was not processed. Retry it later."
                }
            };
            Problem::new(&problem_types::UNAVAILABLE)
                .detail(detail)
                .retry_after(unavailable.retry_after_secs)
                .into()
        }
    }
}

impl From<Problem> for ApiError {
    fn from(problem: Problem) -> Self {
        Self(Box::new(problem))
    }
}

impl From<ApiError> for Problem {
    fn from(error: ApiError) -> Self {
        *error.0
    }
}

impl From<ApiError> for poem::Error {
    fn from(error: ApiError) -> Self {
        let problem = error.problem().clone();
        let mut error = Self::from_response(error.into_response());
        // Poem replaces the extensions of an error's response with those of the error.
        error.set_data(problem);
        error
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        ProblemJson(*self.0).into_response()
    }
}

impl ApiResponse for ApiError {
    fn meta() -> MetaResponses {
        let header = |name: &str, description: &str, schema| MetaHeader {
            name: name.to_owned(),
            description: Some(description.to_owned()),
            required: true,
            deprecated: false,
            schema: MetaSchemaRef::Inline(Box::new(schema)),
        };
        let responses = DOCUMENTED.map(|(status, description)| MetaResponse {
            description,
            status: Some(status),
            status_range: None,
            content: vec![MetaMediaType {
                content_type: ProblemJson::MEDIA_TYPE,
                schema: ProblemJson::schema_ref(),
            }],
            headers: match status {
                401 => vec![header(
                    "WWW-Authenticate",
                    "The authentication scheme (RFC 6750)",
                    MetaSchema::new("string"),
                )],
                429 | 503 => {
                    vec![header("Retry-After", "Seconds to wait before retrying", MetaSchema::new("integer"))]
                }
                _ => Vec::new(),
            },
        });
        MetaResponses { responses: responses.into() }
    }

    fn register(registry: &mut Registry) {
        ProblemJson::register(registry);
    }
}

#[cfg(test)]
mod tests {
    use group::Unavailable;

    use super::*;

    #[test]
    fn a_request_is_reported_as_not_processed_only_if_that_is_certain() {
        let table = [
            (Why::Overloaded, true),
            (Why::NoLeader, true),
            (Why::Elsewhere("n2".into()), true),
            (Why::Busy, true),
            (Why::Unknown, false),
            (Why::NoService("search".into()), true),
            (Why::Deadline, false),
            (Why::Store("full".into()), false),
            (Why::Quarantined, false),
        ];
        for (why, nothing) in table {
            let error =
                api_error(Failure::<()>::Unavailable(Unavailable::new(why.clone())), |()| unreachable!());
            let text = format!("{:?}", error.problem());
            assert_eq!(text.contains("was not processed"), nothing, "{why:?}: {text}");
            assert_eq!(text.contains("may still be processed"), !nothing, "{why:?}");
            assert!(!text.contains("full"), "the cause is for operators only");
        }
    }
}
