//! The HTTP client of the bank.

use std::time::Duration;

use contracts::payments::BankMode;
use contracts::{Money, PaymentId, RefundId, ReservationId};
use serde::de::DeserializeOwned;

use super::minor::to_bank;
use super::objects::{BankRefund, ErrorBody, ErrorObject, Intent, List, decline_code_of};

/// The deadline of a request. After it, the outcome is retrieved again.
const TIMEOUT: Duration = Duration::from_secs(25);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// The longest response that is read, in bytes.
const RESPONSE_BYTES_MAX: usize = 4 << 20;

/// The address and the key of the bank.
#[derive(Clone)]
pub struct BankSettings {
    /// `https://api.stripe.com`, or any server with the same API; without `/v1`.
    pub base_url: String,
    /// `sk_…` or `rk_…`.
    pub secret_key: String,
    /// Whether this is the sandbox bank; otherwise the key determines the mode.
    pub sandbox: bool,
    /// The deadline of a request; `None`: 25 seconds.
    pub timeout: Option<Duration>,
}

impl std::fmt::Debug for BankSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BankSettings").field("base_url", &self.base_url).finish_non_exhaustive()
    }
}

impl BankSettings {
    /// The kind of bank.
    pub fn mode(&self) -> BankMode {
        if self.sandbox {
            BankMode::Sandbox
        } else if self.secret_key.contains("_live_") {
            BankMode::Live
        } else {
            BankMode::Test
        }
    }
}

/// A client of the bank. Cheap to clone; clones share connections.
#[derive(Clone)]
pub struct Bank {
    http: reqwest::Client,
    settings: BankSettings,
}

impl std::fmt::Debug for Bank {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Debug::fmt(&self.settings, f)
    }
}

/// Why a request to the bank failed.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum BankError {
    /// No response, or a temporary error. Whether the request was executed is unknown.
    #[error("the bank is unavailable: {0}")]
    Unavailable(String),
    /// The card was declined.
    #[error("declined: {code}")]
    Declined {
        code: String,
        /// The current intent, if the response contains it.
        intent: Option<Box<Intent>>,
    },
    /// The request is invalid, and retrying it is useless.
    #[error("refused with {status}: {code}")]
    Refused {
        status: u16,
        code: String,
        /// The bank's message; never shown to guests.
        message: String,
    },
}

type Form = Vec<(&'static str, String)>;

impl Bank {
    /// Creates a client.
    ///
    /// # Errors
    /// If the address is invalid or not `https`, or TLS is not available.
    pub fn new(settings: BankSettings) -> Result<Self, String> {
        let url = reqwest::Url::parse(&settings.base_url)
            .map_err(|error| format!("the bank's base_url: {error}"))?;
        let local = url.host_str().is_some_and(|host| ["127.0.0.1", "localhost", "[::1]"].contains(&host));
        if url.scheme() != "https" && !local {
            return Err("the bank's base_url must be https, except on loopback".to_owned());
        }
        let builder = reqwest::Client::builder()
            .timeout(settings.timeout.unwrap_or(TIMEOUT))
            .connect_timeout(CONNECT_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none());
        let builder = if local { builder.no_proxy() } else { builder };
        let http = builder.build().map_err(|error| format!("the bank's client: {error}"))?;
        Ok(Self { http, settings })
    }

    /// The kind of bank.
    pub fn mode(&self) -> BankMode {
        self.settings.mode()
    }

    /// Creates an unconfirmed intent. Another request with the same idempotency `key` returns the same intent.
    pub(crate) async fn create(
        &self,
        payment: PaymentId,
        reservation: ReservationId,
        amount: Money,
        payment_method: &str,
        key: &str,
    ) -> Result<Intent, BankError> {
        let form = vec![
            ("amount", minor_units(amount)?.to_string()),
            ("currency", amount.currency.code().to_ascii_lowercase()),
            ("payment_method", payment_method.to_owned()),
            ("payment_method_types[]", "card".to_owned()),
            ("metadata[payment]", payment.to_string()),
            ("metadata[reservation]", reservation.to_string()),
        ];
        self.post("/v1/payment_intents", form, Some(key)).await
    }

    /// Confirms an intent: this charges the card or requires authentication.
    pub(crate) async fn confirm(
        &self,
        intent: &str,
        return_url: &str,
        key: &str,
    ) -> Result<Intent, BankError> {
        let path = format!("/v1/payment_intents/{}/confirm", checked_id(intent)?);
        let expand = ("expand[]", "payment_method".to_owned());
        let form = vec![("return_url", return_url.to_owned()), expand.clone()];
        match self.post(&path, form, Some(key)).await {
            // Some servers with a subset of the API do not know `return_url`, which cards without 3-D Secure do not need.
            Err(BankError::Refused { status: 400, message, .. }) if message.contains("return_url") => {
                self.post(&path, vec![expand], Some(&format!("{key}-bare"))).await
            }
            result => result,
        }
    }

    /// Retrieves an intent.
    pub(crate) async fn retrieve(&self, intent: &str) -> Result<Intent, BankError> {
        let path = format!("/v1/payment_intents/{}", checked_id(intent)?);
        self.get(&path, vec![("expand[]", "payment_method".to_owned())]).await
    }

    /// Cancels an intent.
    pub(crate) async fn cancel(&self, intent: &str) -> Result<Intent, BankError> {
        self.post(&format!("/v1/payment_intents/{}/cancel", checked_id(intent)?), Vec::new(), None).await
    }

    /// All refunds of an intent, newest first. One page holds the most refunds that a payment can have.
    pub(crate) async fn refunds(&self, intent: &str) -> Result<Vec<BankRefund>, BankError> {
        let query = vec![("payment_intent", intent.to_owned()), ("limit", "100".to_owned())];
        let list: List<BankRefund> = self.get("/v1/refunds", query).await?;
        Ok(list.data)
    }

    /// Creates a refund; without an amount, of all that was captured.
    pub(crate) async fn refund(
        &self,
        payment: PaymentId,
        refund: RefundId,
        intent: &str,
        amount: Option<Money>,
        key: &str,
    ) -> Result<BankRefund, BankError> {
        let mut form = vec![
            ("payment_intent", intent.to_owned()),
            ("metadata[refund]", refund.to_string()),
            ("metadata[payment]", payment.to_string()),
        ];
        if let Some(amount) = amount {
            form.push(("amount", minor_units(amount)?.to_string()));
        }
        self.post("/v1/refunds", form, Some(key)).await
    }

    async fn get<T: DeserializeOwned>(&self, path: &str, query: Form) -> Result<T, BankError> {
        let mut url = self.url(path)?;
        url.query_pairs_mut().extend_pairs(query);
        self.send(self.http.get(url)).await
    }

    async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        form: Form,
        key: Option<&str>,
    ) -> Result<T, BankError> {
        let request = self.http.post(self.url(path)?).form(&form);
        let request = key.into_iter().fold(request, |request, key| request.header("Idempotency-Key", key));
        self.send(request).await
    }

    fn url(&self, path: &str) -> Result<reqwest::Url, BankError> {
        let url = format!("{}{path}", self.settings.base_url.trim_end_matches('/'));
        reqwest::Url::parse(&url).map_err(|_| BankError::Unavailable("its address is invalid".into()))
    }

    async fn send<T: DeserializeOwned>(&self, request: reqwest::RequestBuilder) -> Result<T, BankError> {
        // The URL is removed from errors, because it contains the bank's ids, which are not logged.
        let unavailable = |error: reqwest::Error| BankError::Unavailable(error.without_url().to_string());
        let response = request.bearer_auth(&self.settings.secret_key).send().await.map_err(unavailable)?;
        let status = response.status();
        let body = response.bytes().await.map_err(unavailable)?;
        if body.len() > RESPONSE_BYTES_MAX {
            return Err(BankError::Unavailable("the response is too long".into()));
        }
        if status.is_success() {
            let unreadable = |error: serde_json::Error| {
                BankError::Unavailable(format!("the response is invalid: {error}"))
            };
            return serde_json::from_slice(&body).map_err(unreadable);
        }
        let error = serde_json::from_slice::<ErrorBody>(&body).map(|body| body.error).unwrap_or_default();
        Err(error_of(status.as_u16(), error))
    }
}

/// Converts an error response.
fn error_of(status: u16, error: ErrorObject) -> BankError {
    match status {
        // An operator has to correct a wrong key (401, 403). A concurrent request with the same idempotency key, rate limits
        // and server errors are temporary.
        401 | 403 | 409 | 429 | 500.. => BankError::Unavailable(format!("it responded with {status}")),
        402 => {
            let code = decline_code_of(error.code.as_deref(), error.decline_code.as_deref());
            BankError::Declined { code, intent: error.payment_intent }
        }
        _ if error.kind.as_deref() == Some("card_error") => {
            let code = decline_code_of(error.code.as_deref(), error.decline_code.as_deref());
            BankError::Declined { code, intent: error.payment_intent }
        }
        _ if error.code.as_deref() == Some("lock_timeout") => {
            BankError::Unavailable("the intent is busy".into())
        }
        _ => {
            let code = error.code.unwrap_or_else(|| "bank_refused".to_owned());
            BankError::Refused { status, code, message: error.message.unwrap_or_default() }
        }
    }
}

/// The amount in the bank's minor units.
fn minor_units(amount: Money) -> Result<i64, BankError> {
    let refused = || {
        let (status, code) = (0, "amount_not_supported".to_owned());
        BankError::Refused { status, code, message: String::new() }
    };
    to_bank(amount).ok_or_else(refused)
}

/// Checks an id of the bank before it becomes part of a URL.
fn checked_id(id: &str) -> Result<&str, BankError> {
    let valid = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let invalid = || BankError::Refused { status: 0, code: "invalid_id".to_owned(), message: String::new() };
    valid.then_some(id).ok_or_else(invalid)
}
