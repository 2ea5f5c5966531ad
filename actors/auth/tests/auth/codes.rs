//! Authorization codes: RFC 6749 §4.1, RFC 7636.

use contracts::auth::{
    ClientAuthentication, Command, GrantType, NewAuthorizationCode, NewClient, Refusal, Reply, code_hash,
    refresh_hash,
};
use contracts::users::Grants;

use crate::bench::{
    CALLBACK, CHALLENGE, Table, authentication, granted, grants, invalid_grant, list, operator, svc, web,
    web_client,
};

#[test]
fn what_is_granted_is_asked_for_and_allowed_to_client_and_user() {
    let table = Table::with_clients();
    table.send(Command::Authorize(table.new_code("one"))).unwrap();
    let grant = granted(table.exchange("one", "rt_1"));
    // `documents` was asked for and the client may; the user may not.
    assert_eq!(grant.scopes, list(&["profile", "reservations:read"]));
    let claims = table.claims(&table.session_token(&grant).unwrap(), table.bench.now()).unwrap();
    assert_eq!(claims.scope, "profile reservations:read");
    assert_eq!(claims.subject, grant.user.to_string());
    assert_eq!((claims.client_id.as_str(), claims.family.as_ref()), ("web", Some(&grant.session)));
}

#[test]
fn codes_are_given_for_good_requests_only() {
    let table = Table::with_clients();
    table.make(NewClient {
        id: Some("batch".into()),
        grant_types: vec![GrantType::ClientCredentials],
        ..web_client()
    });
    table.make(NewClient {
        id: Some("two".into()),
        redirect_uris: list(&["https://a.example/", "https://b.example/"]),
        ..web_client()
    });
    table.make(NewClient { id: Some("old".into()), ..web_client() });
    table.bench.command(&operator(), Command::RevokeClient { client_id: "old".into() }).unwrap();
    let user = contracts::UserId(7);
    table.bench.command(&svc("users"), Command::UserChanged { user, epoch: 3 }).unwrap();
    let base = |code: &str| table.new_code(code);
    let no_scopes = Grants { scopes: vec![], ..grants(1, 0) };
    let wrong = [
        (NewAuthorizationCode { client_id: "nobody".into(), ..base("a") }, Refusal::InvalidClient),
        (NewAuthorizationCode { client_id: "old".into(), ..base("b") }, Refusal::InvalidClient),
        (NewAuthorizationCode { client_id: "batch".into(), ..base("c") }, Refusal::UnauthorizedClient),
        (
            NewAuthorizationCode { redirect_uri: "https://evil.example/cb".into(), ..base("d") },
            Refusal::InvalidRedirect,
        ),
        (
            NewAuthorizationCode { redirect_uri: format!("{CALLBACK}/"), ..base("e") },
            Refusal::InvalidRedirect,
        ),
        (
            NewAuthorizationCode { client_id: "two".into(), redirect_uri: String::new(), ..base("f") },
            Refusal::InvalidRedirect,
        ),
        (NewAuthorizationCode { scopes: list(&["cluster:manage"]), ..base("g") }, Refusal::InvalidScope),
        (NewAuthorizationCode { scopes: list(&["payments:read"]), ..base("h") }, Refusal::InvalidScope),
        (NewAuthorizationCode { grants: no_scopes, ..base("i") }, Refusal::InvalidScope),
    ];
    for (code, expected) in wrong {
        assert_eq!(table.send(Command::Authorize(code.clone())), Err(expected), "{code:?}");
    }
    let stale = NewAuthorizationCode { grants: grants(7, 2), ..base("j") };
    assert!(invalid_grant(&table.send(Command::Authorize(stale))));
    assert_eq!(table.send(Command::Authorize(base("k"))), Ok(Reply::Done));
    assert!(invalid_grant(&table.send(Command::Authorize(base("k")))), "the same code twice");
}

#[test]
fn a_code_is_for_its_client_its_redirect_uri_and_its_verifier() {
    let table = Table::with_clients();
    table.make(NewClient {
        id: Some("batch".into()),
        grant_types: vec![GrantType::ClientCredentials],
        ..web_client()
    });
    table.send(Command::Authorize(table.new_code("one"))).unwrap();
    let try_it = |client: ClientAuthentication, code: &str, redirect: &str, challenge: &str| {
        table.send(Command::Exchange {
            client,
            code_hash: code_hash(code),
            redirect_uri: redirect.into(),
            challenge: challenge.into(),
            refresh_hash: refresh_hash("rt_1"),
        })
    };
    let other = "A".repeat(43);
    assert_eq!(
        try_it(authentication("web", Some("x")), "one", CALLBACK, CHALLENGE),
        Err(Refusal::InvalidClient)
    );
    assert_eq!(
        try_it(authentication("batch", Some("sec_web")), "one", CALLBACK, CHALLENGE),
        Err(Refusal::UnauthorizedClient)
    );
    for (client, code, redirect, challenge) in [
        (authentication("spa", None), "one", CALLBACK, CHALLENGE),
        (web(), "two", CALLBACK, CHALLENGE),
        (web(), "one", "https://app.example/", CHALLENGE),
        (web(), "one", "", CHALLENGE),
        (web(), "one", CALLBACK, other.as_str()),
        (web(), "one", CALLBACK, ""),
    ] {
        let reply = try_it(client.clone(), code, redirect, challenge);
        assert!(invalid_grant(&reply), "{client:?} {code} {redirect} {challenge}: {reply:?}");
    }
    // None of that has spoilt it.
    granted(try_it(web(), "one", CALLBACK, CHALLENGE));
}

#[test]
fn a_request_without_redirect_uri_is_exchanged_without() {
    let table = Table::with_clients();
    table
        .send(Command::Authorize(NewAuthorizationCode {
            redirect_uri: String::new(),
            ..table.new_code("one")
        }))
        .unwrap();
    assert!(invalid_grant(&table.exchange("one", "rt_1")));
    granted(table.send(Command::Exchange {
        client: web(),
        code_hash: code_hash("one"),
        redirect_uri: String::new(),
        challenge: CHALLENGE.into(),
        refresh_hash: refresh_hash("rt_1"),
    }));
}

#[test]
fn a_code_expires_after_60_seconds() {
    for (secs, good) in [(59, true), (60, false), (1_000, false)] {
        let table = Table::with_clients();
        table.send(Command::Authorize(table.new_code("one"))).unwrap();
        table.bench.advance_secs(secs);
        assert_eq!(table.exchange("one", "rt_1").is_ok(), good, "after {secs} s");
    }
}

#[test]
fn a_code_used_twice_ends_what_came_of_it() {
    let table = Table::with_clients();
    let grant = table.session("rt_1");
    assert!(table.session_token(&grant).is_ok());
    assert_eq!(table.exchange("code of rt_1", "rt_2"), Ok(Reply::Reused));
    assert_eq!(table.session_token(&grant), Err(Refusal::NoSuchSession));
    assert!(invalid_grant(&table.refresh("rt_1", "rt_3")));
    assert!(invalid_grant(&table.refresh("rt_2", "rt_3")), "the second one got nothing");
    // Also after the code has expired, while its first access token may be alive.
    let grant = table.session("rt_4");
    table.bench.advance_secs(300);
    assert_eq!(table.exchange("code of rt_4", "rt_5"), Ok(Reply::Reused));
    assert_eq!(table.session_token(&grant), Err(Refusal::NoSuchSession));
    table.bench.advance_secs(1_000);
    assert!(invalid_grant(&table.exchange("code of rt_4", "rt_6")), "in the end it is forgotten");
}

#[test]
fn who_changed_the_password_between_code_and_exchange_signs_in_again() {
    let table = Table::with_clients();
    table.send(Command::Authorize(table.new_code("one"))).unwrap();
    let changed = Command::UserChanged { user: grants(1, 0).user, epoch: 1 };
    table.bench.command(&svc("users"), changed).unwrap();
    assert!(invalid_grant(&table.exchange("one", "rt_1")));
}
