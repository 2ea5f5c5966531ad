//! Dependencies and shared state of the pages.

use std::sync::Arc;

use contracts::ReservationId;
use contracts::reservations::{BookingLink, booking_path};
use edge::csrf::Csrf;
use edge::rate_limit::CardLimits;
use futures::future::BoxFuture;
use group::{Call, Client, Credentials};
use quick_cache::sync::Cache;
use render::{RenderError, Renderer};
use rest::attempts::AttemptLimits;
use serde::Serialize;

use crate::assets::{AssetUrls, assets, templates};

/// Dependencies of the pages.
pub struct Dependencies {
    /// The client for calls to services.
    pub client: Client,
    /// Issues the tokens of `svc:ui`.
    pub credentials: Arc<dyn Credentials>,
    /// Seals browser sessions and cursors: `cluster_key.seal("ui-session")`.
    pub sessions: token::Seal,
    /// Seals offers, the same as the REST API of reservations: `cluster_key.seal("offers")`.
    pub offers: token::Seal,
    /// Tags the secret links of bookings, as in the mails: `cluster_key.links("booking-link")`.
    pub links: token::LinkKey,
    /// Derives the key of form tokens: `cluster_key.links("ui-forms")`.
    pub forms: token::LinkKey,
    /// Hashes the addresses of visitors, as the REST API of reservations does: `cluster_key.links("client-address")`.
    pub addresses: token::LinkKey,
    /// The public URL, for example `https://inn.example`. Links use it, never the `Host` header.
    pub public_url: String,
    /// The bank's settings for browsers.
    pub bank: Bank,
    /// Creates documents.
    pub documents: Arc<dyn Documents>,
    /// Limits failed sign-ins and requests for mails; shared with the APIs.
    pub attempts: AttemptLimits,
    /// Limits the cards that guests try; as in the REST API of payments.
    pub card_limits: CardLimits,
}

/// The bank's settings for browsers.
#[derive(Debug, Clone, Serialize)]
pub struct Bank {
    /// Test mode: pages show TEST and offer test cards to browsers without JavaScript.
    pub test: bool,
    /// The sandbox bank's address for card details: the browser exchanges them for a token, with the publishable key as bearer
    /// token. Empty for any other bank, whose own card field is used.
    pub tokenise_url: String,
    /// The bank's script with its card field (Stripe.js). Empty for the sandbox bank.
    pub script_url: String,
    /// The bank's API, which its script calls. Empty for the sandbox bank.
    pub api_url: String,
    /// The publishable key for both.
    pub publishable_key: String,
}

/// A document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// The file name: `confirmation-rsv_….pdf`.
    pub name: String,
    /// The content.
    pub bytes: Vec<u8>,
}

/// Creates the documents of a reservation, as a caller who may see the reservation.
pub trait Documents: Send + Sync + 'static {
    /// The confirmation as PDF, or `None` if the caller has no such reservation.
    fn confirmation<'a>(
        &'a self,
        call: &'a Call,
        reservation: ReservationId,
    ) -> BoxFuture<'a, Result<Option<File>, group::Unavailable>>;
    /// The stay as a calendar file, or `None` if the caller has no such reservation.
    fn calendar<'a>(
        &'a self,
        call: &'a Call,
        reservation: ReservationId,
    ) -> BoxFuture<'a, Result<Option<File>, group::Unavailable>>;
}

/// The state that all page handlers share.
pub struct Site {
    pub(crate) dependencies: Dependencies,
    pub(crate) csrf: Csrf,
    pub(crate) renderer: Renderer,
    /// Cached access tokens by session, with their expiry.
    pub(crate) tokens: Cache<String, (Arc<str>, protocol::Timestamp)>,
    pub(crate) assets: edge::assets::Assets,
}

impl std::fmt::Debug for Site {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Site")
    }
}

/// The most sessions whose access tokens are cached.
const TOKENS_MAX: usize = 10_000;

impl Site {
    /// Compiles the templates.
    ///
    /// # Errors
    /// When a template does not compile. The tests of this crate exclude this.
    pub fn new(mut dependencies: Dependencies) -> Result<Self, RenderError> {
        dependencies.public_url.truncate(dependencies.public_url.trim_end_matches('/').len());
        let (assets, urls): (_, AssetUrls) = assets();
        let renderer = Renderer::embedded(templates())?.with_global("assets", urls);
        let csrf = Csrf::new(dependencies.forms.tag(&["form tokens"]).as_bytes());
        Ok(Self { dependencies, csrf, renderer, tokens: Cache::new(TOKENS_MAX), assets })
    }

    /// For development: templates are read from `directory` for each page.
    #[must_use]
    pub fn reloading(self, directory: &std::path::Path) -> Self {
        Self { renderer: self.renderer.reloading(directory), ..self }
    }

    /// Whether the public URL uses TLS.
    pub(crate) fn secure(&self) -> bool {
        self.dependencies.public_url.starts_with("https://")
    }

    /// The tag in a booking's secret link.
    pub(crate) fn tag(&self, link: BookingLink) -> String {
        self.dependencies.links.tag(&link.parts().each_ref().map(String::as_str))
    }

    /// A booking's secret link.
    pub(crate) fn secret_link(&self, link: BookingLink) -> String {
        format!("{}{}", self.dependencies.public_url, link.path(&self.tag(link)))
    }

    /// The link to a booking for visitors who sign in.
    pub(crate) fn plain_link(&self, reservation: ReservationId) -> String {
        format!("{}{}", self.dependencies.public_url, booking_path(reservation))
    }
}
