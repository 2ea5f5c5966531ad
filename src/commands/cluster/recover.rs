//! `auberge cluster recover`.

use anyhow::{Context, bail};
use clap::Args;
use cluster_model::{GroupResponse, Recovery};

use super::moves::segment;
use crate::client::OperatorAccess;

/// Recreate a group from one surviving replica.
///
/// Only for a group whose majority is lost for good. Changes that the lost replicas had acknowledged and this one does not
/// have are lost. If a majority can be restored, start its nodes instead.
#[derive(Debug, Args)]
pub struct Recover {
    /// The group: `reservations/0`.
    group: String,
    /// The node of the surviving replica: the one with the highest applied index.
    #[arg(long, value_name = "NODE")]
    on: String,
    /// Confirm that bookings may be lost.
    #[arg(long)]
    accept_data_loss: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    access: OperatorAccess,
}

/// Runs the command.
pub async fn run(arguments: Recover) -> anyhow::Result<()> {
    let (service, shard) = arguments.group.split_once('/').context("a group is named like reservations/0")?;
    if !arguments.accept_data_loss {
        bail!(
            "changes that the lost replicas of {} have and {} does not have would be lost for good; confirm with \
             --accept-data-loss, or start the lost nodes",
            arguments.group,
            arguments.on
        );
    }
    let path = format!("/v1/cluster/groups/{}/{}/recover", segment(service)?, segment(shard)?);
    let request = Recovery { on: arguments.on.clone(), accept_data_loss: true };
    let group: GroupResponse = arguments.access.sign_in().await?.post(&path, &request).await?;
    super::show(&group, arguments.json, |group| {
        println!(
            "{} is recreated on {}; it grows to {} replicas if there are enough nodes",
            group.group, arguments.on, group.replicas_wanted
        );
    })
}
