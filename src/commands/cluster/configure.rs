//! `auberge cluster configure`: applies a settings file to a running cluster.

use std::path::PathBuf;

use clap::Args;
use cluster_model::{Configure as ConfigureRequest, ConfigureService, Configured, MoveResponse};
use serde::Serialize;

use super::format::count;
use super::moves::Waiting;
use super::{follow, rebalance};
use crate::client::{RetryingClient, Target};
use crate::commands::output;
use crate::server::cluster_node::{bank_name, cluster_settings};
use crate::settings::{self, Settings};

/// The endpoint.
pub const PATH: &str = "/v1/cluster/configure";

/// Apply the settings `replicas`, `only_on`, `never_with` and `replace_after` of a settings file to the cluster.
///
/// Prints the changes and the moves that follow. Replicas are then added, moved and removed automatically while the cluster
/// serves. The number of shards and the bank cannot change.
#[derive(Debug, Args)]
pub struct Configure {
    /// The settings file, of which [cluster] and [services] are applied.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Print the changes and the moves, and do nothing.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    waiting: Waiting,
    #[command(flatten)]
    target: Target,
}

/// Runs the command. Returns when the cluster complies with the settings, as far as there are enough nodes.
///
/// # Errors
/// When the file is not valid, the directory refuses, or a move fails.
pub async fn run(arguments: Configure) -> anyhow::Result<()> {
    let settings = settings::load_cluster(&arguments.config)?;
    let mut client = RetryingClient::sign_in(&arguments.target).await?;
    let before = follow::newest(&mut client).await?;
    let configured: Configured = client.once().post(PATH, &request(&settings, arguments.dry_run)).await?;
    if arguments.waiting.json && (arguments.dry_run || arguments.waiting.no_wait) {
        return output::print_json(&configured);
    }
    if !arguments.waiting.json {
        lines(&configured).iter().for_each(|line| println!("{line}"));
    }
    if arguments.dry_run || arguments.waiting.no_wait {
        return Ok(());
    }
    let ended = follow::until_settled(&mut client, PATH, &request(&settings, true), before).await?;
    if arguments.waiting.json {
        output::print_json(&Outcome { configured: &configured, moves: &ended })?;
    }
    follow::all_done(&ended)?;
    if !arguments.waiting.json && !ended.is_empty() {
        println!("{} made", count(ended.len(), "move"));
    }
    Ok(())
}

/// What is printed with `--json`.
#[derive(Serialize)]
struct Outcome<'a> {
    #[serde(flatten)]
    configured: &'a Configured,
    /// The moves that followed.
    moves: &'a [MoveResponse],
}

/// The request to apply the cluster-wide settings of a file.
fn request(settings: &Settings, dry_run: bool) -> ConfigureRequest {
    let bank = settings.payments.bank.map(bank_name);
    let cluster = cluster_settings(settings, &settings.shards(), bank.unwrap_or_default());
    let service = |(name, service): (String, directory::ServiceSettings)| ConfigureService {
        service: name,
        shards: Some(service.shards),
        replicas: Some(service.replicas),
        only_on: Some(service.only_on),
        never_with: Some(service.never_with),
    };
    ConfigureRequest {
        dry_run,
        bank: bank.map(str::to_owned),
        replace_after_seconds: Some(cluster.replace_after_secs),
        services: cluster.services.into_iter().map(service).collect(),
    }
}

/// The lines to print: the changes, then the moves.
fn lines(configured: &Configured) -> Vec<String> {
    let change = |change: &cluster_model::ChangeResponse| {
        format!("{}: {} → {}", change.setting, change.from, change.to)
    };
    let mut lines: Vec<String> = configured.changes.iter().map(change).collect();
    lines.extend(configured.plan.iter().map(rebalance::line));
    lines.extend(configured.violates_placement.iter().map(|violates_placement| {
        format!(
            "{} stays on {} and violates the placement rules: no other node can take it",
            violates_placement.group, violates_placement.node
        )
    }));
    lines.push(match (configured.changes.len(), configured.plan.len(), configured.dry_run) {
        (0, 0, _) => "the cluster has these settings already".to_owned(),
        (0, moves, _) => format!("the cluster has these settings already; {} to come", number_of(moves)),
        (_, moves, true) => format!("nothing was changed; {} would begin at once", number_of(moves)),
        (_, 0, false) => "applied; no moves are needed".to_owned(),
        (_, moves, false) => format!("applied; {} to come", number_of(moves)),
    });
    lines
}

fn number_of(moves: usize) -> String {
    if moves == 0 { "no move".to_owned() } else { count(moves, "move") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use cluster_model::{ChangeResponse, PlacementViolationResponse, StepResponse};

    use super::*;

    #[test]
    fn the_request_has_the_settings_of_the_file() {
        let file = tempfile::NamedTempFile::new().unwrap();
        // The secrets of nodes are missing.
        let text = "[payments]\nbank = \"stripe\"\n[cluster]\nreplace_after = \"2h\"\n[services.pdf]\nreplicas = 1\n\
                    only_on = [\"big\"]\n[services.reservations]\nshards = 4\n";
        std::fs::write(file.path(), text).unwrap();
        let request = request(&settings::load_cluster(file.path()).unwrap(), false);
        let asked = serde_json::to_value(request).unwrap();
        assert_eq!((&asked["bank"], &asked["replace_after_seconds"]), (&json!("stripe"), &json!(7200)));
        let of = |name: &str| {
            let services = asked["services"].as_array().unwrap();
            services.iter().find(|service| service["service"] == name).unwrap().clone()
        };
        let pdf = json!({"service": "pdf", "shards": 1, "replicas": 1, "only_on": ["big"], "never_with": []});
        assert_eq!(of("pdf"), pdf);
        assert_eq!((&of("reservations")["shards"], &of("directory")["replicas"]), (&json!(4), &json!(3)));
        std::fs::write(file.path(), "[services.pdf]\nreplicas = 2\n").unwrap();
        let wrong = settings::load_cluster(file.path()).unwrap_err().to_string();
        assert!(wrong.contains("line 2") && wrong.contains("1, 3, 5 or 7"), "{wrong}");
    }

    #[test]
    fn changes_and_moves_are_printed_one_a_line() {
        let change = || ChangeResponse {
            setting: "services.pdf.replicas".to_owned(),
            from: "3".to_owned(),
            to: "1".to_owned(),
        };
        let step = || StepResponse {
            group: "pdf/0".to_owned(),
            leave: vec!["n1".to_owned(), "n2".to_owned()],
            take: Vec::new(),
            leader_only: false,
            reason: "settings".to_owned(),
        };
        let violates_placement =
            || PlacementViolationResponse { group: "ui/0".to_owned(), node: "n1".to_owned() };
        let configured = |dry_run, changes, plan, violates_placement| Configured {
            dry_run,
            changes,
            plan,
            violates_placement,
        };
        assert_eq!(
            lines(&configured(true, vec![change()], vec![step()], vec![violates_placement()])),
            [
                "services.pdf.replicas: 3 → 1",
                "pdf/0  – n1, n2",
                "ui/0 stays on n1 and violates the placement rules: no other node can take it",
                "nothing was changed; 1 move would begin at once",
            ]
        );
        let last = |configured: &Configured| lines(configured).pop().unwrap();
        assert_eq!(last(&configured(false, vec![change()], vec![], vec![])), "applied; no moves are needed");
        assert_eq!(
            last(&configured(false, vec![], vec![], vec![])),
            "the cluster has these settings already"
        );
    }
}
