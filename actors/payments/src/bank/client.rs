//! Requests and what came of them.

use std::time::Duration;

use contracts::payments::BankMode;
use contracts::{Money, PaymentId, RefundId, ReservationId};
use serde::de::DeserializeOwned;

use super::minor::to_bank;
use super::objects::{BankRefund, ErrorBody, ErrorObject, Intent, List, decline_word};

/// The bank is given this long to answer; then it is asked again what became of the request.
const TIMEOUT: Duration = Duration::from_secs(25);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Answers longer than this are none of the bank's.
const ANSWER_BYTES_MAX: usize = 4 << 20;

/// Where the bank is.
#[derive(Clone)]
pub struct BankSettings {
    /// `https://api.stripe.com`, or any server that speaks its API; without `/v1`.
    pub base_url: String,
    /// `sk_…` or `rk_…`.
    pub secret_key: String,
    /// Whether this is the sandbox; else the key says whether money is real.
    pub sandbox: bool,
    /// How long to wait for an answer; none for 25 seconds.
    pub timeout: Option<Duration>,
}

impl std::fmt::Debug for BankSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BankSettings").field("base_url", &self.base_url).finish_non_exhaustive()
    }
}

impl BankSettings {
    /// With which kind of bank these settings are.
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

/// The bank. Cheap to clone; keeps its connections.
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

/// Why the bank did not do it.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum BankError {
    /// No answer, or one that says "not now": whether it was done is not known.
    #[error("the bank is away: {0}")]
    Away(String),
    /// The card was declined.
    #[error("declined: {code}")]
    Declined {
        /// A word.
        code: String,
        /// As it is now, where the answer says.
        intent: Option<Box<Intent>>,
    },
    /// The request makes no sense to the bank, now or ever.
    #[error("refused with {status}: {code}")]
    Refused {
        /// HTTP's.
        status: u16,
        /// A word.
        code: String,
        /// The bank's sentence; never shown to guests.
        message: String,
    },
}

type Form = Vec<(&'static str, String)>;

impl Bank {
    /// A client of the bank.
    ///
    /// # Errors
    /// When no TLS can be had, or the address is none.
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

    /// With which kind of bank this is.
    pub fn mode(&self) -> BankMode {
        self.settings.mode()
    }

    /// Makes an unconfirmed intent. A second one under the same `key` is the first one.
    pub(crate) async fn create(
        &self,
        payment: PaymentId,
        reservation: ReservationId,
        amount: Money,
        payment_method: &str,
        key: &str,
    ) -> Result<Intent, BankError> {
        let Some(minor) = to_bank(amount) else {
            let code = "currency_not_supported".to_owned();
            return Err(BankError::Refused { status: 0, code, message: String::new() });
        };
        let form = vec![
            ("amount", minor.to_string()),
            ("currency", amount.currency.code().to_ascii_lowercase()),
            ("payment_method", payment_method.to_owned()),
            ("payment_method_types[]", "card".to_owned()),
            ("metadata[payment]", payment.to_string()),
            ("metadata[reservation]", reservation.to_string()),
        ];
        self.post("/v1/payment_intents", form, Some(key)).await
    }

    /// Confirms it: this charges the card, or asks for the guest.
    pub(crate) async fn confirm(
        &self,
        intent: &str,
        return_url: &str,
        key: &str,
    ) -> Result<Intent, BankError> {
        let path = format!("/v1/payment_intents/{}/confirm", plain(intent)?);
        let expand = ("expand[]", "payment_method".to_owned());
        let form = vec![("return_url", return_url.to_owned()), expand.clone()];
        match self.post(&path, form, Some(key)).await {
            // A server that speaks less than all of it knows no way back, and a card that needs none is fine there.
            Err(BankError::Refused { status: 400, message, .. }) if message.contains("return_url") => {
                self.post(&path, vec![expand], Some(&format!("{key}-bare"))).await
            }
            answer => answer,
        }
    }

    /// How far it is.
    pub(crate) async fn retrieve(&self, intent: &str) -> Result<Intent, BankError> {
        let path = format!("/v1/payment_intents/{}", plain(intent)?);
        self.get(&path, vec![("expand[]", "payment_method".to_owned())]).await
    }

    /// Cancels it, unless it is too late for that.
    pub(crate) async fn cancel(&self, intent: &str) -> Result<Intent, BankError> {
        self.post(&format!("/v1/payment_intents/{}/cancel", plain(intent)?), Vec::new(), None).await
    }

    /// The refunds of an intent, newest first: all of them, since we never make more than a page holds.
    pub(crate) async fn refunds(&self, intent: &str) -> Result<Vec<BankRefund>, BankError> {
        let query = vec![("payment_intent", intent.to_owned()), ("limit", "100".to_owned())];
        let list: List<BankRefund> = self.get("/v1/refunds", query).await?;
        Ok(list.data)
    }

    /// Gives money back.
    pub(crate) async fn refund(
        &self,
        payment: PaymentId,
        refund: RefundId,
        intent: &str,
        amount: Money,
        key: &str,
    ) -> Result<BankRefund, BankError> {
        let form = vec![
            ("payment_intent", intent.to_owned()),
            ("amount", to_bank(amount).unwrap_or_default().to_string()),
            ("metadata[refund]", refund.to_string()),
            ("metadata[payment]", payment.to_string()),
        ];
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
        reqwest::Url::parse(&url).map_err(|_| BankError::Away("its address cannot be read".into()))
    }

    async fn send<T: DeserializeOwned>(&self, request: reqwest::RequestBuilder) -> Result<T, BankError> {
        // The error's address is left out: it may name an intent, and logs hold our own ids only.
        let away = |error: reqwest::Error| BankError::Away(error.without_url().to_string());
        let response = request.bearer_auth(&self.settings.secret_key).send().await.map_err(away)?;
        let status = response.status();
        let body = response.bytes().await.map_err(away)?;
        if body.len() > ANSWER_BYTES_MAX {
            return Err(BankError::Away("an answer that is too long".into()));
        }
        if status.is_success() {
            let unreadable =
                |error: serde_json::Error| BankError::Away(format!("an answer that cannot be read: {error}"));
            return serde_json::from_slice(&body).map_err(unreadable);
        }
        let error = serde_json::from_slice::<ErrorBody>(&body).map(|body| body.error).unwrap_or_default();
        Err(refusal(status.as_u16(), error))
    }
}

/// What an answer that is no success means.
fn refusal(status: u16, error: ErrorObject) -> BankError {
    match status {
        // A key that is wrong or not allowed to is for an operator to mend; a request in flight under the same key, too
        // many requests and the bank's own faults pass.
        401 | 403 | 409 | 429 | 500.. => BankError::Away(format!("it answered {status}")),
        402 => {
            let code = decline_word(error.code.as_deref(), error.decline_code.as_deref());
            BankError::Declined { code, intent: error.payment_intent }
        }
        _ if error.kind.as_deref() == Some("card_error") => {
            let code = decline_word(error.code.as_deref(), error.decline_code.as_deref());
            BankError::Declined { code, intent: error.payment_intent }
        }
        _ if error.code.as_deref() == Some("lock_timeout") => BankError::Away("the intent is busy".into()),
        _ => {
            let code = error.code.unwrap_or_else(|| "bank_refused".to_owned());
            BankError::Refused { status, code, message: error.message.unwrap_or_default() }
        }
    }
}

/// An id of the bank's, before it becomes part of an address.
fn plain(id: &str) -> Result<&str, BankError> {
    let plain = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let odd = || BankError::Refused { status: 0, code: "odd_id".to_owned(), message: String::new() };
    plain.then_some(id).ok_or_else(odd)
}
