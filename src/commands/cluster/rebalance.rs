//! `auberge cluster rebalance`.

use clap::Args;
use cluster_model::{Rebalance as RebalanceRequest, RebalanceResponse, StepResponse};

use super::format::count;
use super::moves::Waiting;
use super::{follow, tables};
use crate::client::RetryingClient;
use crate::client::Target;
use crate::commands::output;

/// Distribute groups and leaders evenly over the nodes.
#[derive(Debug, Args)]
pub struct Rebalance {
    /// Print the plan, and do nothing.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    waiting: Waiting,
    #[command(flatten)]
    target: Target,
}

/// Runs the command: prints the plan, then its progress.
pub async fn run(arguments: Rebalance) -> anyhow::Result<()> {
    let mut client = RetryingClient::sign_in(&arguments.target).await?;
    let request = RebalanceRequest { dry_run: arguments.dry_run };
    let begun: RebalanceResponse = client.once().post("/v1/cluster/rebalance", &request).await?;
    if arguments.waiting.json && (arguments.dry_run || arguments.waiting.no_wait) {
        return output::print_json(&begun);
    }
    if !arguments.waiting.json {
        begun.plan.iter().for_each(|step| println!("{}", line(step)));
        match begun.plan.len() {
            0 => println!("groups and leaders are balanced already"),
            steps if arguments.dry_run => println!("{} would be made", count(steps, "move")),
            _ => {}
        }
    }
    if arguments.dry_run || arguments.waiting.no_wait {
        return Ok(());
    }
    let made = begun.moves.len();
    let ended = follow::to_the_end(&mut client, begun.moves).await?;
    if arguments.waiting.json {
        output::print_json(&ended)?;
    }
    follow::all_done(&ended)?;
    if !arguments.waiting.json && made > 0 {
        println!("{} made", count(made, "move"));
    }
    Ok(())
}

/// A step of a plan: `search/0  n1 → n4`.
pub fn line(step: &StepResponse) -> String {
    format!("{}  {}", step.group, tables::leaves_and_takes(&step.leave, &step.take, step.leader_only))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_printed_with_its_nodes() {
        let step = |leave: &[&str], take: &[&str], leader_only| StepResponse {
            group: "search/0".to_owned(),
            leave: leave.iter().map(|name| (*name).to_owned()).collect(),
            take: take.iter().map(|name| (*name).to_owned()).collect(),
            leader_only,
            reason: "rebalance".to_owned(),
        };
        assert_eq!(line(&step(&["n1"], &["n4"], false)), "search/0  n1 → n4");
        assert_eq!(line(&step(&[], &["n2", "n3"], false)), "search/0  + n2, n3");
        assert_eq!(line(&step(&["n1"], &[], false)), "search/0  – n1");
        assert_eq!(line(&step(&["n1"], &["n2"], true)), "search/0  n1 → n2 (leads)");
        assert_eq!(line(&step(&[], &["n2"], true)), "search/0  → n2 (leads)");
    }
}
