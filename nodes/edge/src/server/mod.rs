//! The server: apis and pages behind one outermost layer.

mod bind;
mod body;
mod closing;
mod cors;
mod docs;
mod explain;
mod finish;
mod outer;
mod own;
mod table;

pub use bind::{Bound, Refused, Tls};
pub use closing::Closing;
pub use finish::policy_with_form_targets;

use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use poem::endpoint::BoxEndpoint;
use poem::http::Method;
use poem::middleware::CookieJarManager;
use poem::{Endpoint, EndpointExt, IntoEndpoint, Response, Route};
use poem_openapi::OpenApi;

use crate::caller::Caller;
use crate::document::Documents;
use crate::limits::Requests;
use crate::meters::Meters;
use crate::problem::{Problem, ProblemKind, kinds};

/// What can be set about a server.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where clients find it: `https://inn.example`. Links and documents are made from it, never from `Host`.
    pub public_url: String,
    /// Whether a proxy that ends TLS stands in front, so that `X-Forwarded-For` is believed and plain HTTP is fine.
    pub behind_proxy: bool,
    /// TLS of its own.
    pub tls: Option<Tls>,
    /// Origins whose scripts may call the API: `https://app.example`.
    pub cors_origins: Vec<String>,
    /// The largest request body, in bytes.
    pub body_bytes_max: usize,
    /// How long an operation may wait for its services.
    pub deadline: Duration,
    /// Requests a second that one address may make in the long run.
    pub requests_per_second: u32,
    /// Requests that one address may make at once.
    pub requests_burst: u32,
    /// How long a shutdown waits for what was accepted.
    pub shutdown: Duration,
}

impl Settings {
    /// Beyond the deadline the operation is given up: this much later, so that its own answer comes first.
    const GRACE: Duration = Duration::from_secs(2);
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            public_url: "http://127.0.0.1:8080".to_owned(),
            behind_proxy: false,
            tls: None,
            cors_origins: Vec::new(),
            body_bytes_max: 1 << 20,
            deadline: Duration::from_secs(10),
            requests_per_second: 50,
            requests_burst: 200,
            shutdown: Duration::from_secs(20),
        }
    }
}

/// A failed request as a page: the problem and the request's id make HTML.
type ErrorPage = Arc<dyn Fn(&Problem, &str) -> String + Send + Sync>;
type Ready = Arc<dyn Fn() -> BoxFuture<'static, Result<(), String>> + Send + Sync>;
type MaySeeMetrics = Arc<dyn Fn(Caller) -> BoxFuture<'static, bool> + Send + Sync>;
type APIs = HashMap<String, HashMap<Method, BoxEndpoint<'static>>>;

/// Puts a server together.
///
/// ```ignore
/// let server = edge::Server::new(settings)
///     .service("search", "Search", search::rest::Api::new(client.clone()))
///     .service("payments", "Payments", payments::rest::Api::new(client))
///     .route("/v1/cluster/events", events)
///     .pages(ui::pages(…))
///     .ready(move || Box::pin(ready(…)))
///     .bind("127.0.0.1:8080").await?;
/// server.run(shutdown).await?;
/// ```
pub struct Server {
    settings: Settings,
    apis: APIs,
    names: BTreeMap<String, table::Names>,
    raw: Vec<(String, BoxEndpoint<'static>)>,
    documents: Documents,
    larger: BTreeMap<String, usize>,
    problems: Vec<&'static ProblemKind>,
    pages: Option<BoxEndpoint<'static>>,
    error_page: Option<ErrorPage>,
    ready: Ready,
    may_see_metrics: MaySeeMetrics,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server")
            .field("services", &self.documents.services().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

impl Server {
    /// A server without services: it answers health, metrics and documents.
    pub fn new(settings: Settings) -> Self {
        Self {
            documents: Documents::new(Some(&settings.public_url)),
            settings,
            apis: APIs::new(),
            names: BTreeMap::new(),
            raw: Vec::new(),
            larger: BTreeMap::new(),
            problems: kinds::ALL.to_vec(),
            pages: None,
            error_page: None,
            ready: Arc::new(|| Box::pin(async { Ok(()) })),
            may_see_metrics: Arc::new(|_| Box::pin(async { false })),
        }
    }

    /// Adds a service's API, and its document under `/openapi/NAME.json`.
    ///
    /// # Panics
    /// When the API declares one path in two impls: its document would lose operations.
    #[must_use]
    pub fn service<F: OpenApi + 'static>(mut self, name: &str, title: &str, api: F) -> Self {
        self.documents.add::<F>(name, title);
        self.names.extend(table::names::<F>());
        let mut routes = APIs::new();
        api.add_routes(&mut routes);
        for (path, methods) in routes {
            self.apis.entry(path).or_default().extend(methods);
        }
        self
    }

    /// Adds an endpoint that is in no document, at a Poem path.
    #[must_use]
    pub fn route<E>(mut self, path: &str, endpoint: E) -> Self
    where
        E: IntoEndpoint,
        E::Endpoint: 'static,
    {
        self.raw.push((path.to_owned(), endpoint.map_to_response().boxed()));
        self
    }

    /// Allows larger bodies, in bytes, at one exact path, and ten times the deadline.
    #[must_use]
    pub fn larger_body(mut self, path: &str, bytes_max: usize) -> Self {
        self.larger.insert(path.to_owned(), bytes_max);
        self
    }

    /// Tells the problem types of a service, for the pages behind their `type`.
    #[must_use]
    pub fn problems(mut self, kinds: &[&'static ProblemKind]) -> Self {
        for kind in kinds {
            match self.problems.iter().find(|known| known.slug == kind.slug) {
                None => self.problems.push(kind),
                Some(known) if known == kind => {}
                Some(_) => tracing::warn!(
                    slug = kind.slug,
                    "two problem types have one name; the first is explained"
                ),
            }
        }
        self
    }

    /// What answers every path that is nobody else's, outside of `/v1` and `/oauth`.
    #[must_use]
    pub fn pages<E>(self, pages: E) -> Self
    where
        E: IntoEndpoint,
        E::Endpoint: 'static,
    {
        Self { pages: Some(pages.map_to_response().boxed()), ..self }
    }

    /// How browsers are told of a failure.
    #[must_use]
    pub fn error_page(self, page: impl Fn(&Problem, &str) -> String + Send + Sync + 'static) -> Self {
        Self { error_page: Some(Arc::new(page)), ..self }
    }

    /// Whether every local group has a leader that it can reach; else why not (told on this machine only).
    #[must_use]
    pub fn ready<R>(self, ready: impl Fn() -> R + Send + Sync + 'static) -> Self
    where
        R: Future<Output = Result<(), String>> + Send + 'static,
    {
        Self { ready: Arc::new(move || Box::pin(ready())), ..self }
    }

    /// Whether a caller from elsewhere may see the metrics: has a valid token with `cluster:read`.
    #[must_use]
    pub fn may_see_metrics<R>(self, may: impl Fn(Caller) -> R + Send + Sync + 'static) -> Self
    where
        R: Future<Output = bool> + Send + 'static,
    {
        Self { may_see_metrics: Arc::new(move |caller| Box::pin(may(caller))), ..self }
    }

    /// The documents of the services so far.
    pub fn documents(&self) -> &Documents {
        &self.documents
    }

    /// The whole server as an endpoint: for tests, and for [`Server::bind`].
    ///
    /// # Panics
    /// When two routes are at one path.
    pub fn endpoint(self) -> impl Endpoint<Output = Response> + 'static {
        let requests =
            Arc::new(Requests::new(self.settings.requests_per_second, self.settings.requests_burst));
        self.endpoint_with(requests, Meters::install(), Closing::new().1)
    }

    fn endpoint_with(
        self,
        requests: Arc<Requests>,
        meters: Meters,
        closing: Closing,
    ) -> impl Endpoint<Output = Response> + 'static {
        let mut route = Route::new();
        for (path, methods) in self.apis {
            let names = self.names.get(&path).cloned();
            route = route.at(&path, table::Methods::of_face(&path, names, methods));
        }
        let own = own::routes(&self.documents, self.problems, self.ready, self.may_see_metrics, meters);
        for (path, endpoint) in own.into_iter().chain(self.raw) {
            let labelled = table::Labelled::new(&path, endpoint);
            route = route.at(path, labelled);
        }
        let route = route.nest_no_strip("/", table::Pages(self.pages)).with(CookieJarManager::new());
        outer::Outer::new(route, self.settings, self.larger, self.error_page, requests, closing)
    }
}
