//! The services: where state machines are registered with nodes, and APIs with the edge. One line a service.

mod documents;

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Context;
use edge::Cursors;
use group::{Client, Credentials, Effects, NoEffects, Service};
use mail::{Address, Mailer};
use protocol::Contract;
use replica::Node;
use reservations::BookingLinks;
use rest::attempts::AttemptLimits;
use token::ClusterKey;

use documents::ReservationDocuments;

/// The names of all services.
pub const NAMES: [&str; 7] = ["auth", "payments", "pdf", "reservations", "search", "ui", "users"];

/// What the services need.
pub struct ServiceDependencies {
    pub apis: ApiDependencies,
    pub mailer: Mailer,
    /// The sender of all mails.
    pub from: Address,
    /// The name of the hotel group in mails.
    pub brand_name: String,
}

/// What the APIs and pages need.
pub struct ApiDependencies {
    /// The cluster key, from which all other keys are derived.
    pub key: ClusterKey,
    pub bank: payments::BankSettings,
    /// Verifies the signatures of the bank's webhooks.
    pub webhook_secret: Option<payments::WebhookSecret>,
    /// The bank's key for pages.
    pub publishable_key: String,
    /// The script with the bank's card field, for pages; empty for the sandbox bank.
    pub bank_script_url: String,
    /// The prefix of links, without a slash at its end.
    pub public_url: String,
    /// The most cards that a guest tries in an hour.
    pub card_attempts_max: u32,
    /// The same of all guests of an address.
    pub address_card_attempts_max: u32,
}

/// The purposes of derived keys. Changing one invalidates what was made with it.
mod purpose {
    pub const OFFERS: &str = "offers";
    pub const BOOKING_LINKS: &str = "booking-link";
    pub const ACCOUNT_LINKS: &str = "account-link";
    pub const SESSIONS: &str = "ui-session";
    pub const FORMS: &str = "ui-forms";
    pub const ADDRESSES: &str = "client-address";
    pub const CARD_ATTEMPTS: &str = "card-attempts";
    pub const CURSORS: &str = "cursors";
    pub const ATTEMPTS: &str = "attempts";
}

/// Where services are registered: a single node, which opens all groups at once, or a cluster's node, which opens the
/// groups that the directory places on it.
pub trait ServiceRegistry: Send {
    /// Registers a service: how its state machine is made, and what performs its effects.
    fn register<S: Service, E: Effects<S> + Clone>(
        &mut self,
        make: impl Fn() -> S + Clone + Send + Sync + 'static,
        effects: E,
    ) -> impl Future<Output = anyhow::Result<()>> + Send;
}

/// Registers every service.
///
/// # Errors
/// When a service cannot be made (for example, a mail's template does not compile), or the registry refuses it.
pub async fn register_all(
    dependencies: &ServiceDependencies,
    registry: &mut impl ServiceRegistry,
) -> anyhow::Result<()> {
    let ServiceDependencies { apis, mailer, from, brand_name } = dependencies;
    let (key, issuer) = (apis.key.clone(), apis.public_url.clone());
    let booking_links = apis.key.links(purpose::BOOKING_LINKS);
    let account_links = apis.key.links(purpose::ACCOUNT_LINKS);
    let auth_effects = Arc::new(auth::AuthEffects::new(apis.key.clone()));
    let reservation_effects =
        Arc::new(reservations::ReservationEffects::new(apis.booking_links(), from.clone(), mailer.clone()));
    let user_effects = Arc::new(users::UserEffects::new(
        mailer.clone(),
        account_links.clone(),
        from.clone(),
        brand_name.clone(),
        apis.public_url.clone(),
    )?);
    let bank = payments::Bank::new(apis.bank.clone()).map_err(anyhow::Error::msg).context("the bank")?;
    let receipts = payments::Mails::new(mailer.clone(), from.clone(), apis.booking_url());
    let payment_effects = Arc::new(payments::PaymentEffects::new(bank, receipts));

    registry.register(move || auth::Auth::new(key.clone(), issuer.clone()), auth_effects).await?;
    registry.register(|| pdf::Pdf, NoEffects).await?;
    registry.register(search::Search::new, NoEffects).await?;
    registry.register(ui::Ui::default, NoEffects).await?;
    registry.register(move || users::Users::new(account_links.clone()), user_effects).await?;
    registry
        .register(move || reservations::Reservations::new(booking_links.clone()), reservation_effects)
        .await?;
    registry.register(|| payments::Payments, payment_effects).await?;
    Ok(())
}

/// A single node: opens every group at once, as its only voter.
pub struct SingleNode<'a> {
    pub node: &'a Arc<Node>,
    /// Shards of each service.
    pub shards: &'a BTreeMap<String, u16>,
    /// Selects the services to open. `auth` is opened first: calls to the others need its signing keys.
    pub includes: fn(&str) -> bool,
}

impl ServiceRegistry for SingleNode<'_> {
    async fn register<S: Service, E: Effects<S> + Clone>(
        &mut self,
        make: impl Fn() -> S + Clone + Send + Sync + 'static,
        effects: E,
    ) -> anyhow::Result<()> {
        let service = <S::Contract as Contract>::SERVICE;
        if !(self.includes)(service) {
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
    apis: &ApiDependencies,
) -> anyhow::Result<edge::Server> {
    let site = ui::Site::new(ui::Dependencies {
        client: client.clone(),
        credentials: Arc::clone(credentials),
        sessions: apis.key.seal(purpose::SESSIONS),
        offers: apis.key.seal(purpose::OFFERS),
        links: apis.key.links(purpose::BOOKING_LINKS),
        forms: apis.key.links(purpose::FORMS),
        addresses: apis.key.links(purpose::ADDRESSES),
        public_url: apis.public_url.clone(),
        bank: ui::Bank {
            test: apis.is_test_mode(),
            tokenise_url: if apis.bank.sandbox {
                format!("{}/v1/payment_methods", bank_url(apis))
            } else {
                String::new()
            },
            script_url: apis.bank_script_url.clone(),
            api_url: if apis.bank.sandbox { String::new() } else { bank_url(apis).to_owned() },
            publishable_key: apis.publishable_key.clone(),
        },
        documents: Arc::new(ReservationDocuments {
            client: client.clone(),
            credentials: Arc::clone(credentials),
            booking_links: apis.booking_links(),
        }),
        attempts: attempts(client, credentials, &apis.key),
        card_limits: apis.card_limits(),
    })?;
    let site = Arc::new(site);
    let pages = ui::routes(Arc::clone(&site));
    Ok(mount_apis(server, client, credentials, apis)
        .pages(pages)
        .error_page(move |problem, request_id| ui::error_page(&site, problem, request_id)))
}

/// Mounts the APIs without the pages: what the OpenAPI documents describe.
pub fn mount_apis(
    server: edge::Server,
    client: &Client,
    credentials: &Arc<dyn Credentials>,
    apis: &ApiDependencies,
) -> edge::Server {
    let limits = attempts(client, credentials, &apis.key);
    let client = || client.clone();
    let credentials = || Arc::clone(credentials);
    let cursors = || cursors(&apis.key);
    let bills = payments::rest::ApiSettings {
        credentials: credentials(),
        webhook_secret: apis.webhook_secret.clone(),
        public_url: apis.public_url.clone(),
        booking_url: apis.booking_url(),
        cursors: cursors(),
        card_limits: apis.card_limits(),
    };
    let offers = apis.key.seal(purpose::OFFERS);
    let addresses = apis.key.links(purpose::ADDRESSES);
    server
        .service(
            "auth",
            "Auberge auth",
            auth::api(client(), credentials(), &apis.key, &apis.public_url, limits.clone(), cursors()),
        )
        .service("users", "Auberge users", users::Api::new(client(), credentials(), cursors(), limits))
        .service("search", "Auberge search", search::rest::api(client(), cursors()))
        .service(
            "reservations",
            "Auberge reservations",
            reservations::api(client(), credentials(), offers, apis.booking_links(), addresses, cursors()),
        )
        .service("payments", "Auberge payments", payments::rest::api(client(), bills))
        .service("pdf", "Auberge documents", pdf::api(client(), cursors()))
        .problems(auth::rest::PROBLEMS)
        .problems(users::PROBLEMS)
        .problems(payments::rest::ALL)
        .problems(pdf::PROBLEMS)
        .problems(reservations::rest::PROBLEMS)
        .problems(search::rest::ALL)
}

/// The limits of attempts, counted over all edges of the cluster.
fn attempts(client: &Client, credentials: &Arc<dyn Credentials>, key: &ClusterKey) -> AttemptLimits {
    AttemptLimits::replicated(client.clone(), Arc::clone(credentials), key.links(purpose::ATTEMPTS))
}

/// Cursors of lists, under the key that all edges of the cluster derive.
pub fn cursors(key: &ClusterKey) -> Cursors {
    Cursors::new(key.seal(purpose::CURSORS))
}

impl ApiDependencies {
    /// Placeholders that suffice to describe the APIs.
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
            bank_script_url: String::new(),
            public_url: "http://127.0.0.1:8080".to_owned(),
            card_attempts_max: 20,
            address_card_attempts_max: 60,
        }
    }

    /// The links under which guests find their bookings.
    pub fn booking_links(&self) -> BookingLinks {
        BookingLinks {
            public_url: self.public_url.clone(),
            key: self.key.links(purpose::BOOKING_LINKS),
            sandbox: self.is_test_mode(),
        }
    }

    /// The sandbox, or a bank's test mode: pages, mails and PDFs are then marked TEST.
    fn is_test_mode(&self) -> bool {
        self.bank.mode() != contracts::payments::BankMode::Live
    }

    fn card_limits(&self) -> edge::rate_limit::CardLimits {
        edge::rate_limit::CardLimits {
            addresses: self.key.links(purpose::CARD_ATTEMPTS),
            visitor_max: self.card_attempts_max,
            address_max: self.address_card_attempts_max,
        }
    }

    fn booking_url(&self) -> payments::BookingUrl {
        let links = self.booking_links();
        Arc::new(move |reservation, link| match link {
            Some(link) => links.secret_link(link),
            None => links.plain_link(reservation),
        })
    }
}

fn bank_url(apis: &ApiDependencies) -> &str {
    apis.bank.base_url.trim_end_matches('/')
}

/// An operation on the state of any service.
pub trait ServiceVisitor {
    type Output;
    fn visit<S: group::Service>(&mut self, service: S, state: Arc<dyn store::State>) -> Self::Output;
}

/// Calls `visitor` with the service of this name, or returns `None` if there is no such service. The service has a random
/// key: checking invariants decrypts no secrets.
pub fn visit<V: ServiceVisitor>(
    service: &str,
    state: Arc<dyn store::State>,
    visitor: &mut V,
) -> Option<V::Output> {
    let key = ClusterKey::random();
    Some(match service {
        "auth" => visitor.visit(auth::Auth::new(key, ""), state),
        "payments" => visitor.visit(payments::Payments, state),
        "pdf" => visitor.visit(pdf::Pdf, state),
        "reservations" => {
            visitor.visit(reservations::Reservations::new(key.links(purpose::BOOKING_LINKS)), state)
        }
        "search" => visitor.visit(search::Search::new(), state),
        "ui" => visitor.visit(ui::Ui, state),
        "users" => visitor.visit(users::Users::new(key.links(purpose::ACCOUNT_LINKS)), state),
        _ => return None,
    })
}
