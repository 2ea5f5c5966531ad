//! One request of one browser: who it is, how it reads numbers, and how it is answered.

use std::sync::Arc;
use std::time::Duration;

use edge::{Caller, ClientAddress};
use group::Call;
use poem::http::{HeaderValue, StatusCode, header};
use poem::{FromRequest, Request, RequestBody, Response};
use protocol::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use crate::format::Locale;
use crate::session::{Flash, Session};
use crate::site::Site;
use crate::trouble::Trouble;

/// How long a page waits for a service.
const PATIENCE: Duration = Duration::from_secs(8);

/// See the module.
#[derive(Clone)]
pub(crate) struct Visit {
    pub site: Arc<Site>,
    pub session: Session,
    pub locale: Locale,
    pub address: ClientAddress,
    pub now: Timestamp,
    caller: Caller,
    path: String,
    foreign: bool,
    keep: bool,
}

/// Fields of a form or of an address, repeated ones too.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fields(pub Vec<(String, String)>);

impl Fields {
    /// The first field of this name, without the spaces around it; empty when there is none.
    pub fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.trim())
    }

    /// All fields of this name that say something.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |(key, _)| key == name)
            .map(|(_, value)| value.trim())
            .filter(|value| !value.is_empty())
    }

    /// As typed, not trimmed: passwords.
    pub fn raw(&self, name: &str) -> &str {
        self.0.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }
}

impl Visit {
    /// A visit, as the request tells it.
    pub fn of(site: &Arc<Site>, request: &Request) -> Self {
        let now = Timestamp::wall_clock();
        let text =
            |name: header::HeaderName| request.headers().get(name).and_then(|value| value.to_str().ok());
        let session =
            text(header::COOKIE).and_then(|cookies| Session::of_header(&site.deps.sessions, cookies, now));
        Self {
            site: Arc::clone(site),
            keep: false,
            session: session.unwrap_or_else(Session::fresh),
            locale: text(header::ACCEPT_LANGUAGE).map_or(Locale::DEFAULT, Locale::accepted),
            address: ClientAddress::of(request),
            now,
            caller: Caller::with_token(request, None),
            path: request.uri().path().to_owned(),
            foreign: edge::csrf::from_another_site(request, &site.deps.public_url),
        }
    }

    /// Has the browser keep the session.
    pub fn keep(&mut self) {
        self.keep = true;
    }

    /// Something to say on the next page.
    pub fn flash(&mut self, tone: &str, text: impl Into<String>) {
        self.session.flash = Some(Flash { tone: tone.to_owned(), text: text.into() });
        self.keep();
    }

    /// The request's id.
    pub fn request_id(&self) -> &str {
        self.caller.request_id()
    }

    /// A call by nobody.
    pub fn anonymous(&self) -> Call {
        let call = self.caller.call();
        Call { deadline: call.deadline.min(tokio::time::Instant::now() + PATIENCE), ..call }
    }

    /// A call with this token.
    pub fn bearing(&self, token: Arc<str>) -> Call {
        Call { token: Some(token), ..self.anonymous() }
    }

    /// Refuses a form that is not one of this session's.
    ///
    /// # Errors
    /// [`Trouble::Forged`].
    pub fn check_form(&self, fields: &Fields) -> Result<(), Trouble> {
        let ours = !self.foreign && self.site.csrf.holds(&self.session.form_subject(), fields.get("csrf"));
        if ours { Ok(()) } else { Err(Trouble::Forged) }
    }

    /// A token for the forms of a page; from then on the browser keeps the session.
    fn form_token(&mut self) -> String {
        self.keep();
        self.site.csrf.token(&self.session.form_subject())
    }

    /// A page with forms that change something.
    pub fn form_page(
        &mut self,
        template: &str,
        title: &str,
        view: impl Serialize,
    ) -> Result<Response, Trouble> {
        let token = self.form_token();
        self.render(template, title, &token, view)
    }

    /// A page that only shows something.
    pub fn page(&mut self, template: &str, title: &str, view: impl Serialize) -> Result<Response, Trouble> {
        // Signing out is a form too, and stands on every page of who is signed in.
        let token = if self.session.user.is_some() { self.form_token() } else { String::new() };
        self.render(template, title, &token, view)
    }

    fn render(
        &mut self,
        template: &str,
        title: &str,
        csrf: &str,
        view: impl Serialize,
    ) -> Result<Response, Trouble> {
        let flash = self.session.flash.take();
        if flash.is_some() {
            self.keep();
        }
        let mut whole = serde_json::to_value(view).map_err(|error| Trouble::Broken(error.to_string()))?;
        let here = match self.path.split('/').nth(1).unwrap_or_default() {
            place @ ("bookings" | "account" | "sign-in") => place,
            _ => "",
        };
        if let Value::Object(members) = &mut whole {
            members.insert(
                "page".to_owned(),
                json!({
                    "title": title, "lang": "en", "here": here, "csrf": csrf, "flash": flash,
                    "signed_in": self.session.user.is_some(), "test": self.site.deps.bank.test,
                    "indexed": matches!(self.path.as_str(), "/") || self.path.starts_with("/hotels/"),
                }),
            );
        }
        let html = self.site.renderer.render(template, &whole)?;
        let response = Response::builder()
            .content_type("text/html; charset=utf-8")
            .header(header::CACHE_CONTROL, "private, no-store")
            .header(header::CONTENT_SECURITY_POLICY, self.policy())
            .header(header::REFERRER_POLICY, "same-origin")
            .body(html);
        Ok(self.with_cookie(response))
    }

    /// Everything from here and nothing inline; hotels' photos over TLS; card numbers to the bank alone.
    fn policy(&self) -> String {
        let bank = match self.site.deps.bank.tokenise_url.as_str() {
            "" => String::new(),
            url => format!(" {}", origin(url)),
        };
        format!(
            "default-src 'self'; img-src 'self' data: https:; connect-src 'self'{bank}; object-src 'none'; \
             base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
        )
    }

    /// Sends the browser to a path of ours (303).
    pub fn redirect(&mut self, path: &str) -> Response {
        let path = local_path(path).unwrap_or("/");
        let location = HeaderValue::from_str(path).unwrap_or(HeaderValue::from_static("/"));
        let response = Response::builder().status(StatusCode::SEE_OTHER).header(header::LOCATION, location);
        self.with_cookie(response.header(header::CACHE_CONTROL, "no-store").finish())
    }

    fn with_cookie(&self, mut response: Response) -> Response {
        if self.keep {
            let cookie = self.session.to_header(&self.site.deps.sessions, self.now, self.site.secure());
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
        response
    }
}

/// Scheme, host and port of an address.
fn origin(url: &str) -> &str {
    let host = url.find("://").map_or(0, |at| at + 3);
    url[host..].find('/').map_or(url, |end| &url[..host + end])
}

/// The path, if it leads nowhere but here: one slash at the start, nothing that browsers take for a host.
pub(crate) fn local_path(path: &str) -> Option<&str> {
    let plain = path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    (plain && path.starts_with('/') && !path.starts_with("//") && path.len() <= 2_000).then_some(path)
}

impl<'a> FromRequest<'a> for Visit {
    async fn from_request(request: &'a Request, _body: &mut RequestBody) -> poem::Result<Self> {
        let site = request.data::<Arc<Site>>().ok_or_else(|| Trouble::Broken("no site".into()))?;
        Ok(Self::of(site, request))
    }
}

impl<'a> FromRequest<'a> for Fields {
    async fn from_request(request: &'a Request, body: &mut RequestBody) -> poem::Result<Self> {
        let form = if request.method() == poem::http::Method::POST {
            poem::web::Form::<Vec<(String, String)>>::from_request(request, body)
                .await
                .map(|form| form.0)
                .map_err(|_| Trouble::Bad)
        } else {
            request.params::<Vec<(String, String)>>().map_err(|_| Trouble::Bad)
        };
        Ok(Self(form?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_stay_here() {
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
    fn fields_are_trimmed_but_passwords_are_not() {
        let fields =
            Fields(vec![("a".into(), " x ".into()), ("a".into(), String::new()), ("a".into(), "y".into())]);
        assert_eq!((fields.get("a"), fields.raw("a"), fields.get("b")), ("x", " x ", ""));
        assert_eq!(fields.all("a").collect::<Vec<_>>(), ["x", "y"]);
    }
}
