//! Making the cluster, on the node that was asked to: `POST /v1/cluster/init`.
//!
//! Whoever bears the cluster key may ask. Each step finds what an earlier attempt has done, so that one that was cut short
//! is repeated on the same node and goes on: the directory, `auth`, the signing key and the administrator's client, the
//! cluster's record, all other groups (the steward founds those), and then what every first start does.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use directory::{Command, Foundation, Home, Refusal, ServiceSettings};
use edge::{ApiError, Problem, kinds};
use group::Failure;
use poem::{IntoResponse, Request, Response, handler};
use protocol::Timestamp;
use tokio::sync::Mutex;

use super::follow;
use super::member::Member;
use crate::cluster::init::{Asked, Made};
use crate::machine::{first, mailing, trust};
use crate::settings::Settings;
use crate::{demo, restore, services};

/// How long nodes are waited for that have to be there.
const WANTED_MAX: Duration = Duration::from_secs(20);
/// How long the others are.
const SEEDS_MAX: Duration = Duration::from_secs(3);
/// How long the groups may take to have leaders.
const LEADERS_MAX: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(20);
const TIMEOUT: Duration = Duration::from_secs(30);
const BODY_BYTES_MAX: usize = 64 << 10;

/// Who makes it.
#[derive(Clone)]
pub struct Founder {
    member: Arc<Member>,
    /// One attempt at a time.
    busy: Arc<Mutex<()>>,
}

impl Founder {
    /// On this node.
    pub fn new(member: Arc<Member>) -> Self {
        Self { member, busy: Arc::default() }
    }

    /// Lets it be asked for.
    pub fn mount(self, server: edge::Server) -> edge::Server {
        let path = crate::cluster::init::PATH;
        server.larger_body(path, BODY_BYTES_MAX).route(path, poem::post(poem::EndpointExt::data(init, self)))
    }
}

#[handler]
async fn init(
    request: &Request,
    body: poem::Body,
    founder: poem::web::Data<&Founder>,
) -> poem::Result<Response> {
    let caller = edge::Caller::of(request)?;
    let member = Arc::clone(&founder.member);
    let key = &member.machine.data.key;
    let shown = caller.token().map(|token| key.check_node_credential(token, Timestamp::wall_clock()));
    if !matches!(shown, Some(Ok(_))) {
        return Err(ApiError::unauthenticated().into());
    }
    let asked = body.into_bytes().await.ok().and_then(|bytes| serde_json::from_slice::<Asked>(&bytes).ok());
    let asked = asked.ok_or_else(|| ApiError::bad_request("The body is not what this program sends."))?;
    let Ok(busy) = Arc::clone(&founder.busy).try_lock_owned() else {
        return Err(conflict("The cluster is being made: wait for that.".to_owned()).into());
    };
    // Goes on when whoever asked hangs up.
    let making = tokio::spawn(async move {
        let _busy = busy;
        found(&member, asked).await
    });
    match making.await {
        Ok(Ok(made)) => {
            let body = serde_json::to_vec(&made).map_err(|_| ApiError::unavailable(1))?;
            let response = Response::builder().content_type("application/json");
            // It bears the administrator's password.
            Ok(response.header("Cache-Control", "no-store").body(body))
        }
        Ok(Err(error)) => {
            let words: Vec<_> = error.chain().map(ToString::to_string).collect();
            Err(conflict(words.join(": ")).into())
        }
        Err(_) => Ok(ApiError::unavailable(1).into_response()),
    }
}

fn conflict(words: String) -> ApiError {
    Problem::new(&kinds::CONFLICT).detail(words).into()
}

/// Makes the cluster, or what is missing of it.
async fn found(member: &Arc<Member>, asked: Asked) -> anyhow::Result<Made> {
    let machine = &member.machine;
    let mut fixed = machine.data.fixed();
    let again = machine.data.path.join("admin.json").exists();
    if member.is_joined() && !fixed.restored && (fixed.set_up || !again) {
        bail!("the cluster {} was made already; a new node joins it by itself", member.identity.cluster);
    }
    if !member.is_joined() && member.others_have_a_directory() {
        bail!("there is a cluster already, and this node is about to join it");
    }
    if let Some(archive) = asked.restore.filter(|_| !fixed.restored) {
        let member = Arc::clone(member);
        let restoring = tokio::task::spawn_blocking(move || {
            let machine = &member.machine;
            restore::into_node(&archive, &machine.data, &machine.wiring.settings)
        });
        restoring.await.context("restoring")??;
        fixed = machine.data.fixed();
        machine.node.set_epoch(fixed.epoch);
    }
    let missing = wait_for(member, &asked.wait_for).await?;
    let mut placed = BTreeMap::new();
    let home = |replica| Home { node: member.identity.name.clone(), replica };
    placed.insert(directory::GROUP.to_owned(), home(member.open(directory::GROUP).await?));
    member.enter_services(&fixed.shards).await?;
    placed.insert("auth/0".to_owned(), home(member.open("auth/0").await?));
    if fixed.restored {
        // What an archive has filled is here: every group begins on this node then.
        for group in groups_of(&fixed.shards) {
            let replica = member.open(&group).await?;
            placed.insert(group, home(replica));
        }
    }
    trust::set_up_client(&machine.client, &machine.data, &machine.wiring.front.public_url).await?;
    until(LEADERS_MAX, "the signing key", || machine.verifier.has_keys()).await?;
    let foundation = Foundation {
        name: member.identity.cluster.clone(),
        epoch: fixed.epoch,
        settings: cluster_settings(&machine.wiring.settings, &fixed.shards, member.bank_word()),
        nodes: member.profiles_up(),
        placed,
    };
    let nodes = foundation.nodes.iter().map(|node| node.name.clone()).collect();
    let command = Command::Found(Box::new(foundation));
    let made = machine.client.command::<directory::Contract>(&member.call(TIMEOUT), command).await;
    match made {
        Ok(_) => {}
        // An earlier attempt came so far, and no further.
        Err(Failure::Refused(Refusal::AlreadyFounded { name })) if name == member.identity.cluster => {}
        Err(failure) => return Err(follow::words(failure)).context("the directory"),
    }
    member.join(&fixed.shards, fixed.epoch)?;
    let groups = groups_of(&fixed.shards);
    let all_led = || groups.iter().all(|group| member.has_leader(group));
    until(LEADERS_MAX, "every group to have a leader", all_led).await?;
    first::check_bank(machine).await?;
    first::configure(machine).await?;
    if machine.data.fixed().sessions_to_end {
        first::end_sessions(machine).await?;
        machine.data.fix(|fixed| fixed.sessions_to_end = false)?;
    }
    let host = mailing::host_of(&machine.wiring.front.public_url);
    let sign_in = trust::set_up_account(&machine.client, &*machine.credentials, host).await?;
    if asked.demo {
        demo::load(&machine.client, &*machine.credentials).await.context("loading demo hotels")?;
    }
    machine.data.fix(|fixed| {
        fixed.set_up = true;
        fixed.restored = false;
        fixed.demo_settled = true;
        // Each group has it in its own state.
        fixed.effects_held = false;
    })?;
    tracing::warn!(cluster = member.identity.cluster, "audit: the cluster was made");
    Ok(Made {
        cluster: member.identity.cluster.clone(),
        nodes,
        missing,
        groups: u32::try_from(groups.len()).unwrap_or(u32::MAX) + 1,
        url: machine.wiring.front.public_url.clone(),
        admin: std::path::absolute(machine.data.path.join("admin.json"))?,
        sign_in,
        effects_held: fixed.effects_held,
    })
}

/// Every group but the directory.
pub fn groups_of(shards: &BTreeMap<String, u16>) -> Vec<String> {
    let of = |(name, count): (&String, &u16)| {
        let name = name.clone();
        (0..*count).map(move |shard| format!("{name}/{shard}"))
    };
    shards.iter().flat_map(of).collect()
}

/// What is set for the whole cluster, as the directory keeps it.
pub fn cluster_settings(
    settings: &Settings,
    shards: &BTreeMap<String, u16>,
    bank: &str,
) -> directory::Settings {
    let usual = settings.cluster.replicas;
    let count = |replicas: u16| u8::try_from(replicas).unwrap_or(u8::MAX);
    let service = |name: &str, shards: u16| {
        let said = settings.services.get(name);
        ServiceSettings {
            shards,
            replicas: count(said.and_then(|service| service.replicas).unwrap_or(usual)),
            only_on: said.map(|service| service.only_on.clone()).unwrap_or_default(),
            never_with: said.map(|service| service.never_with.clone()).unwrap_or_default(),
        }
    };
    let mut all: BTreeMap<_, _> =
        services::NAMES.iter().map(|name| ((*name).to_owned(), service(name, shards[*name]))).collect();
    all.insert(directory::SERVICE.to_owned(), service(directory::SERVICE, 1));
    let replace_after = settings.cluster.replace_after.0.as_secs();
    directory::Settings {
        bank: bank.to_owned(),
        replace_after_secs: u32::try_from(replace_after).unwrap_or(u32::MAX),
        services: all,
    }
}

/// Waits for nodes: for some as long as it takes, for the rest a moment. Returns who did not come.
async fn wait_for(member: &Member, wanted: &[String]) -> anyhow::Result<Vec<String>> {
    let begun = Instant::now();
    let seeds: Vec<String> =
        member.machine.wiring.settings.seeds().into_iter().map(|seed| seed.name).collect();
    loop {
        let up = member.nodes_up();
        let away = |names: &[String]| -> Vec<String> {
            names.iter().filter(|name| !up.contains(*name)).cloned().collect()
        };
        let (wanted, missing) = (away(wanted), away(&seeds));
        if missing.is_empty() || (wanted.is_empty() && begun.elapsed() > SEEDS_MAX) {
            return Ok(missing);
        }
        if begun.elapsed() > WANTED_MAX {
            bail!("not reached: {}", wanted.join(", "));
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

async fn until(at_most: Duration, what: &str, so: impl Fn() -> bool) -> anyhow::Result<()> {
    let begun = Instant::now();
    while !so() {
        if begun.elapsed() > at_most {
            bail!("waited {} s for {what}; ask again when nodes and groups are well", at_most.as_secs());
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    Ok(())
}
