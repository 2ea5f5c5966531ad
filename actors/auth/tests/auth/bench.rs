//! The fixture of the state machine's tests.

use auth::Auth;
use contracts::auth::{
    Answer, ClientAuthentication, ClientKind, Command, CreateClient, ExchangeCode, GrantType, InstallKey,
    IssueAuthorizationCode, IssueSessionToken, IssuedToken, ListKeys, Query, RefreshSession, Refusal, Reply,
    SealedKey, SessionGrant, client_secret_hash, code_hash, refresh_hash,
};
use contracts::users::Grants;
use contracts::{UserId, scope};
use group::testing::Bench;
use protocol::{Principal, Timestamp};
use token::{Claims, ClusterKey, PublicKeys, Rejected};

pub const ISSUER: &str = "https://inn.example";
pub const CALLBACK: &str = "https://app.example/cb";
/// The code challenge of RFC 7636, appendix B.
pub const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// The service on a test bench.
pub struct Fixture {
    pub bench: Bench<Auth>,
    pub cluster: ClusterKey,
}

pub fn svc(name: &str) -> Principal {
    Principal::service(name)
}

pub fn operator() -> Principal {
    Principal { subject: "admin".into(), scopes: vec![scope::CLUSTER_MANAGE.into()], ..Principal::default() }
}

pub fn list(scopes: &[&str]) -> Vec<String> {
    scopes.iter().map(|scope| (*scope).to_owned()).collect()
}

pub fn grants(user: u128, epoch: u32) -> Grants {
    let scopes = list(&["payments:read", "profile", "reservations:read", "reservations:write"]);
    Grants { user: UserId(user), scopes, hotels: Vec::new(), epoch }
}

/// A confidential client with all grant types.
pub fn web_client() -> CreateClient {
    CreateClient {
        id: Some("web".into()),
        name: "Web".into(),
        kind: ClientKind::Confidential,
        secret_hash: Some(client_secret_hash("sec_web")),
        redirect_uris: vec![CALLBACK.into()],
        scopes: list(&["documents", "profile", "reservations:read", "reservations:write"]),
        grant_types: vec![
            GrantType::AuthorizationCode,
            GrantType::RefreshToken,
            GrantType::ClientCredentials,
            GrantType::DeviceCode,
        ],
        hotels: Vec::new(),
    }
}

pub fn authentication(id: &str, secret: Option<&str>) -> ClientAuthentication {
    ClientAuthentication { client_id: id.into(), secret_hash: secret.map(client_secret_hash) }
}

pub fn web() -> ClientAuthentication {
    authentication("web", Some("sec_web"))
}

impl Fixture {
    /// A fixture with a signing key.
    pub fn new() -> Self {
        let fixture = Self::without_key();
        let key = fixture.sealed_key();
        assert_eq!(fixture.command(&svc("node"), InstallKey(key)), Ok(Reply::Done(())));
        fixture
    }

    pub fn without_key() -> Self {
        let cluster = ClusterKey::random();
        Self { bench: Bench::new(Auth::new(cluster.clone(), ISSUER)), cluster }
    }

    /// A fixture with a signing key and the clients `web` and `spa` (public).
    pub fn with_clients() -> Self {
        let fixture = Self::new();
        fixture.make(web_client());
        fixture.make(CreateClient {
            id: Some("spa".into()),
            kind: ClientKind::Public,
            secret_hash: None,
            grant_types: vec![GrantType::AuthorizationCode, GrantType::RefreshToken],
            ..web_client()
        });
        fixture
    }

    pub fn sealed_key(&self) -> SealedKey {
        auth::new_sealed_key(&self.cluster)
    }

    pub fn make(&self, client: CreateClient) {
        let made = self.command(&operator(), client);
        assert!(matches!(made, Ok(Reply::Client(_))), "{made:?}");
    }

    pub fn command(&self, caller: &Principal, command: impl Into<Command>) -> Result<Reply, Refusal> {
        self.bench.command(caller, command.into())
    }

    pub fn query(&self, caller: &Principal, query: impl Into<Query>) -> Result<Answer, Refusal> {
        self.bench.query(caller, query.into())
    }

    pub fn send(&self, command: impl Into<Command>) -> Result<Reply, Refusal> {
        let reply = self.command(&svc("auth"), command);
        assert_eq!(self.bench.violations(), Vec::<String>::new());
        reply
    }

    pub fn as_ui(&self, command: impl Into<Command>) -> Result<Reply, Refusal> {
        let reply = self.command(&svc("ui"), command);
        assert_eq!(self.bench.violations(), Vec::<String>::new());
        reply
    }

    pub fn ask(&self, query: impl Into<Query>) -> Result<Answer, Refusal> {
        self.query(&svc("auth"), query)
    }

    pub fn new_code(&self, code: &str) -> IssueAuthorizationCode {
        IssueAuthorizationCode {
            code_hash: code_hash(code),
            client_id: "web".into(),
            redirect_uri: CALLBACK.into(),
            challenge: CHALLENGE.into(),
            scopes: list(&["profile", "reservations:read", "documents"]),
            grants: grants(1, 0),
        }
    }

    /// Exchanges a code of the client `web` for a session whose first refresh token is `refresh`.
    pub fn exchange(&self, code: &str, refresh: &str) -> Result<Reply, Refusal> {
        self.send(ExchangeCode {
            client: web(),
            code_hash: code_hash(code),
            redirect_uri: CALLBACK.into(),
            challenge: CHALLENGE.into(),
            refresh_hash: refresh_hash(refresh),
        })
    }

    /// A session of user 1 at `web`.
    pub fn session(&self, refresh: &str) -> SessionGrant {
        let code = format!("code of {refresh}");
        assert_eq!(self.send(self.new_code(&code)), Ok(Reply::Done(())));
        granted(self.exchange(&code, refresh))
    }

    pub fn refresh(&self, old: &str, new: &str) -> Result<Reply, Refusal> {
        self.send(RefreshSession {
            client: web(),
            old_hash: refresh_hash(old),
            new_hash: refresh_hash(new),
            scopes: None,
        })
    }

    pub fn session_token(&self, grant: &SessionGrant) -> Result<IssuedToken, Refusal> {
        let query =
            IssueSessionToken { session: grant.session.clone(), scopes: None, token_id: "tok_1".into() };
        self.ask(query).map(token_of)
    }

    /// Verifies a token with the published keys and returns its claims.
    pub fn claims(&self, issued: &IssuedToken, now: Timestamp) -> Result<Claims, Rejected> {
        let Ok(Answer::Keys(keys)) = self.ask(ListKeys) else { panic!("keys are public") };
        let keys = PublicKeys::from_paserk(keys.iter().map(|key| &key.public));
        keys.check(&issued.token.0, ISSUER, now).map(|(claims, _)| claims)
    }
}

pub fn granted(reply: Result<Reply, Refusal>) -> SessionGrant {
    match reply {
        Ok(Reply::Granted(grant)) => grant,
        other => panic!("{other:?}"),
    }
}

pub fn token_of(answer: Answer) -> IssuedToken {
    match answer {
        Answer::Token(issued) => issued,
        other => panic!("{other:?}"),
    }
}

pub fn invalid_grant(reply: &Result<Reply, Refusal>) -> bool {
    matches!(reply, Err(Refusal::InvalidGrant(_)))
}
