//! `auberge cluster watch`: the cluster as it changes.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use edge::Instant as Moment;
use poem_openapi::types::ParseFromJSON;
use reqwest::Method;
use serde_json::{Value, json};

use super::{follow, format, tables};
use crate::client;
use crate::client::OperatorAccess;
use crate::client::events::{Event, Reader};
use crate::operate::moves::MoveResponse;
use crate::operate::shown::{
    ClusterResponse, GroupResponse, GroupState, LeaderResponse, NodeResponse, NodeState,
};

/// The server says something each five seconds at least; who says nothing for so long is gone.
const SILENCE_MAX: Duration = Duration::from_secs(15);
/// A stream ends with its token, after ten minutes; in any case before this.
const STREAM_MAX: Duration = Duration::from_secs(3600);
/// Before another attempt to connect.
const PAUSE: Duration = Duration::from_secs(1);
/// A screen is drawn so often at most.
const DRAW_EVERY: Duration = Duration::from_millis(250);

/// Watches until Ctrl-C.
pub async fn run(access: &OperatorAccess, json: bool) -> anyhow::Result<()> {
    let mut out = Out::new(json);
    let watched = tokio::select! {
        failed = watch(access, &mut out) => failed,
        _ = tokio::signal::ctrl_c() => Ok(()),
    };
    out.close();
    watched
}

/// Connects again and again. The first attempt has to succeed, so that a wrong address is told at once.
async fn watch(access: &OperatorAccess, out: &mut Out) -> anyhow::Result<()> {
    let mut first = true;
    loop {
        let ended = stream(access, out, &mut first).await;
        match ended {
            Err(why) if first => return Err(why),
            Err(why) => out.trouble(&format!("{why:#}")),
            Ok(()) => {}
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn stream(access: &OperatorAccess, out: &mut Out, first: &mut bool) -> anyhow::Result<()> {
    let server = access.sign_in().await?;
    let request = server.request(Method::GET, "/v1/cluster/events").timeout(STREAM_MAX);
    let mut answer = request.header("accept", "text/event-stream").send().await.context("no answer")?;
    if !answer.status().is_success() {
        let status = answer.status();
        return Err(client::problem(status, &answer.bytes().await.unwrap_or_default()));
    }
    *first = false;
    let mut reader = Reader::default();
    loop {
        match tokio::time::timeout(SILENCE_MAX, answer.chunk()).await {
            Ok(Ok(Some(piece))) => {
                for event in reader.read(&piece) {
                    out.take(&event)?;
                }
            }
            Ok(Ok(None)) => return Ok(()),
            Ok(Err(error)) => return Err(anyhow::Error::new(error).context("the connection was lost")),
            Err(_) => bail!("nothing was heard for {} s", SILENCE_MAX.as_secs()),
        }
    }
}

/// Where events go: a screen, or lines.
struct Out {
    screen: bool,
    json: bool,
    cluster: Option<ClusterResponse>,
    drawn: Option<Instant>,
}

impl Out {
    fn new(json: bool) -> Self {
        let screen = !json && std::io::stdout().is_terminal();
        if screen {
            // The other screen, without a cursor: what was there before comes back at the end.
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

    fn take(&mut self, event: &Event) -> anyhow::Result<()> {
        let Ok(data) = serde_json::from_str::<Value>(&event.data) else { return Ok(()) };
        if self.json {
            return say(&json!({"event": event.name, "data": data}).to_string());
        }
        let Some(change) = Change::read(&event.name, data) else { return Ok(()) };
        let line = change.line(self.cluster.as_ref());
        change.enter(&mut self.cluster);
        if !self.screen {
            return line.map_or(Ok(()), |line| say(&format!("{}  {line}", now())));
        }
        if self.drawn.is_none_or(|drawn| drawn.elapsed() >= DRAW_EVERY) || line.is_some() {
            self.draw()?;
        }
        Ok(())
    }

    fn draw(&mut self) -> anyhow::Result<()> {
        self.drawn = Some(Instant::now());
        let Some(cluster) = &self.cluster else { return Ok(()) };
        // Each line is cleared to its end and drawn over: nothing flickers.
        let text = tables::cluster(cluster).replace('\n', "\x1b[K\n");
        write(&format!("\x1b[H{text}\x1b[K\n{}  Ctrl-C ends\x1b[K\x1b[J", now()))
    }

    fn trouble(&mut self, why: &str) {
        if self.screen {
            let _ = write(&format!("\x1b[H{why}; connecting again …\x1b[K"));
        } else {
            eprintln!("{}  {why}; connecting again", now());
        }
    }
}

fn say(line: &str) -> anyhow::Result<()> {
    write(&format!("{line}\n"))
}

fn write(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).context("standard output is closed")
}

fn now() -> String {
    format::time_of_day(Moment(protocol::Timestamp::wall_clock()))
}

/// What an event says.
enum Change {
    Snapshot(Box<ClusterResponse>),
    Node(Box<NodeResponse>),
    Group(Box<GroupResponse>),
    Leader(LeaderResponse),
    Move(Box<MoveResponse>),
}

impl Change {
    /// Reads an event; none is made of one that this program does not know.
    fn read(name: &str, data: Value) -> Option<Self> {
        fn as_a<T: ParseFromJSON>(data: Value) -> Option<T> {
            T::parse_from_json(Some(data)).ok()
        }
        match name {
            "snapshot" => as_a(data).map(|cluster| Self::Snapshot(Box::new(cluster))),
            "node" => as_a(data).map(|node| Self::Node(Box::new(node))),
            "group" => as_a(data).map(|group| Self::Group(Box::new(group))),
            "leader" => as_a(data).map(Self::Leader),
            "move" => as_a(data).map(|one| Self::Move(Box::new(one))),
            _ => None,
        }
    }

    /// What a reader of lines is told; nothing where only figures have changed.
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

    /// Enters the change into what is known.
    fn enter(self, cluster: &mut Option<ClusterResponse>) {
        let known = match (self, cluster.as_mut()) {
            (Self::Snapshot(snapshot), _) => {
                *cluster = Some(*snapshot);
                return;
            }
            (change, Some(known)) => (change, known),
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
                if !one.phase.ended() {
                    known.moves.push(*one);
                    known.moves.sort_by_key(|one| one.started_at);
                }
            }
        }
    }
}

/// What a group is, without its figures.
fn shape(group: &GroupResponse) -> impl PartialEq + use<> {
    let replicas: Vec<_> =
        group.replicas.iter().map(|replica| (replica.node.clone(), replica.role, replica.up)).collect();
    (group.state, replicas, group.quarantined.clone(), group.parked.len())
}
