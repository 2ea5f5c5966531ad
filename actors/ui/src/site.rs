//! What the pages are made from, and what they share.

use std::sync::Arc;

use contracts::ReservationId;
use contracts::reservations::link_path;
use edge::csrf::Csrf;
use edge::limits::SignIns;
use futures::future::BoxFuture;
use group::{Call, Client, Credentials};
use quick_cache::sync::Cache;
use render::{RenderError, Renderer};
use serde::Serialize;

use crate::assets::{Addresses, assets, templates};

/// What the binary hands to the pages.
pub struct Deps {
    /// To call services with.
    pub client: Client,
    /// Where `svc:ui` gets its tokens.
    pub credentials: Arc<dyn Credentials>,
    /// Seals browsers' sessions and places in lists: `cluster_key.seal("ui-session")`.
    pub sessions: token::Seal,
    /// Seals offers, the same as the REST API of reservations: `cluster_key.seal("offers")`.
    pub offers: token::Seal,
    /// Makes the secret links of bookings, the same as in the mails: `cluster_key.links("booking-link")`.
    pub links: token::LinkKey,
    /// Keys form tokens: `cluster_key.links("ui-forms")`.
    pub forms: token::LinkKey,
    /// Where guests find us: `https://inn.example`. Links come from it, never from `Host`.
    pub public_url: String,
    /// The bank, as far as pages meet it.
    pub bank: Bank,
    /// Who makes documents.
    pub documents: Arc<dyn Documents>,
    /// Failed sign-ins, shared with whoever else checks passwords.
    pub sign_ins: Arc<SignIns>,
}

/// The bank, as far as pages meet it.
#[derive(Debug, Clone, Serialize)]
pub struct Bank {
    /// Whether no real money moves: pages say TEST, and offer the documented test cards to browsers without scripts.
    pub test: bool,
    /// Where the browser exchanges a card's number for a token, with the publishable key as bearer token; empty where
    /// that is not possible.
    pub tokenise_url: String,
    /// See [`Bank::tokenise_url`].
    pub publishable_key: String,
}

/// A file that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// As it is saved: `confirmation-rsv_….pdf`.
    pub name: String,
    /// Its content.
    pub bytes: Vec<u8>,
}

/// Who makes a reservation's documents. The call is one of somebody who may see the reservation.
pub trait Documents: Send + Sync + 'static {
    /// The confirmation as PDF; none when there is no such reservation for the caller.
    fn confirmation<'a>(
        &'a self,
        call: &'a Call,
        reservation: ReservationId,
    ) -> BoxFuture<'a, Result<Option<File>, group::Unavailable>>;
    /// The stay as calendar file; none when there is no such reservation for the caller.
    fn calendar<'a>(
        &'a self,
        call: &'a Call,
        reservation: ReservationId,
    ) -> BoxFuture<'a, Result<Option<File>, group::Unavailable>>;
}

/// Everything that handlers share.
pub struct Site {
    pub(crate) deps: Deps,
    pub(crate) csrf: Csrf,
    pub(crate) renderer: Renderer,
    /// Access tokens of sessions, until they expire. Never more than this node's recent visitors.
    pub(crate) tokens: Cache<String, (Arc<str>, protocol::Timestamp)>,
    pub(crate) assets: edge::assets::Assets,
}

impl std::fmt::Debug for Site {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Site")
    }
}

/// Sessions whose access tokens are kept at once.
const TOKENS_MAX: usize = 10_000;

impl Site {
    /// Compiles the templates.
    ///
    /// # Errors
    /// When a template does not compile, which the tests of this crate would have found.
    pub fn new(mut deps: Deps) -> Result<Self, RenderError> {
        deps.public_url.truncate(deps.public_url.trim_end_matches('/').len());
        let (assets, addresses): (_, Addresses) = assets();
        let renderer = Renderer::embedded(templates())?.with_global("assets", addresses);
        let csrf = Csrf::new(deps.forms.tag(&["form tokens"]).as_bytes());
        Ok(Self { deps, csrf, renderer, tokens: Cache::new(TOKENS_MAX), assets })
    }

    /// For development: templates are read from `directory` at each page.
    #[must_use]
    pub fn reloading(self, directory: &std::path::Path) -> Self {
        Self { renderer: self.renderer.reloading(directory), ..self }
    }

    /// Whether browsers reach us over TLS.
    pub(crate) fn secure(&self) -> bool {
        self.deps.public_url.starts_with("https://")
    }

    /// The tag in a booking's secret link.
    pub(crate) fn tag(&self, reservation: ReservationId) -> String {
        self.deps.links.tag(&[&reservation.to_string()])
    }

    /// A booking's secret link.
    pub(crate) fn link(&self, reservation: ReservationId) -> String {
        format!("{}{}", self.deps.public_url, link_path(reservation, &self.tag(reservation)))
    }
}
