//! `/v1/cluster/settings` and `POST /v1/cluster/configure`: what is set for the whole cluster, and changing it while it
//! serves.

use std::collections::BTreeSet;

use directory::{Answer, Command, Difference, Intent, Query, Refusal, ServiceSettings, Settings};
use edge::{ApiError, Json, SignedIn};
use poem_openapi::{Object, OpenApi};

use super::inside::Inside;
use super::nodes::{StepResponse, plan, step};
use super::{Api, MANAGE, READ, Tag, problems};

/// What is set for the whole cluster.
#[derive(Debug, Clone, PartialEq, Eq, Object)]
pub struct SettingsResponse {
    /// Who the bank is; fixed when the cluster was made
    pub bank: String,
    /// A node that was away for so long has its replicas made again elsewhere, in seconds
    pub replace_after_seconds: u32,
    /// The services, by name
    pub services: Vec<ServiceResponse>,
}

/// What is set for a service.
#[derive(Debug, Clone, PartialEq, Eq, Object)]
pub struct ServiceResponse {
    /// `reservations`
    pub service: String,
    /// Its shards; fixed when the cluster was made
    pub shards: u16,
    /// Replicas of each of its groups, where there are nodes enough
    pub replicas: u32,
    /// Only on nodes that have one of these labels; anywhere where there is none
    pub only_on: Vec<String>,
    /// Never on a node that has one of these services
    pub never_with: Vec<String>,
}

/// Settings to be adopted. What is left out stays as it is.
#[derive(Debug, Clone, Object)]
#[oai(deny_unknown_fields)]
pub struct Configure {
    /// Only say what would change, and what would follow from it
    #[oai(default)]
    pub dry_run: bool,
    /// Who the bank is: cannot change, and is compared
    #[oai(validator(max_length = 64))]
    pub bank: Option<String>,
    /// A node that was away for so long has its replicas made again elsewhere, in seconds
    #[oai(validator(minimum(value = "10"), maximum(value = "2678400")))]
    pub replace_after_seconds: Option<u32>,
    /// Services, by name
    #[oai(default, validator(max_items = 64))]
    pub services: Vec<ConfigureService>,
}

/// Settings of a service. What is left out stays as it is.
#[derive(Debug, Clone, Object)]
#[oai(deny_unknown_fields)]
pub struct ConfigureService {
    /// `reservations`
    #[oai(validator(min_length = 1, max_length = 63))]
    pub service: String,
    /// Its shards: cannot change, and are compared
    pub shards: Option<u16>,
    /// Replicas of each of its groups: 1, 3, 5 or 7
    #[oai(validator(minimum(value = "1"), maximum(value = "7")))]
    pub replicas: Option<u8>,
    /// Only on nodes that have one of these labels; anywhere where there is none
    #[oai(validator(max_items = 16))]
    pub only_on: Option<Vec<String>>,
    /// Never on a node that has one of these services
    #[oai(validator(max_items = 64))]
    pub never_with: Option<Vec<String>>,
}

/// What was adopted, or would be.
#[derive(Debug, Clone, PartialEq, Object)]
pub struct Configured {
    /// Whether nothing was changed: it was only asked what would be
    pub dry_run: bool,
    /// What changes, setting by setting; nothing where all is so already
    pub changes: Vec<ChangeResponse>,
    /// What follows from it, as far as it can begin at once; the rest follows when that is done
    pub plan: Vec<StepResponse>,
    /// Replicas that stay where the rules do not let them be, because no other node may take them
    pub astray: Vec<AstrayResponse>,
}

/// A setting that changes.
#[derive(Debug, Clone, PartialEq, Eq, Object)]
pub struct ChangeResponse {
    /// `services.pdf.replicas`
    pub setting: String,
    /// As it was
    pub from: String,
    /// As it is asked to be
    pub to: String,
}

/// A replica in a place that the rules forbid.
#[derive(Debug, Clone, PartialEq, Eq, Object)]
pub struct AstrayResponse {
    /// `reservations/0`
    pub group: String,
    /// The node that has it
    pub node: String,
}

/// The part of the API.
pub struct ConfigureFace(pub(super) Api);

#[OpenApi(prefix_path = "/v1", tag = "Tag::Cluster")]
impl ConfigureFace {
    /// What is set for the cluster
    ///
    /// As the cluster goes by it, whatever the files of its nodes say.
    #[oai(path = "/cluster/settings", method = "get", operation_id = "getClusterSettings")]
    async fn settings(
        &self,
        #[oai(scope = "edge::scope::CLUSTER_READ")] caller: SignedIn,
    ) -> Result<Json<SettingsResponse>, ApiError> {
        let (inside, _) = self.0.open(&caller, READ)?;
        current(inside, &caller).await.map(|settings| Json(shown(&settings)))
    }

    /// Change what is set
    ///
    /// Replicas, placement rules, and how long a lost node is waited for. Replicas move, come and go by themselves then. What
    /// was fixed when the cluster was made is refused.
    #[oai(path = "/cluster/configure", method = "post", operation_id = "configureCluster")]
    async fn configure(
        &self,
        #[oai(scope = "edge::scope::CLUSTER_MANAGE")] caller: SignedIn,
        configure: Json<Configure>,
    ) -> Result<Json<Configured>, ApiError> {
        let (inside, _) = self.0.open(&caller, MANAGE)?;
        let configure = configure.0;
        let before = current(inside, &caller).await?;
        let after = changed(&before, &configure)?;
        let plan = plan(inside, &caller, Intent::Configure(Box::new(after.clone()))).await?;
        let moved: BTreeSet<&str> = plan.moves.iter().map(|planned| planned.group.as_str()).collect();
        let astray = astray(inside, &caller, &after).await?;
        let astray = astray.into_iter().filter(|found| !moved.contains(found.group.as_str())).collect();
        let configured = Configured {
            dry_run: configure.dry_run,
            changes: before.differences(&after).into_iter().map(change).collect(),
            plan: plan.moves.iter().map(step).collect(),
            astray,
        };
        if !configure.dry_run {
            inside.tell(&caller.call(), Command::Configure(Box::new(after))).await?;
        }
        Ok(Json(configured))
    }
}

async fn current(inside: &Inside, caller: &SignedIn) -> Result<Settings, ApiError> {
    match inside.ask(&caller.call(), Query::Cluster).await? {
        Answer::Cluster(cluster) => Ok(cluster.settings),
        _ => Err(ApiError::unavailable(1)),
    }
}

/// Replicas that the rules of `settings` do not let be where they are.
async fn astray(
    inside: &Inside,
    caller: &SignedIn,
    settings: &Settings,
) -> Result<Vec<AstrayResponse>, ApiError> {
    let mut state = inside.state(&caller.call()).await?;
    state.cluster.settings = settings.clone();
    let found = directory::plan::astray(&state).into_iter();
    Ok(found.map(|(group, node)| AstrayResponse { group, node }).collect())
}

/// The settings with what was asked for.
fn changed(before: &Settings, asked: &Configure) -> Result<Settings, ApiError> {
    let mut after = before.clone();
    if let Some(bank) = &asked.bank {
        after.bank.clone_from(bank);
    }
    if let Some(secs) = asked.replace_after_seconds {
        after.replace_after_secs = secs;
    }
    for of in &asked.services {
        let unknown = || {
            let why = "names a service that the cluster was made without".to_owned();
            problems::problem(Refusal::Invalid { field: "services".to_owned(), why })
        };
        let service = after.services.get_mut(&of.service).ok_or_else(unknown)?;
        let usual = service.clone();
        *service = ServiceSettings {
            shards: of.shards.unwrap_or(usual.shards),
            replicas: of.replicas.unwrap_or(usual.replicas),
            only_on: of.only_on.clone().unwrap_or(usual.only_on),
            never_with: of.never_with.clone().unwrap_or(usual.never_with),
        };
    }
    Ok(after)
}

fn shown(settings: &Settings) -> SettingsResponse {
    let service = |(name, of): (&String, &ServiceSettings)| ServiceResponse {
        service: name.clone(),
        shards: of.shards,
        replicas: of.replicas.into(),
        only_on: of.only_on.clone(),
        never_with: of.never_with.clone(),
    };
    SettingsResponse {
        bank: settings.bank.clone(),
        replace_after_seconds: settings.replace_after_secs,
        services: settings.services.iter().map(service).collect(),
    }
}

fn change(difference: Difference) -> ChangeResponse {
    let Difference { setting, from, to } = difference;
    ChangeResponse { setting, from, to }
}
