//! User accounts: registration, email verification, changes, password reset and deletion. Responses do not reveal whether an
//! address has an account.

use serde_json::json;
use test_support::TestServer;

use crate::sign_in::Person;
use crate::text;

#[tokio::test]
async fn an_account_is_registered_verified_changed_and_deleted() {
    let server = TestServer::open().await;
    let anyone = server.anyone();
    let person = Person::new("ada@guest.example", "correct horse battery");
    let account = json!({"email": person.email, "password": person.password, "name": "Ada"});
    let first = anyone.post("/v1/users", &account).await.expect(201);
    let link = server.mail(&person.email, "confirm your address").await;
    for (field, value, pointer) in
        [("password", "short", "/password"), ("email", "nobody", "/email"), ("name", "", "/name")]
    {
        let mut wrong = account.clone();
        wrong[field] = json!(value);
        anyone.post("/v1/users", &wrong).await.complains_of(400, "invalid-request", pointer);
    }

    let verify = |token: &str| anyone.post("/v1/users/verify-email", &json!({"token": token}));
    let address =
        link.link(&format!("{}/verify-email?token=", server.url)).expect("the mail has no verification link");
    let token = address.split_once("token=").unwrap().1.to_owned();
    assert!(verify("made-up").await.status / 100 == 4);
    verify(&token).await.expect(204);

    // A second registration gets the same response, and soon after the first one no second mail is sent.
    let second = anyone.post("/v1/users", &account).await.expect(201);
    assert_eq!(first.json(), second.json());

    let me = person.signed_in(&server, "profile").await;
    let mine = me.get("/v1/users/me").await.expect(200);
    assert_eq!(
        (text(&mine.json()["name"]), mine.json()["email_verified"].as_bool()),
        ("Ada", Some(true)),
        "{}",
        mine.text()
    );
    let renamed =
        me.patch("/v1/users/me", &json!({"name": "Ada L."})).if_match(mine.header("etag")).await.expect(200);
    me.patch("/v1/users/me", &json!({"name": "Lost"}))
        .if_match(mine.header("etag"))
        .await
        .problem(412, "precondition-failed");
    assert_eq!(renamed.json()["name"], "Ada L.");

    // Password reset. Known and unknown addresses get the same response, and the link works once.
    for email in [person.email.as_str(), "nobody@guest.example"] {
        anyone.post("/v1/users/password-reset", &json!({"email": email})).await.expect(204);
    }
    let reset = server.mail(&person.email, "new password").await;
    let address =
        reset.link(&format!("{}/reset-password?token=", server.url)).expect("the mail has no reset link");
    let token = address.split_once("token=").unwrap().1;
    let confirm = json!({"token": token, "password": "another good one"});
    anyone.post("/v1/users/password-reset/confirm", &confirm).await.expect(204);
    assert_eq!(anyone.post("/v1/users/password-reset/confirm", &confirm).await.status / 100, 4);
    assert!(person.try_sign_in(&server, "profile").await.is_none(), "the old password no longer works");
    let person = Person::new("ada@guest.example", "another good one");
    let me = person.signed_in(&server, "profile").await;

    me.delete("/v1/users/me").await.expect(204);
    assert!(person.try_sign_in(&server, "profile").await.is_none());
    server.wait_until_outboxes_empty().await;
    server.assert_invariants().await;
    let mails = server.mails();
    assert!(
        mails.iter().all(|mail| mail.to.contains("ada@guest.example")),
        "no mail goes to another address"
    );
    assert_eq!(mails.len(), 2, "one verification mail and one reset mail");
}
