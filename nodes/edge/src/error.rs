//! The one error type of all operations.

use std::borrow::Cow;

use group::{Failure, Why};
use poem::{IntoResponse, Response};
use poem_openapi::ApiResponse;
use poem_openapi::payload::Payload;
use poem_openapi::registry::{
    MetaHeader, MetaMediaType, MetaResponse, MetaResponses, MetaSchema, MetaSchemaRef, Registry,
};

use crate::problem::{Problem, ProblemJson, ProblemKind, kinds};

/// Whatever an operation fails with: always a problem, always documented the same way.
#[derive(Debug, Clone)]
pub struct ApiError(Box<Problem>);

/// The statuses in every operation's document, and when they are answered.
const DOCUMENTED: [(u16, &str); 12] = [
    (400, "The request is malformed, or some of its fields are not valid"),
    (401, "No access token, or none that is valid"),
    (403, "The access token does not allow this"),
    (404, "There is no such thing, or not for this caller"),
    (409, "The request conflicts with the present state"),
    (410, "No longer available"),
    (412, "The resource has changed meanwhile"),
    (413, "The request body is too large"),
    (415, "The media type is not supported"),
    (422, "The request is well-formed and cannot be carried out as it stands"),
    (429, "Too many requests"),
    (503, "The service cannot answer right now"),
];

impl ApiError {
    /// A problem of this kind.
    pub fn new(kind: &'static ProblemKind) -> Self {
        Problem::new(kind).into()
    }

    /// 400: malformed as a whole.
    pub fn bad_request(detail: impl Into<Cow<'static, str>>) -> Self {
        Problem::new(&kinds::BAD_REQUEST).detail(detail).into()
    }

    /// 400: one field is not valid on its own, whatever the state.
    pub fn invalid(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Problem::new(&kinds::INVALID).field(pointer, detail).into()
    }

    /// 401: a token is needed.
    pub fn unauthenticated() -> Self {
        Self::new(&kinds::UNAUTHENTICATED)
    }

    /// 403: a valid token that does not allow this.
    pub fn forbidden(detail: impl Into<Cow<'static, str>>) -> Self {
        Problem::new(&kinds::FORBIDDEN).detail(detail).into()
    }

    /// 404: no such thing, or not for this caller.
    pub fn not_found(detail: impl Into<Cow<'static, str>>) -> Self {
        Problem::new(&kinds::NOT_FOUND).detail(detail).into()
    }

    /// 409.
    pub fn conflict(detail: impl Into<Cow<'static, str>>) -> Self {
        Problem::new(&kinds::CONFLICT).detail(detail).into()
    }

    /// 410.
    pub fn gone(detail: impl Into<Cow<'static, str>>) -> Self {
        Problem::new(&kinds::GONE).detail(detail).into()
    }

    /// 412: what the client has seen is not what is there now.
    pub fn precondition_failed() -> Self {
        Self::new(&kinds::PRECONDITION_FAILED)
    }

    /// 422: fields that are valid on their own and not together, or not now.
    pub fn unprocessable(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Problem::new(&kinds::UNPROCESSABLE).field(pointer, detail).into()
    }

    /// 429.
    pub fn rate_limited(retry_after_secs: u32) -> Self {
        Problem::new(&kinds::RATE_LIMITED).retry_after(retry_after_secs).into()
    }

    /// 503.
    pub fn unavailable(retry_after_secs: u32) -> Self {
        Problem::new(&kinds::UNAVAILABLE).retry_after(retry_after_secs).into()
    }

    /// The problem.
    pub fn problem(&self) -> &Problem {
        &self.0
    }
}

/// What a failed call means to the client; what the domain refused is put into words by `refused`.
///
/// ```ignore
/// client.command::<Reservations>(&call, command).await.map_err(|failure| edge::failed(failure, problem))?
/// ```
pub fn failed<R>(failure: Failure<R>, refused: impl FnOnce(R) -> Problem) -> ApiError {
    match failure {
        Failure::Refused(refusal) => refused(refusal).into(),
        Failure::Unauthenticated(_) => Problem::new(&kinds::UNAUTHENTICATED)
            .detail("The access token is missing, expired or revoked.")
            .into(),
        Failure::Forbidden(scopes) => {
            let problem = Problem::new(&kinds::INSUFFICIENT_SCOPE);
            match scopes.as_slice() {
                [] => problem.detail("This is not open to this caller.").into(),
                scopes => {
                    problem.detail(format!("One of these scopes is needed: {}.", scopes.join(", "))).into()
                }
            }
        }
        Failure::KeyReused => ApiError::new(&kinds::KEY_REUSED),
        Failure::Unavailable(unavailable) => {
            let detail = match unavailable.why {
                Why::Deadline | Why::Unknown => {
                    "No answer in time. It may still be carried out: repeat it under the same Idempotency-Key."
                }
                // The log may have it already, and carries it out after the next start.
                Why::Store(_) | Why::Quarantined => {
                    "Something is broken here. It may still be carried out: repeat it under the same Idempotency-Key."
                }
                Why::TooManyKeys => "Too many idempotency keys of this caller are remembered at present.",
                Why::Overloaded | Why::Busy | Why::NoLeader | Why::Elsewhere(_) | Why::NoService(_) => {
                    "Nothing was done. Try again in a moment."
                }
            };
            Problem::new(&kinds::UNAVAILABLE).detail(detail).retry_after(unavailable.retry_after_secs).into()
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
        // Poem drops the extensions of an error's response in favour of the error's own.
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
                    "How to authenticate (RFC 6750)",
                    MetaSchema::new("string"),
                )],
                429 | 503 => vec![header(
                    "Retry-After",
                    "Seconds to wait before trying again",
                    MetaSchema::new("integer"),
                )],
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
    fn nothing_was_done_is_said_only_where_that_is_known() {
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
                failed(Failure::<()>::Unavailable(Unavailable::new(why.clone())), |()| unreachable!());
            let text = format!("{:?}", error.problem());
            assert_eq!(text.contains("Nothing was done"), nothing, "{why:?}: {text}");
            assert_eq!(text.contains("may still be carried out"), !nothing, "{why:?}");
            assert!(!text.contains("full"), "what is broken is for operators");
        }
    }
}
