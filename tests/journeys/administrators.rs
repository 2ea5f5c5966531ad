//! Administrators: roles, the last client, lost credentials, rotation of secrets and keys, over REST and on the command line.

use serde_json::{Value, json};
use test_support::TestServer;

use crate::sign_in::Person;
use crate::text;

fn parsed(printed: &str) -> Value {
    serde_json::from_str(printed).unwrap_or_else(|error| panic!("{error}: {printed}"))
}

#[tokio::test]
async fn roles_go_to_verified_accounts_only() {
    let server = TestServer::open().await;
    let person = Person::new("clerk@inn.example", "correct horse battery");
    let account = json!({"email": person.email, "password": person.password, "name": "Clerk"});
    server.anyone().post("/v1/users", &account).await.expect(201);
    let refused = server.operate(&["user", "grant", &person.email, "--administrator"]).refused();
    assert!(refused.contains("open the link in the verification mail"), "{refused}");
    let grant = json!({"email": person.email, "hotels": ["*"]});
    let admin = server.admin().await;
    admin.put("/v1/users/roles", &grant).await.problem(409, "unverified-address");

    let mail = server.mail(&person.email, "confirm your address").await;
    let address = mail.link(&format!("{}/verify-email?token=", server.url)).expect("a link");
    let token = json!({"token": address.split_once("token=").unwrap().1});
    server.anyone().post("/v1/users/verify-email", &token).await.expect(204);
    let granted = server.operate(&["user", "grant", &person.email, "--all-hotels"]).done();
    assert_eq!(granted.trim(), "clerk@inn.example: staff of all hotels");
    server.mail(&person.email, "Your permissions were changed").await;
    let clerk = person.signed_in(&server, "hotel:manage profile").await;
    assert_eq!(clerk.get("/v1/users/me").await.expect(200).json()["hotels"], json!(["*"]));
    let hotels = clerk.get("/v1/properties").await.expect(200).json();
    assert!(hotels["items"].as_array().is_some_and(|hotels| hotels.len() > 1), "{hotels}");
    let none = server.operate(&["user", "grant", &person.email, "--json"]).done();
    assert_eq!(parsed(&none)["hotels"], json!([]));
    server.assert_invariants().await;
}

#[tokio::test]
async fn a_client_manages_the_hotels_that_it_names() {
    let server = TestServer::open().await;
    let river = server.hotel_id("river").await;
    let create = |more: &[&str]| {
        let create = ["client", "create", "--name", "pms", "--scope", "hotel:manage", "--json"];
        server.operate(&[&create[..], more].concat())
    };
    let silent = create(&[]);
    assert!(silent.err.contains("hotel:manage is valid for no hotel"), "{}", silent.err);
    for (created, count) in [(silent, 0), (create(&["--hotels", &river]), 1), (create(&["--all-hotels"]), 2)]
    {
        let created = parsed(&created.done());
        let client = server.sign_in(text(&created["client_id"]), text(&created["client_secret"])).await;
        let found = client.get("/v1/properties").await.expect(200).json();
        let found = found["items"].as_array().map_or(0, Vec::len);
        assert_eq!(found.min(2), count, "{created}");
        let hotel = client.get(&format!("/v1/properties/{river}")).await;
        assert_eq!(hotel.status / 100, if count == 0 { 4 } else { 2 }, "{created}");
    }
    let both = create(&["--hotel", &river, "--all-hotels"]);
    assert_eq!(both.code, Some(2), "{}", both.err);
}

#[tokio::test]
async fn the_administrator_cannot_lock_itself_out_and_finds_the_way_back() {
    let server = TestServer::plan().hotels(vec![]).open().await;
    let admin = server.admin().await;
    admin.delete("/v1/clients/admin").await.problem(409, "own-client");
    let refused = server.operate(&["client", "revoke", "admin"]).refused();
    assert!(refused.contains("another client"), "{refused}");
    let reader = server.partner("cluster:read").await;
    reader.delete("/v1/clients/admin").await.problem(403, "insufficient-scope");

    // The file is lost.
    let file = server.data.join("admin.json");
    let before: Value = parsed(&std::fs::read_to_string(&file).unwrap());
    std::fs::remove_file(&file).unwrap();
    let data = server.data.to_string_lossy().into_owned();
    let elsewhere = std::env::temp_dir();
    let no_key = server.auberge(&["admin", "recover", "--data", &elsewhere.to_string_lossy()]).refused();
    assert!(no_key.contains("cluster.key"), "{no_key}");
    let recovered = server.auberge(&["admin", "recover", "--data", &data, "--url", &server.url]).done();
    assert!(recovered.contains("the client admin"), "{recovered}");
    let after: Value = parsed(&std::fs::read_to_string(&file).unwrap());
    assert_ne!(before["client_secret"], after["client_secret"]);
    assert_eq!((&before["url"], &before["client_id"]), (&after["url"], &after["client_id"]));
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&file).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    server.operate(&["client", "list"]).done();
    let old = [
        ("grant_type", "client_credentials"),
        ("client_id", "admin"),
        ("client_secret", text(&before["client_secret"])),
    ];
    assert_eq!(server.anyone().form("/oauth/token", &old).await.status, 401);

    // The client is revoked by another administrator.
    let (id, secret) = server.new_client("cluster:manage", &[]).await;
    server.sign_in(&id, &secret).await.delete("/v1/clients/admin").await.expect(204);
    server.sign_in(&id, &secret).await.delete(&format!("/v1/clients/{id}")).await.problem(409, "own-client");
    let printed = server.auberge(&["admin", "recover", "--data", &data, "--json"]).done();
    assert!(text(&parsed(&printed)["client_id"]).starts_with("cli_"), "{printed}");
    server.operate(&["client", "list"]).done();
    server.assert_invariants().await;
}

#[tokio::test]
async fn secrets_and_keys_rotate_on_the_command_line() {
    let server = TestServer::plan().hotels(vec![]).open().await;
    let (id, old) = server.new_client("reservations:read", &[]).await;
    let rotated = parsed(&server.operate(&["client", "rotate", "Partner", "--json"]).done());
    assert_eq!(text(&rotated["client_id"]), id);
    for secret in [old.as_str(), text(&rotated["client_secret"])] {
        server.sign_in(&id, secret).await.get("/v1/reservations").await.expect(200);
    }
    let now = server.operate(&["client", "rotate", &id, "--overlap", "0s"]).done();
    assert!(now.contains("no longer valid"), "{now}");
    let form = [("grant_type", "client_credentials"), ("client_id", id.as_str()), ("client_secret", &old)];
    assert_eq!(server.anyone().form("/oauth/token", &form).await.status, 401);
    let unknown = server.operate(&["client", "rotate", "nobody"]).refused();
    assert!(unknown.contains("auberge client list"), "{unknown}");
    assert_eq!(server.operate(&["client", "rotate", &id, "--overlap", "soon"]).code, Some(2));
    // The administrator's own secret: the file is updated, so that the next command works.
    let own = server.operate(&["client", "rotate", "admin", "--overlap", "0s"]).done();
    assert!(own.contains("admin.json has the new secret"), "{own}");

    let list = || parsed(&server.operate(&["keys", "list", "--json"]).done());
    let first = list();
    assert_eq!((first.as_array().map(Vec::len), text(&first[0]["state"])), (Some(1), "active"));
    let only = server.operate(&["keys", "withdraw", text(&first[0]["id"])]).refused();
    assert!(only.contains("Rotate keys first"), "{only}");
    for _ in 0..2 {
        let keys = parsed(&server.operate(&["keys", "rotate", "--json"]).done());
        let states: Vec<&str> = keys.as_array().unwrap().iter().map(|key| text(&key["state"])).collect();
        assert_eq!(states, ["active", "announced"], "a second rotation within a minute has no effect");
    }
    assert!(server.operate(&["keys", "list"]).done().contains("announced"));
    server.admin().await.get("/v1/cluster").await.expect(200);
    server.assert_invariants().await;
}
