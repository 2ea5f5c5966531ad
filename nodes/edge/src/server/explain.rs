//! What went wrong before or beside an operation, as a problem that repeats nothing of what was sent.

use poem::error::{MethodNotAllowedError, NotFoundError, ReadBodyError};
use poem::http::{StatusCode, Uri};
use poem::{IntoResponse, Response};
use poem_openapi::error::{
    AuthorizationError, ContentTypeError, ParseParamError, ParsePathError, ParseRequestPayloadError,
};

use crate::problem::{Problem, ProblemJson, kinds};
use crate::validate;

/// The answer to an error that reached the server as one. `label` is the route's template.
pub(crate) fn error(error: poem::Error, sent: &Uri, label: &str) -> Response {
    if error.data::<Problem>().is_some() {
        // Made by an operation: its response is complete, headers included.
        return with_problem(error);
    }
    match known(&error, sent, label) {
        Some(problem) => ProblemJson(problem).into_response(),
        // Headers of unknown errors are kept (`Allow`, `WWW-Authenticate`); the outermost layer rewrites the body.
        None => error.into_response(),
    }
}

fn with_problem(error: poem::Error) -> Response {
    let problem = error.data::<Problem>().cloned();
    let mut response = error.into_response();
    if let Some(problem) = problem {
        response.set_data(problem);
    }
    response
}

fn known(error: &poem::Error, sent: &Uri, label: &str) -> Option<Problem> {
    if let Some(error) = error.downcast_ref::<ParseParamError>() {
        let problem = Problem::new(&kinds::INVALID);
        return Some(problem.field(format!("/{}", error.name), reason(&error.reason, sent)));
    }
    if error.is::<ParsePathError>() {
        return Some(Problem::new(&kinds::NOT_FOUND).detail("There is nothing under this id."));
    }
    if let Some(error) = error.downcast_ref::<ParseRequestPayloadError>() {
        return Some(Problem::new(&kinds::INVALID).fields(validate::from_message(&error.reason)));
    }
    if let Some(error) = error.downcast_ref::<ContentTypeError>() {
        let detail = match error {
            ContentTypeError::NotSupported { .. } => {
                "The body's Content-Type is not one of this operation's."
            }
            ContentTypeError::ExpectContentType => "A body needs a Content-Type.",
        };
        return Some(Problem::new(&kinds::UNSUPPORTED_MEDIA_TYPE).detail(detail));
    }
    if let Some(error) = error.downcast_ref::<ReadBodyError>() {
        return Some(match error {
            ReadBodyError::PayloadTooLarge => Problem::new(&kinds::TOO_LARGE),
            _ => Problem::new(&kinds::BAD_REQUEST).detail("The body could not be read."),
        });
    }
    if error.is::<NotFoundError>() {
        return Some(Problem::new(&kinds::NOT_FOUND).detail("There is nothing at this address."));
    }
    if error.is::<MethodNotAllowedError>() {
        return Some(Problem::new(&kinds::METHOD_NOT_ALLOWED));
    }
    if error.is::<AuthorizationError>() {
        return Some(Problem::new(&kinds::UNAUTHENTICATED));
    }
    let status = error.status();
    if status.is_server_error() {
        // The message is not logged: it may hold anything.
        tracing::error!(route = label, status = status.as_u16(), "an operation failed without saying why");
    }
    None
}

/// The problem of an answer that is none yet.
pub(crate) fn status(status: StatusCode) -> Problem {
    Problem::of_status(status)
}

/// poem-openapi's words on a parameter, in ours; without them where they repeat what was sent.
fn reason(words: &str, sent: &Uri) -> String {
    const PLAIN: &str = "not valid";
    if words.ends_with("expects an input value.") {
        return "missing".to_owned();
    }
    if let Some(rule) = words.strip_prefix("verification failed. ") {
        return format!("must satisfy {rule}");
    }
    let said = words
        .strip_prefix("failed to parse \"")
        .and_then(|rest| rest.split_once("\": "))
        .map(|(_, said)| said);
    let said = said.map(|said| said.split(" (occurred while parsing").next().unwrap_or(said));
    match said {
        Some("Expect a valid enumeration value.") => "not one of the values that are known".to_owned(),
        Some(said) if !repeats(said, sent) => said.to_owned(),
        _ => PLAIN.to_owned(),
    }
}

/// Whether a text repeats some value of the query.
fn repeats(text: &str, sent: &Uri) -> bool {
    let decoded = |value: &str| {
        // Enough to recognise a value: blanks and escapes are compared as they were sent, too.
        value.replace('+', " ")
    };
    let values = sent.query().unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
    values
        .map(|(_, value)| value)
        .filter(|value| value.len() > 2)
        .any(|value| text.contains(value) || text.contains(&decoded(value)) || value.contains('%'))
}
