//! The first start of a cluster, and what every node does all the time: hearing of keys and revocations.

use std::time::Duration;

use contracts::auth::{
    self, Answer, ClientKind, Command, GrantType, NewClient, Query, Refusal, Reply, client_secret_hash,
};
use contracts::scope;
use group::{Call, Client, Failure, Unavailable, Why};
use protocol::Timestamp;
use token::{ClusterKey, PublicKeys, Revocations, Verifier};

use crate::effects::new_sealed_key;

/// The id of the administrator's client, whose secret is in `admin.json`.
pub const ADMIN_CLIENT: &str = "admin";

const TIMEOUT: Duration = Duration::from_secs(10);

/// What the first start found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bootstrap {
    /// The administrator's client exists with this secret: it was created now or by an earlier attempt.
    Initialized,
    /// The administrator's client exists with another secret: the cluster was initialized before.
    AlreadyInitialized,
}

/// Sees to it that there is a signing key and an administrator's client with this secret. May be repeated, by several
/// nodes at once: write `admin.json` first, with a secret from `token::random_secret("sec_")`, then call this.
///
/// # Errors
/// When `auth` cannot be reached, or does not take this node for one of the cluster's.
pub async fn bootstrap(
    client: &Client,
    cluster: &ClusterKey,
    node: &str,
    admin_secret: &str,
) -> Result<Bootstrap, Failure<Refusal>> {
    let call = || Call::bearer(cluster.node_credential(node, Timestamp::wall_clock()), TIMEOUT);
    if let Answer::Keys(keys) = client.query::<auth::Auth>(&call(), Query::Keys).await?
        && keys.is_empty()
    {
        client.command::<auth::Auth>(&call(), Command::InstallKey(new_sealed_key(cluster))).await?;
    }
    let administrator = NewClient {
        id: Some(ADMIN_CLIENT.to_owned()),
        name: "Administrator".into(),
        kind: ClientKind::Confidential,
        secret_hash: Some(client_secret_hash(admin_secret)),
        redirect_uris: Vec::new(),
        scopes: scope::ALL.map(str::to_owned).into(),
        grant_types: vec![GrantType::ClientCredentials],
        hotels: Vec::new(),
    };
    match client.command::<auth::Auth>(&call(), Command::CreateClient(administrator)).await {
        Ok(Reply::Client(_)) => {}
        Ok(_) => return Err(unexpected().into()),
        Err(Failure::Refused(Refusal::ClientExists)) => return Ok(Bootstrap::AlreadyInitialized),
        Err(failure) => return Err(failure),
    }
    // `auberge login`: a device grant, for people at a terminal.
    let login = NewClient {
        id: Some("cli".into()),
        name: "auberge (command line)".into(),
        kind: ClientKind::Public,
        secret_hash: None,
        redirect_uris: Vec::new(),
        scopes: scope::ALL.map(str::to_owned).into(),
        grant_types: vec![GrantType::DeviceCode, GrantType::RefreshToken],
        hotels: Vec::new(),
    };
    client.command::<auth::Auth>(&call(), Command::CreateClient(login)).await?;
    Ok(Bootstrap::Initialized)
}

/// Tells a node's verifier which keys are trusted and what is revoked. Call it every two seconds; when it fails, the
/// verifier goes on with what it knows.
///
/// # Errors
/// When `auth` cannot be reached.
pub async fn refresh_verifier(
    client: &Client,
    cluster: &ClusterKey,
    node: &str,
    verifier: &Verifier,
) -> Result<(), Failure<Refusal>> {
    let call = Call::bearer(cluster.node_credential(node, Timestamp::wall_clock()), TIMEOUT);
    let Answer::Keys(keys) = client.query::<auth::Auth>(&call, Query::Keys).await? else {
        return Err(unexpected().into());
    };
    verifier.replace_keys(PublicKeys::from_paserk(keys.iter().map(|key| &key.public)));
    let Answer::Revocations(list) = client.query::<auth::Auth>(&call, Query::Revocations).await? else {
        return Err(unexpected().into());
    };
    verifier.replace_revocations(Revocations {
        tokens: list.tokens.into_iter().collect(),
        families: list.sessions.into_iter().collect(),
        clients: list.clients.into_iter().collect(),
        epochs: list.epochs.into_iter().collect(),
    });
    Ok(())
}

/// An answer of another kind than asked for: another version's.
pub(crate) fn unexpected() -> Unavailable {
    Unavailable::new(Why::NoService(format!("auth of version {}", env!("CARGO_PKG_VERSION"))))
}
