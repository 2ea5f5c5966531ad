//! Errors of page handlers, and their texts.

use contracts::ReservationId;
use group::{Failure, Unavailable};
use rest::attempts::AttemptRefused;

/// Why a page cannot be shown.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PageError {
    /// There is nothing at this path, or nothing that this visitor may see.
    #[error("not found")]
    NotFound,
    /// This visitor may not see a booking with this number, or there is none.
    #[error("no such booking")]
    NoSuchBooking(ReservationId),
    /// The visitor's secret link was valid once, and was replaced or turned off.
    #[error("the link was replaced")]
    LinkReplaced,
    /// The form token does not belong to this session.
    #[error("the form token is not valid for this session")]
    InvalidForm,
    /// The visitor must sign in, and then returns to this path.
    #[error("sign-in required")]
    SignInRequired(String),
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    #[error("bad request")]
    BadRequest,
    /// The number of seconds to wait.
    #[error("too many attempts")]
    TooManyRequests(u32),
    /// A bug. The text is logged.
    #[error("{0}")]
    Internal(String),
}

impl PageError {
    /// The HTTP status, the title and the text of the error page.
    pub fn message(&self) -> (u16, &'static str, &'static str) {
        match self {
            Self::NotFound => (
                404,
                "Page not found",
                "The link may be outdated or incomplete. If you are looking for a booking, please use the link in your confirmation email.",
            ),
            Self::NoSuchBooking(_) => (
                404,
                "Booking not found",
                "To see a booking made without an account, please open the link in your confirmation email. To see a booking of your account or of your hotel, please sign in.",
            ),
            Self::LinkReplaced => (
                410,
                "This link no longer works",
                "It was replaced or turned off. Please use the link in the latest email about this booking, or contact the hotel.",
            ),
            Self::InvalidForm => (
                403,
                "This page has expired",
                "For the security of your booking, forms must be sent from a page that was opened recently in this browser. Please go back, reload the page and send the form again. Cookies must be enabled.",
            ),
            Self::SignInRequired(_) => (401, "Please sign in", "You need to sign in to see this page."),
            Self::Unavailable(_) => (
                503,
                "We will be right back",
                "Part of our service is currently unavailable. Your bookings are safe: please try again in a few seconds.",
            ),
            Self::BadRequest => (
                400,
                "We could not process your request",
                "The address or the form is incomplete or invalid. Please go back and try again.",
            ),
            Self::TooManyRequests(_) => {
                (429, "Too many attempts", "Please wait a few minutes, then try again.")
            }
            Self::Internal(_) => (
                500,
                "Something went wrong",
                "We are sorry: this is our mistake, and it has been recorded. Nothing was charged twice. Please check your bookings before you try again.",
            ),
        }
    }
}

impl<R: std::fmt::Debug> From<Failure<R>> for PageError {
    fn from(failure: Failure<R>) -> Self {
        match failure {
            // Handlers match the refusals that can occur. Any other refusal is a bug.
            Failure::Refused(refusal) => Self::Internal(format!("unexpected refusal: {refusal:?}")),
            // The session was ended elsewhere, for example by a new password.
            Failure::Unauthenticated(_) => Self::SignInRequired(String::new()),
            Failure::Forbidden(_) => Self::NotFound,
            Failure::KeyReused => Self::InvalidForm,
            Failure::Unavailable(unavailable) => Self::Unavailable(unavailable),
        }
    }
}

impl From<render::RenderError> for PageError {
    fn from(error: render::RenderError) -> Self {
        Self::Internal(error.to_string())
    }
}

impl From<PageError> for poem::Error {
    fn from(error: PageError) -> Self {
        let status = poem::http::StatusCode::from_u16(error.message().0).unwrap_or_default();
        poem::Error::new(error, status)
    }
}

impl From<AttemptRefused> for PageError {
    fn from(refused: AttemptRefused) -> Self {
        match refused {
            AttemptRefused::TooEarly(secs) => Self::TooManyRequests(secs),
            AttemptRefused::Unavailable(unavailable) => Self::Unavailable(unavailable),
        }
    }
}
