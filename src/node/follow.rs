//! What every node does all the time: it hears from the directory which nodes there are, whom not to let in, and how the
//! cluster is set; and where the directory is led here, it is the steward's place.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use anyhow::bail;
use directory::{Answer, ClientRecords, Cluster, Difference, Duty, NodeRecord, Pace, Query, Steward};
use group::{Client, Failure};
use link::{Fingerprint, Seed};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::founding::cluster_settings;
use super::hands::Tasks;
use super::member::{Member, Standing, bank_word};
use crate::services;

/// How often the directory is asked.
const ASK_EVERY: Duration = Duration::from_secs(1);
/// How often while there is no cluster yet, or none that answers.
const RETRY_EVERY: Duration = Duration::from_millis(200);
const TIMEOUT: Duration = Duration::from_secs(5);

/// Follows the directory until `stop`.
pub async fn follow(member: Arc<Member>, stop: CancellationToken) {
    let (mut said, mut known, mut told) = (None, None, Told::default());
    loop {
        let pause = match learn(&member, &mut known, &mut told).await {
            Ok(true) => {
                said = None;
                ASK_EVERY
            }
            Ok(false) => RETRY_EVERY,
            Err(error) => {
                let words = error.chain().map(ToString::to_string).collect::<Vec<_>>().join(": ");
                if said.as_ref() != Some(&words) {
                    tracing::error!(why = words, "this node may not take part in the cluster");
                    member.stand(Standing::Refused(words.clone()));
                    said = Some(words);
                }
                ASK_EVERY
            }
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Learns what the directory says, if that has changed since what is `known`. `false` when nobody has answered.
///
/// # Errors
/// When this node does not belong here.
async fn learn(member: &Member, known: &mut Option<u64>, told: &mut Told) -> anyhow::Result<bool> {
    let client = &member.machine.client;
    let revision = match client.query::<directory::Contract>(&member.call(TIMEOUT), Query::Revision).await {
        Ok(Answer::Revision(revision)) => revision,
        Ok(_) | Err(_) => return Ok(false),
    };
    if *known == Some(revision) {
        return Ok(true);
    }
    let (Some(cluster), Some(nodes)) = (cluster(member, client).await, nodes(member, client).await) else {
        return Ok(false);
    };
    let own = &member.identity;
    if cluster.name != own.cluster {
        bail!("this is the cluster {}, and this node is of {}", cluster.name, own.cluster);
    }
    let bank = bank_word(member.machine.data.fixed().bank);
    if cluster.settings.bank != bank {
        bail!("the cluster's bank is {}, this node's settings say {bank}", cluster.settings.bank);
    }
    let shards = shards_of(&cluster);
    told.compare(member, &cluster, &shards, bank);
    for (name, said) in &member.machine.wiring.settings.services {
        if let Some(fixed) = shards.get(name).filter(|fixed| **fixed != said.shards) {
            bail!(
                "the cluster has {fixed} shards of {name}, fixed when it was made; {} cannot be had",
                said.shards
            );
        }
    }
    if let Some(record) = nodes.iter().find(|record| record.name() == own.name) {
        let same = record.profile.node_id == own.id;
        if record.duty == Duty::Gone && same {
            bail!("node {} was decommissioned: give it another name, and a certificate of its own", own.name);
        }
        if record.duty != Duty::Gone && !same {
            bail!(
                "node {} is known with another id: `auberge cluster decommission {}` lets this one take its place",
                own.name,
                own.name
            );
        }
    }
    member.join(&shards, cluster.epoch)?;
    member.enter_services(&shards).await?;
    member.link.set_peers(seeds(member, &nodes));
    let denied = cluster.denied.iter().filter_map(|(fingerprint, _)| Fingerprint::parse(fingerprint));
    let news = denied.filter(|fingerprint| !member.link.is_denied(fingerprint));
    news.for_each(|fingerprint| member.link.deny(fingerprint));
    *known = Some(revision);
    Ok(true)
}

/// What was said of settings that differ: each difference once.
#[derive(Default)]
struct Told(Vec<Difference>);

impl Told {
    /// Says where this node's file says something else than the cluster goes by.
    fn compare(&mut self, member: &Member, cluster: &Cluster, shards: &BTreeMap<String, u16>, bank: &str) {
        let all: BTreeMap<String, u16> = services::NAMES
            .iter()
            .map(|name| ((*name).to_owned(), shards.get(*name).copied().unwrap_or(1)))
            .collect();
        let own = cluster_settings(&member.machine.wiring.settings, &all, bank);
        let differs = cluster.settings.differences(&own);
        if differs != self.0 {
            if !differs.is_empty() {
                let words: Vec<_> = differs.iter().map(ToString::to_string).collect();
                tracing::warn!(
                    differs = words.join("; "),
                    "this node's settings file differs from what the cluster goes by; `auberge cluster configure --config \
                     FILE` has the cluster adopt the file"
                );
            }
            self.0 = differs;
        }
    }
}

async fn cluster(member: &Member, client: &Client) -> Option<Cluster> {
    match client.query::<directory::Contract>(&member.call(TIMEOUT), Query::Cluster).await {
        Ok(Answer::Cluster(cluster)) => Some(*cluster),
        Ok(_) | Err(_) => None,
    }
}

async fn nodes(member: &Member, client: &Client) -> Option<Vec<NodeRecord>> {
    match client.query::<directory::Contract>(&member.call(TIMEOUT), Query::Nodes).await {
        Ok(Answer::Nodes(nodes)) => Some(nodes),
        Ok(_) | Err(_) => None,
    }
}

/// Shards of the services that this program has. The directory itself is one of its own.
fn shards_of(cluster: &Cluster) -> BTreeMap<String, u16> {
    let known = |name: &&str| {
        cluster.settings.services.get(*name).map(|service| ((*name).to_owned(), service.shards))
    };
    services::NAMES.iter().filter_map(known).collect()
}

/// Whom to dial: all nodes that the directory knows, and those of the settings that it does not know yet.
fn seeds(member: &Member, nodes: &[NodeRecord]) -> Vec<Seed> {
    let known: BTreeSet<&str> = nodes.iter().map(NodeRecord::name).collect();
    let recorded = nodes.iter().filter(|record| record.duty != Duty::Gone);
    let recorded = recorded.map(|record| Seed::from((record.name(), &record.profile.address)));
    let settings = member.machine.wiring.settings.seeds();
    let said = settings.iter().filter(|seed| !known.contains(seed.name.as_str()));
    let said = said.map(|seed| Seed::from((seed.name.as_str(), &seed.address)));
    recorded.chain(said).filter(|seed| seed.name.as_deref() != Some(member.identity.name.as_str())).collect()
}

/// The steward of this node: works while the directory is led here.
pub fn steward(member: &Arc<Member>) -> Steward {
    let records = {
        let member = Arc::clone(member);
        let client = member.machine.client.clone();
        ClientRecords::new(client, move || member.credential().into())
    };
    let hands = Arc::new(Tasks::new(Arc::clone(&member.machine.node)));
    Steward::new(hands, Arc::new(records), member.bell.clone(), Pace::default())
}

/// Runs the steward until `stop`.
pub async fn keep_steward(member: Arc<Member>, stop: CancellationToken) {
    let steward = steward(&member);
    let (leads, led) = watch::channel(false);
    let mut board = member.machine.node.board();
    let look = async {
        loop {
            board.mark_unchanged();
            let leader = member.machine.node.leader_of(directory::GROUP);
            let now = leader.as_deref() == Some(member.identity.name.as_str());
            leads.send_if_modified(|leads| std::mem::replace(leads, now) != now);
            if board.changed().await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = steward.run(led) => {}
        () = look => {}
    }
}

/// A failure in words.
pub fn words<R: std::error::Error>(failure: Failure<R>) -> anyhow::Error {
    match failure {
        Failure::Refused(refusal) => anyhow::anyhow!("{refusal}"),
        failure => anyhow::anyhow!("{failure}"),
    }
}
