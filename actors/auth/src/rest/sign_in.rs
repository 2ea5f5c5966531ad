//! Sign-in with a password on the consent pages, and the form tokens of these pages.

use contracts::users::{Grants, VerifyPassword};
use edge::csrf::is_cross_site;
use edge::{ClientAddress, Parameters};
use group::{Call, Failure};
use poem::Request;
use poem::http::header;
use rest::attempts::AttemptRefused;

use super::Context;

/// The session cookie that binds a form to a browser: a random value.
const COOKIE: &str = "auberge_form";

/// The longest password that is verified, in bytes.
const PASSWORD_BYTES_MAX: usize = 1024;

/// Why a sign-in failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SignInError {
    /// Unknown address or wrong password. The response does not reveal which.
    Wrong,
    /// Too many failed attempts: the number of seconds to wait.
    Limited(u32),
    /// `users` is unavailable.
    Unavailable,
}

impl SignInError {
    /// The message on the page.
    pub fn message(self) -> String {
        match self {
            Self::Wrong => "The email address and password do not match.".to_owned(),
            Self::Limited(secs) => format!("Too many failed attempts. Please try again in {}.", wait(secs)),
            Self::Unavailable => "We cannot sign you in right now. Please try again in a moment.".to_owned(),
        }
    }
}

/// A number of seconds in words.
pub(super) fn wait(secs: u32) -> String {
    match secs {
        0 | 1 => "one second".to_owned(),
        2..=90 => format!("{secs} seconds"),
        _ => format!("{} minutes", secs.div_ceil(60)),
    }
}

impl Context {
    /// Verifies the email address and password of a form.
    pub(super) async fn sign_in(
        &self,
        request: &Request,
        call: &Call,
        form: &Parameters,
    ) -> Result<Grants, SignInError> {
        let (email, password) =
            (form.get("email").unwrap_or_default().trim(), form.get("password").unwrap_or_default());
        if email.is_empty() || password.is_empty() || password.len() > PASSWORD_BYTES_MAX || email.len() > 254
        {
            return Err(SignInError::Wrong);
        }
        // Counted before the password is verified, so that concurrent attempts cannot exceed the limit.
        let attempt = self.attempts.sign_in(email, ClientAddress::of(request)).await;
        let attempt = attempt.map_err(|refused| match refused {
            AttemptRefused::TooEarly(secs) => SignInError::Limited(secs),
            AttemptRefused::Unavailable(_) => SignInError::Unavailable,
        })?;
        let request = VerifyPassword { email: email.to_owned(), password: password.to_owned() };
        match self.client.call(call, request).await {
            Ok(Some(grants)) => {
                self.attempts.succeeded(attempt).await;
                Ok(grants)
            }
            Ok(None) | Err(Failure::Refused(_)) => Err(SignInError::Wrong),
            Err(
                Failure::Unauthenticated(_)
                | Failure::Forbidden(_)
                | Failure::KeyReused
                | Failure::Unavailable(_),
            ) => Err(SignInError::Unavailable),
        }
    }

    /// A form token, and the cookie to set if the browser does not have one.
    pub(super) fn form_token(&self, request: &Request) -> (String, Option<String>) {
        match form_cookie(request) {
            Some(session) => (self.csrf.token(session), None),
            None => {
                let session = ::token::random_secret("");
                // `Lax`, because the cookie must be sent when a client's site redirects the browser here; otherwise a
                // second tab would replace the cookie. The form token protects against other sites.
                let secure = if self.public_url.starts_with("https:") { "; Secure" } else { "" };
                let cookie = format!("{COOKIE}={session}; Path=/oauth; HttpOnly; SameSite=Lax{secure}");
                (self.csrf.token(&session), Some(cookie))
            }
        }
    }

    /// Whether a form was rendered for this browser.
    pub(super) fn is_our_form(&self, request: &Request, form: &Parameters) -> bool {
        let session = form_cookie(request);
        let held =
            session.zip(form.get("csrf")).is_some_and(|(session, token)| self.csrf.verify(session, token));
        held && !is_cross_site(request, &self.public_url)
    }
}

fn form_cookie(request: &Request) -> Option<&str> {
    let cookies = request.headers().get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, value)| *name == COOKIE && value.len() == 43).map(|(_, value)| value)
}
