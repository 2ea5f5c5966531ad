//! The API behind an edge, with a fake `users` service.

use std::sync::Arc;

use auth::{Auth, AuthEffects};
use contracts::auth::InstallKey;
use contracts::users::{self, Users};
use group::testing::TestServices;
use group::{Answer, Call, NoEffects, Query, Refusal, Reply, Service, Turn, View};
use poem::endpoint::BoxEndpoint;
use poem::http::{StatusCode, header};
use poem::{Endpoint, EndpointExt, Request, RequestBuilder, Response};
use protocol::Principal;
use rest::attempts::AttemptLimits;
use serde_json::Value;
use token::ClusterKey;

use crate::bench::{ISSUER, grants, web_client};

/// One account, whose password is `correct`.
struct FakeUsers;

impl Service for FakeUsers {
    type Contract = Users;
    type Effect = ();
    type Timer = ();
    type Note = ();

    fn apply(&self, _: &mut Turn<'_, Self>, _: group::Command<Self>) -> Result<Reply<Self>, Refusal<Self>> {
        Err(users::Refusal::NoSuchUser)
    }

    fn fire(&self, _: &mut Turn<'_, Self>, (): ()) {}

    fn query(&self, _: &View<'_>, _: &Principal, query: Query<Self>) -> Result<Answer<Self>, Refusal<Self>> {
        match query {
            users::Query::VerifyPassword(users::VerifyPassword { email, password }) => {
                let is_correct = email == "ann@example.org" && password == "correct";
                Ok(is_correct.then(|| grants(1, 0)).into())
            }
            _ => Err(users::Refusal::NoSuchUser),
        }
    }
}

pub struct Web {
    pub services: TestServices,
    cluster: ClusterKey,
    edge: BoxEndpoint<'static>,
}

pub struct Got {
    pub status: StatusCode,
    pub headers: poem::http::HeaderMap,
    pub body: String,
}

impl Got {
    async fn of(response: Response) -> Self {
        let (status, headers) = (response.status(), response.headers().clone());
        Self { status, headers, body: response.into_body().into_string().await.unwrap() }
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    pub fn header(&self, name: header::HeaderName) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    pub fn text(&self, field: &str) -> String {
        self.json()[field].as_str().unwrap_or_else(|| panic!("no {field} in {}", self.body)).to_owned()
    }

    /// The query parameters of the redirect target, which must begin with `target`.
    pub fn sent_to(&self, target: &str) -> std::collections::BTreeMap<String, String> {
        let location = self.header(header::LOCATION);
        let (at, query) =
            location.split_once('?').unwrap_or_else(|| panic!("{} {location} {}", self.status, self.body));
        assert_eq!(at, target);
        form_urlencoded::parse(query.as_bytes()).into_owned().collect()
    }

    /// The value of a hidden field of the page's form.
    pub fn hidden(&self, name: &str) -> String {
        let start = self
            .body
            .find(&format!("name=\"{name}\" value=\""))
            .unwrap_or_else(|| panic!("no {name}: {}", self.body));
        let rest = &self.body[start..];
        let value = rest.split('"').nth(3).unwrap();
        value.replace("&#x2f;", "/").replace("&#x3D;", "=")
    }

    pub fn cookie(&self) -> String {
        self.header(header::SET_COOKIE).split(';').next().unwrap_or_default().to_owned()
    }
}

impl Web {
    pub async fn new() -> Self {
        let cluster = ClusterKey::random();
        let services = TestServices::new();
        services.add(Auth::new(cluster.clone(), ISSUER), AuthEffects::new(cluster.clone()));
        services.add(FakeUsers, NoEffects);
        let web = Self::edge_of(services, cluster.clone());
        let call = web.call_as(&Principal::service("node"));
        let key = auth::new_sealed_key(&cluster);
        web.services.client().call(&call, InstallKey(key)).await.unwrap();
        web.services.client().call(&call, web_client()).await.unwrap();
        web
    }

    /// Another edge of the same cluster.
    pub fn another_edge(&self) -> Self {
        Self::edge_of(self.services.clone(), self.cluster.clone())
    }

    fn edge_of(services: TestServices, cluster: ClusterKey) -> Self {
        let (client, credentials) = (services.client(), Arc::new(services.clone()));
        let limits =
            AttemptLimits::replicated(client.clone(), credentials.clone(), cluster.links("attempts"));
        let api = auth::api(client, credentials, &cluster, ISSUER, limits, edge::Cursors::random());
        let settings = edge::Settings { public_url: ISSUER.into(), ..edge::Settings::default() };
        let endpoint = edge::Server::new(settings).service("auth", "Sign-in", api).endpoint();
        Self { services, cluster, edge: endpoint.boxed() }
    }

    pub fn call_as(&self, principal: &Principal) -> Call {
        Call::bearer(self.services.token(principal), std::time::Duration::from_secs(5))
    }

    pub async fn get(&self, path: &str) -> Got {
        self.send(Request::builder().uri_str(path).finish()).await
    }

    /// Sends a request as a principal. An empty body is omitted.
    pub async fn as_caller(
        &self,
        principal: &Principal,
        method: poem::http::Method,
        path: &str,
        json: &str,
    ) -> Got {
        let bearer = format!("Bearer {}", self.services.token(principal));
        let request = Request::builder().method(method).uri_str(path).header("authorization", bearer);
        let request = match json.is_empty() {
            true => request.finish(),
            false => request.content_type("application/json").body(json.to_owned()),
        };
        self.send(request).await
    }

    /// Sends a form. An empty cookie is omitted.
    pub async fn post(&self, path: &str, fields: &[(&str, &str)], cookie: &str) -> Got {
        let request = form(path);
        let request = if cookie.is_empty() { request } else { request.header("cookie", cookie) };
        self.send(request.body(encoded(fields))).await
    }

    /// Sends a form with `Authorization: Basic`.
    pub async fn post_basic(&self, path: &str, who: &str, fields: &[(&str, &str)]) -> Got {
        let basic = format!("Basic {}", data_encoding::BASE64.encode(who.as_bytes()));
        self.send(form(path).header("authorization", basic).body(encoded(fields))).await
    }

    pub async fn send(&self, request: Request) -> Got {
        Got::of(self.edge.get_response(request).await).await
    }
}

fn form(path: &str) -> RequestBuilder {
    let request = Request::builder().method(poem::http::Method::POST).uri_str(path);
    request.content_type("application/x-www-form-urlencoded")
}

pub fn encoded(fields: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}
