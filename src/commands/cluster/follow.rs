//! Following moves to their end: bars on a terminal, a line now and then in a pipe.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

use anyhow::bail;
use directory::MoveId;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::Value;

use super::{format, tables};
use crate::client::RetryingClient;
use crate::operate::moves::{MovePhase, MoveResponse};
use crate::operate::shown::{NodeResponse, NodeState};

/// How often the cluster is asked.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// In a pipe, a move that stays in its phase is told of again after this.
const TELL_EVERY: Duration = Duration::from_secs(5);
/// A bar's length stands for this many steps.
const STEPS: u64 = 1000;

/// Waits until all of these moves have ended, showing how they get on; returns them as they ended.
///
/// # Errors
/// When the cluster cannot be asked any more, or at Ctrl-C: the moves go on then, and the message says how to follow
/// them.
pub async fn to_the_end(
    client: &mut RetryingClient<'_>,
    begun: Vec<MoveResponse>,
) -> anyhow::Result<Vec<MoveResponse>> {
    let again = match begun.as_slice() {
        [one] => format!("auberge cluster moves {}", one.id),
        _ => "auberge cluster moves".to_owned(),
    };
    let mut shown = Shown::new();
    let following = async {
        let mut all: BTreeMap<String, MoveResponse> =
            begun.into_iter().map(|one| (one.id.clone(), one)).collect();
        loop {
            all.values().for_each(|one| shown.show(one));
            if all.values().all(|one| one.phase.ended()) {
                return Ok(all.into_values().collect());
            }
            tokio::time::sleep(LOOK_EVERY).await;
            look(client, &mut all).await?;
        }
    };
    tokio::select! {
        ended = following => ended,
        _ = tokio::signal::ctrl_c() => bail!("interrupted; the work goes on: `{again}` follows it"),
    }
}

/// Waits until a node has reached a state, showing how the moves that take something off it get on; returns these and
/// the node.
///
/// # Errors
/// As [`to_the_end`].
pub async fn until_emptied(
    client: &mut RetryingClient<'_>,
    begun: Vec<MoveResponse>,
    node: &str,
    is_there: impl Fn(NodeState) -> bool,
) -> anyhow::Result<(Vec<MoveResponse>, NodeResponse)> {
    let mut shown = Shown::new();
    let mut told = Instant::now();
    let following = async {
        let mut all: BTreeMap<String, MoveResponse> =
            begun.into_iter().map(|one| (one.id.clone(), one)).collect();
        loop {
            all.values().for_each(|one| shown.show(one));
            let now: NodeResponse = super::read(client.get(&format!("/v1/cluster/nodes/{node}")).await?)?;
            if is_there(now.state) && all.values().all(|one| one.phase.ended()) {
                return Ok((all.into_values().collect(), now));
            }
            if told.elapsed() > TELL_EVERY {
                let left = [(now.leaders, "leader"), (now.groups, "replica")]
                    .map(|(number, what)| format::count(number as usize, what));
                shown.say(&format!("{node}: {} are left", left.join(" and ")));
                told = Instant::now();
            }
            tokio::time::sleep(LOOK_EVERY).await;
            look(client, &mut all).await?;
            // What could not begin at once begins later.
            let page: Value = client.get("/v1/cluster/moves?active=true&limit=100").await?;
            let active: Vec<MoveResponse> = super::read(page.get("items").cloned().unwrap_or_default())?;
            let leaving = active.into_iter().filter(|one| one.leave.iter().any(|leaves| leaves == node));
            all.extend(leaving.map(|one| (one.id.clone(), one)));
        }
    };
    tokio::select! {
        emptied = following => emptied,
        _ = tokio::signal::ctrl_c() => {
            bail!("interrupted; the work goes on: `auberge cluster watch` follows it")
        }
    }
}

/// The newest move there is, if there is one.
///
/// # Errors
/// When the cluster cannot be asked.
pub async fn newest(client: &mut RetryingClient<'_>) -> anyhow::Result<Option<MoveId>> {
    let page: Value = client.get("/v1/cluster/moves?limit=1").await?;
    Ok(page["items"][0]["id"].as_str().and_then(|id| id.parse().ok()))
}

/// Waits until nothing is left that changed settings ask for: until `path`, asked with `dry_run`, plans no more, and
/// nothing is under way. Shows how the moves get on that are made after the one `since`, and returns them.
///
/// # Errors
/// As [`to_the_end`].
pub async fn until_settled(
    client: &mut RetryingClient<'_>,
    path: &str,
    dry_run: &Value,
    since: Option<MoveId>,
) -> anyhow::Result<Vec<MoveResponse>> {
    let mut shown = Shown::new();
    let following = async {
        let mut all: BTreeMap<String, MoveResponse> = BTreeMap::new();
        loop {
            // In this order: what is planned at the first look and begun by the second is seen there, over or not.
            let planned = client.post_harmless(path, dry_run).await?;
            look(client, &mut all).await?;
            let page: Value = client.get("/v1/cluster/moves?limit=100").await?;
            let page: Vec<MoveResponse> = super::read(page.get("items").cloned().unwrap_or_default())?;
            let made =
                page.into_iter().filter(|one| one.id.parse::<MoveId>().is_ok_and(|id| Some(id) > since));
            all.extend(made.map(|one| (one.id.clone(), one)));
            let settled = planned["plan"].as_array().is_none_or(Vec::is_empty)
                && all.values().all(|one| one.phase.ended());
            all.values().for_each(|one| shown.show(one));
            if settled {
                return Ok(all.into_values().collect());
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    tokio::select! {
        settled = following => settled,
        _ = tokio::signal::ctrl_c() => {
            bail!("interrupted; the settings are adopted, and the work goes on: `auberge cluster watch` follows it")
        }
    }
}

/// Brings the moves that have not ended up to date.
async fn look(
    client: &mut RetryingClient<'_>,
    all: &mut BTreeMap<String, MoveResponse>,
) -> anyhow::Result<()> {
    let open: Vec<String> = all.values().filter(|one| !one.phase.ended()).map(|one| one.id.clone()).collect();
    if open.is_empty() {
        return Ok(());
    }
    if let [id] = open.as_slice() {
        let one: MoveResponse = super::read(client.get(&format!("/v1/cluster/moves/{id}")).await?)?;
        all.insert(id.clone(), one);
        return Ok(());
    }
    // One request for many of them; those beyond a page wait until others have ended.
    let page: Value = client.get("/v1/cluster/moves?limit=100").await?;
    let found: Vec<MoveResponse> =
        super::read(page.get("items").cloned().unwrap_or_else(|| Value::Array(Vec::new())))?;
    let mut missing: Vec<String> = open;
    for one in found {
        missing.retain(|id| *id != one.id);
        if all.contains_key(&one.id) {
            all.insert(one.id.clone(), one);
        }
    }
    if let Some(id) = missing.into_iter().next() {
        let one: MoveResponse = super::read(client.get(&format!("/v1/cluster/moves/{id}")).await?)?;
        all.insert(id, one);
    }
    Ok(())
}

/// What was shown of moves so far.
struct Shown {
    bars: Option<MultiProgress>,
    moves: BTreeMap<String, Told>,
}

struct Told {
    phase: Option<MovePhase>,
    at: Instant,
    bar: Option<ProgressBar>,
}

impl Shown {
    fn new() -> Self {
        let terminal = std::io::stderr().is_terminal();
        let bars = terminal.then(|| MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(10)));
        Self { bars, moves: BTreeMap::new() }
    }

    /// A line among the bars.
    fn say(&self, line: &str) {
        match &self.bars {
            Some(bars) => {
                let _ = bars.println(line);
            }
            None => eprintln!("{line}"),
        }
    }

    fn show(&mut self, one: &MoveResponse) {
        let bars = self.bars.as_ref();
        let told = self.moves.entry(one.id.clone()).or_insert_with(|| Told {
            phase: None,
            at: Instant::now(),
            bar: bars.map(|bars| bars.add(bar())),
        });
        match &told.bar {
            Some(bar) if one.phase.ended() => {
                if told.phase.is_none_or(|phase| !phase.ended()) {
                    bar.finish_and_clear();
                }
            }
            Some(bar) => {
                bar.set_prefix(format!("{}  {}", one.group, tables::route(one)));
                bar.set_position(steps(one));
                bar.set_message(stand(one));
            }
            None => {
                if told.phase != Some(one.phase) || told.at.elapsed() > TELL_EVERY && !one.phase.ended() {
                    eprintln!("{}  {}: {}", one.group, tables::route(one), stand(one));
                    told.at = Instant::now();
                }
            }
        }
        told.phase = Some(one.phase);
    }
}

fn bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{prefix}  {bar:24} {msg}");
    ProgressBar::new(STEPS).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// `catching up, 12 MB of 27 MB, 120 entries behind, 3 s left`.
fn stand(one: &MoveResponse) -> String {
    let progress = match one.phase {
        MovePhase::Adding | MovePhase::CatchingUp => Some(tables::progress(one)).filter(|text| text != "–"),
        MovePhase::Switching
        | MovePhase::Removing
        | MovePhase::Done
        | MovePhase::Failed
        | MovePhase::Cancelled => None,
    };
    let phase = one.phase.words();
    // How it ended is said once.
    if let Some(detail) = one.detail.as_ref().filter(|detail| detail.starts_with(phase)) {
        return detail.clone();
    }
    let parts = [Some(phase.to_owned()), progress, one.detail.clone()];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// How far a move is: most of its time goes into what has to be carried.
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

/// A sentence about a move that has ended, or how it stands.
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
            format!("moving {what}: {}", stand(one))
        }
    }
}

/// Fails when any of these moves did.
///
/// # Errors
/// A line that names the first, and how many there are.
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
            ended_at: phase.ended().then_some(Instant(Timestamp(4_200))),
            detail: None,
        }
    }

    #[test]
    fn a_move_is_told_as_it_stands() {
        assert_eq!(
            stand(&a_move(MovePhase::CatchingUp)),
            "catching up, 12 MB of 27 MB, 120 entries behind, 3 s left"
        );
        assert_eq!(stand(&a_move(MovePhase::Switching)), "switching");
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
    fn bars_only_grow() {
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
