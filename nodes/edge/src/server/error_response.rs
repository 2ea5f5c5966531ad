//! Conversion of Poem's errors into problems that contain no input of the client.

use poem::error::{MethodNotAllowedError, NotFoundError, ReadBodyError};
use poem::http::Uri;
use poem::{IntoResponse, Response};
use poem_openapi::error::{
    AuthorizationError, ContentTypeError, ParseParamError, ParsePathError, ParseRequestPayloadError,
};

use crate::problem::{Problem, ProblemJson, problem_types};
use crate::validate;

/// The response for an error. `template` is the route's path template, for logs.
pub(crate) fn from_error(error: poem::Error, sent: &Uri, template: &str) -> Response {
    if error.data::<Problem>().is_some() {
        // An operation returned it: the response is complete, with headers.
        return with_problem(error);
    }
    match known(&error, sent, template) {
        Some(problem) => ProblemJson(problem).into_response(),
        // Other errors keep their headers (`Allow`, `WWW-Authenticate`). The middleware replaces the body.
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

fn known(error: &poem::Error, sent: &Uri, template: &str) -> Option<Problem> {
    if let Some(error) = error.downcast_ref::<ParseParamError>() {
        let problem = Problem::new(&problem_types::INVALID);
        return Some(problem.field(format!("/{}", error.name), reason(&error.reason, sent)));
    }
    if error.is::<ParsePathError>() {
        return Some(Problem::new(&problem_types::NOT_FOUND).detail("No resource has this id."));
    }
    if let Some(error) = error.downcast_ref::<ParseRequestPayloadError>() {
        return Some(Problem::new(&problem_types::INVALID).fields(validate::from_message(&error.reason)));
    }
    if let Some(error) = error.downcast_ref::<ContentTypeError>() {
        let detail = match error {
            ContentTypeError::NotSupported { .. } => {
                "This operation does not accept the Content-Type of the body."
            }
            ContentTypeError::ExpectContentType => "The body has no Content-Type.",
        };
        return Some(Problem::new(&problem_types::UNSUPPORTED_MEDIA_TYPE).detail(detail));
    }
    if let Some(error) = error.downcast_ref::<ReadBodyError>() {
        return Some(match error {
            ReadBodyError::PayloadTooLarge => Problem::new(&problem_types::TOO_LARGE),
            _ => Problem::new(&problem_types::BAD_REQUEST).detail("The body could not be read."),
        });
    }
    if error.is::<NotFoundError>() {
        return Some(Problem::new(&problem_types::NOT_FOUND).detail("No resource has this path."));
    }
    if error.is::<MethodNotAllowedError>() {
        return Some(Problem::new(&problem_types::METHOD_NOT_ALLOWED));
    }
    if error.is::<AuthorizationError>() {
        return Some(Problem::new(&problem_types::UNAUTHENTICATED));
    }
    let status = error.status();
    if status.is_server_error() {
        // The message is not logged: it may contain input of the client.
        tracing::error!(
            route = template,
            status = status.as_u16(),
            "an operation failed with an unknown error"
        );
    }
    None
}

/// Why a parameter is invalid, from a message of poem-openapi. Generic if that message contains input of the client.
fn reason(message: &str, sent: &Uri) -> String {
    const GENERIC: &str = "not valid";
    if message.ends_with("expects an input value.") {
        return "missing".to_owned();
    }
    if let Some(rule) = message.strip_prefix("verification failed. ") {
        return format!("must satisfy {rule}");
    }
    let detail = message
        .strip_prefix("failed to parse \"")
        .and_then(|rest| rest.split_once("\": "))
        .map(|(_, detail)| detail);
    let detail = detail.map(|detail| detail.split(" (occurred while parsing").next().unwrap_or(detail));
    match detail {
        Some("Expect a valid enumeration value.") => "not one of the allowed values".to_owned(),
        Some(detail) if !contains_input(detail, sent) => detail.to_owned(),
        _ => GENERIC.to_owned(),
    }
}

/// Whether a text contains a value of the query.
fn contains_input(text: &str, sent: &Uri) -> bool {
    let decoded = |value: &str| {
        // Sufficient to recognise a value: the undecoded value is compared as well.
        value.replace('+', " ")
    };
    let values = sent.query().unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
    values
        .map(|(_, value)| value)
        .filter(|value| value.len() > 2)
        .any(|value| text.contains(value) || text.contains(&decoded(value)) || value.contains('%'))
}
