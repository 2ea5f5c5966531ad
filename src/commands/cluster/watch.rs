//! `auberge cluster watch`: shows changes of the cluster.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use anyhow::Context;
use cluster_model::{
    ClusterResponse, GroupResponse, GroupState, LeaderResponse, MoveResponse, NodeResponse, NodeState,
};
use edge::Instant as Timestamp;
use eventsource_stream::Event;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::changes::EVENTS;
use super::{follow, format, tables};
use crate::client::OperatorAccess;
use crate::client::events::EventStream;

/// Interval of attempts to connect.
const RECONNECT_INTERVAL: Duration = Duration::from_secs(1);
/// Minimum interval of drawing the screen.
const DRAW_INTERVAL: Duration = Duration::from_millis(250);

/// Watches until Ctrl-C.
pub async fn run(access: &OperatorAccess, json: bool) -> anyhow::Result<()> {
    let mut out = Output::new(json);
    let watched = tokio::select! {
        failed = watch(access, &mut out) => failed,
        _ = tokio::signal::ctrl_c() => Ok(()),
    };
    out.close();
    watched
}

/// Reconnects for ever. The first attempt must succeed, so that a wrong address is reported at once.
async fn watch(access: &OperatorAccess, out: &mut Output) -> anyhow::Result<()> {
    let mut first = true;
    loop {
        let ended = stream(access, out, &mut first).await;
        match ended {
            Err(why) if first => return Err(why),
            Err(why) => out.disconnected(&format!("{why:#}")),
            Ok(()) => {}
        }
        tokio::time::sleep(RECONNECT_INTERVAL).await;
    }
}

async fn stream(access: &OperatorAccess, out: &mut Output, first: &mut bool) -> anyhow::Result<()> {
    let mut events = EventStream::open(&access.sign_in().await?, EVENTS).await?;
    *first = false;
    while let Some(event) = events.next().await? {
        out.show(&event)?;
    }
    Ok(())
}

/// Where changes are shown: on a screen that is redrawn, or as lines.
struct Output {
    screen: bool,
    json: bool,
    cluster: Option<ClusterResponse>,
    drawn: Option<Instant>,
}

impl Output {
    fn new(json: bool) -> Self {
        let screen = !json && std::io::stdout().is_terminal();
        if screen {
            // The alternate screen without a cursor. The terminal restores the previous screen at the end.
            print!("\x1b[?1049h\x1b[?25l");
            let _ = std::io::stdout().flush();
        }
        Self { screen, json, cluster: None, drawn: None }
    }

    fn close(&mut self) {
        if self.screen {
            print!("\x1b[?25h\x1b[?1049l");
            let _ = std::io::stdout().flush();
        }
    }

    fn show(&mut self, event: &Event) -> anyhow::Result<()> {
        let Ok(data) = serde_json::from_str::<Value>(&event.data) else { return Ok(()) };
        if self.json {
            return print_line(&json!({"event": event.event, "data": data}).to_string());
        }
        let Some(update) = Update::parse(&event.event, data) else { return Ok(()) };
        let line = update.line(self.cluster.as_ref());
        update.apply(&mut self.cluster);
        if !self.screen {
            return line.map_or(Ok(()), |line| print_line(&format!("{}  {line}", now())));
        }
        if self.drawn.is_none_or(|drawn| drawn.elapsed() >= DRAW_INTERVAL) || line.is_some() {
            self.draw()?;
        }
        Ok(())
    }

    fn draw(&mut self) -> anyhow::Result<()> {
        self.drawn = Some(Instant::now());
        let Some(cluster) = &self.cluster else { return Ok(()) };
        // Each line is overwritten and cleared to its end, which avoids flicker.
        let text = tables::cluster(cluster).replace('\n', "\x1b[K\n");
        write(&format!("\x1b[H{text}\x1b[K\n{}  Ctrl-C to quit\x1b[K\x1b[J", now()))
    }

    fn disconnected(&mut self, why: &str) {
        if self.screen {
            let _ = write(&format!("\x1b[H{why}; reconnecting …\x1b[K"));
        } else {
            eprintln!("{}  {why}; reconnecting", now());
        }
    }
}

fn print_line(line: &str) -> anyhow::Result<()> {
    write(&format!("{line}\n"))
}

fn write(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).context("standard output is closed")
}

fn now() -> String {
    format::time_of_day(Timestamp(protocol::Timestamp::wall_clock()))
}

/// The content of an event.
enum Update {
    Snapshot(Box<ClusterResponse>),
    Node(Box<NodeResponse>),
    Group(Box<GroupResponse>),
    Leader(LeaderResponse),
    Move(Box<MoveResponse>),
}

impl Update {
    /// Parses an event; `None` if this version does not have its type.
    fn parse(name: &str, data: Value) -> Option<Self> {
        fn parsed<T: DeserializeOwned>(data: Value) -> Option<T> {
            serde_json::from_value(data).ok()
        }
        match name {
            "snapshot" => parsed(data).map(|cluster| Self::Snapshot(Box::new(cluster))),
            "node" => parsed(data).map(|node| Self::Node(Box::new(node))),
            "group" => parsed(data).map(|group| Self::Group(Box::new(group))),
            "leader" => parsed(data).map(Self::Leader),
            "move" => parsed(data).map(|one| Self::Move(Box::new(one))),
            _ => None,
        }
    }

    /// A line about the update; `None` if only figures have changed.
    fn line(&self, before: Option<&ClusterResponse>) -> Option<String> {
        match self {
            Self::Snapshot(cluster) => {
                let headline = tables::headline(cluster);
                let attention = cluster.attention.iter().map(|sentence| format!("; {sentence}"));
                Some(format!("cluster {}{}", headline.trim_end(), attention.collect::<String>()))
            }
            Self::Node(node) => {
                let known =
                    before.and_then(|before| before.nodes.iter().find(|known| known.name == node.name));
                let changed = known.is_none_or(|known| known.state != node.state);
                let state = tables::node_state(node.state);
                let why = node.unsafe_because.as_ref().filter(|_| node.state == NodeState::Up);
                changed.then(|| match why {
                    Some(why) => format!("node {} is {state}; do not stop it: {why}", node.name),
                    None => format!("node {} is {state}", node.name),
                })
            }
            Self::Group(group) => {
                let known =
                    before.and_then(|before| before.groups.iter().find(|known| known.group == group.group));
                let changed = known.is_none_or(|known| shape(known) != shape(group));
                changed.then(|| {
                    format!(
                        "group {} is {}: {}",
                        group.group,
                        match group.state {
                            GroupState::Healthy => "healthy",
                            GroupState::Degraded => "degraded",
                            GroupState::Unavailable => "unavailable",
                        },
                        tables::replicas(group)
                    )
                })
            }
            Self::Leader(leader) => Some(match &leader.leader {
                Some(node) => format!("leader of {} is {node} (term {})", leader.group, leader.term),
                None => format!("leader of {} is lost", leader.group),
            }),
            Self::Move(one) => {
                let known = before.and_then(|before| before.moves.iter().find(|known| known.id == one.id));
                let changed =
                    known.is_none_or(|known| known.phase != one.phase || known.detail != one.detail);
                changed.then(|| format!("move {}: {}", one.id, follow::sentence(one)))
            }
        }
    }

    /// Applies the update to the known state.
    fn apply(self, cluster: &mut Option<ClusterResponse>) {
        let known = match (self, cluster.as_mut()) {
            (Self::Snapshot(snapshot), _) => {
                *cluster = Some(*snapshot);
                return;
            }
            (update, Some(known)) => (update, known),
            (_, None) => return,
        };
        match known {
            (Self::Snapshot(_), _) => {}
            (Self::Node(node), known) => {
                known.nodes.retain(|other| other.name != node.name);
                if node.state != NodeState::Decommissioned {
                    known.nodes.push(*node);
                    known.nodes.sort_by(|one, other| one.name.cmp(&other.name));
                }
            }
            (Self::Group(group), known) => {
                match known.groups.iter_mut().find(|other| other.group == group.group) {
                    Some(other) => *other = *group,
                    None => {
                        known.groups.push(*group);
                        known.groups.sort_by(|one, other| one.group.cmp(&other.group));
                    }
                }
            }
            (Self::Leader(leader), known) => {
                if let Some(group) = known.groups.iter_mut().find(|group| group.group == leader.group) {
                    group.leader = leader.leader;
                    group.term = leader.term;
                }
            }
            (Self::Move(one), known) => {
                known.moves.retain(|other| other.id != one.id);
                if !one.phase.is_final() {
                    known.moves.push(*one);
                    known.moves.sort_by_key(|one| one.started_at);
                }
            }
        }
    }
}

/// The state of a group without its figures.
fn shape(group: &GroupResponse) -> impl PartialEq + use<> {
    let replicas: Vec<_> =
        group.replicas.iter().map(|replica| (replica.node.clone(), replica.role, replica.up)).collect();
    (group.state, replicas, group.quarantined.clone(), group.parked.len())
}
