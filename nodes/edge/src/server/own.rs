//! What the server answers by itself: health, metrics, documents, and what problems mean.

use poem::endpoint::BoxEndpoint;
use poem::http::{StatusCode, header};
use poem::{EndpointExt, IntoResponse, Request, Response};
use serde_json::Value;

use super::{MaySeeMetrics, Ready, docs};
use crate::address::ClientAddress;
use crate::caller::Caller;
use crate::document::Documents;
use crate::error::ApiError;
use crate::meters::Meters;
use crate::problem::{Problem, ProblemKind, kinds};

type Own = (String, BoxEndpoint<'static>);

pub(crate) fn routes(
    documents: &Documents,
    problems: Vec<&'static ProblemKind>,
    ready: Ready,
    may_see_metrics: MaySeeMetrics,
    meters: Meters,
) -> Vec<Own> {
    let at = |path: &str, endpoint: BoxEndpoint<'static>| (path.to_owned(), endpoint);
    let mut routes = vec![
        at("/healthz", answering(|_| text("ok"))),
        at("/readyz", poem::endpoint::make(move |request| readiness(request, ready.clone())).boxed()),
        at(
            "/metrics",
            poem::endpoint::make(move |request| metrics(request, may_see_metrics.clone(), meters.clone()))
                .boxed(),
        ),
        at("/openapi.json", document(&documents.combined())),
        at("/problems/:slug", answering(move |request| meaning(&problems, request))),
    ];
    for service in documents.services() {
        routes.extend(documents.of(service).map(|json| (format!("/openapi/{service}.json"), document(json))));
    }
    routes.extend(docs::routes());
    routes
}

/// An endpoint for reading that needs nothing but the request.
pub(super) fn answering(
    answer: impl Fn(&Request) -> Response + Send + Sync + 'static,
) -> BoxEndpoint<'static> {
    poem::get(poem::endpoint::make_sync(move |request| answer(&request))).map_to_response().boxed()
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
    answering(move |_| {
        let response = Response::builder().content_type("application/json");
        // Documents hold no secrets: any page may read them, as API browsers of others do.
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
            Err(ApiError::from(Problem::new(&kinds::UNAVAILABLE).detail(why).retry_after(1)).into())
        }
        Err(_) => Err(ApiError::unavailable(1).into()),
    }
}

async fn metrics(request: Request, may_see: MaySeeMetrics, meters: Meters) -> poem::Result<Response> {
    if !ClientAddress::of(&request).local {
        let caller = Caller::of(&request)?;
        if caller.is_anonymous() {
            return Err(ApiError::unauthenticated().into());
        }
        if !may_see(caller).await {
            let problem = Problem::new(&kinds::INSUFFICIENT_SCOPE);
            return Err(ApiError::from(problem.detail("The scope cluster:read is needed.")).into());
        }
    }
    let response = Response::builder().content_type("text/plain; version=0.0.4; charset=utf-8");
    Ok(response.header(header::CACHE_CONTROL, "no-store").body(meters.render()))
}

fn meaning(problems: &[&'static ProblemKind], request: &Request) -> Response {
    let slug = request.raw_path_param("slug").unwrap_or_default();
    match problems.iter().find(|kind| kind.slug == slug) {
        Some(kind) => text(&format!("{}\n\n{} (HTTP status {})\n", kind.slug, kind.title, kind.status)),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
