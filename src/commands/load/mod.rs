//! `auberge load`: generates load on a server and measures it.
//!
//! Only successes are counted, after a warm-up of a second. The mixes `hold`, `journey` and `hotel` book as a partner that is
//! created for the run, at hotels of their own (`load-…`), which are active only during the run.

mod fixture;
mod gap;
mod http;
mod journey;
mod plan;
mod report;
mod tally;
mod usage;
mod work;

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use clap::Args;
use contracts::Date;
use protocol::Timestamp;
use tokio::task::JoinSet;

use self::fixture::Partner;
use self::gap::Gaps;
use self::http::{Connection, Site};
use self::plan::{Mix, Plan};
use self::report::Report;
use self::tally::Tally;
use self::work::{Shared, Window, Worker};
use crate::client::{ApiClient, Target};
use crate::commands::output;

/// The default server.
const DEFAULT_URL: &str = "http://127.0.0.1:8080";
/// Time before the measurement starts.
const WARM_UP: Duration = Duration::from_secs(1);
/// Maximum length of a run, in seconds: the partner's token is valid for ten minutes.
const SECONDS_MAX: u64 = 540;
const CONNECTIONS_MAX: u64 = 4096;
/// Timers have a resolution of a millisecond.
const PER_SECOND_MAX: u64 = 1000;
const TICK: Duration = Duration::from_millis(250);

/// Generate load on a server and measure it. `hold`, `journey` and `hotel` book hotels of their own, as a partner that is
/// created for the run: they need the administrator's file.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The mix of requests.
    #[arg(long, value_enum, default_value = "search")]
    mix: Mix,
    /// Number of connections that send requests.
    #[arg(long, value_name = "N", default_value = "64", value_parser = clap::value_parser!(u64).range(1..=CONNECTIONS_MAX))]
    connections: u64,
    /// Length of the measurement in seconds, after a warm-up of a second.
    #[arg(long, value_name = "S", default_value = "10", value_parser = clap::value_parser!(u64).range(1..=SECONDS_MAX))]
    seconds: u64,
    /// Maximum rate of requests a second, over all connections [default: each connection sends the next request after the
    /// response].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=PER_SECOND_MAX))]
    per_second: Option<u64>,
    /// Stop after N successes, if that is earlier.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// Search in this city; may be repeated [default: 200 cities of the demo].
    #[arg(long = "city", value_name = "NAME")]
    cities: Vec<String>,
    /// Send only GET requests to this path.
    #[arg(long, value_name = "PATH", conflicts_with_all = ["mix", "cities"])]
    get: Option<String>,
    /// The server's process on this machine, to measure its CPU time; may be repeated, for the sum.
    #[arg(long = "pid", value_name = "PID")]
    pids: Vec<u32>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// The administrator's file, from the data directory of the server [default: ./auberge-data/admin.json].
    #[arg(long, value_name = "FILE")]
    admin: Option<PathBuf>,
    /// The server's address [default: the one in the file]. May be repeated: connections are spread over several edges of a
    /// cluster; all other requests are sent to the first.
    #[arg(long = "url", value_name = "URL")]
    urls: Vec<String>,
}

/// Runs the command.
pub async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let mix = arguments.get.is_none().then_some(arguments.mix);
    let target = Target::at(arguments.admin.clone(), arguments.urls.first().cloned());
    let given = target.address();
    if !mix.is_some_and(Mix::books) {
        let url = given.unwrap_or_else(|| DEFAULT_URL.to_owned());
        let site = Site::at(&url).await?;
        let plan = plan_requests(&arguments, mix, site).await?;
        return measure(&arguments, plan, url).await;
    }
    let server = target.sign_in().await?;
    let site = Site::at(server.url()).await?;
    if given.is_none() && !site.is_loopback() {
        bail!("{} is not on this machine: name it with --url to generate load on it", server.url());
    }
    let partner = Partner::create(&server).await?;
    let measured = book(&arguments, mix, site, &server, &partner).await;
    // Cleaned up in any case; the first error is reported.
    let cleaned = clean_up(&server, &partner).await;
    measured.and(cleaned)
}

async fn book(
    arguments: &Arguments,
    mix: Option<Mix>,
    site: Site,
    server: &ApiClient,
    partner: &Partner,
) -> anyhow::Result<()> {
    let hotels = fixture::hotels(server, true).await?;
    let plan = plan_requests(arguments, mix, site).await?.with_bookings(partner, hotels, today()).await?;
    measure(arguments, plan, server.url().to_owned()).await
}

async fn clean_up(server: &ApiClient, partner: &Partner) -> anyhow::Result<()> {
    let deactivated = fixture::hotels(server, false).await.map(drop);
    partner.revoke(server).await.and(deactivated)
}

/// The requests that do not book.
async fn plan_requests(arguments: &Arguments, mix: Option<Mix>, site: Site) -> anyhow::Result<Plan> {
    let mut plan = Plan::empty(site, mix);
    match (mix, &arguments.get) {
        (None, path) => {
            let path = path.as_deref().unwrap_or("/");
            if !path.starts_with('/') || !path.bytes().all(|byte| byte.is_ascii_graphic()) {
                bail!("--get needs a path such as /healthz");
            }
            plan.searches.push(plan.site.get(path, None)?);
            Ok(plan)
        }
        (Some(Mix::Search | Mix::Hotel), _) => plan.with_searches(&arguments.cities, today()).await,
        (Some(Mix::Hold | Mix::Journey), _) => Ok(plan),
    }
}

/// Today in UTC. The fixture and all searches begin some days later.
fn today() -> Date {
    let days = Timestamp::wall_clock().seconds() / 86_400;
    Date(i32::try_from(days).unwrap_or(i32::MAX))
}

async fn measure(arguments: &Arguments, plan: Plan, url: String) -> anyhow::Result<()> {
    let connections = arguments.connections as usize;
    let opened = open_connections(connections, &plan.site, &url, &arguments.urls).await?;
    let name = plan.mix.map_or("get", Mix::name);
    let from = Instant::now() + WARM_UP;
    let window = Window { from, to: from + Duration::from_secs(arguments.seconds) };
    let shared = Arc::new(Shared {
        plan,
        window,
        pace: arguments.per_second.map(work::pace),
        done: AtomicU64::new(0),
        gaps: Gaps::new(window),
        done_max: arguments.count.unwrap_or(u64::MAX),
        stop: AtomicBool::new(false),
    });
    let mut workers = JoinSet::new();
    for connection in opened {
        workers.spawn(Worker::new(Arc::clone(&shared), connection).run());
    }
    let used = watch(&shared, &arguments.pids).await?;
    let unfinished = shared.done.load(Ordering::Relaxed) < shared.done_max;
    let (longest_gap_ms, gaps) = shared.gaps.end(unfinished.then(Instant::now));
    let tally = gather(workers).await;
    let mut report = Report::new(name, url, connections, used.counted, &tally);
    (report.longest_gap_ms, report.gaps) = (longest_gap_ms, gaps);
    report.own_cpu_seconds = used.own.as_secs_f64();
    if let (Some(pid), Some(server)) = (arguments.pids.first(), used.server) {
        report = report.with_server(*pid, server);
    }
    if arguments.json {
        output::print_json(&report)?;
    } else {
        report.print();
    }
    if report.successes == 0 {
        let why =
            report.failures.iter().max_by_key(|(_, count)| **count).map_or("no response", |(kind, _)| kind);
        bail!("nothing succeeded: {why}");
    }
    Ok(())
}

/// Opens connections, spread over the edges.
async fn open_connections(
    count: usize,
    first: &Site,
    url: &str,
    urls: &[String],
) -> anyhow::Result<Vec<Connection>> {
    let mut sites = vec![(first.clone(), url)];
    for url in urls.iter().skip(1) {
        sites.push((Site::at(url).await?, url));
    }
    let mut opened = Vec::with_capacity(count);
    for (site, url) in sites.iter().cycle().take(count) {
        let mut connection = Connection::to(site);
        connection.open().await.with_context(|| format!("no response from {url}: is the server running?"))?;
        opened.push(connection);
    }
    Ok(opened)
}

struct Used {
    counted: Duration,
    server: Option<Duration>,
    own: Duration,
}

/// Waits for the end of the run, shows its progress on a terminal, and measures CPU time. Ctrl-C ends the run early.
async fn watch(shared: &Shared, pids: &[u32]) -> anyhow::Result<Used> {
    tokio::time::sleep_until(shared.window.from.into()).await;
    let begun = Instant::now();
    if !std::io::stderr().is_terminal() {
        // Scripts wait for this line.
        let _ = writeln!(std::io::stderr(), "counting");
    }
    let (own_before, server_before) = usages(pids)?;
    let progress = progress();
    let mut ticks = tokio::time::interval(TICK);
    let interrupted = tokio::signal::ctrl_c();
    tokio::pin!(interrupted);
    loop {
        // Wakes at the end of the run as well as at ticks.
        let left = shared.window.to.saturating_duration_since(Instant::now());
        tokio::select! {
            _ = ticks.tick() => {}
            () = tokio::time::sleep(left) => {}
            _ = &mut interrupted => shared.stop.store(true, Ordering::Relaxed),
        }
        let (now, done) = (Instant::now(), shared.done.load(Ordering::Relaxed));
        if shared.is_over(now) {
            let (own, server) = usages(pids)?;
            progress.finish_and_clear();
            return Ok(Used {
                counted: now - begun,
                server: server.zip(server_before).map(|(after, before)| after.saturating_sub(before)),
                own: own.saturating_sub(own_before),
            });
        }
        let (passed, all) = (now - begun, shared.window.to - shared.window.from);
        let rate = done as f64 / passed.as_secs_f64().max(0.001);
        progress.set_message(format!(
            "{:.0} of {} s: {done} successes, {rate:.0} a second",
            passed.as_secs_f64(),
            all.as_secs()
        ));
    }
}

fn usages(pids: &[u32]) -> anyhow::Result<(Duration, Option<Duration>)> {
    // Without /proc this process reports 0; for the server, which was requested, it is an error.
    let own = usage::cpu_time(std::process::id()).unwrap_or_default();
    let server = pids.iter().map(|pid| usage::cpu_time(*pid)).sum::<anyhow::Result<Duration>>()?;
    Ok((own, (!pids.is_empty()).then_some(server)))
}

fn progress() -> indicatif::ProgressBar {
    if std::io::stderr().is_terminal() {
        indicatif::ProgressBar::new_spinner()
    } else {
        indicatif::ProgressBar::hidden()
    }
}

/// Adds up the results of all connections.
async fn gather(mut workers: JoinSet<Tally>) -> Tally {
    let mut tally = Tally::default();
    while let Some(worker) = workers.join_next().await {
        match worker {
            Ok(seen) => tally.add(&seen),
            Err(_) => *tally.failures.entry("worker failed".to_owned()).or_default() += 1,
        }
    }
    tally
}
