//! Where state machines are handed to nodes, and apis to the edge: one line a service.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Context;
use contracts::ReservationId;
use contracts::reservations::link_path;
use edge::limits::SignIns;
use group::{Client, Credentials, Effects, NoEffects, Service};
use mail::{Address, Mailer};
use protocol::Contract;
use replica::Node;
use reservations::Desk;
use token::ClusterKey;

use crate::papers::Papers;
use crate::settings::Settings;

/// All services.
pub const NAMES: [&str; 7] = ["auth", "payments", "pdf", "reservations", "search", "ui", "users"];

/// What the services are made of.
pub struct Wiring {
    /// What their apis are made of.
    pub front: Front,
    /// The way out for mail.
    pub mailer: Mailer,
    /// Who writes.
    pub from: Address,
    /// The settings.
    pub settings: Settings,
}

/// What apis and pages are made of.
pub struct Front {
    /// Where all keys come from.
    pub key: ClusterKey,
    /// Where the bank is.
    pub bank: payments::BankSettings,
    /// What the bank signs with.
    pub webhook_secret: Option<payments::WebhookSecret>,
    /// The bank's key for pages.
    pub publishable_key: String,
    /// What links begin with.
    pub public_url: String,
    /// Failed sign-ins, counted over all who check passwords.
    pub sign_ins: Arc<SignIns>,
}

/// How many shards a new store gets for each service.
pub fn shards(settings: &Settings) -> BTreeMap<String, u16> {
    let count = |name: &str| settings.services.get(name).map_or(1, |service| service.shards);
    NAMES.iter().map(|name| ((*name).to_owned(), count(name))).collect()
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

/// Where services go: a machine that opens all of them at once, or a node that opens what the directory tells it to.
pub trait Roster: Send {
    /// Takes a service: how its state machine is made, and who does its effects.
    fn take<S: Service, E: Effects<S> + Clone>(
        &mut self,
        make: impl Fn() -> S + Clone + Send + Sync + 'static,
        effects: E,
    ) -> impl Future<Output = anyhow::Result<()>> + Send;
}

/// Enters every service.
///
/// # Errors
/// When one cannot be made (a template of a mail does not compile), or the roster does not take it.
pub async fn enter(wiring: &Wiring, roster: &mut impl Roster) -> anyhow::Result<()> {
    let Wiring { front, mailer, from, settings } = wiring;
    let (key, issuer) = (front.key.clone(), front.public_url.clone());
    let booking_links = front.key.links(purpose::BOOKING_LINKS);
    let account_links = front.key.links(purpose::ACCOUNT_LINKS);
    let key_maker = Arc::new(auth::KeyMaker::new(front.key.clone()));
    let courier = Arc::new(reservations::Courier::new(front.desk(), from.clone(), mailer.clone()));
    let mail_room = Arc::new(users::MailRoom::new(
        mailer.clone(),
        account_links.clone(),
        from.clone(),
        settings.brand.name.clone(),
        front.public_url.clone(),
    )?);
    let bank = payments::Bank::new(front.bank.clone()).map_err(anyhow::Error::msg).context("the bank")?;
    let receipts = payments::Mails::new(mailer.clone(), from.clone(), front.booking_url());
    let cashier = Arc::new(payments::PaymentEffects::new(bank, receipts));

    roster.take(move || auth::Auth::new(key.clone(), issuer.clone()), key_maker).await?;
    roster.take(|| pdf::Pdf, NoEffects).await?;
    roster.take(search::Search::new, NoEffects).await?;
    roster.take(ui::Ui::default, NoEffects).await?;
    roster.take(move || users::Users::new(account_links.clone()), mail_room).await?;
    roster.take(move || reservations::Reservations::new(booking_links.clone()), courier).await?;
    roster.take(|| payments::Payments, cashier).await?;
    Ok(())
}

/// One machine: every group is opened at once, as its own only voter.
pub struct Alone<'a> {
    /// Where.
    pub node: &'a Arc<Node>,
    /// Shards of each service.
    pub shards: &'a BTreeMap<String, u16>,
    /// Which services now: the others wait for `auth`, which they need to be called.
    pub wanted: fn(&str) -> bool,
}

impl Roster for Alone<'_> {
    async fn take<S: Service, E: Effects<S> + Clone>(
        &mut self,
        make: impl Fn() -> S + Clone + Send + Sync + 'static,
        effects: E,
    ) -> anyhow::Result<()> {
        let service = <S::Contract as Contract>::SERVICE;
        if !(self.wanted)(service) {
            return Ok(());
        }
        let shards = self.shards[service];
        for shard in 0..shards {
            self.node.host(shard, shards, make.clone(), effects.clone()).await.context(service)?;
        }
        Ok(())
    }
}

/// Mounts every API, and the pages.
///
/// # Errors
/// When a page's template does not compile.
pub fn mount(
    server: edge::Server,
    client: &Client,
    credentials: &Arc<dyn Credentials>,
    front: &Front,
) -> anyhow::Result<edge::Server> {
    edge::key_cursors(front.key.derive_bytes(purpose::CURSORS).as_slice());
    let site = ui::Site::new(ui::Deps {
        client: client.clone(),
        credentials: Arc::clone(credentials),
        sessions: front.key.seal(purpose::SESSIONS),
        offers: front.key.seal(purpose::OFFERS),
        links: front.key.links(purpose::BOOKING_LINKS),
        forms: front.key.links(purpose::FORMS),
        public_url: front.public_url.clone(),
        bank: ui::Bank {
            test: front.no_money_moves(),
            tokenise_url: tokenise_url(front),
            publishable_key: front.publishable_key.clone(),
        },
        documents: Arc::new(Papers {
            client: client.clone(),
            credentials: Arc::clone(credentials),
            desk: front.desk(),
        }),
        sign_ins: Arc::clone(&front.sign_ins),
    })?;
    let site = Arc::new(site);
    let pages = ui::routes(Arc::clone(&site));
    Ok(apis(server, client, credentials, front)
        .pages(pages)
        .error_page(move |problem, request_id| ui::error_page(&site, problem, request_id)))
}

/// Mounts the apis alone: what the OpenAPI documents describe.
pub fn apis(
    server: edge::Server,
    client: &Client,
    credentials: &Arc<dyn Credentials>,
    front: &Front,
) -> edge::Server {
    let client = || client.clone();
    let credentials = || Arc::clone(credentials);
    let bills = payments::rest::ApiSettings {
        credentials: credentials(),
        webhook_secret: front.webhook_secret.clone(),
        public_url: front.public_url.clone(),
        booking_url: front.booking_url(),
    };
    let sign_ins = Arc::clone(&front.sign_ins);
    let offers = front.key.seal(purpose::OFFERS);
    server
        .service(
            "auth",
            "Auberge auth",
            auth::api(client(), credentials(), &front.key, &front.public_url, sign_ins),
        )
        .service("users", "Auberge users", users::Api::new(client(), credentials()))
        .service("search", "Auberge search", search::rest::api(client()))
        .service(
            "reservations",
            "Auberge reservations",
            reservations::api(client(), credentials(), offers, front.desk()),
        )
        .service("payments", "Auberge payments", payments::rest::api(client(), bills))
        .service("pdf", "Auberge documents", pdf::api(client()))
        .problems(users::PROBLEMS)
        .problems(payments::rest::ALL)
        .problems(pdf::PROBLEMS)
        .problems(reservations::rest::PROBLEMS)
        .problems(search::rest::ALL)
        .problems(reservations::rest::PROBLEMS)
        .problems(payments::rest::ALL)
        .problems(pdf::PROBLEMS)
        .problems(reservations::rest::PROBLEMS)
}

impl Front {
    /// Enough to describe the apis by: nothing of it opens anything.
    pub fn for_documents() -> Self {
        Self {
            key: ClusterKey::random(),
            bank: payments::BankSettings {
                base_url: String::new(),
                secret_key: String::new(),
                sandbox: true,
                timeout: None,
            },
            webhook_secret: None,
            publishable_key: String::new(),
            public_url: "http://127.0.0.1:8080".to_owned(),
            sign_ins: Arc::default(),
        }
    }

    /// Where guests find their bookings.
    pub fn desk(&self) -> Desk {
        Desk {
            public_url: self.public_url.clone(),
            links: self.key.links(purpose::BOOKING_LINKS),
            sandbox: self.no_money_moves(),
        }
    }

    /// The sandbox, or a bank's test mode: everything that guests see says TEST.
    fn no_money_moves(&self) -> bool {
        self.bank.mode() != contracts::payments::BankMode::Live
    }

    fn booking_url(&self) -> payments::BookingUrl {
        let (url, links) = (self.public_url.clone(), self.key.links(purpose::BOOKING_LINKS));
        Arc::new(move |reservation: ReservationId| {
            let tag = links.tag(&[&reservation.to_string()]);
            format!("{url}{}", link_path(reservation, &tag))
        })
    }
}

fn tokenise_url(front: &Front) -> String {
    if front.bank.sandbox || !front.publishable_key.is_empty() {
        format!("{}/v1/payment_methods", front.bank.base_url.trim_end_matches('/'))
    } else {
        String::new()
    }
}

/// Something that looks at a service's state, whatever the service.
pub trait Inspect {
    /// What it finds.
    type Found;
    /// Looks.
    fn inspect<S: group::Service>(&mut self, service: S, state: Arc<dyn store::State>) -> Self::Found;
}

/// Has `by` look at the state of the service of this name. Keys are made up: invariants open no secrets.
pub fn inspect<I: Inspect>(service: &str, state: Arc<dyn store::State>, by: &mut I) -> Option<I::Found> {
    let key = ClusterKey::random();
    Some(match service {
        "auth" => by.inspect(auth::Auth::new(key, ""), state),
        "payments" => by.inspect(payments::Payments, state),
        "pdf" => by.inspect(pdf::Pdf, state),
        "reservations" => {
            by.inspect(reservations::Reservations::new(key.links(purpose::BOOKING_LINKS)), state)
        }
        "search" => by.inspect(search::Search::new(), state),
        "ui" => by.inspect(ui::Ui, state),
        "users" => by.inspect(users::Users::new(key.links(purpose::ACCOUNT_LINKS)), state),
        _ => return None,
    })
}
