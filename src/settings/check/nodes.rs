//! Checks the settings of a cluster and of its nodes.

use link::is_valid_name;

use super::Findings;
use super::server::{NOT_ON_LOOPBACK, is_plain_http};
use crate::services;
use crate::settings::Settings;

const NAME: &str = "must be 1 to 63 of a-z, 0-9 and -, without - at either end";
const REPLICAS: &str = "must be 1, 3, 5 or 7: an even number tolerates no more failures";
const ADDRESS: &str = "must be host:port";

pub(super) fn check(settings: &Settings, findings: &mut Findings<'_>) {
    check_cluster(settings, findings);
    check_nodes(settings, findings);
}

/// Checks cluster-wide settings.
pub(super) fn check_cluster(settings: &Settings, findings: &mut Findings<'_>) {
    let cluster = &settings.cluster;
    if !is_valid_name(&cluster.name) {
        findings.add("cluster", "name", NAME);
    }
    if !is_valid_count(cluster.replicas) {
        findings.add("cluster", "replicas", REPLICAS);
    }
    if cluster.replace_after.secs() < 10 {
        findings.add("cluster", "replace_after", "must be at least 10s: a restart takes that long");
    }
    for seed in &cluster.seeds {
        if !is_valid_name(&seed.name) {
            findings.add("cluster", "seeds", &format!("names `{}`; a name {NAME}", seed.name));
        }
        if !is_address(&seed.address) {
            findings.add("cluster", "seeds", &format!("has `{}`; an address {ADDRESS}", seed.address));
        }
    }
    let names: std::collections::BTreeSet<_> = cluster.seeds.iter().map(|seed| &seed.name).collect();
    for name in names {
        if cluster.seeds.iter().filter(|seed| seed.name == *name).count() > 1 {
            findings.add("cluster", "seeds", &format!("names {name} twice"));
        }
    }
    check_rules(settings, findings);
}

fn check_nodes(settings: &Settings, findings: &mut Findings<'_>) {
    let insecure = settings.cluster.insecure;
    for (at, (name, node)) in settings.nodes.iter().enumerate() {
        let table = format!("nodes.{name}");
        if !is_valid_name(name) {
            findings.add_table(&table, &format!("is not a valid name of a node: it {NAME}"));
        }
        if node.advertise.as_deref().is_some_and(|address| !is_address(address)) {
            findings.add(&table, "advertise", ADDRESS);
        }
        if node.advertise.is_none() && node.link.ip().is_unspecified() {
            let message =
                "is every address of the machine: set `advertise` to the address that other nodes connect to";
            findings.add(&table, "link", message);
        }
        if node.link.port() == 0 {
            findings.add(&table, "link", "needs a port: other nodes connect to it");
        }
        if insecure && !node.link.ip().is_loopback() {
            findings.add(&table, "link", "is not on loopback, and `insecure` is for one machine only");
        }
        if node.http.is_some_and(|address| is_plain_http(settings) && !address.ip().is_loopback()) {
            findings.add(&table, "http", NOT_ON_LOOPBACK);
        }
        let http = node.http.unwrap_or(settings.http.address);
        if node.metrics_listen == Some(http) {
            findings.add(&table, "metrics_listen", "is in use for clients: set another port");
        }
        match (&node.certificates, insecure) {
            (None, false) => {
                let message = "needs `certificates`, the folder that `auberge cert node` creates";
                findings.add_table(&table, message);
            }
            (Some(_), true) => {
                findings.add(
                    "cluster",
                    "insecure",
                    &format!("and the certificates of {name} exclude each other"),
                );
            }
            (Some(_), false) | (None, true) => {}
        }
        let before = settings.nodes.iter().take(at);
        for (other, _) in before.filter(|(_, other)| other.advertised() == node.advertised()) {
            findings.add(&table, "link", &format!("is in use: {other} listens on it too"));
        }
    }
    if let Some(first) = settings.nodes.keys().next()
        && settings.http.public_url.is_none()
    {
        let message = "is in a cluster, which needs `public_url` in [http]: the address that guests use";
        findings.add_table(&format!("nodes.{first}"), message);
    }
}

fn check_rules(settings: &Settings, findings: &mut Findings<'_>) {
    for (name, service) in &settings.services {
        let table = format!("services.{name}");
        if service.replicas.is_some_and(|replicas| !is_valid_count(replicas)) {
            findings.add(&table, "replicas", REPLICAS);
        }
        let known = |label: &String| settings.nodes.values().any(|node| node.labels.contains(label));
        if !service.only_on.is_empty() && !settings.nodes.is_empty() && !service.only_on.iter().any(known) {
            let message =
                format!("excludes every node: no node has the label {}", service.only_on.join(" or "));
            findings.add(&table, "only_on", &message);
        }
        for other in &service.never_with {
            if !services::NAMES.contains(&other.as_str()) {
                findings.add(&table, "never_with", &format!("has `{other}`, which is not a service"));
            } else if other == name {
                findings.add(&table, "never_with", "must not name the service itself");
            }
        }
    }
}

fn is_valid_count(replicas: u16) -> bool {
    matches!(replicas, 1 | 3 | 5 | 7)
}

fn is_address(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else { return false };
    !host.is_empty() && !host.contains(['/', ' ']) && port.parse::<u16>().is_ok_and(|port| port != 0)
}
