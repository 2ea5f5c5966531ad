//! The context of one request: session, locale, form checks and responses.

use std::sync::Arc;
use std::time::Duration;

use edge::{Caller, ClientAddress};
use group::Call;
use poem::http::{HeaderValue, StatusCode, header};
use poem::{FromRequest, Request, RequestBody, Response};
use protocol::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use crate::error::PageError;
use crate::format::Locale;
use crate::session::{Flash, Session};
use crate::site::Site;

/// How long a page waits for a service.
const CALL_TIMEOUT: Duration = Duration::from_secs(8);

/// The context of one request.
#[derive(Clone)]
pub(crate) struct PageContext {
    pub site: Arc<Site>,
    pub session: Session,
    pub locale: Locale,
    /// The languages of the browser (ISO 639-1), the preferred one first.
    pub languages: Vec<String>,
    pub address: ClientAddress,
    pub now: Timestamp,
    caller: Caller,
    path: String,
    /// The request comes from another site.
    cross_site: bool,
    /// The response sets the session cookie.
    set_cookie: bool,
}

/// Fields of a form or URL parameters. Fields can be repeated.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fields(pub Vec<(String, String)>);

impl Fields {
    /// The first field with this name, trimmed. Empty when there is none.
    pub fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.trim())
    }

    /// All fields with this name that are not empty.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |(key, _)| key == name)
            .map(|(_, value)| value.trim())
            .filter(|value| !value.is_empty())
    }

    /// The first field with this name, not trimmed: for passwords.
    pub fn raw(&self, name: &str) -> &str {
        self.0.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }
}

impl PageContext {
    /// The context of a request.
    pub fn of(site: &Arc<Site>, request: &Request) -> Self {
        let now = Timestamp::wall_clock();
        let text =
            |name: header::HeaderName| request.headers().get(name).and_then(|value| value.to_str().ok());
        let session = text(header::COOKIE)
            .and_then(|cookies| Session::of_header(&site.dependencies.sessions, cookies, now));
        Self {
            site: Arc::clone(site),
            set_cookie: false,
            session: session.unwrap_or_else(Session::new),
            locale: text(header::ACCEPT_LANGUAGE).map_or(Locale::DEFAULT, Locale::accepted),
            languages: text(header::ACCEPT_LANGUAGE).map(edge::accepted_languages).unwrap_or_default(),
            address: ClientAddress::of(request),
            now,
            caller: Caller::with_token(request, None),
            path: request.uri().path().to_owned(),
            cross_site: edge::csrf::is_cross_site(request, &site.dependencies.public_url),
        }
    }

    /// Sets the session cookie with the response.
    pub fn save_session(&mut self) {
        self.set_cookie = true;
    }

    /// Shows a message on the next page. `tone` is a CSS class.
    pub fn flash(&mut self, tone: &str, text: impl Into<String>) {
        self.session.flash = Some(Flash { tone: tone.to_owned(), text: text.into() });
        self.save_session();
    }

    /// The id of the request.
    pub fn request_id(&self) -> &str {
        self.caller.request_id()
    }

    /// A call without a token.
    pub fn anonymous(&self) -> Call {
        let call = self.caller.call();
        Call { deadline: call.deadline.min(tokio::time::Instant::now() + CALL_TIMEOUT), ..call }
    }

    /// A call with this token.
    pub fn with_token(&self, token: Arc<str>) -> Call {
        Call { token: Some(token), ..self.anonymous() }
    }

    /// Checks the form token of a submitted form.
    ///
    /// # Errors
    /// [`PageError::InvalidForm`] when the token belongs to another session or the request comes from another site.
    pub fn check_form(&self, fields: &Fields) -> Result<(), PageError> {
        let token_is_valid = self.site.csrf.verify(&self.session.form_subject(), fields.get("csrf"));
        if token_is_valid && !self.cross_site { Ok(()) } else { Err(PageError::InvalidForm) }
    }

    /// A token for the forms of a page. It is bound to the session, so the cookie is set.
    fn form_token(&mut self) -> String {
        self.save_session();
        self.site.csrf.token(&self.session.form_subject())
    }

    /// A page with forms that change state.
    pub fn form_page(
        &mut self,
        template: &str,
        title: &str,
        view: impl Serialize,
    ) -> Result<Response, PageError> {
        let token = self.form_token();
        self.render(template, title, &token, view)
    }

    /// A page without forms that change state.
    pub fn page(&mut self, template: &str, title: &str, view: impl Serialize) -> Result<Response, PageError> {
        // Every page of a signed-in user contains the sign-out form.
        let token = if self.session.user.is_some() { self.form_token() } else { String::new() };
        self.render(template, title, &token, view)
    }

    fn render(
        &mut self,
        template: &str,
        title: &str,
        csrf: &str,
        view: impl Serialize,
    ) -> Result<Response, PageError> {
        let flash = self.session.flash.take();
        if flash.is_some() {
            self.save_session();
        }
        let mut whole = serde_json::to_value(view).map_err(|error| PageError::Internal(error.to_string()))?;
        let here = match self.path.split('/').nth(1).unwrap_or_default() {
            place @ ("bookings" | "account" | "sign-in") => place,
            _ => "",
        };
        if let Value::Object(members) = &mut whole {
            members.insert(
                "page".to_owned(),
                json!({
                    "title": title, "lang": "en", "here": here, "csrf": csrf, "flash": flash,
                    "signed_in": self.session.user.is_some(), "test": self.site.dependencies.bank.test,
                    "indexed": matches!(self.path.as_str(), "/") || self.path.starts_with("/hotels/"),
                }),
            );
        }
        let html = self.site.renderer.render(template, &whole)?;
        let response = Response::builder()
            .content_type("text/html; charset=utf-8")
            .header(header::CACHE_CONTROL, "private, no-store")
            .header(header::CONTENT_SECURITY_POLICY, self.content_security_policy())
            .header(header::REFERRER_POLICY, "same-origin")
            .body(html);
        Ok(self.with_cookie(response))
    }

    /// The content security policy: no inline code or styles, photos over TLS, card details to the bank only. Only pages with
    /// forms have the bank's script.
    fn content_security_policy(&self) -> String {
        let bank = &self.site.dependencies.bank;
        let (mut scripts, mut connections) = (String::new(), String::new());
        if !bank.tokenise_url.is_empty() {
            connections = format!(" {}", origin(&bank.tokenise_url));
        }
        if !bank.script_url.is_empty() {
            scripts = format!(" {}", origin(&bank.script_url));
            connections = format!(" {}", origin(&bank.api_url));
        }
        // Stripe.js shows its card field and 3-D Secure in frames of these hosts.
        let frames = match scripts.as_str() {
            "" => "'none'".to_owned(),
            own => format!("{own} https://hooks.stripe.com").trim_start().to_owned(),
        };
        format!(
            "default-src 'self'; script-src 'self'{scripts}; frame-src {frames}; img-src 'self' data: https:; \
             connect-src 'self'{connections}; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
        )
    }

    /// Redirects to a local path (303).
    pub fn redirect(&mut self, path: &str) -> Response {
        let path = local_path(path).unwrap_or("/");
        let location = HeaderValue::from_str(path).unwrap_or(HeaderValue::from_static("/"));
        let response = Response::builder().status(StatusCode::SEE_OTHER).header(header::LOCATION, location);
        self.with_cookie(response.header(header::CACHE_CONTROL, "no-store").finish())
    }

    fn with_cookie(&self, mut response: Response) -> Response {
        if self.set_cookie {
            let cookie =
                self.session.to_header(&self.site.dependencies.sessions, self.now, self.site.secure());
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
        response
    }
}

/// The origin of a URL.
fn origin(url: &str) -> &str {
    let host = url.find("://").map_or(0, |at| at + 3);
    url[host..].find('/').map_or(url, |end| &url[..host + end])
}

/// The path, if it is local: it starts with exactly one slash and contains nothing that browsers parse as a host.
pub(crate) fn local_path(path: &str) -> Option<&str> {
    let plain = path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    (plain && path.starts_with('/') && !path.starts_with("//") && path.len() <= 2_000).then_some(path)
}

impl<'a> FromRequest<'a> for PageContext {
    async fn from_request(request: &'a Request, _body: &mut RequestBody) -> poem::Result<Self> {
        let site = request.data::<Arc<Site>>().ok_or_else(|| PageError::Internal("no site".into()))?;
        Ok(Self::of(site, request))
    }
}

impl<'a> FromRequest<'a> for Fields {
    async fn from_request(request: &'a Request, body: &mut RequestBody) -> poem::Result<Self> {
        let form = if request.method() == poem::http::Method::POST {
            poem::web::Form::<Vec<(String, String)>>::from_request(request, body)
                .await
                .map(|form| form.0)
                .map_err(|_| PageError::BadRequest)
        } else {
            request.params::<Vec<(String, String)>>().map_err(|_| PageError::BadRequest)
        };
        Ok(Self(form?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_local_paths_are_redirect_targets() {
        for good in ["/", "/bookings", "/search?city=Z%C3%BCrich&x=1"] {
            assert_eq!(local_path(good), Some(good));
        }
        for bad in
            ["", "bookings", "//evil.example", "/\\evil.example", "https://evil.example", "/a b", "/\n", "/é"]
        {
            assert_eq!(local_path(bad), None, "{bad}");
        }
    }

    #[test]
    fn fields_are_trimmed_except_raw_ones() {
        let fields =
            Fields(vec![("a".into(), " x ".into()), ("a".into(), String::new()), ("a".into(), "y".into())]);
        assert_eq!((fields.get("a"), fields.raw("a"), fields.get("b")), ("x", " x ", ""));
        assert_eq!(fields.all("a").collect::<Vec<_>>(), ["x", "y"]);
    }
}
