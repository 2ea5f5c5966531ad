//! `auberge serve --nodes N`: a cluster of processes of this program on loopback. This process starts the nodes, runs the
//! sandbox bank, and stops the nodes. A node that ends stays down until it is started again by hand.

use std::io::Write;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use futures::stream::{FuturesUnordered, StreamExt};
use rustix::process::{Pid, Signal};
use tokio::process::{Child, ChildStdin, Command};

use super::{Arguments, SANDBOX};
use crate::client::{ApiClient, Target};
use crate::commands::cluster::init;
use crate::commands::output::administrator;
use crate::commands::process::Stop;
use crate::files::write_private;
use crate::server::cluster_node::init::{InitRequest, InitResponse};
use crate::server::local_cluster::{LocalCluster, LocalNode};
use crate::server::{bank, data_dir};
use crate::settings::{Bank, MailTransport, Settings};

/// Maximum time for nodes to listen, or to end.
const NODES_MAX: Duration = Duration::from_secs(30);
/// Maximum time to wait for all replicas of all groups.
const REPLICAS_MAX: Duration = Duration::from_secs(60);
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// A node's process.
struct Running<'a> {
    node: &'a LocalNode,
    pid: u32,
    /// The node stops when this is closed, so that no node outlives this process.
    stdin: Option<ChildStdin>,
}

type Exits<'a> = FuturesUnordered<futures::future::BoxFuture<'a, (&'a str, std::io::Result<ExitStatus>)>>;

/// Starts all nodes, and initialises the cluster if it is new; then waits for SIGINT or SIGTERM.
pub async fn run(arguments: &Arguments, settings: Settings, count: u16) -> anyhow::Result<()> {
    let begun = Instant::now();
    let dir = &arguments.data;
    let _lock = store::lock(dir).map_err(|fault| anyhow::anyhow!("{fault}"))?;
    let plan = LocalCluster::plan(dir, &settings, count)?;
    plan.certify(&settings.cluster.name)?;
    let public_url = settings.public_url();
    let sandbox = match settings.payments.bank.unwrap_or(Bank::Sandbox) {
        Bank::Sandbox => Some(bank::open_sandbox(&plan.dir, &settings, &public_url).await?),
        Bank::Stripe => None,
    };
    plan.write(&settings, sandbox.as_ref())?;
    let stop = Stop::listen()?;
    let mut exits = Exits::new();
    let mut running = Vec::new();
    for node in &plan.nodes {
        let (child, started) = start(&plan, node)?;
        exits.push(wait(&node.name, child));
        running.push(started);
    }
    let started = async {
        wait_until_listening(&plan, &mut exits).await?;
        let initialised = initialise(&plan, arguments).await?;
        wait_for_replicas(&plan, &mut exits).await?;
        announce(&plan, &settings, &running, sandbox.is_some(), initialised.as_ref(), begun);
        anyhow::Ok(())
    };
    let stopping = stop.wait();
    tokio::pin!(stopping);
    let outcome = tokio::select! {
        outcome = started => outcome,
        () = &mut stopping => return stop_all(running, exits, &plan, sandbox).await,
    };
    if outcome.is_ok() {
        loop {
            tokio::select! {
                () = &mut stopping => break,
                Some((name, status)) = exits.next() => report_exit(&plan, name, &status),
                // All nodes have ended. This process still runs the bank, and nodes may be started again.
                else => {
                    (&mut stopping).await;
                    break;
                }
            }
        }
    }
    stop_all(running, exits, &plan, sandbox).await?;
    outcome
}

fn start<'a>(plan: &LocalCluster, node: &'a LocalNode) -> anyhow::Result<(Child, Running<'a>)> {
    std::fs::create_dir_all(&node.data).with_context(|| format!("making {}", node.data.display()))?;
    let path = node.data.join("node.log");
    let log = std::fs::OpenOptions::new().create(true).append(true).open(&path);
    let log = log.with_context(|| format!("writing {}", path.display()))?;
    let mut command = Command::new(program()?);
    command.arg("node").arg("--config").arg(&plan.config).args(["--name", &node.name, "--with-parent"]);
    // In their own process group nodes do not receive Ctrl-C: this process stops them.
    command.process_group(0);
    command.stdin(Stdio::piped()).stdout(log.try_clone()?).stderr(log);
    let mut child = command.spawn().with_context(|| format!("starting {}", node.name))?;
    let pid = child.id().context("a process has an id")?;
    let stdin = child.stdin.take();
    Ok((child, Running { node, pid, stdin }))
}

fn wait<'a>(
    name: &'a str,
    mut child: Child,
) -> futures::future::BoxFuture<'a, (&'a str, std::io::Result<ExitStatus>)> {
    Box::pin(async move { (name, child.wait().await) })
}

fn program() -> anyhow::Result<std::path::PathBuf> {
    std::env::current_exe().context("finding the path of this program")
}

/// The command that starts a node again.
fn command(plan: &LocalCluster, node: &LocalNode) -> String {
    let program = program().unwrap_or_else(|_| "auberge".into());
    format!("{} node --config {} --name {}", quoted(&program), quoted(&plan.config), node.name)
}

fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+@%:,=".contains(c);
    if text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

/// Returns once every edge listens.
async fn wait_until_listening(plan: &LocalCluster, exits: &mut Exits<'_>) -> anyhow::Result<()> {
    let all = futures::future::join_all(plan.nodes.iter().map(|node| async {
        while tokio::net::TcpStream::connect(node.http).await.is_err() {
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }));
    tokio::select! {
        _ = all => Ok(()),
        Some((name, _)) = exits.next() => bail!("{}", exit_reason(plan, name)),
        () = tokio::time::sleep(NODES_MAX) => {
            bail!("the nodes do not listen after {} s; see {}/n1/node.log", NODES_MAX.as_secs(), plan.dir.display())
        }
    }
}

/// Why a node ended, according to its log.
fn exit_reason(plan: &LocalCluster, name: &str) -> String {
    let path = plan.dir.join(name).join("node.log");
    let log = std::fs::read_to_string(&path).unwrap_or_default();
    let last = log.lines().rev().find(|line| line.starts_with("auberge: ")).unwrap_or_default();
    match last.strip_prefix("auberge: ") {
        Some(why) => format!("{name} does not start: {why}"),
        None => format!("{name} does not start; see {}", path.display()),
    }
}

/// Initialises the cluster, unless it is initialised.
async fn initialise(plan: &LocalCluster, arguments: &Arguments) -> anyhow::Result<Option<InitResponse>> {
    let first = &plan.nodes[0];
    let joined =
        data_dir::read(&first.data)?.and_then(|metadata| metadata.node).is_some_and(|node| node.joined);
    let admin = plan.dir.join("admin.json");
    let initialised = if joined {
        None
    } else {
        let nodes = plan.nodes.iter().map(|node| node.name.clone()).collect();
        let request = InitRequest { demo: !arguments.no_demo, wait_for: nodes, restore: None };
        Some(init::request_init(&first.data, None, &request).await?)
    };
    if !admin.exists() {
        // A restored cluster keeps its administrator, whose file is in no archive.
        let found = std::fs::read(first.data.join("admin.json"));
        let found = found.with_context(|| {
            format!("the administrator's file is missing: put a copy at {}", admin.display())
        })?;
        write_private(&admin, &found)?;
    }
    Ok(initialised)
}

/// Returns when every node is ready and every group has all its replicas. From then on any node may be killed.
async fn wait_for_replicas(plan: &LocalCluster, exits: &mut Exits<'_>) -> anyhow::Result<()> {
    let complete = async {
        let admin = Target::of(plan.dir.join("admin.json"));
        let mut server = None;
        loop {
            match &server {
                None => server = admin.sign_in().await.ok(),
                Some(server) if is_complete(plan, server).await.unwrap_or(false) => return,
                Some(_) => {}
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    };
    tokio::select! {
        () = complete => Ok(()),
        Some((name, _)) = exits.next() => bail!("{}", exit_reason(plan, name)),
        () = tokio::time::sleep(REPLICAS_MAX) => {
            println!("some groups do not have all their replicas yet: see `auberge cluster status`");
            Ok(())
        }
    }
}

async fn is_complete(plan: &LocalCluster, server: &ApiClient) -> anyhow::Result<bool> {
    let groups: serde_json::Value = server.get("/v1/cluster/groups").await?;
    let groups = groups["items"].as_array().context("groups")?;
    let enough = |group: &serde_json::Value| {
        group["leader"].is_string() && group["voters"].as_u64() >= group["replicas_wanted"].as_u64()
    };
    if groups.is_empty() || !groups.iter().all(enough) {
        return Ok(false);
    }
    for node in &plan.nodes {
        if !server.is_ready(node.http).await {
            return Ok(false);
        }
    }
    Ok(true)
}

fn announce(
    plan: &LocalCluster,
    settings: &Settings,
    running: &[Running<'_>],
    sandbox: bool,
    initialised: Option<&InitResponse>,
    begun: Instant,
) {
    let public_url = settings.public_url();
    let scheme = if settings.http.certificate.is_some() { "https" } else { "http" };
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "Auberge is ready at {public_url}/ ({:.1} s)", begun.elapsed().as_secs_f64());
    let _ = writeln!(out, "  API       {public_url}/docs");
    let _ = writeln!(out, "  data      {}", plan.dir.display());
    if settings.mail.transport == MailTransport::Files {
        let folder = settings.mail.folder.clone().unwrap_or_else(|| plan.dir.join("outbox"));
        let _ = writeln!(out, "  mail      {}", folder.display());
    }
    if sandbox {
        let _ = writeln!(out, "  bank      {SANDBOX}");
    }
    if let Some(sign_in) = initialised.and_then(|response| response.sign_in.as_ref()) {
        let _ = writeln!(out, "  admin     {}", administrator(sign_in, &public_url));
    }
    if initialised.is_some_and(|response| response.effects_held) {
        let _ = writeln!(out, "  restored  {}", init::RESTORED_HINT);
    }
    let _ =
        writeln!(out, "  operate   auberge cluster status --admin {}", quoted(&plan.dir.join("admin.json")));
    for node in running {
        let _ = writeln!(out, "  {:<9} {scheme}://{}/  pid {}", node.node.name, node.node.http, node.pid);
        let _ = writeln!(out, "            to restart: {}", command(plan, node.node));
    }
    let _ = out.flush();
}

fn report_exit(plan: &LocalCluster, name: &str, status: &std::io::Result<ExitStatus>) {
    let how = status.as_ref().map_or_else(ToString::to_string, ToString::to_string);
    if let Some(node) = plan.nodes.iter().find(|node| node.name == name) {
        println!("{name} has ended ({how}). To restart it: {}", command(plan, node));
    }
}

/// Stops all nodes, also those that were restarted by hand, and then the bank.
async fn stop_all(
    running: Vec<Running<'_>>,
    mut exits: Exits<'_>,
    plan: &LocalCluster,
    sandbox: Option<sandbox_bank::Running>,
) -> anyhow::Result<()> {
    for mut node in running {
        drop(node.stdin.take());
    }
    for node in &plan.nodes {
        if let Some(pid) = pid_of(&node.data) {
            let _ = rustix::process::kill_process(pid, Signal::TERM);
        }
    }
    let all = async {
        while exits.next().await.is_some() {}
        while plan.nodes.iter().any(|node| pid_of(&node.data).is_some()) {
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    };
    let stopped = tokio::time::timeout(NODES_MAX, all).await;
    if let Some(sandbox) = sandbox {
        sandbox.stop().await;
    }
    stopped.map_err(|_| anyhow::anyhow!("some nodes have not ended after {} s", NODES_MAX.as_secs()))
}

/// The process that uses a node's directory. The pid file counts only while the directory is locked: otherwise its process
/// may have ended, and the id may be reused.
fn pid_of(data: &Path) -> Option<Pid> {
    if !data.join("lock").exists() || store::lock(data).is_ok() {
        return None;
    }
    let text = std::fs::read_to_string(data.join("pid")).ok()?;
    Pid::from_raw(text.trim().parse().ok()?)
}
