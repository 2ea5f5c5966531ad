//! What is done once every group has a leader: at each start of a single node, and when a cluster is initialised.

use std::time::Duration;

use anyhow::Context;
use group::Call;

use super::Server;

const TIMEOUT: Duration = Duration::from_secs(10);

/// Checks that the store has no payments of another kind of bank, which this bank would not find.
///
/// # Errors
/// When it has some.
pub async fn check_bank(server: &Server) -> anyhow::Result<()> {
    if server.quarantined_groups().iter().any(|group| group.starts_with("payments/")) {
        return Ok(());
    }
    let token = server.credentials.service_token("payments", None).await?;
    let call = Call::bearer(token, TIMEOUT);
    let mode = server.dependencies.apis.bank.mode();
    payments::flow::check_bank_mode(&server.client, &call, mode).await.map_err(anyhow::Error::msg)
}

/// Ends all sessions of a restored store.
///
/// # Errors
/// When `auth` fails.
pub async fn end_sessions(server: &Server) -> anyhow::Result<()> {
    let token = server.credentials.service_token("setup", None).await?;
    let call = Call::bearer(token, TIMEOUT);
    let ended = server.client.call(&call, contracts::auth::EndAllSessions).await;
    ended.map_err(|failure| anyhow::anyhow!("ending sessions: {failure:?}"))
}

/// Sends the settings to each shard of reservations. They are part of its log, so that all replicas apply the same.
///
/// # Errors
/// When a shard refuses them.
pub async fn configure(server: &Server) -> anyhow::Result<()> {
    let token = server.credentials.service_token("setup", None).await?;
    let call = Call::bearer(token, TIMEOUT);
    let shards = server.data.metadata().shards["reservations"];
    for shard in 0..shards {
        let mut slots = (0..protocol::SLOTS).map(|slot| protocol::Slot::of(u128::from(slot) << 112));
        let slot = slots.find(|slot| slot.shard(shards) == shard).context("each shard has slots")?;
        if server.quarantined_groups().contains(&format!("reservations/{shard}")) {
            continue;
        }
        let settings = server.settings.reservations.clone().into();
        let request = contracts::reservations::Configure { slot, settings };
        let configured = server.client.call(&call, request).await;
        configured.map_err(|failure| anyhow::anyhow!("[reservations] of the settings: {failure:?}"))?;
    }
    Ok(())
}
