//! The booking flow: search, offer, reservation, payment, documents and mails, cancellation.

use serde_json::json;
use test_support::{Stay, TestServer, pdf_text};

use crate::text;

#[tokio::test]
async fn a_guest_finds_books_pays_and_cancels() {
    let server = TestServer::open().await;
    let partner = server.booker().await;
    let stay = Stay::from_day(40, 3);

    // Find the city by its Italian name, then its hotels, then the offers of one hotel.
    let cities = partner.get("/v1/cities?q=Cracovi&limit=5").await.expect(200).json();
    let city = &cities["items"][0];
    assert_eq!((text(&city["country"]), city["hotels"].as_u64()), ("PL", Some(2)), "{city}");
    let query = format!("/v1/hotels?city={}&sort=price&{}", text(&city["id"]), stay.query());
    let hotels = partner.get(&query).await.expect(200).json();
    assert!(hotels["as_of"].is_string(), "{hotels}");
    let found =
        hotels["items"].as_array().unwrap().iter().find(|hotel| hotel["name"] == "Hotel Rzeka").unwrap();
    let hotel = text(&found["id"]);
    let offers = partner.offers(hotel, &stay).await;
    let cheapest = offers.iter().min_by_key(|offer| offer["total"]["amount"].as_i64()).unwrap();
    assert_eq!(found["total"], cheapest["total"], "search and offers have the same price");
    let flexible = offers.iter().find(|offer| offer["rate_plan_name"] == "Flexible").unwrap();
    let nights: i64 =
        flexible["nightly"].as_array().unwrap().iter().map(|n| n["amount"].as_i64().unwrap()).sum();
    let tax = flexible["taxes"][0]["amount"].as_i64().unwrap();
    assert_eq!(flexible["total"], json!({"amount": nights + tax, "currency": "PLN"}));
    assert_eq!(tax, (nights * 8 + 50) / 100);

    // Hold a room, and read the reservation at the URL in the Location header.
    let order = json!({
        "offer": flexible["offer"], "reference": "ORDER-1", "requests": "A quiet room,\nplease.",
        "guest": {"name": "Łucja Żółć", "email": "lucja@guest.example", "phone": "+48 12 345 67 89"},
    });
    let made = partner.post("/v1/reservations", &order).await.expect(201);
    let held = made.json();
    assert_eq!((text(&held["status"]), &held["total"]), ("held", &flexible["total"]));
    assert_eq!(made.header("location"), format!("/v1/reservations/{}", text(&held["id"])));
    let again = partner.get(made.header("location")).await.expect(200);
    assert_eq!((again.json(), again.header("etag")), (held.clone(), made.header("etag")));

    // Pay. The reservation is confirmed, and both mails arrive with their documents.
    let payment = partner.pay(&held, "pm_card_visa").await;
    assert_eq!((text(&payment["status"]), &payment["amount"]), ("succeeded", &held["total"]), "{payment}");
    let confirmed = partner.once(&held, "confirmed").await;
    assert_eq!(confirmed["paid"], held["total"]);
    let whats: Vec<&str> =
        confirmed["timeline"].as_array().unwrap().iter().map(|at| text(&at["what"])).collect();
    assert_eq!((whats.first(), whats.last()), (Some(&"held"), Some(&"confirmed")), "{whats:?}");
    let reservation = format!("/v1/reservations/{}", text(&held["id"]));
    let confirmation = partner.get(&format!("{reservation}/confirmation.pdf")).await.expect(200);
    assert_eq!(confirmation.header("content-type"), "application/pdf");
    if let Some(read) = pdf_text(&confirmation.bytes) {
        for word in ["Hotel Rzeka", "Łucja Żółć", "TEST", text(&held["id"])] {
            assert!(read.contains(word), "the confirmation does not contain {word}: {read}");
        }
    }
    let receipt =
        partner.get(&format!("/v1/payments/{}/receipt.pdf", text(&payment["id"]))).await.expect(200);
    if let Some(read) = pdf_text(&receipt.bytes) {
        assert!(read.contains("Hotel Rzeka") && read.contains("TEST"), "{read}");
    }
    let calendar = partner.get(&format!("{reservation}/calendar.ics")).await.expect(200);
    assert!(calendar.header("content-type").starts_with("text/calendar"));
    let lines = calendar.text();
    assert!(
        lines.starts_with("BEGIN:VCALENDAR\r\n") && lines.trim_end().ends_with("END:VCALENDAR"),
        "{lines}"
    );

    let confirmed_mail = server.mail("lucja@guest.example", "is confirmed").await;
    assert!(confirmed_mail.subject.starts_with("TEST"), "{}", confirmed_mail.subject);
    pdf_text(&confirmed_mail.pdf().expect("the mail has no confirmation PDF").bytes);
    assert!(confirmed_mail.attachments.iter().any(|file| file.content_type.starts_with("text/calendar")));
    let receipt_mail = server.mail("lucja@guest.example", "Receipt").await;
    pdf_text(&receipt_mail.pdf().expect("the mail has no receipt PDF").bytes);
    server.mail("desk@hotel.example", "New booking").await;

    // The key in the mailed link gives access without a token. The reservation id alone does not.
    let link = confirmed_mail
        .link(&format!("{}/bookings/{}?key=", server.url, text(&held["id"])))
        .expect("the mail has no booking link");
    let key = link.rsplit('=').next().unwrap().to_owned();
    let anyone = server.anyone();
    let by_link = anyone.get(&format!("{reservation}?key={key}")).await.expect(200).json();
    assert_eq!(by_link["id"], held["id"]);
    anyone.get(&format!("{reservation}?key=wrong")).await.problem(404, "not-found");
    // A partner made this booking. Its page, QR code and documents open with the link alone.
    let page = format!("/bookings/{}", text(&held["id"]));
    for file in ["", "/qr.svg", "/confirmation.pdf", "/receipt.pdf", "/calendar.ics"] {
        anyone.get(&format!("{page}{file}?key={key}")).await.expect(200);
    }
    // A new link closes the booking for those who have the earlier one.
    partner.post(&format!("{reservation}/links"), &json!({})).await.expect(200);
    let new_link = server.mail("lucja@guest.example", "Your new link").await;
    let new_link = new_link.link(&format!("{}/bookings/", server.url)).expect("the mail has no link");
    let new_key = new_link.rsplit('=').next().unwrap().to_owned();
    anyone.get(&format!("{reservation}?key={key}")).await.problem(410, "link-replaced");
    assert_eq!(anyone.get(&format!("{page}?key={key}")).await.status, 410);
    anyone.get(&format!("{page}?key={new_key}")).await.expect(200);
    // The hotel's mail leads its staff over sign-in to the booking.
    let desk = server.mail("desk@hotel.example", "New booking").await;
    assert!(
        desk.text.contains("lucja@guest.example") && desk.text.contains("+48 12 345 67 89"),
        "{}",
        desk.text
    );
    assert!(desk.text.contains(&format!("{}/sign-in?next={page}", server.url)), "{}", desk.text);

    // Cancel before the deadline: the full amount is refunded, and mails confirm it.
    assert_eq!(confirmed["refund_if_cancelled_now"], held["total"]);
    let cancelled = partner.post(&format!("{reservation}/cancel"), &json!({})).await.expect(200).json();
    assert_eq!((text(&cancelled["status"]), &cancelled["refund"]["amount"]), ("cancelled", &held["total"]));
    server.mail("lucja@guest.example", "is cancelled").await;
    server.mail("lucja@guest.example", "Refund").await;
    server.wait_until_outboxes_empty().await;
    let refunded = partner.get(&format!("/v1/payments/{}", text(&payment["id"]))).await.expect(200).json();
    assert_eq!(
        (text(&refunded["status"]), &refunded["refunded"]),
        ("refunded", &held["total"]),
        "{refunded}"
    );
    assert_eq!(partner.reservation(&held).await["refund"]["status"], "succeeded");

    // The receipt stays as it was issued: the refund has a credit note, and the confirmation of the cancelled booking says so.
    let path = format!("/v1/payments/{}", text(&payment["id"]));
    let again = partner.get(&format!("{path}/receipt.pdf")).await.expect(200);
    if let (Some(before), Some(after)) = (pdf_text(&receipt.bytes), pdf_text(&again.bytes)) {
        assert_eq!(before, after);
    }
    let notes = partner.get(&format!("{path}/credit-notes")).await.expect(200).json();
    assert_eq!(
        (&notes["items"][0]["number"], &notes["items"][0]["amount"]),
        (&json!("CN-000001"), &held["total"]),
        "{notes}"
    );
    let note = partner.get(&format!("{path}/credit-notes/CN-000001/credit-note.pdf")).await.expect(200);
    if let Some(read) = pdf_text(&note.bytes) {
        assert!(read.contains("CN-000001") && read.contains(text(&payment["receipt_number"])), "{read}");
    }
    let refund_mail = server.mail("lucja@guest.example", "Refund").await;
    pdf_text(&refund_mail.pdf().expect("the mail has no credit note").bytes);
    assert_eq!(cancelled["cancelled_by"], "partner");
    let cancellation = partner.get(&format!("{reservation}/confirmation.pdf")).await.expect(200);
    if let Some(read) = pdf_text(&cancellation.bytes) {
        assert!(
            read.contains("Your booking is cancelled") && !read.contains("free of charge until"),
            "{read}"
        );
    }
    server.assert_invariants().await;
}

#[tokio::test]
async fn a_late_cancellation_costs_the_penalty_of_the_rate_plan() {
    let server = TestServer::open().await;
    let partner = server.booker().await;
    let hotel = server.hotel_id("river").await;
    // The Saver plan has no free cancellation and a penalty of 100 %.
    let offer = partner.offer(&hotel, &Stay::from_day(30, 2), "Saver").await;
    let held = partner.hold(&offer, "late@guest.example").await;
    partner.pay(&held, "pm_card_mastercard").await;
    let confirmed = partner.once(&held, "confirmed").await;
    assert_eq!(confirmed["refund_if_cancelled_now"]["amount"], 0);
    let path = format!("/v1/reservations/{}/cancel", text(&held["id"]));
    let cancelled = partner.post(&path, &json!({})).await.expect(200).json();
    assert_eq!(cancelled["penalty"], held["total"]);
    assert_eq!(
        partner.post(&path, &json!({})).await.expect(200).json()["status"],
        "cancelled",
        "a second cancellation gets the same response"
    );
    server.wait_until_outboxes_empty().await;
    server.assert_invariants().await;
}

#[tokio::test]
async fn the_last_room_is_sold_once() {
    let server = TestServer::open().await;
    let partner = server.booker().await;
    let (attic, stay) = (server.hotel_id("attic").await, Stay::from_day(50, 2));
    let offer = partner.offer(&attic, &stay, "Flexible").await;
    // Twelve requests at once with the same offer: an offer fixes the price, and does not reserve the room.
    let body = json!({"offer": offer, "guest": {"name": "A", "email": "a@guest.example"}});
    let attempts: Vec<_> = (0..12)
        .map(|_| {
            let (partner, body) = (partner.clone(), body.clone());
            tokio::spawn(async move { partner.post("/v1/reservations", &body).await })
        })
        .collect();
    let mut held = Vec::new();
    for attempt in attempts {
        let answer = attempt.await.unwrap();
        if answer.status == 201 {
            held.push(answer.json());
        } else {
            let problem = answer.problem(409, "sold-out");
            assert!(problem["alternatives"].is_array(), "{problem}");
        }
    }
    assert_eq!(held.len(), 1);
    assert!(partner.offers(&attic, &stay).await.is_empty());
    let path = format!("/v1/reservations/{}/cancel", text(&held[0]["id"]));
    partner.post(&path, &json!({})).await.expect(200);
    assert_eq!(partner.offers(&attic, &stay).await[0]["rooms_left"], 1, "cancelling frees the room");
    server.assert_invariants().await;
}
