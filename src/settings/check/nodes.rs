//! What is wrong with a cluster's settings.

use link::is_valid_name;

use super::{Complaints, NOT_ON_LOOPBACK, speaks_plainly};
use crate::services;
use crate::settings::Settings;

const NAME: &str = "is 1 to 63 of a-z, 0-9 and -, no - at either end";
const REPLICAS: &str = "is 1, 3, 5 or 7: a majority of an even number bears no more";
const ADDRESS: &str = "is written host:port";

pub(super) fn check(settings: &Settings, complaints: &mut Complaints<'_>) {
    check_cluster(settings, complaints);
    nodes(settings, complaints);
}

/// Of the cluster as a whole.
pub(super) fn check_cluster(settings: &Settings, complaints: &mut Complaints<'_>) {
    let cluster = &settings.cluster;
    if !is_valid_name(&cluster.name) {
        complaints.add("cluster", "name", NAME);
    }
    if !sound_count(cluster.replicas) {
        complaints.add("cluster", "replicas", REPLICAS);
    }
    if cluster.replace_after.0.as_secs() < 10 {
        complaints.add("cluster", "replace_after", "is at least 10s: a restart takes that long");
    }
    for seed in &cluster.seeds {
        if !is_valid_name(&seed.name) {
            complaints.add("cluster", "seeds", &format!("names `{}`; a name {NAME}", seed.name));
        }
        if !is_address(&seed.address) {
            complaints.add("cluster", "seeds", &format!("has `{}`; an address {ADDRESS}", seed.address));
        }
    }
    rules(settings, complaints);
}

fn nodes(settings: &Settings, complaints: &mut Complaints<'_>) {
    let insecure = settings.cluster.insecure;
    for (at, (name, node)) in settings.nodes.iter().enumerate() {
        let table = format!("nodes.{name}");
        if !is_valid_name(name) {
            complaints.add_table(&table, &format!("cannot be a node: a name {NAME}"));
        }
        if node.advertise.as_deref().is_some_and(|address| !is_address(address)) {
            complaints.add(&table, "advertise", ADDRESS);
        }
        if node.advertise.is_none() && node.link.ip().is_unspecified() {
            let words = "is every address of the machine: say with `advertise` where others find it";
            complaints.add(&table, "link", words);
        }
        if insecure && !node.link.ip().is_loopback() {
            complaints.add(&table, "link", "is not on loopback, and `insecure` is for one machine only");
        }
        if node.http.is_some_and(|address| speaks_plainly(settings) && !address.ip().is_loopback()) {
            complaints.add(&table, "http", NOT_ON_LOOPBACK);
        }
        match (&node.certificates, insecure) {
            (None, false) => {
                let words = "needs `certificates`, the folder that `auberge cert node` makes";
                complaints.add_table(&table, words);
            }
            (Some(_), true) => {
                complaints.add(
                    "cluster",
                    "insecure",
                    &format!("and the certificates of {name} exclude each other"),
                );
            }
            (Some(_), false) | (None, true) => {}
        }
        let before = settings.nodes.iter().take(at);
        for (other, _) in before.filter(|(_, other)| other.advertised() == node.advertised()) {
            complaints.add(&table, "link", &format!("is taken: {other} listens there too"));
        }
    }
    if let Some(first) = settings.nodes.keys().next()
        && settings.http.public_url.is_none()
    {
        let words = "is in a cluster: `public_url` of [http] says where guests find all of it";
        complaints.add_table(&format!("nodes.{first}"), words);
    }
}

fn rules(settings: &Settings, complaints: &mut Complaints<'_>) {
    for (name, service) in &settings.services {
        let table = format!("services.{name}");
        if service.replicas.is_some_and(|replicas| !sound_count(replicas)) {
            complaints.add(&table, "replicas", REPLICAS);
        }
        let known = |label: &String| settings.nodes.values().any(|node| node.labels.contains(label));
        if !service.only_on.is_empty() && !settings.nodes.is_empty() && !service.only_on.iter().any(known) {
            let words =
                format!("leaves it nowhere to be: no node has the label {}", service.only_on.join(" or "));
            complaints.add(&table, "only_on", &words);
        }
        for other in &service.never_with {
            if !services::NAMES.contains(&other.as_str()) {
                complaints.add(&table, "never_with", &format!("has `{other}`, which is no service"));
            } else if other == name {
                complaints.add(&table, "never_with", "keeps it apart from itself");
            }
        }
    }
}

fn sound_count(replicas: u16) -> bool {
    matches!(replicas, 1 | 3 | 5 | 7)
}

fn is_address(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else { return false };
    !host.is_empty() && !host.contains(['/', ' ']) && port.parse::<u16>().is_ok_and(|port| port != 0)
}
