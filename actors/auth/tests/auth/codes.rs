//! Authorization codes: RFC 6749 §4.1, RFC 7636.

use contracts::auth::{
    ClientAuthentication, CreateClient, ExchangeCode, GrantType, IssueAuthorizationCode, Refusal, Reply,
    RevokeClient, TokenReused, UserChanged, code_hash, refresh_hash,
};
use contracts::users::Grants;

use crate::bench::{
    CALLBACK, CHALLENGE, Fixture, authentication, granted, grants, invalid_grant, list, operator, svc, web,
    web_client,
};

#[test]
fn scopes_are_granted_if_requested_and_allowed_for_client_and_user() {
    let fixture = Fixture::with_clients();
    fixture.send(fixture.new_code("one")).unwrap();
    let grant = granted(fixture.exchange("one", "rt_1"));
    // `documents` is requested and allowed for the client, but not for the user.
    assert_eq!(grant.scopes, list(&["profile", "reservations:read"]));
    let claims = fixture.claims(&fixture.session_token(&grant).unwrap(), fixture.bench.now()).unwrap();
    assert_eq!(claims.scope, "profile reservations:read");
    assert_eq!(claims.subject, grant.user.to_string());
    assert_eq!((claims.client_id.as_str(), claims.family.as_ref()), ("web", Some(&grant.session)));
}

#[test]
fn codes_are_issued_only_for_valid_requests() {
    let fixture = Fixture::with_clients();
    fixture.make(CreateClient {
        id: Some("batch".into()),
        grant_types: vec![GrantType::ClientCredentials],
        ..web_client()
    });
    fixture.make(CreateClient {
        id: Some("two".into()),
        redirect_uris: list(&["https://a.example/", "https://b.example/"]),
        ..web_client()
    });
    fixture.make(CreateClient { id: Some("old".into()), ..web_client() });
    fixture.command(&operator(), RevokeClient { client_id: "old".into() }).unwrap();
    let user = contracts::UserId(7);
    fixture.command(&svc("users"), UserChanged { user, epoch: 3 }).unwrap();
    let base = |code: &str| fixture.new_code(code);
    let no_scopes = Grants { scopes: vec![], ..grants(1, 0) };
    let wrong = [
        (IssueAuthorizationCode { client_id: "nobody".into(), ..base("a") }, Refusal::InvalidClient),
        (IssueAuthorizationCode { client_id: "old".into(), ..base("b") }, Refusal::InvalidClient),
        (IssueAuthorizationCode { client_id: "batch".into(), ..base("c") }, Refusal::UnauthorizedClient),
        (
            IssueAuthorizationCode { redirect_uri: "https://evil.example/cb".into(), ..base("d") },
            Refusal::InvalidRedirect,
        ),
        (
            IssueAuthorizationCode { redirect_uri: format!("{CALLBACK}/"), ..base("e") },
            Refusal::InvalidRedirect,
        ),
        (
            IssueAuthorizationCode { client_id: "two".into(), redirect_uri: String::new(), ..base("f") },
            Refusal::InvalidRedirect,
        ),
        (IssueAuthorizationCode { scopes: list(&["cluster:manage"]), ..base("g") }, Refusal::InvalidScope),
        (IssueAuthorizationCode { scopes: list(&["payments:read"]), ..base("h") }, Refusal::InvalidScope),
        (IssueAuthorizationCode { grants: no_scopes, ..base("i") }, Refusal::InvalidScope),
    ];
    for (code, expected) in wrong {
        assert_eq!(fixture.send(code.clone()), Err(expected), "{code:?}");
    }
    let stale = IssueAuthorizationCode { grants: grants(7, 2), ..base("j") };
    assert!(invalid_grant(&fixture.send(stale)));
    assert_eq!(fixture.send(base("k")), Ok(Reply::Done(())));
    assert!(invalid_grant(&fixture.send(base("k"))), "the same code twice");
}

#[test]
fn a_code_is_bound_to_its_client_redirect_uri_and_verifier() {
    let fixture = Fixture::with_clients();
    fixture.make(CreateClient {
        id: Some("batch".into()),
        grant_types: vec![GrantType::ClientCredentials],
        ..web_client()
    });
    fixture.send(fixture.new_code("one")).unwrap();
    let try_it = |client: ClientAuthentication, code: &str, redirect: &str, challenge: &str| {
        fixture.send(ExchangeCode {
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
    // Failed attempts do not invalidate the code.
    granted(try_it(web(), "one", CALLBACK, CHALLENGE));
}

#[test]
fn a_code_of_a_request_without_redirect_uri_is_exchanged_without_it() {
    let fixture = Fixture::with_clients();
    fixture.send(IssueAuthorizationCode { redirect_uri: String::new(), ..fixture.new_code("one") }).unwrap();
    assert!(invalid_grant(&fixture.exchange("one", "rt_1")));
    granted(fixture.send(ExchangeCode {
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
        let fixture = Fixture::with_clients();
        fixture.send(fixture.new_code("one")).unwrap();
        fixture.bench.advance_secs(secs);
        assert_eq!(fixture.exchange("one", "rt_1").is_ok(), good, "after {secs} s");
    }
}

#[test]
fn reuse_of_a_code_ends_its_session() {
    let fixture = Fixture::with_clients();
    let grant = fixture.session("rt_1");
    assert!(fixture.session_token(&grant).is_ok());
    assert_eq!(fixture.exchange("code of rt_1", "rt_2"), Ok(Reply::Reused(TokenReused)));
    assert_eq!(fixture.session_token(&grant), Err(Refusal::NoSuchSession));
    assert!(invalid_grant(&fixture.refresh("rt_1", "rt_3")));
    assert!(invalid_grant(&fixture.refresh("rt_2", "rt_3")), "the second exchange did not create a session");
    // Reuse is also detected after the code has expired, while its first access token can still be valid.
    let grant = fixture.session("rt_4");
    fixture.bench.advance_secs(300);
    assert_eq!(fixture.exchange("code of rt_4", "rt_5"), Ok(Reply::Reused(TokenReused)));
    assert_eq!(fixture.session_token(&grant), Err(Refusal::NoSuchSession));
    fixture.bench.advance_secs(1_000);
    assert!(invalid_grant(&fixture.exchange("code of rt_4", "rt_6")), "the code is deleted in the end");
}

#[test]
fn a_password_change_before_the_exchange_invalidates_the_code() {
    let fixture = Fixture::with_clients();
    fixture.send(fixture.new_code("one")).unwrap();
    let changed = UserChanged { user: grants(1, 0).user, epoch: 1 };
    fixture.command(&svc("users"), changed).unwrap();
    assert!(invalid_grant(&fixture.exchange("one", "rt_1")));
}
