//! Routes: the methods of a path, and the path template under which metrics record it.

use std::sync::Arc;

use poem::endpoint::BoxEndpoint;
use poem::error::NotFoundError;
use poem::http::{HeaderValue, Method, StatusCode, header};
use poem::{Endpoint, IntoResponse, Request, Response};
use poem_openapi::__private::UrlQuery;
use poem_openapi::OpenApi;

use super::error_response;
use super::inputs::Inputs;
use crate::error::ApiError;
use crate::problem::problem_types;

/// The path template of an operation, as in the OpenAPI document: `/v1/notes/{note_id}`.
pub(crate) type PathTemplate = Arc<str>;

/// The path template of the route that answered, in the response's data, for logs and metrics.
#[derive(Debug, Clone)]
pub(crate) struct RouteTemplate(pub Arc<str>);

/// Maps the paths of Poem's routes (`/v1/notes/:param0`) to path templates.
pub(crate) fn path_templates<F: OpenApi>() -> impl Iterator<Item = (String, PathTemplate)> {
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

/// An operation, and what it accepts.
pub(crate) struct Operation {
    pub method: Method,
    pub endpoint: BoxEndpoint<'static>,
    pub inputs: Inputs,
}

/// The operations of a path.
pub(crate) struct PathItem {
    template: RouteTemplate,
    allow: HeaderValue,
    operations: Vec<Operation>,
}

impl PathItem {
    pub(crate) fn new(path: &str, template: Option<PathTemplate>, mut operations: Vec<Operation>) -> Self {
        operations.sort_by(|a, b| a.method.as_str().cmp(b.method.as_str()));
        let mut allowed: Vec<&str> = operations.iter().map(|operation| operation.method.as_str()).collect();
        if allowed.contains(&"GET") {
            allowed.push("HEAD");
        }
        allowed.push("OPTIONS");
        let allow = HeaderValue::from_str(&allowed.join(", ")).expect("methods are tokens");
        Self { template: RouteTemplate(template.unwrap_or_else(|| path.into())), allow, operations }
    }

    async fn dispatch(&self, mut request: Request) -> Response {
        if request.method() == Method::HEAD {
            // The middleware removes the body.
            request.set_method(Method::GET);
        }
        let operation = self.operations.iter().find(|operation| operation.method == *request.method());
        let Some(operation) = operation else {
            let mut response = match *request.method() {
                Method::OPTIONS => StatusCode::NO_CONTENT.into_response(),
                _ => ApiError::new(&problem_types::METHOD_NOT_ALLOWED).into_response(),
            };
            response.headers_mut().insert(header::ALLOW, self.allow.clone());
            return response;
        };
        let query = form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes());
        let query: Vec<(String, String)> = query.into_owned().collect();
        if let Err(problem) = operation.inputs.check(&request, &query) {
            return ApiError::from(problem).into_response();
        }
        request.extensions_mut().insert(UrlQuery(query));
        let sent = request.uri().clone();
        match operation.endpoint.call(request).await {
            Ok(response) => response,
            Err(error) => error_response::from_error(error, &sent, &self.template.0),
        }
    }
}

impl Endpoint for PathItem {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        let mut response = self.dispatch(request).await;
        response.set_data(self.template.clone());
        Ok(response)
    }
}

/// A route that is in no OpenAPI document.
pub(crate) struct UndocumentedRoute {
    template: RouteTemplate,
    inner: BoxEndpoint<'static>,
}

impl UndocumentedRoute {
    pub(crate) fn new(path: &str, inner: BoxEndpoint<'static>) -> Self {
        Self { template: RouteTemplate(path.into()), inner }
    }
}

impl Endpoint for UndocumentedRoute {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        let sent = request.uri().clone();
        let answer = self.inner.call(request).await;
        let mut response =
            answer.unwrap_or_else(|error| error_response::from_error(error, &sent, &self.template.0));
        response.set_data(self.template.clone());
        Ok(response)
    }
}

/// The endpoint for all other paths: pages, or 404.
pub(crate) struct Fallback(pub Option<BoxEndpoint<'static>>);

/// Whether a path belongs to an API, whose errors are never pages.
pub(crate) fn is_api(path: &str) -> bool {
    ["/v1", "/oauth", "/.well-known", "/openapi"].iter().any(|prefix| {
        path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '.']))
    })
}

impl Endpoint for Fallback {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        let sent = request.uri().clone();
        // Unknown paths of APIs are answered with problems and not with pages.
        let answer = match &self.0 {
            Some(pages) if !is_api(sent.path()) => pages.call(request).await,
            _ => Err(NotFoundError.into()),
        };
        Ok(answer.unwrap_or_else(|error| error_response::from_error(error, &sent, "")))
    }
}
