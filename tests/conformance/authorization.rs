//! Calls every operation of the OpenAPI document without a token, and with a token that lacks the scope. A new operation is
//! covered as soon as it is in the document.

use reqwest::Method;
use serde_json::{Value, json};
use test_support::{Caller, TestServer};

use crate::documents::documents;
use crate::sample;

/// The operations that need no token, with the reason. Every addition must be deliberate.
const OPEN: [&str; 22] = [
    // Public data.
    "listCities",
    "listHotels",
    "getHotel",
    "listOffers",
    // Steps to obtain a token, and steps authorized by a link in a mail.
    "registerUser",
    "verifyEmail",
    "requestPasswordReset",
    "confirmPasswordReset",
    "authorize",
    "decideAuthorization",
    "showDevice",
    "decideDevice",
    // Authenticated by client credentials.
    "createToken",
    "createDeviceAuthorization",
    "introspectToken",
    "revokeToken",
    // Public keys and discovery.
    "getOAuthMetadata",
    "listPublicKeys",
    // Authenticated by the bank's signature.
    "receiveBankEvent",
    // Authorized by the secret link in a mail; without it the response is 404 or 401, see below.
    "getReservation",
    "getConfirmation",
    "getReservationCalendar",
];
/// Those of [`OPEN`] that return data of one owner.
const BY_LINK: [&str; 3] = ["getReservation", "getConfirmation", "getReservationCalendar"];

/// The scopes that authorize an operation in addition to the one in the document.
fn also_open(operation: &str, scope: &str) -> &'static [&'static str] {
    match (operation, scope) {
        // Refunds: staff of the hotel, and administrators.
        ("createRefund" | "retryRefund" | "settleRefund", _) => &["cluster:manage"],
        // Staff sees and changes the bookings of its hotels, and sees their payments.
        (_, "reservations:read" | "reservations:write") if operation != "createReservation" => {
            &["hotel:manage"]
        }
        (_, "payments:read") => &["payments:write", "hotel:manage", "cluster:manage"],
        (_, "cluster:read") => &["cluster:manage"],
        _ => &[],
    }
}

pub struct Operation {
    pub name: String,
    pub method: Method,
    pub path: String,
    scope: Option<String>,
    open: bool,
    pub body: Option<Value>,
    /// As in the document.
    pub documented: Value,
}

pub fn operations() -> Vec<Operation> {
    let (_, text) = documents().into_iter().find(|(name, _)| name == "auberge.json").unwrap();
    let document: Value = serde_json::from_str(&text).unwrap();
    let mut found = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            found.push(read(&document, path, method, operation));
        }
    }
    found
}

fn read(document: &Value, path: &str, method: &str, operation: &Value) -> Operation {
    let name = operation["operationId"].as_str().unwrap().to_owned();
    let security = operation["security"].as_array().cloned().unwrap_or_default();
    let scope = security.iter().find_map(|way| way["oauth2"][0].as_str()).map(str::to_owned);
    let open = security.is_empty() || security.contains(&json!({}));
    let mut query = Vec::new();
    for parameter in operation["parameters"].as_array().into_iter().flatten() {
        if parameter["in"] == "query" && parameter["required"] == true {
            let value = sample::value(document, &parameter["schema"]);
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            query.push(format!("{}={value}", parameter["name"].as_str().unwrap()));
        }
    }
    let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
    let body = (!schema.is_null()).then(|| overridden(&name, sample::value(document, schema)));
    let mut path = filled(path);
    if !query.is_empty() {
        path = format!("{path}?{}", query.join("&"));
    }
    Operation {
        name,
        method: method.to_uppercase().parse().unwrap(),
        path,
        scope,
        open,
        body,
        documented: operation.clone(),
    }
}

/// Replaces the parameters of a path with well-formed ids.
fn filled(path: &str) -> String {
    let parts = path.split('/').map(|part| match part {
        "{property_id}" | "{hotel_id}" => HOTEL.to_owned(),
        "{room_type_id}" => "rmt_00000000000000000000000000".to_owned(),
        "{reservation_id}" => "rsv_00000000000000000000000000".to_owned(),
        "{payment_id}" => "pay_00000000000000000000000000".to_owned(),
        "{client_id}" => "cli_nobody".to_owned(),
        "{refund_id}" => "ref_00000000000000000000000000".to_owned(),
        "{key_id}" => "k4.pid.nothing".to_owned(),
        "{service}" => "auth".to_owned(),
        "{shard}" | "{row}" => "0".to_owned(),
        "{name}" => "invoice".to_owned(),
        "{node}" => "n1".to_owned(),
        "{move_id}" => "mov_1".to_owned(),
        "{number}" => "CN-000001".to_owned(),
        part => {
            assert!(!part.starts_with('{'), "say here what {part} is in {path}");
            part.to_owned()
        }
    });
    parts.collect::<Vec<_>>().join("/")
}

const HOTEL: &str = "HOTEL";

/// Bodies that satisfy constraints outside the schema.
fn overridden(name: &str, mut body: Value) -> Value {
    match name {
        "registerUser" => body["email"] = json!("a@guest.example"),
        "setUserRoles" => body = json!({"email": "a@guest.example", "administrator": false, "hotels": []}),
        "createClient" => body["scope"] = json!("reservations:read"),
        "createReservation" => {
            body = json!({"offer": "OFFER", "guest": {"name": "A", "email": "a@guest.example"}});
        }
        "createPayment" => {
            body = json!({"reservation_id": "RESERVATION", "payment_method": "pm_card_visa"});
        }
        "createProperty" => body = test_support::hotel("new", "New", 1),
        "setCalendar" => body = json!({"from": "2027-06-01", "to": "2027-06-02", "stop_sell": true}),
        "createRoomType" => body = test_support::hotel("new", "New", 1)["room_types"][0].clone(),
        _ => {}
    }
    body
}

/// A server with another user's reservation, whose ids replace the placeholders.
pub struct Scene {
    pub server: TestServer,
    replace: Vec<(String, String)>,
}

impl Scene {
    pub async fn set() -> Self {
        let server = TestServer::open().await;
        let owner = server.booker().await;
        let hotel = server.hotel_id("river").await;
        let stay = test_support::Stay::from_day(30, 1);
        let offer = owner.offer(&hotel, &stay, "Flexible").await;
        let held = owner.hold(&offer, "owner@guest.example").await;
        let payment = owner.pay(&held, "pm_card_visa").await;
        let property = server.admin().await.get(&format!("/v1/properties/{hotel}")).await.expect(200).json();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let replace = vec![
            ("rsv_00000000000000000000000000".to_owned(), text(&held["id"])),
            ("pay_00000000000000000000000000".to_owned(), text(&payment["id"])),
            ("rmt_00000000000000000000000000".to_owned(), text(&property["room_types"][0]["id"])),
            ("RESERVATION".to_owned(), text(&held["id"])),
            ("OFFER".to_owned(), offer),
            (HOTEL.to_owned(), hotel),
        ];
        Self { server, replace }
    }

    pub fn put(&self, text: &str) -> String {
        self.replace.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
    }

    async fn ask(&self, caller: &Caller, operation: &Operation) -> test_support::Answer {
        let asking = caller.request(operation.method.clone(), &self.put(&operation.path));
        match &operation.body {
            Some(body) => asking.json(&serde_json::from_str(&self.put(&body.to_string())).unwrap()).await,
            None => asking.await,
        }
    }
}

#[tokio::test]
async fn nobody_gets_in_without_the_scope() {
    let scene = Scene::set().await;
    let stranger = scene.server.anyone();
    let every = "reservations:read reservations:write payments:read payments:write documents templates:manage \
                 hotel:manage cluster:read cluster:manage";
    let mut wrong = Vec::new();
    let mut asked = 0;
    for operation in operations().iter().filter(|operation| !operation.open) {
        let name = &operation.name;
        let scope = operation.scope.clone().unwrap_or_else(|| panic!("{name} wants a token, but no scope"));
        let refused = scene.ask(&stranger, operation).await;
        if (refused.status, refused.header("content-type")) != (401, "application/problem+json") {
            wrong.push(format!("{name} without a token: {} {}", refused.status, refused.text()));
        }
        // A token with every scope except this one and those that also authorize the operation.
        let above = also_open(name, &scope);
        let lacking = |other: &&str| *other != scope && !above.contains(other);
        let others: Vec<&str> = every.split_whitespace().filter(lacking).collect();
        let caller = scene.server.partner(&others.join(" ")).await;
        let refused = scene.ask(&caller, operation).await;
        if (refused.status, refused.header("content-type")) != (403, "application/problem+json") {
            wrong.push(format!("{name} without {scope}: {} {}", refused.status, refused.text()));
        }
        asked += 1;
    }
    assert!(wrong.is_empty(), "{} of {asked}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(asked > 30, "only {asked} operations want a scope");
    scene.server.assert_invariants().await;
}

#[tokio::test]
async fn what_is_open_is_known_to_be_open() {
    let open: Vec<String> = operations().iter().filter(|one| one.open).map(|one| one.name.clone()).collect();
    for name in &open {
        assert!(OPEN.contains(&name.as_str()), "{name} needs no token: is that right?");
    }
    let scene = Scene::set().await;
    let stranger = scene.server.anyone();
    for operation in operations().iter().filter(|one| BY_LINK.contains(&one.name.as_str())) {
        let refused = scene.ask(&stranger, operation).await;
        assert!(
            [401, 404].contains(&refused.status),
            "{}: {} {}",
            operation.name,
            refused.status,
            refused.text()
        );
        let wrong =
            stranger.get(&format!("{}?key=AAAAAAAAAAAAAAAAAAAAAAAAAA", scene.put(&operation.path))).await;
        wrong.problem(404, "not-found");
    }
}

#[tokio::test]
async fn a_token_of_somebody_else_opens_nothing() {
    let scene = Scene::set().await;
    let url = scene.server.url.clone();
    let other = TestServer::plan().hotels(vec![]).open().await;
    let foreign = other.admin().await.token.unwrap();
    let mut last = foreign.clone();
    let changed = if last.pop() == Some('A') { 'B' } else { 'A' };
    last.push(changed);
    for token in [foreign.as_str(), last.as_str(), "", "v4.public.", "v4.local.AAAA", "Bearer"] {
        let caller = Caller::new(url.clone()).with_token(token);
        caller.get("/v1/clients").await.problem(401, "unauthenticated");
    }
    // Offers and cursors are sealed by the same cluster, for other purposes.
    let offer = scene.put("OFFER");
    Caller::new(url).with_token(offer).get("/v1/clients").await.problem(401, "unauthenticated");
}
