//! Bootstrap of a cluster, and the refresh of a node's verifier.

use std::time::Duration;

use contracts::auth::{
    ClientKind, CreateClient, GetRevocations, GrantType, InstallKey, ListKeys, Refusal, client_secret_hash,
};
use contracts::{ALL_HOTELS, scope};
use group::{Call, Client, Failure};
use protocol::Timestamp;
use token::{ClusterKey, PublicKeys, Revocations, Verifier};

use crate::effects::new_sealed_key;

/// The id of the administrator's client, whose secret is in `admin.json`.
pub const ADMIN_CLIENT: &str = "admin";

const TIMEOUT: Duration = Duration::from_secs(10);

/// The result of [`bootstrap`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bootstrap {
    /// The administrator's client exists with this secret: it was created now or by an earlier attempt.
    Initialized,
    /// The administrator's client exists with another secret: the cluster was initialized before.
    AlreadyInitialized,
}

/// Creates the first signing key, the administrator's client with this secret, and the client of the command line. Can be
/// repeated, also by several nodes at once: write `admin.json` with a secret from `token::random_secret("sec_")` before
/// the first call.
///
/// # Errors
/// When `auth` is unavailable or refuses the node's credential.
pub async fn bootstrap(
    client: &Client,
    cluster: &ClusterKey,
    node: &str,
    admin_secret: &str,
) -> Result<Bootstrap, Failure<Refusal>> {
    let call = || Call::bearer(cluster.node_credential(node, Timestamp::wall_clock()), TIMEOUT);
    if client.call(&call(), ListKeys).await?.is_empty() {
        client.call(&call(), InstallKey(new_sealed_key(cluster))).await?;
    }
    let administrator = CreateClient {
        id: Some(ADMIN_CLIENT.to_owned()),
        name: "Administrator".into(),
        kind: ClientKind::Confidential,
        secret_hash: Some(client_secret_hash(admin_secret)),
        redirect_uris: Vec::new(),
        scopes: scope::ALL.map(str::to_owned).into(),
        grant_types: vec![GrantType::ClientCredentials],
        hotels: vec![ALL_HOTELS.to_owned()],
    };
    match client.call(&call(), administrator).await {
        Ok(_) => {}
        Err(Failure::Refused(Refusal::ClientExists)) => return Ok(Bootstrap::AlreadyInitialized),
        Err(failure) => return Err(failure),
    }
    // For `auberge login`, which uses the device authorization grant.
    let login = CreateClient {
        id: Some("cli".into()),
        name: "auberge (command line)".into(),
        kind: ClientKind::Public,
        secret_hash: None,
        redirect_uris: Vec::new(),
        scopes: scope::ALL.map(str::to_owned).into(),
        grant_types: vec![GrantType::DeviceCode, GrantType::RefreshToken],
        hotels: Vec::new(),
    };
    client.call(&call(), login).await?;
    Ok(Bootstrap::Initialized)
}

/// Updates the trusted keys and revocations of a node's verifier. Call it every two seconds. When it fails, the verifier
/// keeps its current data.
///
/// # Errors
/// When `auth` is unavailable or refuses the node's credential.
pub async fn refresh_verifier(
    client: &Client,
    cluster: &ClusterKey,
    node: &str,
    verifier: &Verifier,
) -> Result<(), Failure<Refusal>> {
    let call = Call::bearer(cluster.node_credential(node, Timestamp::wall_clock()), TIMEOUT);
    let keys = client.call(&call, ListKeys).await?;
    verifier.replace_keys(PublicKeys::from_paserk(keys.iter().map(|key| &key.public)));
    let list = client.call(&call, GetRevocations).await?;
    verifier.replace_revocations(Revocations {
        tokens: list.tokens.into_iter().collect(),
        families: list.sessions.into_iter().collect(),
        clients: list.clients.into_iter().collect(),
        epochs: list.epochs.into_iter().collect(),
    });
    Ok(())
}
