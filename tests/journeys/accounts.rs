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

    // A second registration gets the same response, and the owner of the address is told of the account by mail.
    let second = anyone.post("/v1/users", &account).await.expect(201);
    assert_eq!(first.json(), second.json());
    let notice = server.mail(&person.email, "You already have an account").await;
    assert!(notice.link(&format!("{}/sign-in", server.url)).is_some(), "the mail has no link to sign in");

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

    // The token alone does not suffice.
    assert_eq!(me.delete("/v1/users/me").await.status / 100, 4);
    let wrong = json!({"password": person.email});
    me.delete("/v1/users/me").json(&wrong).await.complains_of(403, "wrong-password", "/password");
    me.delete("/v1/users/me").json(&json!({"password": person.password})).await.expect(204);
    assert!(person.try_sign_in(&server, "profile").await.is_none());
    server.wait_until_outboxes_empty().await;
    server.assert_invariants().await;
    let mails = server.mails();
    assert!(
        mails.iter().all(|mail| mail.to.contains("ada@guest.example")),
        "no mail goes to another address"
    );
    let mut subjects: Vec<&str> =
        mails.iter().map(|mail| mail.subject.split(" – ").next().unwrap()).collect();
    subjects.sort_unstable();
    assert_eq!(
        subjects,
        [
            "Please confirm your address",
            "Set a new password",
            "You already have an account",
            "Your account is closed",
            "Your password was changed"
        ]
    );
}

#[tokio::test]
async fn an_address_changes_with_the_password_and_a_link_to_the_new_mailbox() {
    let server = TestServer::plan().hotels(vec![]).open().await;
    let anyone = server.anyone();
    let old = Person::new("ada@guest.example", "correct horse battery");
    let new = Person::new("ada@home.example", "correct horse battery");
    let account = json!({"email": old.email, "password": old.password, "name": "Ada"});
    anyone.post("/v1/users", &account).await.expect(201);
    let me = old.signed_in(&server, "profile").await;
    let change = |password: &str, new: &str| json!({"email": {"password": password, "new": new}});
    let patch = |body| me.patch("/v1/users/me", &body);
    patch(change("wrong", &new.email)).await.complains_of(403, "wrong-password", "/email/password");
    patch(change(&old.password, "nobody")).await.complains_of(400, "invalid-request", "/email/new");
    let own = patch(change(&old.password, "ADA@guest.example")).await;
    own.complains_of(400, "invalid-request", "/email/new");
    let asked = patch(change(&old.password, &new.email)).await.expect(200).json();
    assert_eq!(
        (text(&asked["email"]), text(&asked["pending_email"])),
        (old.email.as_str(), new.email.as_str())
    );
    server.mail(&old.email, "A new email address was requested").await;
    let mail = server.mail(&new.email, "confirm your new address").await;
    let address = mail.link(&format!("{}/verify-email?token=", server.url)).expect("a link");
    let token = json!({"token": address.split_once("token=").unwrap().1});
    anyone.post("/v1/users/verify-email", &token).await.expect(204);
    server.mail(&old.email, "Your email address was changed").await;
    assert!(old.try_sign_in(&server, "profile").await.is_none());
    let mine = new.signed_in(&server, "profile").await.get("/v1/users/me").await.expect(200).json();
    assert_eq!((text(&mine["email"]), &mine["email_verified"]), (new.email.as_str(), &json!(true)));
    assert!(mine.get("pending_email").is_none(), "{mine}");
    server.assert_invariants().await;
}

#[tokio::test]
async fn mails_are_limited_alike_for_known_and_unknown_addresses() {
    let server = TestServer::plan().hotels(vec![]).open().await;
    let anyone = server.anyone();
    let account = json!({"email": "ada@guest.example", "password": "correct horse battery", "name": "Ada"});
    anyone.post("/v1/users", &account).await.expect(201);
    // The header shows that the request was forwarded for a client that is not on this machine.
    let ask = |email: String| {
        let body = json!({"email": email});
        anyone.post("/v1/users/password-reset", &body).header("x-forwarded-for", "203.0.113.9")
    };
    for number in 0..10 {
        ask(format!("guest{number}@guest.example")).await.expect(204);
    }
    for email in ["ada@guest.example", "nobody@guest.example"] {
        ask(email.to_owned()).await.problem(429, "rate-limited");
        let body = json!({"email": email, "password": "correct horse battery", "name": "Ada"});
        let refused = anyone.post("/v1/users", &body).header("x-forwarded-for", "203.0.113.9").await;
        assert!(refused.header("retry-after").parse::<u32>().is_ok_and(|secs| secs <= 11));
        refused.problem(429, "rate-limited");
    }
    server.wait_until_outboxes_empty().await;
    assert_eq!(server.mails().len(), 1, "one verification mail");
}
