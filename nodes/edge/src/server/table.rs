//! The table of routes: which methods a path knows, and what it is called in metrics.

use std::collections::HashMap;
use std::sync::Arc;

use poem::endpoint::BoxEndpoint;
use poem::error::NotFoundError;
use poem::http::{HeaderValue, Method, StatusCode, header};
use poem::{Endpoint, IntoResponse, Request, Response};
use poem_openapi::__private::UrlQuery;
use poem_openapi::OpenApi;

use super::explain;
use crate::error::ApiError;
use crate::problem::kinds;

/// A path of a API as documents write it: `/v1/hotels/{hotel_id}`.
pub(crate) type Names = Arc<str>;

/// The template of the route that answered, for logs and metrics.
#[derive(Debug, Clone)]
pub(crate) struct Label(pub Arc<str>);

/// How documents write the paths that routes know as `/v1/hotels/:param0`.
pub(crate) fn names<F: OpenApi>() -> impl Iterator<Item = (String, Names)> {
    F::meta().into_iter().flat_map(|api| api.paths).map(|path| {
        let mut count = 0;
        let segments = path.path.split('/').map(|segment| {
            if !segment.starts_with('{') {
                return segment.to_owned();
            }
            count += 1;
            format!(":param{}", count - 1)
        });
        (segments.collect::<Vec<_>>().join("/"), path.path.as_str().into())
    })
}

/// The operations of one path.
pub(crate) struct Methods {
    label: Label,
    allow: HeaderValue,
    operations: Vec<(Method, BoxEndpoint<'static>)>,
}

impl Methods {
    pub(crate) fn of_face(
        path: &str,
        names: Option<Names>,
        methods: HashMap<Method, BoxEndpoint<'static>>,
    ) -> Self {
        let mut operations: Vec<_> = methods.into_iter().collect();
        operations.sort_by(|a, b| a.0.as_str().cmp(b.0.as_str()));
        let mut allowed: Vec<&str> = operations.iter().map(|(method, _)| method.as_str()).collect();
        if allowed.contains(&"GET") {
            allowed.push("HEAD");
        }
        allowed.push("OPTIONS");
        let allow = HeaderValue::from_str(&allowed.join(", ")).expect("methods are tokens");
        Self { label: Label(names.unwrap_or_else(|| path.into())), allow, operations }
    }

    async fn answer(&self, mut request: Request) -> Response {
        if request.method() == Method::HEAD {
            // The outermost layer takes the body away again.
            request.set_method(Method::GET);
        }
        let operation = self.operations.iter().find(|(method, _)| method == request.method());
        let Some((_, operation)) = operation else {
            let mut response = match *request.method() {
                Method::OPTIONS => StatusCode::NO_CONTENT.into_response(),
                _ => ApiError::new(&kinds::METHOD_NOT_ALLOWED).into_response(),
            };
            response.headers_mut().insert(header::ALLOW, self.allow.clone());
            return response;
        };
        let query: Vec<(String, String)> = request.params().unwrap_or_default();
        request.extensions_mut().insert(UrlQuery(query));
        let sent = request.uri().clone();
        match operation.call(request).await {
            Ok(response) => response,
            Err(error) => explain::error(error, &sent, &self.label.0),
        }
    }
}

impl Endpoint for Methods {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        let mut response = self.answer(request).await;
        response.set_data(self.label.clone());
        Ok(response)
    }
}

/// An endpoint that is in no document.
pub(crate) struct Labelled {
    label: Label,
    inner: BoxEndpoint<'static>,
}

impl Labelled {
    pub(crate) fn new(path: &str, inner: BoxEndpoint<'static>) -> Self {
        Self { label: Label(path.into()), inner }
    }
}

impl Endpoint for Labelled {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        let sent = request.uri().clone();
        let answer = self.inner.call(request).await;
        let mut response = answer.unwrap_or_else(|error| explain::error(error, &sent, &self.label.0));
        response.set_data(self.label.clone());
        Ok(response)
    }
}

/// Everything that has no route of its own: pages, or nothing.
pub(crate) struct Pages(pub Option<BoxEndpoint<'static>>);

/// Whether a path belongs to programs, which want problems and never pages.
pub(crate) fn is_api(path: &str) -> bool {
    ["/v1", "/oauth", "/.well-known", "/openapi"].iter().any(|prefix| {
        path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '.']))
    })
}

impl Endpoint for Pages {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        let sent = request.uri().clone();
        // The consent page of `/oauth/authorize` is a route of its own; what comes here under `/v1` is a mistake.
        let answer = match &self.0 {
            Some(pages) if !is_api(sent.path()) => pages.call(request).await,
            _ => Err(NotFoundError.into()),
        };
        Ok(answer.unwrap_or_else(|error| explain::error(error, &sent, "")))
    }
}
