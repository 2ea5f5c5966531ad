//! `/oauth/device`: a user enters a user code, signs in, and decides (RFC 8628 §3.3).

use std::sync::Arc;

use contracts::auth::{DecideDeviceAuthorization, GetDeviceAuthorization, PendingDevice, Refusal};
use edge::{ClientAddress, Form, Parameters};
use group::{Call, Failure};
use poem::Request;
use poem::http::StatusCode;
use poem_openapi::{Object, OpenApi};
use rest::attempts::AttemptRefused;

use super::pages::{FormData, Page, notice, render};
use super::redirect::BrowserResponse;
use super::sign_in::wait;
use super::{Context, Tag};
use crate::scopes;

/// Without vowels, to avoid words, and without letters that are easily confused (RFC 8628 §6.1).
const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";

pub(super) struct Device {
    pub context: Arc<Context>,
}

/// The form of the page.
#[derive(Debug, Object)]
#[allow(dead_code)]
struct DeviceDecision {
    /// The user code
    user_code: String,
    /// The form token
    csrf: String,
    /// `show`, `allow` or `deny`
    decision: String,
    /// The user's email address
    email: Option<String>,
    /// The user's password
    password: Option<String>,
}

#[OpenApi(prefix_path = "/oauth", tag = "Tag::OAuth")]
impl Device {
    /// Show the page for a user code
    ///
    /// RFC 8628 §3.3. The query string can contain `user_code`.
    #[oai(path = "/device", method = "get", operation_id = "showDevice")]
    async fn show(&self, request: &Request) -> BrowserResponse {
        let parameters = Parameters::of_query(request);
        self.code_page(request, parameters.get("user_code").unwrap_or_default(), None)
    }

    /// Decide on the device page
    ///
    /// Only the page of the `GET` operation sends this request.
    #[oai(path = "/device", method = "post", operation_id = "decideDevice")]
    async fn decide(&self, request: &Request, form: Form<DeviceDecision>) -> BrowserResponse {
        let Ok(form) = form.checked() else {
            return self.code_page(request, "", Some("The form is malformed."));
        };
        if !self.context.is_our_form(request, &form) {
            let why = "This form was not sent from our page, or cookies are disabled in your browser.";
            return self.code_page(request, "", Some(why));
        }
        let Ok(call) = self.context.call(request).await else { return self.unavailable() };
        match form.get("decision") {
            Some("allow") => self.allow(request, &call, &form).await,
            Some("deny") => self.settle(request, &call, &form, None).await,
            _ => self.consent_page(request, &call, &form, None).await,
        }
    }
}

impl Device {
    async fn allow(&self, request: &Request, call: &Call, form: &Parameters) -> BrowserResponse {
        match self.context.sign_in(request, call, form).await {
            Ok(grants) => self.settle(request, call, form, Some(grants)).await,
            Err(error) => self.consent_page(request, call, form, Some(&error.message())).await,
        }
    }

    async fn settle(
        &self,
        request: &Request,
        call: &Call,
        form: &Parameters,
        approved: Option<contracts::users::Grants>,
    ) -> BrowserResponse {
        let is_approved = approved.is_some();
        let attempt = match self.context.attempts.user_code(ClientAddress::of(request)).await {
            Ok(attempt) => attempt,
            Err(refused) => return self.refused(request, &refused),
        };
        let user_code_tag = self.tag(form.get("user_code").unwrap_or_default());
        let decision = DecideDeviceAuthorization { user_code_tag, approved };
        match self.context.client.call(call, decision).await {
            Ok(_) => {
                self.context.attempts.succeeded(attempt).await;
                let message = if is_approved {
                    "Your device is signed in. You can close this page."
                } else {
                    "You have denied access to your device."
                };
                notice(&self.context.pages, StatusCode::OK, "Done", message)
            }
            Err(Failure::Refused(Refusal::InvalidScope)) => notice(
                &self.context.pages,
                StatusCode::OK,
                "We cannot sign your device in",
                "Your account has none of the permissions that the device requests.",
            ),
            Err(Failure::Refused(_)) => self.no_such_code(request),
            Err(
                Failure::Unavailable(_)
                | Failure::Unauthenticated(_)
                | Failure::Forbidden(_)
                | Failure::KeyReused,
            ) => self.unavailable(),
        }
    }

    async fn consent_page(
        &self,
        request: &Request,
        call: &Call,
        form: &Parameters,
        message: Option<&str>,
    ) -> BrowserResponse {
        // User codes are short, so guesses are limited like password guesses, with a counter of their own.
        let attempt = match self.context.attempts.user_code(ClientAddress::of(request)).await {
            Ok(attempt) => attempt,
            Err(refused) => return self.refused(request, &refused),
        };
        let typed = form.get("user_code").unwrap_or_default();
        let pending = GetDeviceAuthorization { user_code_tag: self.tag(typed) };
        match self.context.client.call(call, pending).await {
            Ok(PendingDevice { client_name, scopes }) => {
                self.context.attempts.succeeded(attempt).await;
                let (csrf, cookie) = self.context.form_token(request);
                let form = FormData {
                    action: self.action(),
                    client_name: Some(client_name),
                    scopes: scopes.iter().map(|scope| scopes::description(scope).to_owned()).collect(),
                    request: None,
                    user_code: Some(typed.to_owned()),
                    csrf,
                    email: form.get("email").unwrap_or_default().to_owned(),
                };
                let page = Page {
                    title: "Sign in on your device".to_owned(),
                    message: message.map(str::to_owned),
                    is_error: message.is_some(),
                    form: Some(form),
                };
                render(&self.context.pages, StatusCode::OK, &page, None, cookie)
            }
            Err(Failure::Refused(_)) => self.no_such_code(request),
            Err(
                Failure::Unavailable(_)
                | Failure::Unauthenticated(_)
                | Failure::Forbidden(_)
                | Failure::KeyReused,
            ) => self.unavailable(),
        }
    }

    fn no_such_code(&self, request: &Request) -> BrowserResponse {
        self.code_page(request, "", Some("There is no such code, or it has expired."))
    }

    fn refused(&self, request: &Request, refused: &AttemptRefused) -> BrowserResponse {
        match refused {
            AttemptRefused::TooEarly(secs) => {
                let message = format!("Too many wrong codes. Please try again in {}.", wait(*secs));
                self.code_page(request, "", Some(&message))
            }
            AttemptRefused::Unavailable(_) => self.unavailable(),
        }
    }

    fn code_page(&self, request: &Request, typed: &str, message: Option<&str>) -> BrowserResponse {
        let (csrf, cookie) = self.context.form_token(request);
        let short: String = typed.chars().take(20).collect();
        let form = FormData { action: self.action(), user_code: Some(short), csrf, ..FormData::default() };
        let page = Page {
            title: "Sign in on your device".to_owned(),
            message: message.map(str::to_owned),
            is_error: message.is_some(),
            form: Some(form),
        };
        render(&self.context.pages, StatusCode::OK, &page, None, cookie)
    }

    fn unavailable(&self) -> BrowserResponse {
        let message = "Sign-in is temporarily unavailable. Please try again in a moment.";
        notice(&self.context.pages, StatusCode::SERVICE_UNAVAILABLE, "Please try again", message)
    }

    fn action(&self) -> String {
        format!("{}/oauth/device", self.context.public_url)
    }

    fn tag(&self, typed: &str) -> String {
        self.context.user_codes.tag(&[&normalize(typed)])
    }
}

/// Generates a user code: eight letters in two groups, 34 bits. This is sufficient for 10 minutes with a rate limit and a
/// sign-in.
pub(super) fn generate_user_code(random: &[u8; 32]) -> String {
    let mut letters =
        random.iter().filter(|byte| **byte < 240).map(|byte| char::from(LETTERS[usize::from(byte % 20)]));
    // Skips 16 of 256 byte values, so that all letters have the same probability. `B` replaces missing letters.
    let mut group = || (0..4).map(|_| letters.next().unwrap_or('B')).collect::<String>();
    let (one, two) = (group(), group());
    format!("{one}-{two}")
}

/// A user code without separators, in upper case.
pub(super) fn normalize(typed: &str) -> String {
    typed
        .chars()
        .take(64)
        .filter(char::is_ascii_alphabetic)
        .map(|letter| letter.to_ascii_uppercase())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_codes_are_normalized() {
        let code = generate_user_code(&::token::random_bytes());
        assert_eq!(code.len(), 9);
        for typed in [
            code.clone(),
            code.to_lowercase(),
            code.replace('-', " "),
            format!(" {} ", code.replace('-', "")),
        ] {
            assert_eq!(normalize(&typed), normalize(&code));
        }
        assert_eq!(generate_user_code(&[0; 32]), "BBBB-BBBB");
        assert_eq!(normalize("ab<c>1"), "ABC");
    }
}
