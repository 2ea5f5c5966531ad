//! Clients: what may be registered, and who they are taken for.

use contracts::auth::{Answer, ClientKind, Command, GrantType, NewClient, Query, Refusal, Reply};

use crate::bench::{Table, authentication, list, operator, svc, web, web_client};

#[test]
fn every_field_of_a_client_is_checked() {
    let table = Table::new();
    let base = || NewClient { id: None, ..web_client() };
    let public = || NewClient {
        kind: ClientKind::Public,
        secret_hash: None,
        grant_types: vec![GrantType::AuthorizationCode],
        ..base()
    };
    let wrong = [
        (NewClient { name: " ".into(), ..base() }, "name"),
        (NewClient { name: "a".repeat(101), ..base() }, "name"),
        (NewClient { name: "a\nb".into(), ..base() }, "name"),
        (NewClient { id: Some("ui".into()), ..base() }, "id"),
        (NewClient { id: Some("svc:auth".into()), ..base() }, "id"),
        (NewClient { id: Some("usr_1".into()), ..base() }, "id"),
        (NewClient { id: Some(String::new()), ..base() }, "id"),
        (NewClient { secret_hash: None, ..base() }, "kind"),
        (NewClient { secret_hash: Some([1; 32]), ..public() }, "kind"),
        (NewClient { scopes: vec![], ..base() }, "scopes"),
        (NewClient { scopes: list(&["profile", "root"]), ..base() }, "scopes/1"),
        (NewClient { grant_types: vec![], ..base() }, "grant_types"),
        (NewClient { grant_types: vec![GrantType::ClientCredentials], ..public() }, "grant_types"),
        (NewClient { grant_types: vec![GrantType::RefreshToken], ..base() }, "grant_types"),
        (NewClient { redirect_uris: vec![], ..base() }, "redirect_uris"),
        (NewClient { redirect_uris: vec!["https://a.example/".into(); 11], ..base() }, "redirect_uris"),
        (
            NewClient { redirect_uris: list(&["https://a.example/", "http://a.example/"]), ..base() },
            "redirect_uris/1",
        ),
        (NewClient { hotels: list(&["usr_1"]), ..base() }, "hotels/0"),
    ];
    for (client, expected) in wrong {
        match table.bench.command(&operator(), Command::CreateClient(client.clone())) {
            Err(Refusal::Invalid { field, .. }) => assert_eq!(field, expected, "{client:?}"),
            other => panic!("{client:?}: {other:?}"),
        }
    }
    let none = Answer::Clients { clients: vec![], more: false };
    assert_eq!(table.bench.query(&operator(), Query::Clients { after: None, limit: 100 }), Ok(none));
    for client in [base(), public()] {
        let made = table.bench.command(&operator(), Command::CreateClient(client));
        let Ok(Reply::Client(profile)) = made else { panic!("{made:?}") };
        assert!(profile.id.starts_with("cli_"), "{}", profile.id);
    }
}

#[test]
fn a_fixed_id_is_made_once_and_the_same_content_is_found_again() {
    let table = Table::new();
    let create = |client| table.bench.command(&svc("node"), Command::CreateClient(client));
    let first = create(web_client());
    table.bench.advance_secs(60);
    assert_eq!(create(web_client()), first);
    let other = NewClient { secret_hash: Some([9; 32]), ..web_client() };
    assert_eq!(create(other), Err(Refusal::ClientExists));
}

#[test]
fn clients_are_who_they_prove_to_be() {
    let table = Table::with_clients();
    let ask = |authentication| {
        table.ask(Query::ClientToken { client: authentication, scopes: vec![], token_id: "tok_1".into() })
    };
    assert!(ask(web()).is_ok());
    let strangers = [
        authentication("web", None),
        authentication("web", Some("wrong")),
        authentication("web", Some("")),
        authentication("nobody", Some("sec_web")),
        authentication("", None),
        authentication("spa", Some("sec_web")),
    ];
    for stranger in strangers {
        assert_eq!(ask(stranger.clone()), Err(Refusal::InvalidClient), "{stranger:?}");
    }
    assert_eq!(
        ask(authentication("spa", None)),
        Err(Refusal::UnauthorizedClient),
        "a public client has no name of its own"
    );
    table.bench.command(&operator(), Command::RevokeClient { client_id: "web".into() }).unwrap();
    assert_eq!(ask(web()), Err(Refusal::InvalidClient));
    let gone = table.bench.command(&operator(), Command::RevokeClient { client_id: "nobody".into() });
    assert_eq!(gone, Err(Refusal::NoSuchClient));
}

#[test]
fn a_client_gets_what_it_asks_for_and_may_have() {
    let table = Table::with_clients();
    let ask = |scopes: &[&str]| {
        let answer = table.ask(Query::ClientToken {
            client: web(),
            scopes: list(scopes),
            token_id: "tok_1".into(),
        })?;
        let Answer::Token(issued) = answer else { panic!("{answer:?}") };
        let claims = table.claims(&issued, table.bench.now()).unwrap();
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
fn lists_come_in_pages_and_never_with_secrets() {
    let table = Table::with_clients();
    let page = |after: Option<&str>, limit| {
        let query = Query::Clients { after: after.map(str::to_owned), limit };
        let Ok(Answer::Clients { clients, more }) = table.bench.query(&operator(), query) else { panic!() };
        (clients.into_iter().map(|client| client.id).collect::<Vec<_>>(), more)
    };
    assert_eq!(page(None, 1), (list(&["spa"]), true));
    assert_eq!(page(Some("spa"), 1), (list(&["web"]), false));
    assert_eq!(page(None, 10_000), (list(&["spa", "web"]), false));
    let one = table.ask(Query::Client { client_id: "web".into() });
    assert!(!format!("{one:?}").contains("secret"), "{one:?}");
    assert_eq!(table.ask(Query::Client { client_id: "x".into() }), Err(Refusal::NoSuchClient));
}
