//! Where state machines are handed to nodes, and faces to the edge: one line a service.

use std::sync::Arc;

use anyhow::Context;
use contracts::ReservationId;
use contracts::reservations::link_path;
use edge::limits::SignIns;
use group::{Client, Credentials, NoEffects};
use mail::{Address, Mailer};
use replica::Node;
use reservations::Desk;
use token::ClusterKey;

use crate::machine::data::Fixed;
use crate::settings::Settings;

/// All services.
pub const NAMES: [&str; 7] = ["auth", "payments", "pdf", "reservations", "search", "ui", "users"];

/// What the services and their faces are made of.
pub struct Wiring {
    /// Where all keys come from.
    pub key: ClusterKey,
    /// The way out for mail.
    pub mailer: Mailer,
    /// Who writes.
    pub from: Address,
    /// Where the bank is.
    pub bank: payments::BankSettings,
    /// What the bank signs with.
    pub webhook_secret: Option<payments::WebhookSecret>,
    /// The bank's key for pages.
    pub publishable_key: String,
    /// What links begin with.
    pub public_url: String,
    /// The settings.
    pub settings: Settings,
    /// Failed sign-ins, counted over all who check passwords.
    pub sign_ins: Arc<SignIns>,
}

/// How many shards a new store gets for a service.
pub fn shards(settings: &Settings, service: &str) -> u16 {
    settings.services.get(service).map_or(1, |service| service.shards)
}

/// The purposes of keys. Changing one voids what was made with it.
mod purpose {
    pub const OFFERS: &str = "offers";
    pub const BOOKING_LINKS: &str = "booking-link";
    pub const ACCOUNT_LINKS: &str = "account-link";
    pub const SESSIONS: &str = "ui-session";
    pub const FORMS: &str = "ui-forms";
    pub const CURSORS: &str = "cursors";
}

/// Hosts `auth`, which all others need to be called.
///
/// # Errors
/// When it cannot be opened.
pub async fn host_auth(node: &Arc<Node>, wiring: &Wiring, fixed: &Fixed) -> anyhow::Result<()> {
    let (key, issuer) = (wiring.key.clone(), wiring.public_url.clone());
    let effects = auth::KeyMaker::new(key.clone());
    let shards = fixed.shards["auth"];
    node.host(0, shards, move || auth::Auth::new(key.clone(), issuer.clone()), effects).await.context("auth")
}

/// Hosts all the others.
///
/// # Errors
/// When one cannot be opened.
pub async fn host_others(node: &Arc<Node>, wiring: &Wiring, fixed: &Fixed) -> anyhow::Result<()> {
    let booking_links = wiring.key.links(purpose::BOOKING_LINKS);
    let account_links = wiring.key.links(purpose::ACCOUNT_LINKS);
    let count = |name: &str| fixed.shards[name];
    node.host(0, count("pdf"), || pdf::Pdf, NoEffects).await.context("pdf")?;
    node.host(0, count("search"), search::Search::new, NoEffects).await.context("search")?;
    node.host(0, count("ui"), ui::Ui::default, NoEffects).await.context("ui")?;
    let mails = users::MailRoom::new(
        wiring.mailer.clone(),
        account_links.clone(),
        wiring.from.clone(),
        wiring.settings.brand.name.clone(),
        wiring.public_url.clone(),
    )?;
    node.host(0, count("users"), move || users::Users::new(account_links.clone()), mails).await.context("users")?;
    for shard in 0..count("reservations") {
        let links = booking_links.clone();
        let courier = reservations::Courier::new(wiring.desk(), wiring.from.clone(), wiring.mailer.clone());
        let make = move || reservations::Reservations::new(links.clone());
        node.host(shard, count("reservations"), make, courier).await.context("reservations")?;
    }
    for shard in 0..count("payments") {
        let bank = payments::Bank::new(wiring.bank.clone()).map_err(anyhow::Error::msg).context("the bank")?;
        let mails = payments::Mails::new(wiring.mailer.clone(), wiring.from.clone(), wiring.booking_url());
        let effects = payments::PaymentEffects::new(bank, mails);
        node.host(shard, count("payments"), || payments::Payments, effects).await.context("payments")?;
    }
    Ok(())
}

/// Mounts every face, and the pages.
///
/// # Errors
/// When a page's template does not compile.
pub fn mount(
    server: edge::Server, client: &Client, credentials: &Arc<dyn Credentials>, wiring: &Wiring,
) -> anyhow::Result<edge::Server> {
    edge::key_cursors(wiring.key.derive_bytes(purpose::CURSORS).as_slice());
    let site = ui::Site::new(ui::Deps {
        client: client.clone(),
        credentials: Arc::clone(credentials),
        sessions: wiring.key.seal(purpose::SESSIONS),
        offers: wiring.key.seal(purpose::OFFERS),
        links: wiring.key.links(purpose::BOOKING_LINKS),
        forms: wiring.key.links(purpose::FORMS),
        public_url: wiring.public_url.clone(),
        bank: ui::Bank {
            test: wiring.bank.sandbox,
            tokenise_url: tokenise_url(wiring),
            publishable_key: wiring.publishable_key.clone(),
        },
        documents: Arc::new(Papers { client: client.clone(), credentials: Arc::clone(credentials), desk: wiring.desk() }),
        sign_ins: Arc::clone(&wiring.sign_ins),
    })?;
    let site = Arc::new(site);
    let pages = ui::routes(Arc::clone(&site));
    Ok(faces(server, client, credentials, wiring)
        .pages(pages)
        .error_page(move |problem, request_id| ui::error_page(&site, problem, request_id)))
}

/// Mounts the faces alone: what the OpenAPI documents describe.
pub fn faces(
    server: edge::Server, client: &Client, credentials: &Arc<dyn Credentials>, wiring: &Wiring,
) -> edge::Server {
    let client = || client.clone();
    let credentials = || Arc::clone(credentials);
    let bills = payments::rest::FaceSettings {
        credentials: credentials(),
        webhook_secret: wiring.webhook_secret.clone(),
        public_url: wiring.public_url.clone(),
        booking_url: wiring.booking_url(),
    };
    let sign_ins = Arc::clone(&wiring.sign_ins);
    let offers = wiring.key.seal(purpose::OFFERS);
    server
        .service("auth", "Auberge auth", auth::face(client(), credentials(), &wiring.key, &wiring.public_url, sign_ins))
        .service("users", "Auberge users", users::Face::new(client(), credentials()))
        .service("search", "Auberge search", search::face(client()))
        .service(
            "reservations",
            "Auberge reservations",
            reservations::face(client(), credentials(), offers, wiring.desk()),
        )
        .service("payments", "Auberge payments", payments::rest::face(client(), bills))
        .service("pdf", "Auberge documents", pdf::face(client()))
        .problems(users::PROBLEMS)
}

impl Wiring {
    /// Where guests find their bookings.
    pub fn desk(&self) -> Desk {
        Desk {
            public_url: self.public_url.clone(),
            links: self.key.links(purpose::BOOKING_LINKS),
            sandbox: self.bank.sandbox,
        }
    }

    fn booking_url(&self) -> payments::BookingUrl {
        let (url, links) = (self.public_url.clone(), self.key.links(purpose::BOOKING_LINKS));
        Arc::new(move |reservation: ReservationId| {
            let tag = links.tag(&[&reservation.to_string()]);
            format!("{url}{}", link_path(reservation, &tag))
        })
    }
}

fn tokenise_url(wiring: &Wiring) -> String {
    if wiring.bank.sandbox || !wiring.publishable_key.is_empty() {
        format!("{}/v1/payment_methods", wiring.bank.base_url.trim_end_matches('/'))
    } else {
        String::new()
    }
}
