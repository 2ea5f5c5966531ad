//! Follows moves to their end: progress bars on a terminal, lines in a pipe.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

use anyhow::bail;
use cluster_model::{Configure, Configured, MovePhase, MoveResponse, NodeResponse, NodeState};
use directory::MoveId;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::changes::{Change, Changes};
use super::{format, tables};
use crate::client::{Page, RetryingClient};

/// In a pipe, the progress of a phase is printed again after this time.
const REPORT_INTERVAL: Duration = Duration::from_secs(5);
/// The length of a progress bar, in steps.
const STEPS: u64 = 1000;

/// Waits until all of these moves have ended, and shows their progress. Returns the ended moves.
///
/// # Errors
/// When the cluster cannot be reached, or at Ctrl-C. The moves continue then, and the message says how to follow them.
pub async fn to_the_end(
    client: &mut RetryingClient<'_>,
    begun: Vec<MoveResponse>,
) -> anyhow::Result<Vec<MoveResponse>> {
    let command = match begun.as_slice() {
        [one] => format!("auberge cluster moves {}", one.id),
        _ => "auberge cluster moves".to_owned(),
    };
    let mut progress = Progress::new();
    let mut changes = Changes::default();
    let following = async {
        let mut all = by_id(begun);
        loop {
            all.values().for_each(|one| progress.show(one));
            if all.values().all(|one| one.phase.is_final()) {
                return Ok(all.into_values().collect());
            }
            match changes.next(client).await {
                Change::Move(one) if all.contains_key(&one.id) => {
                    all.insert(one.id.clone(), *one);
                }
                Change::Move(_) | Change::Node(_) => {}
                Change::Unknown => refresh(client, &mut all).await?,
            }
        }
    };
    tokio::select! {
        ended = following => ended,
        _ = tokio::signal::ctrl_c() => bail!("interrupted; the operation continues: follow it with `{command}`"),
    }
}

/// Waits until a node has reached a state, and shows the progress of the moves off it. Returns these moves and the node.
///
/// # Errors
/// As [`to_the_end`].
pub async fn until_emptied(
    client: &mut RetryingClient<'_>,
    begun: Vec<MoveResponse>,
    node: &str,
    reached: impl Fn(NodeState) -> bool,
) -> anyhow::Result<(Vec<MoveResponse>, NodeResponse)> {
    let mut progress = Progress::new();
    let mut reported = Instant::now();
    let mut changes = Changes::default();
    let leaves = |one: &MoveResponse| one.leave.iter().any(|leaves| leaves == node);
    let following = async {
        let mut all = by_id(begun);
        let mut now: NodeResponse = get_node(client, node).await?;
        loop {
            all.values().for_each(|one| progress.show(one));
            if reached(now.state) && all.values().all(|one| one.phase.is_final()) {
                // The event of the node's state may have been sent before the last move ended.
                now = get_node(client, node).await?;
                if reached(now.state) {
                    return Ok((all.into_values().collect(), now));
                }
            }
            if reported.elapsed() > REPORT_INTERVAL {
                let left = [(now.leaders, "leader"), (now.groups, "replica")]
                    .map(|(number, what)| format::count(number as usize, what));
                progress.print(&format!("{node}: {} are left", left.join(" and ")));
                reported = Instant::now();
            }
            match changes.next(client).await {
                Change::Move(one) if all.contains_key(&one.id) || leaves(&one) => {
                    all.insert(one.id.clone(), *one);
                }
                Change::Node(changed) if changed.name == node => now = *changed,
                Change::Move(_) | Change::Node(_) => {}
                Change::Unknown => {
                    now = get_node(client, node).await?;
                    refresh(client, &mut all).await?;
                    // Moves that could not begin at once begin later.
                    let active: Page<MoveResponse> =
                        client.get("/v1/cluster/moves?active=true&limit=100").await?;
                    all.extend(by_id(active.items.into_iter().filter(leaves)));
                }
            }
        }
    };
    tokio::select! {
        emptied = following => emptied,
        _ = tokio::signal::ctrl_c() => {
            bail!("interrupted; the operation continues: follow it with `auberge cluster watch`")
        }
    }
}

async fn get_node(client: &mut RetryingClient<'_>, node: &str) -> anyhow::Result<NodeResponse> {
    client.get(&format!("/v1/cluster/nodes/{node}")).await
}

fn by_id(moves: impl IntoIterator<Item = MoveResponse>) -> BTreeMap<String, MoveResponse> {
    moves.into_iter().map(|one| (one.id.clone(), one)).collect()
}

/// The id of the newest move, if there is one.
///
/// # Errors
/// When the cluster cannot be reached.
pub async fn newest(client: &mut RetryingClient<'_>) -> anyhow::Result<Option<MoveId>> {
    let page: Page<MoveResponse> = client.get("/v1/cluster/moves?limit=1").await?;
    Ok(page.items.first().and_then(|one| one.id.parse().ok()))
}

/// Waits until the cluster complies with changed settings: until a dry run of `path` plans no moves, and none is in
/// progress. Shows and returns the moves that began after the move `since`.
///
/// # Errors
/// As [`to_the_end`].
pub async fn until_settled(
    client: &mut RetryingClient<'_>,
    path: &str,
    dry_run: &Configure,
    since: Option<MoveId>,
) -> anyhow::Result<Vec<MoveResponse>> {
    let mut progress = Progress::new();
    let mut changes = Changes::default();
    let following = async {
        let mut all: BTreeMap<String, MoveResponse> = BTreeMap::new();
        loop {
            // In this order: a move that the plan still has, and that begins meanwhile, is in the list.
            let planned: Configured = client.post_idempotent(path, dry_run).await?;
            refresh(client, &mut all).await?;
            let page: Page<MoveResponse> = client.get("/v1/cluster/moves?limit=100").await?;
            let made = page
                .items
                .into_iter()
                .filter(|one| one.id.parse::<MoveId>().is_ok_and(|id| Some(id) > since));
            all.extend(by_id(made));
            let settled = planned.plan.is_empty() && all.values().all(|one| one.phase.is_final());
            all.values().for_each(|one| progress.show(one));
            if settled {
                return Ok(all.into_values().collect());
            }
            changes.next(client).await;
        }
    };
    tokio::select! {
        settled = following => settled,
        _ = tokio::signal::ctrl_c() => {
            bail!("interrupted; the settings are applied, and the operation continues: follow it with `auberge cluster watch`")
        }
    }
}

/// Reads the moves that have not ended again.
async fn refresh(
    client: &mut RetryingClient<'_>,
    all: &mut BTreeMap<String, MoveResponse>,
) -> anyhow::Result<()> {
    let open: Vec<String> =
        all.values().filter(|one| !one.phase.is_final()).map(|one| one.id.clone()).collect();
    if open.is_empty() {
        return Ok(());
    }
    if let [id] = open.as_slice() {
        let one: MoveResponse = client.get(&format!("/v1/cluster/moves/{id}")).await?;
        all.insert(id.clone(), one);
        return Ok(());
    }
    // One request for the first page; of the others one at a time.
    let page: Page<MoveResponse> = client.get("/v1/cluster/moves?limit=100").await?;
    let mut missing: Vec<String> = open;
    for one in page.items {
        missing.retain(|id| *id != one.id);
        if all.contains_key(&one.id) {
            all.insert(one.id.clone(), one);
        }
    }
    if let Some(id) = missing.into_iter().next() {
        let one: MoveResponse = client.get(&format!("/v1/cluster/moves/{id}")).await?;
        all.insert(id, one);
    }
    Ok(())
}

/// Shows the progress of moves.
struct Progress {
    bars: Option<MultiProgress>,
    moves: BTreeMap<String, PrintedMove>,
}

/// What was last shown of a move.
struct PrintedMove {
    phase: Option<MovePhase>,
    at: Instant,
    bar: Option<ProgressBar>,
}

impl Progress {
    fn new() -> Self {
        let terminal = std::io::stderr().is_terminal();
        let bars = terminal.then(|| MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(10)));
        Self { bars, moves: BTreeMap::new() }
    }

    /// Prints a line above the bars.
    fn print(&self, line: &str) {
        match &self.bars {
            Some(bars) => {
                let _ = bars.println(line);
            }
            None => eprintln!("{line}"),
        }
    }

    fn show(&mut self, one: &MoveResponse) {
        let bars = self.bars.as_ref();
        let shown = self.moves.entry(one.id.clone()).or_insert_with(|| PrintedMove {
            phase: None,
            at: Instant::now(),
            bar: bars.map(|bars| bars.add(bar())),
        });
        match &shown.bar {
            Some(bar) if one.phase.is_final() => {
                if shown.phase.is_none_or(|phase| !phase.is_final()) {
                    bar.finish_and_clear();
                }
            }
            Some(bar) => {
                bar.set_prefix(format!("{}  {}", one.group, tables::route(one)));
                bar.set_position(steps(one));
                bar.set_message(describe(one));
            }
            None => {
                if shown.phase != Some(one.phase)
                    || shown.at.elapsed() > REPORT_INTERVAL && !one.phase.is_final()
                {
                    eprintln!("{}  {}: {}", one.group, tables::route(one), describe(one));
                    shown.at = Instant::now();
                }
            }
        }
        shown.phase = Some(one.phase);
    }
}

fn bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{prefix}  {bar:24} {msg}");
    ProgressBar::new(STEPS).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// `catching up, 12 MB of 27 MB, 120 entries behind, 3 s left`.
fn describe(one: &MoveResponse) -> String {
    let progress = match one.phase {
        MovePhase::Adding | MovePhase::CatchingUp => Some(tables::progress(one)).filter(|text| text != "–"),
        MovePhase::Switching
        | MovePhase::Removing
        | MovePhase::Done
        | MovePhase::Failed
        | MovePhase::Cancelled => None,
    };
    let phase = one.phase.label();
    // A detail that begins with the phase replaces it.
    if let Some(detail) = one.detail.as_ref().filter(|detail| detail.starts_with(phase)) {
        return detail.clone();
    }
    let parts = [Some(phase.to_owned()), progress, one.detail.clone()];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// The position of a move's bar. Copying the state takes most of the time.
fn steps(one: &MoveResponse) -> u64 {
    match one.phase {
        MovePhase::Adding => 20,
        MovePhase::CatchingUp if one.bytes_total > 0 => {
            let part = one.bytes_done.min(one.bytes_total) as f64 / one.bytes_total as f64;
            50 + (part * 850.0) as u64
        }
        MovePhase::CatchingUp => 50,
        MovePhase::Switching => 920,
        MovePhase::Removing => 970,
        MovePhase::Done | MovePhase::Failed | MovePhase::Cancelled => STEPS,
    }
}

/// A sentence about the outcome or the progress of a move.
pub fn sentence(one: &MoveResponse) -> String {
    let names = |names: &[String]| names.join(" and ");
    if one.leader_only && one.leave == one.take && one.phase == MovePhase::Done {
        return format!("{} leads {} already", names(&one.take), one.group);
    }
    let what = match (one.leave.as_slice(), one.take.as_slice()) {
        ([], take) if one.leader_only => format!("the leadership of {} to {}", one.group, names(take)),
        (leave, take) if one.leader_only => {
            format!("the leadership of {} from {} to {}", one.group, names(leave), names(take))
        }
        ([], take) => format!("{} onto {}", one.group, names(take)),
        (leave, []) => format!("{} off {}", one.group, names(leave)),
        (leave, take) => format!("{} from {} to {}", one.group, names(leave), names(take)),
    };
    let took = one.ended_at.map(|ended| format::between(one.started_at, ended));
    let because = one.detail.as_ref().map(|detail| format!(": {detail}")).unwrap_or_default();
    match one.phase {
        MovePhase::Done => format!("moved {what} in {}", took.unwrap_or_else(|| "no time".to_owned())),
        MovePhase::Failed => format!("could not move {what}{because}"),
        MovePhase::Cancelled => format!("moving {what} was cancelled{because}"),
        MovePhase::Adding | MovePhase::CatchingUp | MovePhase::Switching | MovePhase::Removing => {
            format!("moving {what}: {}", describe(one))
        }
    }
}

/// Fails if any of these moves is not done.
///
/// # Errors
/// A line with the first such move, and their number.
pub fn all_done(moves: &[MoveResponse]) -> anyhow::Result<()> {
    let failed: Vec<&MoveResponse> = moves.iter().filter(|one| one.phase != MovePhase::Done).collect();
    match failed.as_slice() {
        [] => Ok(()),
        [one] => bail!("{}", sentence(one)),
        [first, ..] => bail!("{} moves were not done; the first: {}", failed.len(), sentence(first)),
    }
}

#[cfg(test)]
mod tests {
    use edge::Instant;
    use protocol::Timestamp;

    use super::*;

    fn a_move(phase: MovePhase) -> MoveResponse {
        MoveResponse {
            id: "mov_1".to_owned(),
            group: "reservations/0".to_owned(),
            from: Some("n1".to_owned()),
            to: Some("n4".to_owned()),
            leave: vec!["n1".to_owned()],
            take: vec!["n4".to_owned()],
            leader_only: false,
            phase,
            reason: "asked for".to_owned(),
            requested_by: "cli_admin".to_owned(),
            bytes_done: 12_000_000,
            bytes_total: 27_000_000,
            lag: 120,
            seconds_left: Some(3),
            cancellable: true,
            started_at: Instant(Timestamp(1_000)),
            ended_at: phase.is_final().then_some(Instant(Timestamp(4_200))),
            detail: None,
        }
    }

    #[test]
    fn a_move_is_described_by_its_phase() {
        assert_eq!(
            describe(&a_move(MovePhase::CatchingUp)),
            "catching up, 12 MB of 27 MB, 120 entries behind, 3 s left"
        );
        assert_eq!(describe(&a_move(MovePhase::Switching)), "switching");
        assert_eq!(sentence(&a_move(MovePhase::Done)), "moved reservations/0 from n1 to n4 in 3.2 s");
        let full =
            MoveResponse { detail: Some("the disk of n4 is full".to_owned()), ..a_move(MovePhase::Failed) };
        assert_eq!(sentence(&full), "could not move reservations/0 from n1 to n4: the disk of n4 is full");
        let led = MoveResponse { leader_only: true, ..a_move(MovePhase::Done) };
        assert_eq!(sentence(&led), "moved the leadership of reservations/0 from n1 to n4 in 3.2 s");
        let grown = MoveResponse { from: None, leave: Vec::new(), ..a_move(MovePhase::Cancelled) };
        assert_eq!(sentence(&grown), "moving reservations/0 onto n4 was cancelled");
    }

    #[test]
    fn bars_never_shrink() {
        let phases = [
            MovePhase::Adding,
            MovePhase::CatchingUp,
            MovePhase::Switching,
            MovePhase::Removing,
            MovePhase::Done,
        ];
        let steps: Vec<u64> = phases.map(|phase| steps(&a_move(phase))).into();
        assert!(steps.is_sorted(), "{steps:?}");
        let over = MoveResponse { bytes_done: 99_000_000, ..a_move(MovePhase::CatchingUp) };
        assert!(super::steps(&over) < STEPS);
    }

    #[test]
    fn what_was_not_done_is_a_failure() {
        assert!(all_done(&[a_move(MovePhase::Done)]).is_ok());
        let failed =
            all_done(&[a_move(MovePhase::Done), a_move(MovePhase::Failed), a_move(MovePhase::Failed)]);
        assert_eq!(
            failed.unwrap_err().to_string(),
            "2 moves were not done; the first: could not move reservations/0 from n1 to n4"
        );
    }
}
