//! `auberge node`: one node of a cluster.
//!
//! It listens at once, for clients and for other nodes, and says what it waits for: that somebody makes the cluster
//! (`auberge cluster init`), or that it hears from it. What it has heard once it keeps, so that a cluster whose nodes all
//! went down comes up again by itself.

mod follow;
mod founding;
mod hands;
mod identity;
mod member;

use std::io::{Read, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use clap::Args;
use directory::{Bell, Directory};
use link::{Link, Peer, PeerState, StartError};
use replica::{Node, NodeOptions, Profile};
use token::Verifier;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use crate::cli::Stop;
use crate::machine::bank::Counter;
use crate::machine::data::DataDir;
use crate::machine::{self, Ground, Machine, edge, trust};
use crate::settings::{self, Settings};
pub use founding::{cluster_settings, groups_of};
pub use member::bank_word;

use founding::Founder;
use identity::Identity;
use member::{Member, Standing};

/// How long an address is waited for that is taken.
const LISTEN_MAX: Duration = Duration::from_secs(5);
const LISTEN_AGAIN: Duration = Duration::from_millis(50);
/// How long others are listened to before anything is opened, where they are slow to answer or not there.
const HEAR_MAX: Duration = Duration::from_millis(500);

/// Run one node of a cluster. The settings' [nodes.NAME] table says where it listens and which certificate it shows.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The settings file, the same on every node.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Which of its nodes this is.
    #[arg(long, value_name = "NAME")]
    name: String,
    /// Where everything is kept; made if it is not there [default: `data` of the node's table, or ./auberge-data].
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// End when standard input does: whoever started this has ended then.
    #[arg(long, hide = true)]
    with_parent: bool,
    /// Hold writes back in memory until they are synced, so that a killed process loses what a power cut would.
    #[arg(long, hide = true)]
    drop_unsynced: bool,
}

/// Runs until it is told to stop (SIGINT or SIGTERM), then hands its leaderships over and finishes what it accepted.
///
/// # Errors
/// When it is not what its settings say, or something cannot be opened.
pub async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let begun = Instant::now();
    let name = &arguments.name;
    let settings = settings::load(Some(&arguments.config))?;
    let stop = Stop::listen()?;
    let orphaned = arguments.with_parent.then(parent_ends);
    let member = start(&arguments, settings).await.with_context(|| format!("starting node {name}"))?;
    let server = edge::server(&member.machine)?;
    let server = Founder::new(Arc::clone(&member)).mount(server).ready(readiness(&member));
    let http = member.machine.wiring.settings.http.address;
    let serving = edge::serve(server, http).await?;
    let (stopping, telling) = (CancellationToken::new(), CancellationToken::new());
    let tasks = [
        tokio::spawn(follow::follow(Arc::clone(&member), stopping.clone())),
        tokio::spawn(follow::keep_steward(Arc::clone(&member), stopping.clone())),
        tokio::spawn(tell(Arc::clone(&member), begun, telling.clone())),
    ];
    let keys = {
        let machine = &member.machine;
        let (client, verifier) = (machine.client.clone(), Arc::clone(&machine.verifier));
        tokio::spawn(trust::keep_following(client, machine.data.key.clone(), name.clone(), verifier))
    };
    tokio::select! {
        () = stop.wait() => {}
        () = ended(orphaned) => {}
    }
    telling.cancel();
    // Leaderships go first, while this node still answers for what it has accepted.
    member.machine.node.hand_over().await;
    let served = serving.stop().await;
    stopping.cancel();
    keys.abort();
    futures::future::join_all(tasks).await;
    member.machine.stop().await;
    member.link.shutdown().await;
    served.context("serving")
}

async fn start(arguments: &Arguments, mut settings: Settings) -> anyhow::Result<Arc<Member>> {
    let name = &arguments.name;
    let own = settings.nodes.get(name).and_then(|node| node.data.clone());
    let path = arguments.data.clone().or(own).unwrap_or_else(|| PathBuf::from("./auberge-data"));
    let identity = Identity::of(&settings, name, &path)?;
    if let Some(address) = identity.settings.http {
        settings.http.address = address;
    }
    if settings.http.public_url.is_none() {
        bail!("a cluster needs `public_url` in [http]: where guests find all of it");
    }
    let kind =
        settings.payments.bank.context("a node wants to be told who the bank is: `bank` in [payments]")?;
    let counter = Counter::of_settings(&settings, kind)?;
    identity.place_key(&path)?;
    let data = Arc::new(DataDir::open_node(&path, &settings, kind, identity.fixed(&settings))?);
    let log = machine::open_log(&data.path, arguments.drop_unsynced)?;
    let public_url = settings.public_url();
    let verifier = Arc::new(Verifier::new(public_url.clone(), &data.key));
    let node = Node::new(NodeOptions {
        data: data.path.clone(),
        log: Arc::clone(&log),
        verifier: Arc::clone(&verifier),
        network: Arc::new(consensus::NoNetwork),
        limits: machine::limits(&settings),
        epoch: data.fixed().epoch,
        cache_bytes: settings.limits.cache_mib << 20,
    });
    let ground = Ground { data, log, verifier, node: Arc::clone(&node) };
    let seeds = settings.seeds().into_iter().filter(|seed| seed.name != *name);
    let seeds = seeds.map(|seed| link::Seed::from((seed.name, seed.address))).collect();
    let options = identity.link(seeds);
    let profile = profile(&identity, &settings);
    let machine = Machine::assemble(ground, settings, public_url, counter, None)?;
    let bell = Bell::default();
    let rings = bell.clone();
    node.register(1, move || Directory::new(rings.clone()), |_| group::NoEffects);
    let link = listen(&options, &node).await.context("the link to other nodes")?;
    node.connect(link.clone(), profile, machine.data.key.clone());
    let member = Arc::new(Member::new(machine, identity, link, bell));
    let fixed = member.machine.data.fixed();
    if member.is_joined() {
        member.enter_services(&fixed.shards).await?;
    }
    // Others may know that what this node had counts no more.
    node.hear_first(HEAR_MAX).await;
    // What this node had is opened before anybody asks: all others may be down.
    for error in node.reopen_all().await.context("opening what was here before")? {
        tracing::error!(%error, "a replica of before could not be opened; the others serve");
    }
    Ok(member)
}

/// Starts the link. Who was killed a moment ago may not be gone altogether: its address is waited for.
async fn listen(options: &link::Options, node: &Arc<Node>) -> Result<Link, StartError> {
    let begun = Instant::now();
    loop {
        match Link::start(options.clone(), node.handler()).await {
            Err(StartError::Listen { source, .. })
                if source.kind() == std::io::ErrorKind::AddrInUse && begun.elapsed() < LISTEN_MAX =>
            {
                tokio::time::sleep(LISTEN_AGAIN).await;
            }
            started => return started,
        }
    }
}

fn profile(identity: &Identity, settings: &Settings) -> Profile {
    Profile {
        address: identity.settings.advertised(),
        http_address: Some(settings.http.address.to_string()),
        zone: identity.settings.zone.clone(),
        labels: identity.settings.labels.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        fingerprint: identity.fingerprint(),
    }
}

/// Why this node does not serve yet, if it does not.
fn waits_for(member: &Member) -> Option<String> {
    let shut_out = shut_out(&member.link.peers().borrow());
    let standing = member.standing().borrow().clone();
    match (standing, shut_out) {
        (Standing::Refused(why), _) => Some(why),
        (Standing::Alone | Standing::Joined, Some(why)) => Some(format!("no way into the cluster: {why}")),
        (Standing::Alone, None) if member.others_have_a_directory() => {
            Some("about to join the cluster".to_owned())
        }
        (Standing::Alone, None) => Some("waiting for `auberge cluster init`".to_owned()),
        (Standing::Joined, None) if !member.machine.verifier.has_keys() => {
            Some("no signing keys were heard of yet".to_owned())
        }
        (Standing::Joined, None) => {
            member.machine.node.waiting().map(|(group, why)| format!("{group}: {why}"))
        }
    }
}

/// Why others do not let this node in, where nobody does.
fn shut_out(peers: &[Peer]) -> Option<String> {
    if peers.iter().any(|peer| peer.state == PeerState::Up) {
        return None;
    }
    peers.iter().find_map(|peer| match &peer.state {
        PeerState::Refused(why) => Some(format!("{}: {why}", peer.name)),
        PeerState::Connecting | PeerState::Up | PeerState::Down(_) => None,
    })
}

fn readiness(
    member: &Arc<Member>,
) -> impl Fn() -> std::future::Ready<Result<(), String>> + Send + Sync + 'static {
    let member = Arc::clone(member);
    move || std::future::ready(waits_for(&member).map_or(Ok(()), Err))
}

/// Says how it goes, to whoever has started this node: each time that this changes.
async fn tell(member: Arc<Member>, begun: Instant, stop: CancellationToken) {
    let own = &member.identity;
    let at = &member.machine.data.fixed().node.map(|node| node.url).unwrap_or_default();
    println!(
        "Node {} of {} listens at {at}/, for other nodes at {}",
        own.name,
        own.cluster,
        member.link.address()
    );
    let mut said = None;
    loop {
        let waits = waits_for(&member);
        if said.as_ref() != Some(&waits) {
            match &waits {
                Some(why) => println!("not serving: {why}"),
                None => {
                    println!("Node {} is ready at {at}/ ({:.1} s)", own.name, begun.elapsed().as_secs_f64());
                }
            }
            let _ = std::io::stdout().flush();
            said = Some(waits);
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(Duration::from_millis(200)) => {}
        }
    }
}

/// Resolves when standard input ends.
fn parent_ends() -> oneshot::Receiver<()> {
    let (end, ended) = oneshot::channel();
    std::thread::spawn(move || {
        let mut byte = [0];
        while std::io::stdin().read(&mut byte).is_ok_and(|read| read > 0) {}
        let _ = end.send(());
    });
    ended
}

async fn ended(orphaned: Option<oneshot::Receiver<()>>) {
    match orphaned {
        Some(ended) => {
            let _ = ended.await;
        }
        None => std::future::pending().await,
    }
}
