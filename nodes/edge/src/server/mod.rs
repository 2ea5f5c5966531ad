//! The HTTP server: APIs and pages behind one middleware.

mod bind;
mod body;
mod builtin;
mod connections;
mod cors;
mod docs;
mod error_response;
mod head;
mod headers;
mod inputs;
mod middleware;
mod negotiation;
mod routes;
mod serve;
mod shutdown;
mod socket;

pub use bind::{BindError, BoundServer, Tls};
pub use connections::ConnectionLimits;
pub use headers::policy_with_form_actions;
pub use shutdown::ShutdownSignal;

use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use poem::endpoint::BoxEndpoint;
use poem::http::Method;
use poem::middleware::CookieJarManager;
use poem::{Endpoint, EndpointExt, IntoEndpoint, Response, Route};
use poem_openapi::OpenApi;

use crate::caller::Caller;
use crate::metrics::Metrics;
use crate::openapi::{OpenApiDocuments, Scopes};
use crate::problem::{Problem, ProblemType, problem_types};
use crate::rate_limit::RequestLimiter;

/// The settings of a server.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The public URL: `https://inn.example`. Links and documents contain it; the `Host` header is not used.
    pub public_url: String,
    /// Whether a proxy that terminates TLS is in front. Then `X-Forwarded-For` is trusted and plain HTTP is allowed.
    pub behind_proxy: bool,
    /// The certificate, if the server terminates TLS.
    pub tls: Option<Tls>,
    /// The OAuth scopes that the documents list.
    pub scopes: Scopes,
    /// Origins whose scripts may call the API: `https://app.example`.
    pub cors_origins: Vec<String>,
    /// An address of its own for `/metrics`, in plain HTTP and without a token.
    pub metrics_listen: Option<SocketAddr>,
    /// Limits of connections.
    pub connections: ConnectionLimits,
    /// The maximum number of headers of a request.
    pub headers_max: usize,
    /// The maximum size of all headers of a request, in bytes.
    pub header_bytes_max: usize,
    /// The maximum size of a request body, in bytes.
    pub body_bytes_max: usize,
    /// The time that an operation may take.
    pub deadline: Duration,
    /// Requests per second that a client address may send on average.
    pub requests_per_second: u32,
    /// Requests that a client address may send at once.
    pub requests_burst: u32,
    /// The maximum time that a shutdown waits for requests in progress.
    pub shutdown: Duration,
}

impl Settings {
    /// An operation is cancelled this much after its deadline, so that its own response takes precedence.
    const GRACE: Duration = Duration::from_secs(2);

    fn head_limits(&self) -> head::HeadLimits {
        head::HeadLimits { headers_max: self.headers_max, header_bytes_max: self.header_bytes_max }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            public_url: "http://127.0.0.1:8080".to_owned(),
            behind_proxy: false,
            tls: None,
            scopes: &[],
            cors_origins: Vec::new(),
            metrics_listen: None,
            connections: ConnectionLimits::default(),
            headers_max: 100,
            header_bytes_max: 32 << 10,
            body_bytes_max: 1 << 20,
            deadline: Duration::from_secs(10),
            requests_per_second: 50,
            requests_burst: 200,
            shutdown: Duration::from_secs(20),
        }
    }
}

/// Renders the HTML page for a problem and a request id.
type ErrorPage = Arc<dyn Fn(&Problem, &str) -> String + Send + Sync>;
type Ready = Arc<dyn Fn() -> BoxFuture<'static, Result<(), String>> + Send + Sync>;
type AuthorizeMetrics = Arc<dyn Fn(Caller) -> BoxFuture<'static, bool> + Send + Sync>;
type Operations = HashMap<String, HashMap<Method, BoxEndpoint<'static>>>;

/// Builds a server.
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
    apis: Operations,
    path_templates: BTreeMap<String, routes::PathTemplate>,
    inputs: HashMap<(String, Method), inputs::Inputs>,
    undocumented: Vec<(String, BoxEndpoint<'static>)>,
    documents: OpenApiDocuments,
    body_limits: BTreeMap<String, usize>,
    problems: Vec<&'static ProblemType>,
    pages: Option<BoxEndpoint<'static>>,
    error_page: Option<ErrorPage>,
    ready: Ready,
    authorize_metrics: AuthorizeMetrics,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server")
            .field("services", &self.documents.services().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

impl Server {
    /// A server with the built-in endpoints only.
    pub fn new(settings: Settings) -> Self {
        Self {
            documents: OpenApiDocuments::new(Some(&settings.public_url), settings.scopes),
            settings,
            apis: Operations::new(),
            path_templates: BTreeMap::new(),
            inputs: HashMap::new(),
            undocumented: Vec::new(),
            body_limits: BTreeMap::new(),
            problems: problem_types::ALL.to_vec(),
            pages: None,
            error_page: None,
            ready: Arc::new(|| Box::pin(async { Ok(()) })),
            authorize_metrics: Arc::new(|_| Box::pin(async { false })),
        }
    }

    /// Adds the API of a service, and its document at `/openapi/NAME.json`.
    ///
    /// # Panics
    /// When the API declares a path in two impls, since its document would lack operations.
    #[must_use]
    pub fn service<F: OpenApi + 'static>(mut self, name: &str, title: &str, api: F) -> Self {
        self.documents.add::<F>(name, title);
        self.path_templates.extend(routes::path_templates::<F>());
        self.inputs.extend(inputs::of_api::<F>());
        let mut routes = Operations::new();
        api.add_routes(&mut routes);
        for (path, methods) in routes {
            self.apis.entry(path).or_default().extend(methods);
        }
        self
    }

    /// Adds an endpoint that is in no document, at a path in Poem's syntax.
    #[must_use]
    pub fn route<E>(mut self, path: &str, endpoint: E) -> Self
    where
        E: IntoEndpoint,
        E::Endpoint: 'static,
    {
        self.undocumented.push((path.to_owned(), endpoint.map_to_response().boxed()));
        self
    }

    /// Sets the maximum size of request bodies at one path, in bytes, and multiplies the deadline by ten.
    #[must_use]
    pub fn body_limit(mut self, path: &str, bytes_max: usize) -> Self {
        self.body_limits.insert(path.to_owned(), bytes_max);
        self
    }

    /// Adds the problem types of a service, which are served at their `type` URIs.
    #[must_use]
    pub fn problems(mut self, kinds: &[&'static ProblemType]) -> Self {
        for kind in kinds {
            match self.problems.iter().find(|known| known.slug == kind.slug) {
                None => self.problems.push(kind),
                Some(known) if known == kind => {}
                Some(_) => tracing::warn!(
                    slug = kind.slug,
                    "two problem types have the same name; the first is served"
                ),
            }
        }
        self
    }

    /// Sets the endpoint for all paths without a route, except those of APIs.
    #[must_use]
    pub fn pages<E>(self, pages: E) -> Self
    where
        E: IntoEndpoint,
        E::Endpoint: 'static,
    {
        Self { pages: Some(pages.map_to_response().boxed()), ..self }
    }

    /// Sets the error page for browsers.
    #[must_use]
    pub fn error_page(self, page: impl Fn(&Problem, &str) -> String + Send + Sync + 'static) -> Self {
        Self { error_page: Some(Arc::new(page)), ..self }
    }

    /// Sets the readiness check of `/readyz`. Only clients on this machine get the reason of a failure.
    #[must_use]
    pub fn ready<R>(self, ready: impl Fn() -> R + Send + Sync + 'static) -> Self
    where
        R: Future<Output = Result<(), String>> + Send + 'static,
    {
        Self { ready: Arc::new(move || Box::pin(ready())), ..self }
    }

    /// Sets who may read the metrics from another machine: callers with the scope `cluster:read`.
    #[must_use]
    pub fn authorize_metrics<R>(self, may: impl Fn(Caller) -> R + Send + Sync + 'static) -> Self
    where
        R: Future<Output = bool> + Send + 'static,
    {
        Self { authorize_metrics: Arc::new(move |caller| Box::pin(may(caller))), ..self }
    }

    /// The documents of the services added so far.
    pub fn documents(&self) -> &OpenApiDocuments {
        &self.documents
    }

    /// The server as an endpoint, without a socket.
    ///
    /// # Panics
    /// When two routes have the same path.
    pub fn endpoint(self) -> impl Endpoint<Output = Response> + 'static {
        let requests =
            Arc::new(RequestLimiter::new(self.settings.requests_per_second, self.settings.requests_burst));
        self.endpoint_with(requests, Metrics::install(), ShutdownSignal::new().1)
    }

    fn endpoint_with(
        self,
        requests: Arc<RequestLimiter>,
        metrics: Metrics,
        shutdown: ShutdownSignal,
    ) -> impl Endpoint<Output = Response> + 'static {
        let mut route = Route::new();
        for (path, methods) in self.apis {
            let template = self.path_templates.get(&path).cloned();
            let documented = template.as_deref().unwrap_or(&path).to_owned();
            let operations = methods.into_iter().map(|(method, endpoint)| {
                let inputs = self.inputs.get(&(documented.clone(), method.clone())).cloned();
                routes::Operation { method, endpoint, inputs: inputs.unwrap_or_default() }
            });
            route = route.at(&path, routes::PathItem::new(&path, template, operations.collect()));
        }
        let builtin =
            builtin::routes(&self.documents, self.problems, self.ready, self.authorize_metrics, metrics);
        for (path, endpoint) in builtin.into_iter().chain(self.undocumented) {
            let undocumented = routes::UndocumentedRoute::new(&path, endpoint);
            route = route.at(path, undocumented);
        }
        let route = route.nest_no_strip("/", routes::Fallback(self.pages)).with(CookieJarManager::new());
        middleware::Middleware::new(
            route,
            self.settings,
            self.body_limits,
            self.error_page,
            requests,
            shutdown,
        )
    }
}
