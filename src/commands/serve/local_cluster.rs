//! `auberge serve --nodes N`: a real cluster of processes of this same program on loopback. This process starts them, keeps
//! the sandbox bank, and stops them. A node that ends stays down until somebody starts it again.

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

/// How long nodes may take to listen, or to end.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long groups may take to have all their replicas, before that is said and waited for no more.
const GROWTH_MAX: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A node's process.
struct Running<'a> {
    node: &'a LocalNode,
    pid: u32,
    /// It stops when this is closed: so none outlives this process, however that ends.
    stdin: Option<ChildStdin>,
}

type Ends<'a> = FuturesUnordered<futures::future::BoxFuture<'a, (&'a str, std::io::Result<ExitStatus>)>>;

/// Starts all nodes, and the cluster where there is none; then waits for the end.
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
    let mut ends = Ends::new();
    let mut running = Vec::new();
    for node in &plan.nodes {
        let (child, started) = start(&plan, node)?;
        ends.push(wait(&node.name, child));
        running.push(started);
    }
    let started = async {
        listening(&plan, &mut ends).await?;
        let made = found(&plan, arguments).await?;
        grown(&plan, &mut ends).await?;
        announce(&plan, &settings, &running, sandbox.is_some(), made.as_ref(), begun);
        anyhow::Ok(())
    };
    let stopping = stop.wait();
    tokio::pin!(stopping);
    let outcome = tokio::select! {
        outcome = started => outcome,
        () = &mut stopping => return end(running, ends, &plan, sandbox).await,
    };
    if outcome.is_ok() {
        loop {
            tokio::select! {
                () = &mut stopping => break,
                Some((name, status)) = ends.next() => tell(&plan, name, &status),
                // All have ended: this process still has the bank, and nodes may be started again.
                else => {
                    (&mut stopping).await;
                    break;
                }
            }
        }
    }
    end(running, ends, &plan, sandbox).await?;
    outcome
}

fn start<'a>(plan: &LocalCluster, node: &'a LocalNode) -> anyhow::Result<(Child, Running<'a>)> {
    std::fs::create_dir_all(&node.data).with_context(|| format!("making {}", node.data.display()))?;
    let path = node.data.join("node.log");
    let log = std::fs::OpenOptions::new().create(true).append(true).open(&path);
    let log = log.with_context(|| format!("writing {}", path.display()))?;
    let mut command = Command::new(program()?);
    command.arg("node").arg("--config").arg(&plan.config).args(["--name", &node.name, "--with-parent"]);
    // Ctrl-C is for this process, which then stops them in good order.
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
    std::env::current_exe().context("where this program is")
}

/// What starts a node again, as it can be typed.
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
async fn listening(plan: &LocalCluster, ends: &mut Ends<'_>) -> anyhow::Result<()> {
    let all = futures::future::join_all(plan.nodes.iter().map(|node| async {
        while tokio::net::TcpStream::connect(node.http).await.is_err() {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }));
    tokio::select! {
        _ = all => Ok(()),
        Some((name, _)) = ends.next() => bail!("{}", last_words(plan, name)),
        () = tokio::time::sleep(PATIENCE) => {
            bail!("the nodes do not listen after {} s; see {}/n1/node.log", PATIENCE.as_secs(), plan.dir.display())
        }
    }
}

/// Why a node ended, as far as its log says.
fn last_words(plan: &LocalCluster, name: &str) -> String {
    let path = plan.dir.join(name).join("node.log");
    let log = std::fs::read_to_string(&path).unwrap_or_default();
    let last = log.lines().rev().find(|line| line.starts_with("auberge: ")).unwrap_or_default();
    match last.strip_prefix("auberge: ") {
        Some(why) => format!("{name} does not start: {why}"),
        None => format!("{name} does not start; see {}", path.display()),
    }
}

/// Makes the cluster, unless that was done before.
async fn found(plan: &LocalCluster, arguments: &Arguments) -> anyhow::Result<Option<InitResponse>> {
    let first = &plan.nodes[0];
    let joined =
        data_dir::read(&first.data)?.and_then(|metadata| metadata.node).is_some_and(|node| node.joined);
    let admin = plan.dir.join("admin.json");
    let made = if joined {
        None
    } else {
        let nodes = plan.nodes.iter().map(|node| node.name.clone()).collect();
        let asked = InitRequest { demo: !arguments.no_demo, wait_for: nodes, restore: None };
        Some(init::ask(&first.data, None, &asked).await?)
    };
    if !admin.exists() {
        // A restored cluster's is as it was, and in no archive.
        let found = std::fs::read(first.data.join("admin.json"));
        let found =
            found.with_context(|| format!("the administrator's file: put a copy at {}", admin.display()))?;
        write_private(&admin, &found)?;
    }
    Ok(made)
}

/// Returns once every node serves and every group has its replicas: from then on any node may be killed.
async fn grown(plan: &LocalCluster, ends: &mut Ends<'_>) -> anyhow::Result<()> {
    let whole = async {
        let admin = Target::of(plan.dir.join("admin.json"));
        let mut server = None;
        loop {
            match &server {
                None => server = admin.sign_in().await.ok(),
                Some(server) if is_whole(plan, server).await.unwrap_or(false) => return,
                Some(_) => {}
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    tokio::select! {
        () = whole => Ok(()),
        Some((name, _)) = ends.next() => bail!("{}", last_words(plan, name)),
        () = tokio::time::sleep(GROWTH_MAX) => {
            println!("not every group has all its replicas yet: see `auberge cluster status`");
            Ok(())
        }
    }
}

async fn is_whole(plan: &LocalCluster, server: &ApiClient) -> anyhow::Result<bool> {
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
    made: Option<&InitResponse>,
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
    if let Some(sign_in) = made.and_then(|made| made.sign_in.as_ref()) {
        let _ = writeln!(out, "  admin     {}", administrator(sign_in, &public_url));
    }
    if made.is_some_and(|made| made.effects_held) {
        let _ = writeln!(out, "  restored  {}", init::HELD);
    }
    let _ =
        writeln!(out, "  operate   auberge cluster status --admin {}", quoted(&plan.dir.join("admin.json")));
    for node in running {
        let _ = writeln!(out, "  {:<9} {scheme}://{}/  pid {}", node.node.name, node.node.http, node.pid);
        let _ = writeln!(out, "            after a kill: {}", command(plan, node.node));
    }
    let _ = out.flush();
}

fn tell(plan: &LocalCluster, name: &str, status: &std::io::Result<ExitStatus>) {
    let how = status.as_ref().map_or_else(ToString::to_string, ToString::to_string);
    if let Some(node) = plan.nodes.iter().find(|node| node.name == name) {
        println!("{name} is down ({how}). It stays down until: {}", command(plan, node));
    }
}

/// Stops all nodes, those too that were started again by hand, and then the bank.
async fn end(
    running: Vec<Running<'_>>,
    mut ends: Ends<'_>,
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
        while ends.next().await.is_some() {}
        while plan.nodes.iter().any(|node| pid_of(&node.data).is_some()) {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    let ended = tokio::time::timeout(PATIENCE, all).await;
    if let Some(sandbox) = sandbox {
        sandbox.stop().await;
    }
    ended.map_err(|_| anyhow::anyhow!("not every node has ended after {} s", PATIENCE.as_secs()))
}

/// The process that has a node's directory now. Its number alone could be another's by now: only who holds the lock has
/// written it.
fn pid_of(data: &Path) -> Option<Pid> {
    if !data.join("lock").exists() || store::lock(data).is_ok() {
        return None;
    }
    let text = std::fs::read_to_string(data.join("pid")).ok()?;
    Pid::from_raw(text.trim().parse().ok()?)
}
