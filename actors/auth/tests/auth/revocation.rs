//! Revocation (RFC 7009) and the published revocation list.

use contracts::auth::{
    Answer, BearerToken, EndAllSessions, GetRevocations, IntrospectAccessToken, IntrospectRefreshToken,
    IssueServiceToken, Refusal, Reply, RevocationList, RevokeAccessToken, RevokeClient, RevokeRefreshToken,
    StartSession, UserChanged, refresh_hash,
};
use protocol::Timestamp;

use crate::bench::{
    Fixture, authentication, granted, grants, invalid_grant, list, operator, svc, token_of, web,
};

fn revoked(fixture: &Fixture) -> RevocationList {
    match fixture.query(&svc("node"), GetRevocations) {
        Ok(Answer::Revocations(list)) => list,
        other => panic!("{other:?}"),
    }
}

fn active(fixture: &Fixture, token: &BearerToken) -> bool {
    let query = IntrospectAccessToken { client: web(), token: token.clone() };
    match fixture.ask(query) {
        Ok(Answer::Introspection(found)) => found.is_some(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn revocations_are_published_until_the_token_would_have_expired() {
    let fixture = Fixture::with_clients();
    let grant = fixture.session("rt_0");
    let token = fixture.session_token(&grant).unwrap().token;
    assert!(active(&fixture, &token));
    fixture.send(RevokeRefreshToken { client: web(), refresh_hash: refresh_hash("rt_0") }).unwrap();
    assert_eq!(revoked(&fixture).sessions, [grant.session]);
    assert!(!active(&fixture, &token));

    let expires_at = fixture.bench.now().plus_secs(600);
    let access = |client, issued_to: &str, expires_at: Timestamp| {
        let (issued_to, token_id) = (issued_to.to_owned(), "tok_9".to_owned());
        fixture.send(RevokeAccessToken { client, issued_to, token_id, expires_at })
    };
    assert!(invalid_grant(&access(web(), "spa", expires_at)), "token of another client");
    assert_eq!(access(authentication("web", None), "web", expires_at), Err(Refusal::InvalidClient));
    assert_eq!(access(web(), "web", fixture.bench.now()), Ok(Reply::Done(())), "expired already");
    assert_eq!(revoked(&fixture).tokens, Vec::<String>::new());
    assert_eq!(access(web(), "web", expires_at), Ok(Reply::Done(())));
    assert_eq!(revoked(&fixture).tokens, list(&["tok_9"]));

    fixture.command(&operator(), RevokeClient { client_id: "spa".into() }).unwrap();
    assert_eq!(revoked(&fixture).clients, list(&["spa"]));
    let user = grants(1, 0).user;
    fixture.command(&svc("users"), UserChanged { user, epoch: 5 }).unwrap();
    assert_eq!(revoked(&fixture).epochs, [(user.to_string(), 5)]);

    fixture.bench.advance_secs(599);
    assert_ne!(revoked(&fixture), RevocationList::default());
    fixture.bench.advance_secs(31);
    assert_eq!(revoked(&fixture), RevocationList::default());
}

#[test]
fn unknown_tokens_are_ignored_and_tokens_of_other_clients_are_refused() {
    let fixture = Fixture::with_clients();
    let grant = fixture.session("rt_0");
    let revoke =
        |client, token: &str| fixture.send(RevokeRefreshToken { client, refresh_hash: refresh_hash(token) });
    assert_eq!(revoke(web(), "nonsense"), Ok(Reply::Done(())));
    assert!(invalid_grant(&revoke(authentication("spa", None), "rt_0")));
    assert_eq!(revoke(authentication("web", Some("wrong")), "rt_0"), Err(Refusal::InvalidClient));
    assert!(fixture.session_token(&grant).is_ok());
    // A used token also ends its session.
    granted(fixture.refresh("rt_0", "rt_1"));
    assert_eq!(revoke(web(), "rt_0"), Ok(Reply::Done(())));
    assert_eq!(fixture.session_token(&grant), Err(Refusal::NoSuchSession));
}

#[test]
fn a_new_epoch_ends_older_sessions_only() {
    let fixture = Fixture::with_clients();
    let user = grants(1, 0).user;
    let old = fixture.session("rt_0");
    let old_token = fixture.session_token(&old).unwrap().token;
    let change = |epoch| fixture.command(&svc("users"), UserChanged { user, epoch }).unwrap();
    change(1);
    assert_eq!(fixture.session_token(&old), Err(Refusal::NoSuchSession));
    assert!(!active(&fixture, &old_token));
    let start = |epoch, refresh: &str| {
        let grants = grants(1, epoch);
        fixture.as_ui(StartSession { grants, scopes: None, refresh_hash: refresh_hash(refresh) })
    };
    assert!(invalid_grant(&start(0, "stale")));
    let new = granted(start(1, "fresh"));
    // The same epoch and an older epoch change nothing.
    change(1);
    change(0);
    assert!(fixture.session_token(&new).is_ok());
    assert!(active(&fixture, &fixture.session_token(&new).unwrap().token));
    change(2);
    assert_eq!(fixture.session_token(&new), Err(Refusal::NoSuchSession));
}

#[test]
fn a_revoked_client_cannot_refresh() {
    let fixture = Fixture::with_clients();
    let grant = fixture.session("rt_0");
    let token = fixture.session_token(&grant).unwrap().token;
    fixture.command(&operator(), RevokeClient { client_id: "web".into() }).unwrap();
    assert_eq!(fixture.refresh("rt_0", "rt_1"), Err(Refusal::InvalidClient));
    let query = IntrospectAccessToken { client: authentication("spa", None), token };
    assert_eq!(fixture.ask(query), Ok(Answer::Introspection(None)));
}

#[test]
fn introspection_returns_valid_tokens_only() {
    let fixture = Fixture::with_clients();
    let grant = fixture.session("rt_0");
    let issued = fixture.session_token(&grant).unwrap();
    let look =
        |client, token: &BearerToken| fixture.ask(IntrospectAccessToken { client, token: token.clone() });
    let Ok(Answer::Introspection(Some(found))) = look(web(), &issued.token) else { panic!() };
    assert_eq!(found.subject, grant.user.to_string());
    assert_eq!((found.token_id.as_deref(), found.refresh), (Some("tok_1"), false));
    assert_eq!((found.issued_at, found.expires_at), (fixture.bench.now(), issued.expires_at));
    assert_eq!(look(authentication("web", None), &issued.token), Err(Refusal::InvalidClient));
    let (cut, altered) = (&issued.token.0[1..], issued.token.0.replace("v4.public.ey", "v4.public.ez"));
    for bad in ["", "v4.public.", "nonsense", cut, &altered] {
        assert_eq!(look(web(), &BearerToken(bad.into())), Ok(Answer::Introspection(None)), "{bad}");
    }
    let refresh = |client, token: &str| {
        fixture.ask(IntrospectRefreshToken { client, refresh_hash: refresh_hash(token) })
    };
    let Ok(Answer::Introspection(Some(found))) = refresh(web(), "rt_0") else { panic!() };
    assert_eq!((found.refresh, found.expires_at), (true, grant.refresh_expires_at));
    assert_eq!(
        refresh(authentication("spa", None), "rt_0"),
        Ok(Answer::Introspection(None)),
        "token of another client"
    );
    granted(fixture.refresh("rt_0", "rt_1"));
    assert_eq!(refresh(web(), "rt_0"), Ok(Answer::Introspection(None)), "used");
    fixture.bench.advance_secs(600);
    assert_eq!(look(web(), &issued.token), Ok(Answer::Introspection(None)), "expired");
}

#[test]
fn introspection_of_a_service_token_names_subject_and_delegator() {
    let fixture = Fixture::with_clients();
    let query = IssueServiceToken {
        service: "ui".into(),
        on_behalf_of: Some("gst_1".into()),
        token_id: "tok_2".into(),
    };
    let issued = token_of(fixture.query(&svc("node"), query).unwrap());
    let Ok(Answer::Introspection(Some(found))) =
        fixture.ask(IntrospectAccessToken { client: web(), token: issued.token })
    else {
        panic!()
    };
    assert_eq!((found.subject.as_str(), found.on_behalf_of.as_deref()), ("svc:ui", Some("gst_1")));
}

#[test]
fn a_restore_ends_all_sessions() {
    let fixture = Fixture::with_clients();
    fixture.session("rt_0");
    assert_eq!(fixture.command(&svc("setup"), EndAllSessions), Ok(Reply::Done(())));
    assert!(matches!(fixture.refresh("rt_0", "rt_1"), Err(Refusal::InvalidGrant(_))));
    fixture.bench.advance_secs(1);
    fixture.session("rt_2");
    granted(fixture.refresh("rt_2", "rt_3"));
}
