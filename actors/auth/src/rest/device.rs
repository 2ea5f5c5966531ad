//! `/oauth/device`: somebody types the code that a device shows, signs in, and decides (RFC 8628 §3.3).

use std::sync::Arc;

use contracts::auth::{Answer, Command, Query, Refusal};
use edge::ClientAddress;
use group::{Call, Failure};
use poem::Request;
use poem::http::StatusCode;
use poem_openapi::{Object, OpenApi};

use super::form::{Form, Parameters, query_of};
use super::pages::{FormData, Page, notice, render};
use super::redirect::BrowserResponse;
use super::{Context, Tag};
use crate::scopes;

/// No vowels, so that no words come up by chance, and nothing that looks like something else (RFC 8628 §6.1).
const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";

pub(super) struct Device {
    pub context: Arc<Context>,
}

/// What the page sends back.
#[derive(Debug, Object)]
#[allow(dead_code)]
struct DeviceDecision {
    /// The code that the device shows
    user_code: String,
    /// Proof that the form is ours
    csrf: String,
    /// `show`, `allow` or `deny`
    decision: String,
    /// The person's address
    email: Option<String>,
    /// The person's password
    password: Option<String>,
}

#[OpenApi(prefix_path = "/oauth", tag = "Tag::OAuth")]
impl Device {
    /// A page for a device's code
    ///
    /// RFC 8628 §3.3. `user_code` may be in the query string already.
    #[oai(path = "/device", method = "get", operation_id = "showDevice")]
    async fn ask(&self, request: &Request) -> BrowserResponse {
        let parameters = query_of(request);
        self.code_page(request, parameters.get("user_code").unwrap_or_default(), None)
    }

    /// The person decides
    ///
    /// Sent by the page that `GET` shows, and by nobody else.
    #[oai(path = "/device", method = "post", operation_id = "decideDevice")]
    async fn decide(&self, request: &Request, form: Form<DeviceDecision>) -> BrowserResponse {
        let Ok(form) = form.checked() else {
            return self.code_page(request, "", Some("The form is malformed."));
        };
        if !self.context.is_our_form(request, &form) {
            let why = "This form was not sent from our page, or your browser keeps no cookies.";
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
            Err(not) => self.consent_page(request, call, form, Some(not.sentence())).await,
        }
    }

    async fn settle(
        &self,
        request: &Request,
        call: &Call,
        form: &Parameters,
        agreed: Option<contracts::users::Grants>,
    ) -> BrowserResponse {
        let yes = agreed.is_some();
        let user_code_tag = self.tag(form.get("user_code").unwrap_or_default());
        match self.context.command(call, Command::DecideDevice { user_code_tag, agreed }).await {
            Ok(_) => {
                let message = if yes {
                    "Your device is signed in. You may close this page."
                } else {
                    "Your device was refused."
                };
                notice(&self.context.pages, StatusCode::OK, "Done", message)
            }
            Err(Failure::Refused(Refusal::InvalidScope)) => notice(
                &self.context.pages,
                StatusCode::OK,
                "This does not work",
                "Your account may do nothing of what the device asks for.",
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
        // Codes are short: guessing them is limited like guessing passwords.
        if self.context.sign_ins.check(&guesser(request), ClientAddress::of(request).ip).is_err() {
            return self.code_page(
                request,
                "",
                Some("Too many wrong codes. Try again in a quarter of an hour."),
            );
        }
        let typed = form.get("user_code").unwrap_or_default();
        match self.context.query(call, Query::Device { user_code_tag: self.tag(typed) }).await {
            Ok(Answer::Device { client_name, scopes }) => {
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
                    title: "Sign a device in".to_owned(),
                    message: message.map(str::to_owned),
                    is_error: message.is_some(),
                    form: Some(form),
                };
                render(&self.context.pages, StatusCode::OK, &page, None, cookie)
            }
            Ok(_) | Err(Failure::Refused(_)) => self.no_such_code(request),
            Err(
                Failure::Unavailable(_)
                | Failure::Unauthenticated(_)
                | Failure::Forbidden(_)
                | Failure::KeyReused,
            ) => self.unavailable(),
        }
    }

    fn no_such_code(&self, request: &Request) -> BrowserResponse {
        self.context.sign_ins.failed(&guesser(request), ClientAddress::of(request).ip);
        self.code_page(request, "", Some("There is no such code, or it has expired."))
    }

    fn code_page(&self, request: &Request, typed: &str, message: Option<&str>) -> BrowserResponse {
        let (csrf, cookie) = self.context.form_token(request);
        let short: String = typed.chars().take(20).collect();
        let form = FormData { action: self.action(), user_code: Some(short), csrf, ..FormData::default() };
        let page = Page {
            title: "Sign a device in".to_owned(),
            message: message.map(str::to_owned),
            is_error: message.is_some(),
            form: Some(form),
        };
        render(&self.context.pages, StatusCode::OK, &page, None, cookie)
    }

    fn unavailable(&self) -> BrowserResponse {
        let message = "We cannot sign anybody in right now. Try again in a moment.";
        notice(&self.context.pages, StatusCode::SERVICE_UNAVAILABLE, "One moment", message)
    }

    fn action(&self) -> String {
        format!("{}/oauth/device", self.context.public_url)
    }

    fn tag(&self, typed: &str) -> String {
        self.context.user_codes.tag(&[&plain(typed)])
    }
}

/// Under what name wrong codes are counted: each address for itself.
fn guesser(request: &Request) -> String {
    let address = ClientAddress::of(request).ip.map(|ip| ip.to_string()).unwrap_or_default();
    format!("a device's code at {address}")
}

/// Eight letters in two groups, 34 bits: good enough for ten minutes behind a sign-in and a limit.
pub(super) fn draw_user_code(random: &[u8; 32]) -> String {
    let mut letters =
        random.iter().filter(|byte| **byte < 240).map(|byte| char::from(LETTERS[usize::from(byte % 20)]));
    // 16 of 256 bytes are left out so that all letters are equally likely; were too few left, `B` fills up.
    let mut group = || (0..4).map(|_| letters.next().unwrap_or('B')).collect::<String>();
    let (one, two) = (group(), group());
    format!("{one}-{two}")
}

/// A code as it was drawn, however it was typed.
pub(super) fn plain(typed: &str) -> String {
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
    fn codes_are_read_however_they_are_typed() {
        let code = draw_user_code(&::token::random_bytes());
        assert_eq!(code.len(), 9);
        for typed in [
            code.clone(),
            code.to_lowercase(),
            code.replace('-', " "),
            format!(" {} ", code.replace('-', "")),
        ] {
            assert_eq!(plain(&typed), plain(&code));
        }
        assert_eq!(draw_user_code(&[0; 32]), "BBBB-BBBB");
        assert_eq!(plain("ab<c>1"), "ABC");
    }
}
