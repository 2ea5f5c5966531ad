//! The server's own endpoints: health, readiness, metrics, OpenAPI documents and problem types.

use poem::endpoint::BoxEndpoint;
use poem::http::{StatusCode, header};
use poem::{EndpointExt, IntoResponse, Request, Response};
use serde_json::Value;

use super::{AuthorizeMetrics, Ready, docs};
use crate::caller::Caller;
use crate::client_address::ClientAddress;
use crate::error::ApiError;
use crate::metrics::Metrics;
use crate::openapi::OpenApiDocuments;
use crate::problem::{Problem, ProblemType, problem_types};

type BuiltinRoute = (String, BoxEndpoint<'static>);

pub(crate) fn routes(
    documents: &OpenApiDocuments,
    problems: Vec<&'static ProblemType>,
    ready: Ready,
    authorize_metrics: AuthorizeMetrics,
    metrics: Metrics,
) -> Vec<BuiltinRoute> {
    let at = |path: &str, endpoint: BoxEndpoint<'static>| (path.to_owned(), endpoint);
    let mut routes = vec![
        at("/healthz", read_only(|_| text("ok"))),
        at("/readyz", poem::endpoint::make(move |request| readiness(request, ready.clone())).boxed()),
        at(
            "/metrics",
            poem::endpoint::make(move |request| {
                render_metrics(request, authorize_metrics.clone(), metrics.clone())
            })
            .boxed(),
        ),
        at("/openapi.json", document(&documents.combined())),
        at("/problems/:slug", read_only(move |request| problem_type(&problems, request))),
    ];
    for service in documents.services() {
        routes.extend(documents.of(service).map(|json| (format!("/openapi/{service}.json"), document(json))));
    }
    routes.extend(docs::routes());
    routes
}

/// An endpoint for GET and HEAD.
pub(super) fn read_only(
    respond: impl Fn(&Request) -> Response + Send + Sync + 'static,
) -> BoxEndpoint<'static> {
    poem::get(poem::endpoint::make_sync(move |request| respond(&request))).map_to_response().boxed()
}

fn text(text: &str) -> Response {
    Response::builder()
        .content_type("text/plain; charset=utf-8")
        .header(header::CACHE_CONTROL, "no-store")
        .body(text.to_owned())
}

fn document(json: &Value) -> BoxEndpoint<'static> {
    let bytes = serde_json::to_vec(json).expect("documents serialise");
    let etag = crate::ETag::of_bytes(&bytes);
    read_only(move |_| {
        let response = Response::builder().content_type("application/json");
        // Documents contain no secrets: API browsers on other sites may read them.
        response
            .header(header::ETAG, etag.as_str())
            .header(header::CACHE_CONTROL, "public, no-cache")
            .body(bytes.clone())
    })
}

async fn readiness(request: Request, ready: Ready) -> poem::Result<Response> {
    match ready().await {
        Ok(()) => Ok(text("ready")),
        Err(why) if ClientAddress::of(&request).local => {
            Err(ApiError::from(Problem::new(&problem_types::UNAVAILABLE).detail(why).retry_after(1)).into())
        }
        Err(_) => Err(ApiError::unavailable(1).into()),
    }
}

/// The endpoint of an address for metrics only.
pub(super) fn metrics_only(metrics: Metrics) -> BoxEndpoint<'static, Response> {
    let respond = move |request: Request| match request.uri().path() {
        "/metrics" => metrics_text(&metrics),
        _ => ApiError::not_found("This address serves /metrics only.").into_response(),
    };
    poem::get(poem::endpoint::make_sync(respond)).map_to_response().boxed()
}

async fn render_metrics(
    request: Request,
    authorize: AuthorizeMetrics,
    metrics: Metrics,
) -> poem::Result<Response> {
    if !ClientAddress::of(&request).local {
        let caller = Caller::of(&request)?;
        if caller.is_anonymous() {
            return Err(ApiError::unauthenticated().into());
        }
        if !authorize(caller).await {
            let problem = Problem::new(&problem_types::INSUFFICIENT_SCOPE);
            return Err(
                ApiError::from(problem.detail("One of these scopes is required: cluster:read.")).into()
            );
        }
    }
    Ok(metrics_text(&metrics))
}

fn metrics_text(metrics: &Metrics) -> Response {
    let response = Response::builder().content_type("text/plain; version=0.0.4; charset=utf-8");
    response.header(header::CACHE_CONTROL, "no-store").body(metrics.render())
}

fn problem_type(problems: &[&'static ProblemType], request: &Request) -> Response {
    let slug = request.raw_path_param("slug").unwrap_or_default();
    match problems.iter().find(|kind| kind.slug == slug) {
        Some(kind) => text(&format!("{}\n\n{} (HTTP status {})\n", kind.slug, kind.title, kind.status)),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
