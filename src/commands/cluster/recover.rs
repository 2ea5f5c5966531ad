//! `auberge cluster recover`.

use anyhow::{Context, bail};
use clap::Args;
use serde_json::{Value, json};

use super::moves::segment;
use crate::client::OperatorAccess;
use crate::operate::shown::GroupResponse;

/// Found a group anew from one surviving replica.
///
/// Only for a group whose majority is lost for good: what the lost replicas had acknowledged and this one had not is gone. While
/// a majority can come back, start its nodes instead.
#[derive(Debug, Args)]
pub struct Recover {
    /// The group: `reservations/0`.
    group: String,
    /// The node whose replica it is founded from: the one that has applied most.
    #[arg(long, value_name = "NODE")]
    on: String,
    /// Say that bookings may be lost by it.
    #[arg(long)]
    accept_data_loss: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    access: OperatorAccess,
}

/// Runs the verb.
pub async fn run(arguments: Recover) -> anyhow::Result<()> {
    let (service, shard) = arguments.group.split_once('/').context("a group is named like reservations/0")?;
    if !arguments.accept_data_loss {
        bail!(
            "what the lost replicas of {} had and {} has not would be gone for good; say --accept-data-loss if that is so, \
             or start the lost nodes",
            arguments.group,
            arguments.on
        );
    }
    let path = format!("/v1/cluster/groups/{}/{}/recover", segment(service)?, segment(shard)?);
    let body = json!({"on": arguments.on, "accept_data_loss": true});
    let found: Value = arguments.access.sign_in().await?.post(&path, &body).await?;
    super::show::<GroupResponse>(found, arguments.json, |group| {
        println!(
            "{} is founded anew on {}; it grows to {} replicas where there are nodes",
            group.group, arguments.on, group.replicas_wanted
        );
    })
}
