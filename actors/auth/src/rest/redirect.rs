//! Responses to browsers: pages and redirects.

use poem::http::{StatusCode, header};
use poem::{IntoResponse, Response};
use poem_openapi::ApiResponse;
use poem_openapi::registry::{
    MetaHeader, MetaMediaType, MetaResponse, MetaResponses, MetaSchema, MetaSchemaRef, Registry,
};

use super::pages::STYLE_HASH;

/// A response to a browser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BrowserResponse {
    /// An HTML page.
    Page {
        status: StatusCode,
        html: String,
        /// A source that the page's form can be redirected to (CSP `form-action`), in addition to `'self'`.
        form_action: Option<String>,
        /// The value of `Set-Cookie`.
        cookie: Option<String>,
    },
    /// A redirect.
    Redirect {
        location: String,
        /// Whether the request submitted a form: 303 instead of 302, so that the browser does not submit it again.
        after_form: bool,
    },
}

/// A redirect URI with parameters added to its query (RFC 6749 §4.1.2).
pub(super) fn with_parameters(uri: &str, parameters: &[(&str, &str)]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in parameters {
        query.append_pair(name, value);
    }
    let joint = match uri.find('?') {
        None => "?",
        Some(at) if at + 1 == uri.len() || uri.ends_with('&') => "",
        Some(_) => "&",
    };
    format!("{uri}{joint}{}", query.finish())
}

/// The CSP source that permits a redirect of a form to `uri`.
pub(super) fn form_action_source(uri: &str) -> Option<String> {
    let (scheme, rest) = uri.split_once(':')?;
    match rest.strip_prefix("//") {
        Some(rest) if scheme == "https" || scheme == "http" => {
            let authority = rest.split(['/', '?']).next()?;
            // A semicolon or a space would start another directive. No host contains one.
            let plain =
                authority.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte));
            plain.then(|| format!("{scheme}://{authority}"))
        }
        _ => Some(format!("{scheme}:")),
    }
}

impl IntoResponse for BrowserResponse {
    fn into_response(self) -> Response {
        match self {
            Self::Page { status, html, form_action, cookie } => {
                let form_action = form_action.map(|source| format!(" {source}")).unwrap_or_default();
                let policy = format!(
                    "default-src 'none'; style-src '{STYLE}'; form-action 'self'{form_action}; base-uri 'none'; \
                     frame-ancestors 'none'",
                    STYLE = *STYLE_HASH,
                );
                let mut response = Response::builder()
                    .status(status)
                    .content_type("text/html; charset=utf-8")
                    .header(header::CACHE_CONTROL, "no-store")
                    .header(header::REFERRER_POLICY, "no-referrer")
                    .header(header::CONTENT_SECURITY_POLICY, policy);
                if let Some(cookie) = cookie {
                    response = response.header(header::SET_COOKIE, cookie);
                }
                response.body(html)
            }
            Self::Redirect { location, after_form } => Response::builder()
                .status(if after_form { StatusCode::SEE_OTHER } else { StatusCode::FOUND })
                .header(header::LOCATION, location)
                .header(header::CACHE_CONTROL, "no-store")
                .header(header::REFERRER_POLICY, "no-referrer")
                .finish(),
        }
    }
}

impl ApiResponse for BrowserResponse {
    fn meta() -> MetaResponses {
        let text = || MetaSchemaRef::Inline(Box::new(MetaSchema::new("string")));
        let page = |status, description| MetaResponse {
            description,
            status: Some(status),
            status_range: None,
            content: vec![MetaMediaType { content_type: "text/html", schema: text() }],
            headers: Vec::new(),
        };
        let location = || MetaHeader {
            name: "Location".to_owned(),
            description: Some(
                "The client's redirect URI, with `code`, `state` and `iss`, or with `error`".to_owned(),
            ),
            required: true,
            deprecated: false,
            schema: text(),
        };
        let redirect = |status| MetaResponse {
            description: "A redirect to the client",
            status: Some(status),
            status_range: None,
            content: Vec::new(),
            headers: vec![location()],
        };
        MetaResponses {
            responses: vec![
                page(200, "An HTML page"),
                redirect(302),
                redirect(303),
                page(400, "An HTML page that describes the error"),
            ],
        }
    }

    fn register(_registry: &mut Registry) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_appended_to_an_existing_query() {
        let table = [
            ("https://a.example/cb", "https://a.example/cb?code=x%26y&state=%C3%A9"),
            ("https://a.example/cb?t=1", "https://a.example/cb?t=1&code=x%26y&state=%C3%A9"),
            ("https://a.example/cb?", "https://a.example/cb?code=x%26y&state=%C3%A9"),
            ("com.example.app:/cb", "com.example.app:/cb?code=x%26y&state=%C3%A9"),
        ];
        for (uri, expected) in table {
            assert_eq!(with_parameters(uri, &[("code", "x&y"), ("state", "é")]), expected);
        }
    }

    #[test]
    fn a_form_action_source_is_an_origin_or_a_scheme() {
        let table = [
            ("https://a.example/cb?x;y", Some("https://a.example")),
            ("http://127.0.0.1:3000/cb", Some("http://127.0.0.1:3000")),
            ("http://[::1]:3000/cb", Some("http://[::1]:3000")),
            ("com.example.app:/cb", Some("com.example.app:")),
            ("https://a.example;script-src/", None),
        ];
        for (uri, expected) in table {
            assert_eq!(form_action_source(uri).as_deref(), expected, "{uri}");
        }
    }
}
