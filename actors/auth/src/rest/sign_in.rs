//! Somebody types a password at a page of ours.

use contracts::users::{self, Grants, Users};
use edge::ClientAddress;
use edge::csrf::is_cross_site;
use group::{Call, Failure};
use poem::Request;
use poem::http::header;

use super::Context;
use super::form::Parameters;

/// The cookie that binds a form to the browser that it was shown to. Only a random value, gone with the window.
const COOKIE: &str = "auberge_form";

/// Longer passwords are nobody's, in bytes.
const PASSWORD_BYTES_MAX: usize = 1024;

/// Why somebody is not signed in; each is shown as a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SignInError {
    /// Unknown address or wrong password: the two are not told apart.
    Wrong,
    /// Too many failures.
    Limited,
    /// `users` does not answer.
    Unavailable,
}

impl SignInError {
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Wrong => "That address and password do not match.",
            Self::Limited => "Too many failed attempts. Try again in a quarter of an hour.",
            Self::Unavailable => "We cannot check that right now. Try again in a moment.",
        }
    }
}

impl Context {
    /// What `users` says of whoever typed this.
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
        let address = ClientAddress::of(request).ip;
        self.sign_ins.check(email, address).map_err(|_| SignInError::Limited)?;
        let query = users::Query::VerifyPassword { email: email.to_owned(), password: password.to_owned() };
        match self.client.query::<Users>(call, query).await {
            Ok(users::Answer::Grants(grants)) => {
                // Many guesses may have been under way at once: those that end after the last allowed one are too many.
                self.sign_ins.check(email, address).map_err(|_| SignInError::Limited)?;
                self.sign_ins.succeeded(email);
                Ok(grants)
            }
            Ok(_) | Err(Failure::Refused(_)) => {
                self.sign_ins.failed(email, address);
                Err(SignInError::Wrong)
            }
            Err(
                Failure::Unauthenticated(_)
                | Failure::Forbidden(_)
                | Failure::KeyReused
                | Failure::Unavailable(_),
            ) => Err(SignInError::Unavailable),
        }
    }

    /// A form token, and the cookie that it is bound to where the browser has none yet.
    pub(super) fn form_token(&self, request: &Request) -> (String, Option<String>) {
        match form_cookie(request) {
            Some(session) => (self.csrf.token(session), None),
            None => {
                let session = ::token::random_secret("");
                // Lax: it must come along when a client's site sends the browser here, or a second tab would take the
                // first one's cookie away. The token in the form is what keeps other sites out.
                let secure = if self.public_url.starts_with("https:") { "; Secure" } else { "" };
                let cookie = format!("{COOKIE}={session}; Path=/oauth; HttpOnly; SameSite=Lax{secure}");
                (self.csrf.token(&session), Some(cookie))
            }
        }
    }

    /// Whether a form was shown by us to this very browser.
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
