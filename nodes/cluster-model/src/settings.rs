//! The cluster's settings: `GET /v1/cluster/settings` and `POST /v1/cluster/configure`.

use directory::{Difference, Settings};
use poem_openapi::Object;
use serde::{Deserialize, Serialize};

use crate::nodes::StepResponse;

/// The settings of the cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Object)]
pub struct SettingsResponse {
    /// The bank; fixed when the cluster was created
    pub bank: String,
    /// The replicas of a node that is down for this long are replaced on other nodes, in seconds
    pub replace_after_seconds: u32,
    /// The services, by name
    pub services: Vec<ServiceResponse>,
}

/// The settings of a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Object)]
pub struct ServiceResponse {
    /// `reservations`
    pub service: String,
    /// Number of shards; fixed when the cluster was created
    pub shards: u16,
    /// Replicas of each of its groups, if there are enough nodes
    pub replicas: u32,
    /// Only on nodes with one of these labels; on any node if empty
    pub only_on: Vec<String>,
    /// Never on the same node as one of these services
    pub never_with: Vec<String>,
}

/// A request to change the settings. What is absent stays as it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Object)]
#[oai(deny_unknown_fields)]
pub struct Configure {
    /// Only return what would change
    #[serde(default)]
    #[oai(default)]
    pub dry_run: bool,
    /// The bank: cannot change; a different value is refused
    #[oai(validator(max_length = 64))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bank: Option<String>,
    /// The replicas of a node that is down for this long are replaced on other nodes, in seconds
    #[oai(validator(minimum(value = "10"), maximum(value = "2678400")))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replace_after_seconds: Option<u32>,
    /// Services, by name
    #[serde(default)]
    #[oai(default, validator(max_items = 64))]
    pub services: Vec<ConfigureService>,
}

/// New settings of a service. What is absent stays as it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Object)]
#[oai(deny_unknown_fields)]
pub struct ConfigureService {
    /// `reservations`
    #[oai(validator(min_length = 1, max_length = 63))]
    pub service: String,
    /// Number of shards: cannot change; a different value is refused
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shards: Option<u16>,
    /// Replicas of each of its groups: 1, 3, 5 or 7
    #[oai(validator(minimum(value = "1"), maximum(value = "7")))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replicas: Option<u8>,
    /// Only on nodes with one of these labels; on any node if empty
    #[oai(validator(max_items = 16))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub only_on: Option<Vec<String>>,
    /// Never on the same node as one of these services
    #[oai(validator(max_items = 64))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub never_with: Option<Vec<String>>,
}

/// The result of changing the settings, or of a dry run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Object)]
pub struct Configured {
    /// Whether this is a dry run: nothing was changed
    pub dry_run: bool,
    /// The settings that change; empty if all have the requested values already
    pub changes: Vec<ChangeResponse>,
    /// The moves that follow and can start at once; the rest follows when these are done
    pub plan: Vec<StepResponse>,
    /// Replicas that violate a placement rule and remain where they are, because no other node may take them
    pub violates_placement: Vec<PlacementViolationResponse>,
}

/// A setting that changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Object)]
pub struct ChangeResponse {
    /// `services.pdf.replicas`
    pub setting: String,
    /// The old value
    pub from: String,
    /// The new value
    pub to: String,
}

/// A replica that violates a placement rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Object)]
pub struct PlacementViolationResponse {
    /// `reservations/0`
    pub group: String,
    /// Its node
    pub node: String,
}

impl From<&Settings> for SettingsResponse {
    fn from(settings: &Settings) -> Self {
        let services = settings.services.iter().map(|(name, of)| ServiceResponse {
            service: name.clone(),
            shards: of.shards,
            replicas: of.replicas.into(),
            only_on: of.only_on.clone(),
            never_with: of.never_with.clone(),
        });
        Self {
            bank: settings.bank.clone(),
            replace_after_seconds: settings.replace_after_secs,
            services: services.collect(),
        }
    }
}

impl From<Difference> for ChangeResponse {
    fn from(difference: Difference) -> Self {
        let Difference { setting, from, to } = difference;
        Self { setting, from, to }
    }
}
