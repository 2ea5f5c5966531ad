//! Responses and errors in the format of Stripe.

use serde_json::{Value, json};

/// A response.
#[derive(Debug, Clone)]
pub(crate) struct ApiResponse {
    pub status: u16,
    pub body: Body,
    pub headers: Vec<(&'static str, String)>,
}

#[derive(Debug, Clone)]
pub(crate) enum Body {
    Json(Value),
    Html(String),
    Empty,
}

impl ApiResponse {
    pub fn ok(body: Value) -> Self {
        Self { status: 200, body: Body::Json(body), headers: Vec::new() }
    }

    pub fn error(status: u16, body: Value) -> Self {
        Self { status, body: Body::Json(json!({ "error": body })), headers: Vec::new() }
    }

    pub fn empty(status: u16) -> Self {
        Self { status, body: Body::Empty, headers: Vec::new() }
    }

    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// An invalid request.
pub(crate) fn invalid(message: &str) -> ApiResponse {
    ApiResponse::error(400, json!({"type": "invalid_request_error", "message": message}))
}

/// An invalid parameter.
pub(crate) fn invalid_param(param: &str, message: &str) -> ApiResponse {
    ApiResponse::error(400, json!({"type": "invalid_request_error", "param": param, "message": message}))
}

/// An object that does not exist: 404 if a path names it, 400 if a parameter does.
pub(crate) fn not_found(status: u16, what: &str, param: &str) -> ApiResponse {
    let message = format!("No such {what}");
    let code = "resource_missing";
    ApiResponse::error(
        status,
        json!({"type": "invalid_request_error", "code": code, "param": param, "message": message}),
    )
}

pub(crate) fn unauthorized() -> ApiResponse {
    let message = "Invalid API Key provided. Use the key that the sandbox bank was started with.";
    ApiResponse::error(401, json!({"type": "invalid_request_error", "message": message}))
}

pub(crate) fn server_error() -> ApiResponse {
    ApiResponse::error(500, json!({"type": "api_error", "message": "An error occurred on the bank's side."}))
}
