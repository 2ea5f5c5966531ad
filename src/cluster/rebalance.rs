//! `auberge cluster rebalance`.

use clap::Args;
use serde_json::{Value, json};

use super::asking::Asking;
use super::moves::Waiting;
use super::words::count;
use super::{follow, tables};
use crate::admin::Target;
use crate::cli;
use crate::operate::nodes::StepResponse;
use crate::operate::rebalance::RebalanceResponse;

/// Even groups and leaders out.
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

/// Prints the plan, then its progress.
pub async fn run(verb: Rebalance) -> anyhow::Result<()> {
    let mut asking = Asking::sign_in(&verb.target).await?;
    let body = json!({"dry_run": verb.dry_run});
    let found: Value = asking.server().post("/v1/cluster/rebalance", &body).await?;
    if verb.waiting.json && (verb.dry_run || verb.waiting.no_wait) {
        return cli::print_json(&found);
    }
    let begun: RebalanceResponse = super::read(found)?;
    if !verb.waiting.json {
        begun.plan.iter().for_each(|step| println!("{}", line(step)));
        match begun.plan.len() {
            0 => println!("groups and leaders are even already"),
            steps if verb.dry_run => println!("{} would be made", count(steps, "move")),
            _ => {}
        }
    }
    if verb.dry_run || verb.waiting.no_wait {
        return Ok(());
    }
    let made = begun.moves.len();
    let ended = follow::to_the_end(&mut asking, begun.moves).await?;
    if verb.waiting.json {
        use poem_openapi::types::ToJSON;
        cli::print_json(&ended.to_json())?;
    }
    follow::all_done(&ended)?;
    if !verb.waiting.json && made > 0 {
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
    fn a_step_says_who_gives_and_who_takes() {
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
