//! `auberge cluster audit`: the audit log, newest first.

use clap::Args;
use cluster_model::AuditResponse;

use super::format::date_and_time;
use crate::client::{OperatorAccess, Page, RetryingClient};
use crate::commands::output;

/// Maximum number of entries in a response.
const PAGE_MAX: u32 = 100;

/// Show the audit log: actions of operators, and automatic actions of the cluster.
#[derive(Debug, Args)]
pub struct Audit {
    /// Maximum number of entries. The cluster keeps the newest 10,000.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    limit: u32,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    access: OperatorAccess,
}

/// Runs the command.
///
/// # Errors
/// When the directory is unavailable.
pub async fn run(arguments: Audit) -> anyhow::Result<()> {
    let mut client = RetryingClient::with_access(&arguments.access).await?;
    let (mut entries, mut cursor) = (Vec::new(), None::<String>);
    let mut left = arguments.limit;
    while left > 0 {
        let from = cursor.map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
        let path = format!("/v1/cluster/audit?limit={}{from}", left.min(PAGE_MAX));
        let page: Page<AuditResponse> = client.get(&path).await?;
        left = left.saturating_sub(u32::try_from(page.items.len()).unwrap_or(u32::MAX));
        entries.extend(page.items);
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    if arguments.json {
        return output::print_json(&entries);
    }
    if entries.is_empty() {
        println!("the audit log is empty; a single node has none");
    } else {
        println!("{}", table(&entries));
    }
    Ok(())
}

/// One line for each entry.
fn table(entries: &[AuditResponse]) -> String {
    let row = |entry: &AuditResponse| {
        vec![
            entry.number.to_string(),
            date_and_time(entry.at),
            entry.by.clone(),
            entry.verb.clone(),
            entry.subject.clone(),
            entry.detail.clone(),
        ]
    };
    output::table(
        &["no", "time (UTC)", "by", "action", "subject", "detail"],
        entries.iter().map(row).collect(),
    )
}

#[cfg(test)]
mod tests {
    use protocol::Timestamp;

    use super::*;

    #[test]
    fn each_entry_is_one_line() {
        let entry = AuditResponse {
            number: 7,
            at: edge::Instant(Timestamp(1_700_000_000_000)),
            by: "admin".to_owned(),
            verb: "drain".to_owned(),
            subject: "n2".to_owned(),
            detail: "for a new disk".to_owned(),
        };
        let text = table(&[entry]);
        let line = text.lines().find(|line| line.contains("drain")).unwrap();
        let words: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(words, ["7", "2023-11-14", "22:13:20", "admin", "drain", "n2", "for", "a", "new", "disk"]);
    }
}
