//! Why there is no page, in words that help.

use group::{Failure, Unavailable};

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    /// There is nothing here, or nothing that this visitor may see.
    #[error("not found")]
    NotFound,
    /// The form was not one of this session's.
    #[error("the form is not this session's")]
    Forged,
    /// Somebody has to sign in first, and then comes back to this path.
    #[error("sign in first")]
    SignIn(String),
    /// Not now.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// The request makes no sense.
    #[error("bad request")]
    Bad,
    /// Too many attempts; seconds to wait.
    #[error("too many attempts")]
    TooMany(u32),
    /// Our own fault: for the log.
    #[error("{0}")]
    Broken(String),
}

impl Trouble {
    /// What the page is called, what it says, and its status.
    pub fn words(&self) -> (u16, &'static str, &'static str) {
        match self {
            Self::NotFound => (
                404,
                "Nothing is at this address",
                "The link may be old, or a letter got lost. If you look for a booking, open the link in your confirmation mail.",
            ),
            Self::Forged => (
                403,
                "This page was open too long",
                "To keep your booking safe we only take forms that this browser opened recently. Go back, reload the page, and send it again. Cookies must be allowed.",
            ),
            Self::SignIn(_) => (401, "Please sign in", "This page belongs to an account."),
            Self::Unavailable(_) => (
                503,
                "One moment, please",
                "A part of the house is not answering just now. Nothing is lost: try again in a few seconds.",
            ),
            Self::Bad => (
                400,
                "That did not make sense to us",
                "Something in the address or the form is not as it should be. Start again from a page before this one.",
            ),
            Self::TooMany(_) => (429, "Too many attempts", "Wait a few minutes, then try again."),
            Self::Broken(_) => (
                500,
                "Something broke here",
                "It is our fault, not yours, and it has been noted. Nothing was charged twice. Try again, or look at your bookings first.",
            ),
        }
    }
}

impl<R: std::fmt::Debug> From<Failure<R>> for Trouble {
    fn from(failure: Failure<R>) -> Self {
        match failure {
            // Handlers look at refusals that can happen; what is left is a mistake of ours.
            Failure::Refused(refusal) => Self::Broken(format!("unexpected refusal: {refusal:?}")),
            // The session was ended elsewhere: by a new password, or by signing out on another device.
            Failure::Unauthenticated(_) => Self::SignIn(String::new()),
            Failure::Forbidden(_) => Self::NotFound,
            Failure::KeyReused => Self::Forged,
            Failure::Unavailable(unavailable) => Self::Unavailable(unavailable),
        }
    }
}

impl From<render::RenderError> for Trouble {
    fn from(error: render::RenderError) -> Self {
        Self::Broken(error.to_string())
    }
}

impl From<Trouble> for poem::Error {
    fn from(trouble: Trouble) -> Self {
        let status = poem::http::StatusCode::from_u16(trouble.words().0).unwrap_or_default();
        poem::Error::new(trouble, status)
    }
}
