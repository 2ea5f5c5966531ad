//! Errors: each has a status, a problem type and the invalid field. Responses do not echo sensitive input.

use serde_json::json;
use test_support::{Stay, TestServer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::text;

#[tokio::test]
async fn errors_are_problem_documents_that_name_the_invalid_field() {
    let server = TestServer::open().await;
    let (anyone, partner) = (server.anyone(), server.booker().await);
    let hotel = server.hotel_id("river").await;
    let offer = partner.offer(&hotel, &Stay::from_day(20, 1), "Flexible").await;
    let guest = json!({"name": "A", "email": "a@guest.example"});

    // 400: an invalid field is named by its JSON pointer.
    for (body, pointer) in [
        (json!({"guest": guest}), "/offer"),
        (json!({"offer": "short", "guest": guest}), "/offer"),
        (
            json!({"offer": "v4.local.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "guest": guest}),
            "/offer",
        ),
        (json!({"offer": offer, "guest": {"name": "", "email": "a@guest.example"}}), "/guest/name"),
        (json!({"offer": offer, "guest": {"name": "A", "email": "nobody"}}), "/guest/email"),
        (
            json!({"offer": offer, "guest": {"name": "A", "email": "a@b.example\nBcc: c@d.example"}}),
            "/guest/email",
        ),
        (
            json!({"offer": offer, "guest": {"name": "A", "email": "a@b.example", "phone": "me"}}),
            "/guest/phone",
        ),
        (json!({"offer": 7, "guest": guest}), "/offer"),
        (json!({"offer": offer, "guest": guest, "requests": "x".repeat(1001)}), "/requests"),
    ] {
        partner.post("/v1/reservations", &body).await.complains_of(400, "invalid-request", pointer);
    }
    let (good, path) = ("check_in=2027-01-10&check_out=2027-01-12", format!("/v1/hotels/{hotel}/offers"));
    for (query, pointer) in [
        ("check_out=2027-01-12", "/check_in"),
        ("check_in=2027-02-30&check_out=2027-03-02", "/check_in"),
        ("check_in=yesterday&check_out=2027-03-02", "/check_in"),
        ("check_in=2027-01-10&check_out=2027-01-12&guests=0", "/guests"),
        ("check_in=2027-01-10&check_out=2027-01-12&rooms=999999", "/rooms"),
    ] {
        anyone.get(&format!("{path}?{query}")).await.complains_of(400, "invalid-request", pointer);
    }
    anyone.get("/v1/cities?limit=0").await.complains_of(400, "invalid-request", "/limit");
    anyone.get("/v1/cities?limit=101").await.complains_of(400, "invalid-request", "/limit");
    // 422: dates in the wrong order, or in the past.
    for query in ["check_in=2027-01-12&check_out=2027-01-10", "check_in=2020-01-12&check_out=2020-01-13"] {
        let refused = anyone.get(&format!("{path}?{query}")).await;
        assert!([400, 422].contains(&refused.status), "{query}: {}", refused.text());
        assert!(refused.json()["errors"][0]["pointer"].as_str().is_some_and(|at| at.starts_with("/check_")));
    }
    anyone.get(&format!("{path}?{good}")).await.expect(200);

    // Invalid JSON, wrong content type, and a body above the limit.
    let broken =
        partner.request(reqwest::Method::POST, "/v1/reservations").bytes("application/json", "{\"offer\":");
    assert_eq!(broken.await.status, 400);
    let xml = partner.request(reqwest::Method::POST, "/v1/reservations").bytes("text/xml", "<a/>");
    xml.await.problem(415, "unsupported-media-type");
    // Only the headers are sent: the server refuses the body by its length. A client that sends the body may find the connection
    // closed.
    let head = format!(
        "POST /v1/reservations HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n",
        server.url.trim_start_matches("http://"),
        partner.token.as_deref().unwrap(),
        2 << 20
    );
    let answered = raw(&server, &head).await;
    assert!(answered.starts_with("HTTP/1.1 413 "), "{answered}");
    assert!(
        answered.contains("application/problem+json") && answered.contains("/problems/too-large"),
        "{answered}"
    );

    // 401, 403, 404, 405.
    let order = json!({"offer": offer, "guest": guest});
    let refused = anyone.post("/v1/reservations", &order).await;
    refused.problem(401, "unauthenticated");
    assert!(refused.header("www-authenticate").starts_with("Bearer"), "{:?}", refused.headers);
    let forged = anyone.with_token("v4.public.AAAA").get("/v1/reservations").await;
    forged.problem(401, "unauthenticated");
    let reader = server.partner("reservations:read").await;
    reader.post("/v1/reservations", &order).await.problem(403, "insufficient-scope");
    partner.get("/v1/reservations/rsv_nonsense").await.problem(404, "not-found");
    anyone.get("/v1/no-such-path").await.problem(404, "not-found");
    let wrong = anyone.delete("/v1/cities").await;
    wrong.problem(405, "method-not-allowed");
    assert!(wrong.header("allow").contains("GET"), "{:?}", wrong.headers);

    // The API accepts no card numbers: a value that looks like one is refused and not echoed.
    let held = partner.hold(&offer, "card@guest.example").await;
    let card = json!({"reservation_id": held["id"], "payment_method": "4242424242424242"});
    let refused = partner.post("/v1/payments", &card).await;
    assert!((400..=422).contains(&refused.status), "{} {}", refused.status, refused.text());
    assert!(!refused.text().contains("4242424242424242"), "{}", refused.text());

    // Every problem type URL has a description.
    for slug in ["sold-out", "offer-expired", "not-found", "idempotency-key-reused", "no-such-city"] {
        let meaning = anyone.get(&format!("/problems/{slug}")).await;
        assert_eq!(meaning.status, 200, "/problems/{slug}: {}", meaning.text());
    }
    server.assert_invariants().await;
}

/// Sends raw bytes to the server, and returns the whole response.
async fn raw(server: &TestServer, bytes: &str) -> String {
    let mut socket = tokio::net::TcpStream::connect(server.url.trim_start_matches("http://")).await.unwrap();
    socket.write_all(bytes.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn a_lost_update_is_refused() {
    let server = TestServer::open().await;
    let partner = server.booker().await;
    let hotel = server.hotel_id("river").await;
    let offer = partner.offer(&hotel, &Stay::from_day(20, 1), "Flexible").await;
    let held = partner.hold(&offer, "etag@guest.example").await;
    let path = format!("/v1/reservations/{}", text(&held["id"]));
    let etag = partner.get(&path).await.expect(200).header("etag").to_owned();
    let change = json!({"guest": {"phone": "+48 600 000 000"}, "requests": "Late arrival"});
    let changed = partner.patch(&path, &change).if_match(&etag).await.expect(200);
    assert_ne!(changed.header("etag"), etag);
    assert_eq!(changed.json()["guest"]["phone"], "+48 600 000 000");
    partner
        .patch(&path, &json!({"requests": null}))
        .if_match(&etag)
        .await
        .problem(412, "precondition-failed");
    let cleared =
        partner.patch(&path, &json!({"requests": null})).if_match(changed.header("etag")).await.expect(200);
    assert!(cleared.json().get("requests").is_none(), "{}", cleared.text());
    partner
        .post(&format!("{path}/cancel"), &json!({}))
        .if_match(&etag)
        .await
        .problem(412, "precondition-failed");
    // The same for templates.
    let keeper = server.partner("templates:manage documents").await;
    let put = |source: &str| keeper.put("/v1/templates/thanks", &json!({"source": source}));
    let first = put("# Thank you, {{ name }}").await.expect(200);
    let second = put("# Thanks, {{ name }}").if_match(first.header("etag")).await.expect(200);
    put("# Lost").if_match(first.header("etag")).await.problem(412, "precondition-failed");
    let made = keeper.post("/v1/documents", &json!({"template": "thanks", "data": {"name": "Łucja"}})).await;
    if let Some(read) = test_support::pdf_text(&made.expect(200).bytes) {
        assert!(read.contains("Thanks, Łucja"), "{read}");
    }
    let missing = keeper.post("/v1/documents", &json!({"template": "thanks", "data": {}})).await;
    assert!(
        (400..500).contains(&missing.status) && missing.json()["errors"].is_array(),
        "{}",
        missing.text()
    );
    keeper
        .delete("/v1/templates/thanks")
        .if_match(first.header("etag"))
        .await
        .problem(412, "precondition-failed");
    keeper.delete("/v1/templates/thanks").if_match(second.header("etag")).await.expect(204);
    keeper.get("/v1/templates/thanks").await.problem(404, "not-found");
}
