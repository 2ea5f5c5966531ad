//! This service with test doubles of the others, and its mails in a directory.
#![allow(dead_code)]

use std::path::PathBuf;
use std::sync::Arc;

use contracts::{payments, pdf, search};
use group::testing::TestServices;
use group::{NoEffects, Service, Turn, View};
use mail::{Address, Mailer, Settings};
use poem::{Endpoint, Request, Response};
use protocol::Principal;
use reservations::{BookingLinks, ReservationEffects, Reservations};
use token::ClusterKey;

/// A test double that accepts every event.
pub struct Search;

impl Service for Search {
    type Contract = search::Search;
    type Effect = ();
    type Timer = ();
    type Note = ();

    fn apply(&self, _: &mut Turn<'_, Self>, _: search::Command) -> Result<search::Reply, search::Refusal> {
        Ok(search::Reply::Done(()))
    }

    fn fire(&self, _: &mut Turn<'_, Self>, (): ()) {}

    fn query(
        &self,
        _: &View<'_>,
        _: &Principal,
        _: search::Query,
    ) -> Result<search::Answer, search::Refusal> {
        Err(search::Refusal::NoSuchHotel)
    }
}

/// A test double that accepts every event.
pub struct Payments;

impl Service for Payments {
    type Contract = payments::Payments;
    type Effect = ();
    type Timer = ();
    type Note = ();

    fn apply(
        &self,
        _: &mut Turn<'_, Self>,
        _: payments::Command,
    ) -> Result<payments::Reply, payments::Refusal> {
        Ok(().into())
    }

    fn fire(&self, _: &mut Turn<'_, Self>, (): ()) {}

    fn query(
        &self,
        _: &View<'_>,
        _: &Principal,
        _: payments::Query,
    ) -> Result<payments::Answer, payments::Refusal> {
        Err(payments::Refusal::NoSuchPayment)
    }
}

/// A test double that returns the data of a document as its content.
pub struct Pdf;

impl Service for Pdf {
    type Contract = pdf::Pdf;
    type Effect = ();
    type Timer = ();
    type Note = ();

    fn apply(&self, _: &mut Turn<'_, Self>, _: pdf::Command) -> Result<pdf::Reply, pdf::Refusal> {
        Err(pdf::Refusal::NoTemplate)
    }

    fn fire(&self, _: &mut Turn<'_, Self>, (): ()) {}

    fn query(
        &self,
        _: &View<'_>,
        caller: &Principal,
        query: pdf::Query,
    ) -> Result<pdf::Answer, pdf::Refusal> {
        match query {
            pdf::Query::RenderDocument(pdf::RenderDocument { template, data_json })
                if template == "confirmation" =>
            {
                if !caller.as_service().is_some_and(|service| pdf::owners(&template).contains(&service)) {
                    return Err(pdf::Refusal::Reserved(template));
                }
                Ok(pdf::Answer::Document(format!("%PDF {data_json}").into_bytes()))
            }
            _ => Err(pdf::Refusal::NoTemplate),
        }
    }
}

pub struct TestApi {
    pub services: TestServices,
    pub links: BookingLinks,
    pub outbox: tempfile::TempDir,
    server: Box<dyn poem::endpoint::DynEndpoint<Output = Response>>,
}

/// All of them behind the REST API. `sandbox`: whether the bank is the sandbox bank.
pub fn test_api(sandbox: bool) -> TestApi {
    let key = ClusterKey::random();
    let links =
        BookingLinks { public_url: "https://inn.example/".into(), key: key.links("booking-link"), sandbox };
    let outbox = tempfile::tempdir().unwrap();
    let mailer = Mailer::new(&Settings::Directory { path: outbox.path().to_owned() }).unwrap();
    let from = Address::new("Auberge", "bookings@inn.example").unwrap();
    let services = TestServices::new();
    services.add(Reservations::new(links.key.clone()), ReservationEffects::new(links.clone(), from, mailer));
    services.add(Search, NoEffects);
    services.add(Payments, NoEffects);
    services.add(Pdf, NoEffects);
    let api = reservations::rest::api(
        services.client(),
        Arc::new(services.clone()),
        key.seal("offers"),
        links.clone(),
        key.links("client-address"),
        edge::Cursors::random(),
    );
    let server = edge::Server::new(edge::Settings::default()).service("reservations", "Reservations", api);
    let server =
        Box::new(poem::endpoint::ToDynEndpoint(server.problems(reservations::rest::PROBLEMS).endpoint()));
    TestApi { services, links, outbox, server }
}

pub struct Answered {
    pub status: u16,
    pub etag: Option<String>,
    pub location: Option<String>,
    pub retry_after: Option<String>,
    pub kind: String,
    pub text: String,
    pub json: serde_json::Value,
}

impl TestApi {
    /// Sends a request; `headers` are names and values.
    pub async fn send(
        &self,
        caller: &Principal,
        method: &str,
        path: &str,
        body: Option<String>,
        headers: &[(&str, &str)],
    ) -> Answered {
        let mut request = Request::builder().method(method.parse().unwrap()).uri(path.parse().unwrap());
        if !caller.is_anonymous() {
            request = request.header("Authorization", format!("Bearer {}", self.services.token(caller)));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = match body {
            Some(body) => request.header("Content-Type", "application/json").body(body),
            None => request.finish(),
        };
        let response = self.server.call(request).await.unwrap();
        let header = |name: &str| response.header(name).map(str::to_owned);
        let (status, etag, location) = (response.status().as_u16(), header("ETag"), header("Location"));
        let retry_after = header("Retry-After");
        let kind = header("Content-Type").unwrap_or_default();
        let bytes = response.into_body().into_bytes().await.unwrap();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let json = serde_json::from_str(&text).unwrap_or_default();
        Answered { status, etag, location, retry_after, kind, text, json }
    }

    pub async fn get(&self, caller: &Principal, path: &str) -> Answered {
        self.send(caller, "GET", path, None, &[]).await
    }

    pub async fn post(&self, caller: &Principal, path: &str, body: serde_json::Value) -> Answered {
        self.send(caller, "POST", path, Some(body.to_string()), &[]).await
    }

    /// The mails that were sent, by file name.
    pub fn mails(&self) -> Vec<(String, String)> {
        let mut files: Vec<PathBuf> =
            std::fs::read_dir(self.outbox.path()).unwrap().map(|file| file.unwrap().path()).collect();
        files.sort();
        let read = |path: &PathBuf| {
            (path.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read_to_string(path).unwrap())
        };
        files.iter().filter(|path| path.extension().is_some_and(|end| end == "eml")).map(read).collect()
    }
}
