//! `/v1/cluster/settings` and `POST /v1/cluster/configure`: the settings of the cluster, and changing them while it serves.

use std::collections::BTreeSet;

use cluster_model::{
    ChangeResponse, Configure, Configured, PlacementViolationResponse, SettingsResponse, StepResponse,
};
use directory::{ConfigureCluster, GetCluster, Intent, Refusal, ServiceSettings, Settings};
use edge::{ApiError, Json, MergePatch, SignedIn};
use poem_openapi::OpenApi;

use crate::context::Context;
use crate::nodes::plan;
use crate::{Guard, MANAGE, READ, Tag, problems};

/// Operations on the settings.
pub struct SettingsApi(pub(crate) Guard);

#[OpenApi(prefix_path = "/v1", tag = "Tag::Cluster")]
impl SettingsApi {
    /// Get the settings of the cluster
    ///
    /// The settings in effect, which may differ from the settings files of the nodes.
    #[oai(path = "/cluster/settings", method = "get", operation_id = "getClusterSettings")]
    async fn settings(
        &self,
        #[oai(scope = "edge::scope::CLUSTER_READ")] caller: SignedIn,
    ) -> Result<Json<SettingsResponse>, ApiError> {
        let (context, _) = self.0.authorize(&caller, READ)?;
        current(context, &caller).await.map(|settings| Json((&settings).into()))
    }

    /// Change settings
    ///
    /// Replicas, placement rules, and the time until a lost node is replaced. The moves that follow start in the background.
    /// Changes of settings that were fixed when the cluster was created are refused.
    #[oai(path = "/cluster/configure", method = "post", operation_id = "configureCluster")]
    async fn configure(
        &self,
        #[oai(scope = "edge::scope::CLUSTER_MANAGE")] caller: SignedIn,
        configure: MergePatch<Configure>,
    ) -> Result<Json<Configured>, ApiError> {
        let (context, _) = self.0.authorize(&caller, MANAGE)?;
        let configure = configure.0;
        let before = current(context, &caller).await?;
        let after = changed(&before, &configure)?;
        let plan = plan(context, &caller, Intent::Configure(Box::new(after.clone()))).await?;
        let moved: BTreeSet<&str> = plan.moves.iter().map(|planned| planned.group.as_str()).collect();
        let violates_placement = violates_placement(context, &caller, &after).await?;
        let violates_placement =
            violates_placement.into_iter().filter(|found| !moved.contains(found.group.as_str())).collect();
        let configured = Configured {
            dry_run: configure.dry_run,
            changes: before.differences(&after).into_iter().map(ChangeResponse::from).collect(),
            plan: plan.moves.iter().map(StepResponse::from).collect(),
            violates_placement,
        };
        if !configure.dry_run {
            context.call(&caller.call(), ConfigureCluster { settings: after }).await?;
        }
        Ok(Json(configured))
    }
}

async fn current(context: &Context, caller: &SignedIn) -> Result<Settings, ApiError> {
    context.call(&caller.call(), GetCluster).await.map(|cluster| cluster.settings)
}

/// Replicas that violate the placement rules of `settings`.
async fn violates_placement(
    context: &Context,
    caller: &SignedIn,
    settings: &Settings,
) -> Result<Vec<PlacementViolationResponse>, ApiError> {
    let mut state = context.state(&caller.call()).await?;
    state.cluster.settings = settings.clone();
    let found = directory::plan::placement_violations(&state).into_iter();
    Ok(found.map(|(group, node)| PlacementViolationResponse { group, node }).collect())
}

/// The settings with the requested changes.
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
            let why = "names a service that this cluster does not have".to_owned();
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
