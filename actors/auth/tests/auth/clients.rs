//! Client registration and client authentication.

use contracts::auth::{
    Answer, ClientKind, ClientPage, CreateClient, GetClient, GrantType, IssueClientToken, ListClients,
    Refusal, Reply, RevokeClient,
};

use crate::bench::{Fixture, authentication, list, operator, svc, web, web_client};

#[test]
fn every_field_of_a_client_is_checked() {
    let fixture = Fixture::new();
    let base = || CreateClient { id: None, ..web_client() };
    let public = || CreateClient {
        kind: ClientKind::Public,
        secret_hash: None,
        grant_types: vec![GrantType::AuthorizationCode],
        ..base()
    };
    let wrong = [
        (CreateClient { name: " ".into(), ..base() }, "name"),
        (CreateClient { name: "a".repeat(101), ..base() }, "name"),
        (CreateClient { name: "a\nb".into(), ..base() }, "name"),
        (CreateClient { id: Some("ui".into()), ..base() }, "id"),
        (CreateClient { id: Some("svc:auth".into()), ..base() }, "id"),
        (CreateClient { id: Some("usr_1".into()), ..base() }, "id"),
        (CreateClient { id: Some(String::new()), ..base() }, "id"),
        (CreateClient { secret_hash: None, ..base() }, "kind"),
        (CreateClient { secret_hash: Some([1; 32]), ..public() }, "kind"),
        (CreateClient { scopes: vec![], ..base() }, "scopes"),
        (CreateClient { scopes: list(&["profile", "root"]), ..base() }, "scopes/1"),
        (CreateClient { grant_types: vec![], ..base() }, "grant_types"),
        (CreateClient { grant_types: vec![GrantType::ClientCredentials], ..public() }, "grant_types"),
        (CreateClient { grant_types: vec![GrantType::RefreshToken], ..base() }, "grant_types"),
        (CreateClient { redirect_uris: vec![], ..base() }, "redirect_uris"),
        (CreateClient { redirect_uris: vec!["https://a.example/".into(); 11], ..base() }, "redirect_uris"),
        (
            CreateClient { redirect_uris: list(&["https://a.example/", "http://a.example/"]), ..base() },
            "redirect_uris/1",
        ),
        (CreateClient { hotels: list(&["usr_1"]), ..base() }, "hotels/0"),
    ];
    for (client, expected) in wrong {
        match fixture.command(&operator(), client.clone()) {
            Err(Refusal::Invalid { field, .. }) => assert_eq!(field, expected, "{client:?}"),
            other => panic!("{client:?}: {other:?}"),
        }
    }
    let none = Answer::Clients(ClientPage { clients: vec![], more: false });
    assert_eq!(fixture.query(&operator(), ListClients { after: None, limit: 100 }), Ok(none));
    for client in [base(), public()] {
        let made = fixture.command(&operator(), client);
        let Ok(Reply::Client(profile)) = made else { panic!("{made:?}") };
        assert!(profile.id.starts_with("cli_"), "{}", profile.id);
    }
}

#[test]
fn a_retry_with_the_same_client_id_succeeds_only_with_the_same_content() {
    let fixture = Fixture::new();
    let create = |client| fixture.command(&svc("node"), client);
    let first = create(web_client());
    fixture.bench.advance_secs(60);
    assert_eq!(create(web_client()), first);
    let other = CreateClient { secret_hash: Some([9; 32]), ..web_client() };
    assert_eq!(create(other), Err(Refusal::ClientExists));
}

#[test]
fn client_authentication_is_verified() {
    let fixture = Fixture::with_clients();
    let ask = |authentication| {
        fixture.ask(IssueClientToken { client: authentication, scopes: vec![], token_id: "tok_1".into() })
    };
    assert!(ask(web()).is_ok());
    let invalid = [
        authentication("web", None),
        authentication("web", Some("wrong")),
        authentication("web", Some("")),
        authentication("nobody", Some("sec_web")),
        authentication("", None),
        authentication("spa", Some("sec_web")),
    ];
    for authentication in invalid {
        assert_eq!(ask(authentication.clone()), Err(Refusal::InvalidClient), "{authentication:?}");
    }
    assert_eq!(
        ask(authentication("spa", None)),
        Err(Refusal::UnauthorizedClient),
        "a public client cannot use the client credentials grant"
    );
    fixture.command(&operator(), RevokeClient { client_id: "web".into() }).unwrap();
    assert_eq!(ask(web()), Err(Refusal::InvalidClient));
    let gone = fixture.command(&operator(), RevokeClient { client_id: "nobody".into() });
    assert_eq!(gone, Err(Refusal::NoSuchClient));
}

#[test]
fn a_client_token_has_the_scopes_that_are_requested_and_allowed() {
    let fixture = Fixture::with_clients();
    let ask = |scopes: &[&str]| {
        let answer = fixture.ask(IssueClientToken {
            client: web(),
            scopes: list(scopes),
            token_id: "tok_1".into(),
        })?;
        let Answer::Token(issued) = answer else { panic!("{answer:?}") };
        let claims = fixture.claims(&issued, fixture.bench.now()).unwrap();
        assert_eq!((claims.subject.as_str(), claims.client_id.as_str()), ("web", "web"));
        assert_eq!(claims.scopes(), issued.scopes);
        Ok(issued.scopes)
    };
    assert_eq!(ask(&[]), Ok(list(&["documents", "profile", "reservations:read", "reservations:write"])));
    assert_eq!(ask(&["profile", "cluster:manage"]), Ok(list(&["profile"])));
    assert_eq!(ask(&["cluster:manage"]), Err(Refusal::InvalidScope));
    assert_eq!(ask(&["nonsense"]), Err(Refusal::InvalidScope));
}

#[test]
fn client_lists_have_pages_and_contain_no_secrets() {
    let fixture = Fixture::with_clients();
    let page = |after: Option<&str>, limit| {
        let query = ListClients { after: after.map(str::to_owned), limit };
        let Ok(Answer::Clients(ClientPage { clients, more })) = fixture.query(&operator(), query) else {
            panic!()
        };
        (clients.into_iter().map(|client| client.id).collect::<Vec<_>>(), more)
    };
    assert_eq!(page(None, 1), (list(&["spa"]), true));
    assert_eq!(page(Some("spa"), 1), (list(&["web"]), false));
    assert_eq!(page(None, 10_000), (list(&["spa", "web"]), false));
    let one = fixture.ask(GetClient { client_id: "web".into() });
    assert!(!format!("{one:?}").contains("secret"), "{one:?}");
    assert_eq!(fixture.ask(GetClient { client_id: "x".into() }), Err(Refusal::NoSuchClient));
}
