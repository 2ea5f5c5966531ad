//! What is done once all groups lead: at each start of a machine that is alone, and at the founding of a cluster.

use std::time::Duration;

use anyhow::Context;
use group::Call;

use super::Machine;

const TIMEOUT: Duration = Duration::from_secs(10);

/// A store that has payments of one kind of bank takes no other: money would be looked for where it is not.
///
/// # Errors
/// When it has others.
pub async fn check_bank(machine: &Machine) -> anyhow::Result<()> {
    if machine.given_up().iter().any(|group| group.starts_with("payments/")) {
        return Ok(());
    }
    let token = machine.credentials.service_token("payments", None).await?;
    let call = Call::bearer(token, TIMEOUT);
    let mode = machine.wiring.front.bank.mode();
    payments::flow::check_bank_mode(&machine.client, &call, mode).await.map_err(anyhow::Error::msg)
}

/// Ends the sessions of before a restore.
///
/// # Errors
/// When `auth` does not.
pub async fn end_sessions(machine: &Machine) -> anyhow::Result<()> {
    let token = machine.credentials.service_token("setup", None).await?;
    let call = Call::bearer(token, TIMEOUT);
    let command = contracts::auth::Command::EndAllSessions;
    let ended = machine.client.command::<contracts::auth::Auth>(&call, command).await;
    ended.map(drop).map_err(|failure| anyhow::anyhow!("ending sessions: {failure:?}"))
}

/// Tells each shard of reservations its settings: they are part of its log, so that all replicas go by the same.
///
/// # Errors
/// When one does not take them.
pub async fn configure(machine: &Machine) -> anyhow::Result<()> {
    use contracts::reservations::{Command, Reservations};
    let token = machine.credentials.service_token("setup", None).await?;
    let call = Call::bearer(token, TIMEOUT);
    let shards = machine.data.fixed().shards["reservations"];
    for shard in 0..shards {
        let mut slots = (0..protocol::SLOTS).map(|slot| protocol::Slot::of(u128::from(slot) << 112));
        let slot = slots.find(|slot| slot.shard(shards) == shard).context("each shard has slots")?;
        if machine.given_up().contains(&format!("reservations/{shard}")) {
            continue;
        }
        let settings = machine.wiring.settings.reservations.clone().into();
        let configured =
            machine.client.command::<Reservations>(&call, Command::Configure { slot, settings }).await;
        configured.map_err(|failure| anyhow::anyhow!("[reservations] of the settings: {failure:?}"))?;
    }
    Ok(())
}
