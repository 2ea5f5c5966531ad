//! The HTTP server: authentication, dispatch, and durability before a response.

use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use data_encoding::BASE64;
use poem::http::{Method, StatusCode};
use poem::{Endpoint, IntoResponse, Request, Response};
use serde_json::Value;
use store::Fault as StoreFault;
use tokio::sync::Notify;

use crate::database::{Database, Transaction};
use crate::faults::{Fault, Faults, Operation};
use crate::form::Form;
use crate::response::{ApiResponse, Body, invalid, not_found, server_error, unauthorized};
use crate::webhooks::WebhookTarget;
use crate::{charges, control, idempotency, intents, methods, page, refunds};

/// The longest request body, in bytes.
const BODY_BYTES_MAX: usize = 64 * 1024;

/// The bank: its store and its keys. Requests are executed one at a time.
pub(crate) struct Bank {
    pub database: Mutex<Database>,
    pub faults: Faults,
    pub secret_key: String,
    pub publishable_key: String,
    pub webhook_secret: String,
    /// The base URL of 3-D Secure pages.
    pub base_url: RwLock<String>,
    pub refund_delay: Duration,
    pub target: RwLock<Option<WebhookTarget>>,
    /// Notified after each request, because it may have stored events.
    pub request_done: Notify,
}

/// A parsed request.
struct ApiRequest {
    method: Method,
    path: String,
    query: String,
    key: Option<String>,
    idempotency: Option<String>,
    body: Vec<u8>,
}

/// The bank as poem's endpoint.
pub(crate) struct Api(pub Arc<Bank>);

impl Endpoint for Api {
    type Output = Response;

    async fn call(&self, mut request: Request) -> poem::Result<Response> {
        let header =
            |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let (key, idempotency) =
            (header("authorization").as_deref().and_then(api_key), header("idempotency-key"));
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let query = request.uri().query().unwrap_or_default().to_owned();
        let Ok(body) = request.take_body().into_bytes_limit(BODY_BYTES_MAX).await else {
            return Ok(respond(invalid("The request is too long.")));
        };
        let request = ApiRequest { method, path, query, key, idempotency, body: body.to_vec() };
        let fault = self.0.faults.take(operation(&request));
        let (before, after) = fault.map(Fault::delays).unwrap_or_default();
        tokio::time::sleep(before).await;
        let response = match fault {
            Some(Fault::Error) => server_error(),
            Some(Fault::Down) => ApiResponse::empty(503),
            Some(Fault::RateLimited) => {
                ApiResponse::error(429, serde_json::json!({"type": "rate_limit_error", "code": "rate_limit"}))
            }
            Some(Fault::HangBefore(_)) => server_error(),
            Some(Fault::ErrorAfter) => {
                self.handle(request).await;
                server_error()
            }
            Some(Fault::HangAfter(_)) | None => self.handle(request).await,
        };
        tokio::time::sleep(after).await;
        Ok(respond(response))
    }
}

impl Api {
    async fn handle(&self, request: ApiRequest) -> ApiResponse {
        let bank = Arc::clone(&self.0);
        // The store is accessed on a thread that may block.
        let result = tokio::task::spawn_blocking(move || bank.execute(&request)).await;
        result.unwrap_or_else(|_| server_error())
    }
}

impl Bank {
    fn execute(&self, request: &ApiRequest) -> ApiResponse {
        let database = self.database.lock().unwrap_or_else(PoisonError::into_inner);
        let mut tx = database.begin();
        let result = self.route(&mut tx, request).and_then(|response| tx.commit().map(|()| response));
        self.request_done.notify_one();
        result.unwrap_or_else(|fault| {
            tracing::error!(%fault, "the sandbox bank's store");
            server_error()
        })
    }

    fn route(&self, tx: &mut Transaction<'_>, request: &ApiRequest) -> Result<ApiResponse, StoreFault> {
        let path: Vec<&str> = request.path.trim_matches('/').split('/').collect();
        let text = if request.method == Method::POST {
            std::str::from_utf8(&request.body).ok()
        } else {
            Some(request.query.as_str())
        };
        let base = self.base_url.read().unwrap_or_else(PoisonError::into_inner).clone();
        match (request.method.as_str(), path.as_slice()) {
            ("OPTIONS", ["v1", "payment_methods"]) => return Ok(cors(ApiResponse::empty(204))),
            ("GET", ["3ds", id, action]) => {
                let intent = intents::awaiting(tx, id, action)?;
                return Ok(
                    intent.map_or_else(page::nothing_to_confirm, |intent| page::confirmation_form(&intent))
                );
            }
            ("POST", ["3ds", id, action]) => {
                let form = text.and_then(Form::read).unwrap_or_default();
                let success = form.get("outcome") == Some("complete");
                let intent = intents::authenticated(tx, id, action, success, &base)?;
                return Ok(intent.map_or_else(page::nothing_to_confirm, |intent| {
                    page::redirect_to_merchant(&intent, intent.status == intents::Status::Succeeded)
                }));
            }
            _ => {}
        }
        let own_page = request.key.as_ref() == Some(&self.publishable_key);
        if request.key.as_ref() != Some(&self.secret_key) && !(own_page && path == ["v1", "payment_methods"])
        {
            return Ok(if path == ["v1", "payment_methods"] { cors(unauthorized()) } else { unauthorized() });
        }
        match (request.method.as_str(), path.as_slice()) {
            ("POST", ["_sandbox", "faults"]) => return Ok(control::faults(self, &request.body)),
            ("DELETE", ["_sandbox", "faults"]) => return Ok(control::clear(self)),
            ("POST", ["_sandbox", "webhooks"]) => return Ok(control::webhooks(self, &request.body)),
            _ => {}
        }
        let Some(form) = text.and_then(Form::read) else {
            return Ok(invalid("The parameters cannot be read."));
        };
        let signature = format!("{} {} {}", request.method, request.path, form.canonical());
        let key = request.idempotency.as_deref().filter(|_| request.method == Method::POST);
        if let Some(key) = key
            && let Some(response) = idempotency::replay(tx, key, &signature)?
        {
            return Ok(response);
        }
        let response = match (request.method.as_str(), path.as_slice()) {
            ("POST", ["v1", "payment_intents"]) => intents::create(tx, &form, &base)?,
            ("GET", ["v1", "payment_intents", id]) => intents::retrieve(tx, id, &form, &base)?,
            ("POST", ["v1", "payment_intents", id, "confirm"]) => intents::confirm(tx, id, &form, &base)?,
            ("POST", ["v1", "payment_intents", id, "cancel"]) => intents::cancel(tx, id, &form, &base)?,
            ("POST", ["v1", "refunds"]) => refunds::create(tx, &form, self.refund_delay)?,
            ("GET", ["v1", "refunds"]) => refunds::list(tx, &form)?,
            ("GET", ["v1", "refunds", id]) => refunds::retrieve(tx, id)?,
            ("GET", ["v1", "charges"]) => charges::list(tx, &form)?,
            ("GET", ["v1", "charges", id]) => charges::retrieve(tx, id)?,
            ("POST", ["v1", "payment_methods"]) => cors(methods::create(tx, &form)?),
            ("GET", ["v1", "payment_methods", id]) => methods::retrieve(tx, id)?,
            _ => not_found(404, "resource", "url"),
        };
        if let Some(key) = key {
            idempotency::store(tx, key, &signature, &response);
        }
        Ok(response)
    }

    /// The oldest events, after due refunds have changed; events beyond `keep` are dropped.
    pub fn due_events(&self, limit: usize, keep: usize) -> Result<Vec<(String, Value)>, StoreFault> {
        let database = self.database.lock().unwrap_or_else(PoisonError::into_inner);
        let mut tx = database.begin();
        refunds::apply_due_changes(&mut tx)?;
        let mut events = tx.list::<Value>("event/", limit)?;
        if self.target().is_none() && events.len() == limit {
            // Without a receiver the number of stored events is limited.
            let all = tx.list::<Value>("event/", keep + limit)?;
            let surplus = all.len().saturating_sub(keep);
            for (key, _) in all.iter().take(surplus) {
                tx.remove(key);
            }
            events.drain(..surplus.min(events.len()));
        }
        tx.commit()?;
        Ok(events)
    }

    pub fn remove_events(&self, delivered: &[String]) {
        let database = self.database.lock().unwrap_or_else(PoisonError::into_inner);
        let mut tx = database.begin();
        for key in delivered {
            tx.remove(key);
        }
        if let Err(fault) = tx.commit() {
            tracing::error!(%fault, "the sandbox bank's store");
        }
    }

    pub fn target(&self) -> Option<WebhookTarget> {
        self.target.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn set_target(&self, target: Option<WebhookTarget>) {
        *self.target.write().unwrap_or_else(PoisonError::into_inner) = target;
    }
}

fn operation(request: &ApiRequest) -> Option<Operation> {
    let path: Vec<&str> = request.path.trim_matches('/').split('/').collect();
    match (request.method.as_str(), path.as_slice()) {
        ("POST", ["v1", "payment_intents"]) => Some(Operation::Create),
        ("GET", ["v1", "payment_intents", _]) => Some(Operation::Retrieve),
        ("POST", ["v1", "payment_intents", _, "confirm"]) => Some(Operation::Confirm),
        ("POST", ["v1", "payment_intents", _, "cancel"]) => Some(Operation::Cancel),
        ("POST", ["v1", "refunds"]) => Some(Operation::Refund),
        ("GET", ["v1", "refunds"]) => Some(Operation::ListRefunds),
        (_, ["v1", ..]) => Some(Operation::Any),
        _ => None,
    }
}

/// `Bearer KEY`, or the key as the user of basic authentication.
fn api_key(header: &str) -> Option<String> {
    let (scheme, value) = header.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(value.trim().to_owned());
    }
    let decoded = String::from_utf8(BASE64.decode(value.trim().as_bytes()).ok()?).ok()?;
    Some(decoded.split(':').next().unwrap_or_default().to_owned())
}

/// Pages of other origins may read the response, because the request has the publishable key.
fn cors(response: ApiResponse) -> ApiResponse {
    response
        .with("Access-Control-Allow-Origin", "*")
        .with("Access-Control-Allow-Methods", "POST, OPTIONS")
        .with("Access-Control-Allow-Headers", "Authorization, Content-Type, Idempotency-Key, Stripe-Version")
        .with("Access-Control-Max-Age", "600")
}

fn respond(reply: ApiResponse) -> Response {
    let mut response = match reply.body {
        Body::Json(value) => Response::builder().content_type("application/json").body(value.to_string()),
        Body::Html(page) => Response::builder().content_type("text/html; charset=utf-8").body(page),
        Body::Empty => StatusCode::OK.into_response(),
    };
    response.set_status(StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR));
    for (name, value) in reply.headers {
        if let Ok(value) = value.parse() {
            response.headers_mut().insert(name, value);
        }
    }
    response
}
