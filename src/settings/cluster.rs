//! Settings of a cluster and of its nodes.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The cluster as a whole: the same on every node.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Cluster {
    /// Its name, as in every certificate: a-z, 0-9 and -.
    pub name: String,
    /// Where a node that knows nobody yet finds others; the `[nodes]` tables by default.
    pub seeds: Vec<Seed>,
    /// Replicas of each group, as far as there are nodes; odd. Of a running cluster `auberge cluster configure` changes it.
    pub replicas: u16,
    /// After how long the replicas of a lost node are made again elsewhere.
    pub replace_after: Span,
    /// Plain text between nodes, and everybody is believed: on one machine only.
    pub insecure: bool,
}

impl Default for Cluster {
    fn default() -> Self {
        Self {
            name: "auberge".to_owned(),
            seeds: Vec::new(),
            replicas: 3,
            replace_after: Span(Duration::from_secs(300)),
            insecure: false,
        }
    }
}

/// A node to begin with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seed {
    /// Its name.
    pub name: String,
    /// Where its link listens: `host:port`.
    pub address: String,
}

/// One node: `[nodes.NAME]`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Node {
    /// Where it listens for other nodes.
    pub link: SocketAddr,
    /// Where others find it, `host:port`; the address it listens on by default.
    pub advertise: Option<String>,
    /// Where it listens for clients; `[http] address` by default.
    pub http: Option<SocketAddr>,
    /// What fails together: a rack, a room, a town. Replicas are spread over zones.
    pub zone: String,
    /// For placement rules: `[services.X] only_on`.
    pub labels: Vec<String>,
    /// The folder that `auberge cert node` made for it.
    pub certificates: Option<PathBuf>,
    /// Its data directory, where `--data` does not say.
    pub data: Option<PathBuf>,
}

impl Default for Node {
    fn default() -> Self {
        Self {
            link: ([127, 0, 0, 1], 7400).into(),
            advertise: None,
            http: None,
            zone: String::new(),
            labels: Vec::new(),
            certificates: None,
            data: None,
        }
    }
}

impl Node {
    /// Where others find it.
    pub fn advertised(&self) -> String {
        self.advertise.clone().unwrap_or_else(|| self.link.to_string())
    }
}

/// Where nodes that are told nothing else look for each other.
pub fn seeds(cluster: &Cluster, nodes: &BTreeMap<String, Node>) -> Vec<Seed> {
    if !cluster.seeds.is_empty() {
        return cluster.seeds.clone();
    }
    nodes.iter().map(|(name, node)| Seed { name: name.clone(), address: node.advertised() }).collect()
}

/// A length of time, written `90s`, `5m`, `2h`, or as a number of seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span(pub Duration);

impl std::fmt::Display for Span {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0.as_secs() {
            secs if secs != 0 && secs.is_multiple_of(3600) => write!(f, "{}h", secs / 3600),
            secs if secs != 0 && secs.is_multiple_of(60) => write!(f, "{}m", secs / 60),
            secs => write!(f, "{secs}s"),
        }
    }
}

impl std::str::FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let unit = match &text[digits.len()..] {
            "" | "s" => 1,
            "m" => 60,
            "h" => 3600,
            _ => return Err(format!("`{text}` is no length of time: write 90s, 5m or 2h")),
        };
        let count = digits.trim().parse::<u64>().ok().and_then(|count| count.checked_mul(unit));
        let secs = count.ok_or_else(|| format!("`{text}` is no length of time: write 90s, 5m or 2h"))?;
        Ok(Self(Duration::from_secs(secs)))
    }
}

impl Serialize for Span {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Span;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a length of time such as \"5m\"")
            }

            fn visit_u64<E: serde::de::Error>(self, secs: u64) -> Result<Span, E> {
                Ok(Span(Duration::from_secs(secs)))
            }

            fn visit_i64<E: serde::de::Error>(self, secs: i64) -> Result<Span, E> {
                u64::try_from(secs).map_err(E::custom).and_then(|secs| self.visit_u64(secs))
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Span, E> {
                text.parse().map_err(E::custom)
            }
        }
        from.deserialize_any(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_are_read_and_written() {
        for (text, secs, written) in
            [("90s", 90, "90s"), ("5m", 300, "5m"), ("2h", 7200, "2h"), ("60", 60, "1m"), ("0", 0, "0s")]
        {
            let span: Span = text.parse().unwrap();
            assert_eq!((span.0.as_secs(), span.to_string().as_str()), (secs, written), "{text}");
        }
        for wrong in ["", "m", "5d", "-1s", "5m5", "18446744073709551615h"] {
            assert!(wrong.parse::<Span>().is_err(), "{wrong}");
        }
    }
}
