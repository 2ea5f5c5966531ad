//! Access is limited to the owner: all other clients get 404, as for a resource that does not exist.

use serde_json::json;
use test_support::{Stay, TestServer};

use crate::text;

#[tokio::test]
async fn other_clients_get_not_found() {
    let server = TestServer::open().await;
    let (owner, other) = (server.booker().await, server.booker().await);
    let river = server.hotel_id("river").await;
    let attic = server.hotel_id("attic").await;
    let offer = owner.offer(&river, &Stay::from_day(33, 1), "Flexible").await;
    let held = owner.hold(&offer, "mine@guest.example").await;
    let payment = owner.pay(&held, "pm_card_visa").await;
    owner.once(&held, "confirmed").await;
    let (reservation, paid) = (text(&held["id"]), text(&payment["id"]));

    let (id, secret) = server.new_client("hotel:manage reservations:read payments:read", &[&attic]).await;
    let staff_elsewhere = server.sign_in(&id, &secret).await;
    for path in [
        format!("/v1/reservations/{reservation}"),
        format!("/v1/reservations/{reservation}/confirmation.pdf"),
        format!("/v1/reservations/{reservation}/calendar.ics"),
        format!("/v1/payments/{paid}"),
        format!("/v1/payments/{paid}/receipt.pdf"),
    ] {
        owner.get(&path).await.expect(200);
        other.get(&path).await.problem(404, "not-found");
        staff_elsewhere.get(&path).await.problem(404, "not-found");
    }
    for (path, body) in [
        (format!("/v1/reservations/{reservation}/cancel"), json!({})),
        ("/v1/payments".to_owned(), json!({"reservation_id": reservation, "payment_method": "pm_card_visa"})),
    ] {
        other.post(&path, &body).await.problem(404, "not-found");
    }
    other
        .patch(&format!("/v1/reservations/{reservation}"), &json!({"requests": "x"}))
        .await
        .problem(404, "not-found");
    // The response for an unknown id equals the response for the id of another owner.
    let not_owned = other.get(&format!("/v1/reservations/{reservation}")).await.json();
    let unknown = other.get("/v1/reservations/rsv_00000000000000000000000000").await.json();
    assert_eq!((&not_owned["type"], &not_owned["detail"]), (&unknown["type"], &unknown["detail"]));
    for path in ["/v1/reservations", "/v1/payments"] {
        assert_eq!(other.get(path).await.expect(200).json()["items"], json!([]));
        assert_eq!(owner.get(path).await.expect(200).json()["items"].as_array().map(Vec::len), Some(1));
    }
    // Staff of the hotel have access.
    let (id, secret) = server.new_client("hotel:manage reservations:read payments:read", &[&river]).await;
    let staff = server.sign_in(&id, &secret).await;
    staff.get(&format!("/v1/reservations/{reservation}")).await.expect(200);
    assert_eq!(staff_elsewhere.get(&format!("/v1/properties/{river}")).await.status / 100, 4);
}

#[tokio::test]
async fn a_revoked_client_loses_access_within_seconds() {
    let server = TestServer::open().await;
    let (id, secret) = server.new_client("reservations:read", &[]).await;
    let partner = server.sign_in(&id, &secret).await;
    partner.get("/v1/reservations").await.expect(200);
    server.operate(&["client", "revoke", &id]).done();
    test_support::eventually("the revocation to take effect", || async {
        let answer = partner.get("/v1/reservations").await;
        (answer.status == 401).then(|| answer.problem(401, "unauthenticated"))
    })
    .await;
    let form = [("grant_type", "client_credentials"), ("client_id", id.as_str()), ("client_secret", &secret)];
    let refused = server.anyone().form("/oauth/token", &form).await;
    assert_eq!((refused.status, text(&refused.json()["error"])), (401, "invalid_client"));
}
