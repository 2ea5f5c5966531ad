//! Changes the settings, except for those that are fixed.

use group::Turn;

use super::node_up::is_name;
use crate::contract::{ConfigureCluster, Refusal, SERVICE};
use crate::records::{Settings, State};
use crate::service::Directory;
use crate::state::{CLUSTER, Rows, audit, put_group};

/// Upper limit of `replace_after_secs`: a month.
const REPLACE_AFTER_SECS_MAX: u32 = 31 * 24 * 3600;

/// Largest number of services.
const SERVICES_MAX: usize = 64;

/// Largest number of changes that one audit record lists.
const NAMED_MAX: usize = 20;

pub(crate) fn configure(
    turn: &mut Turn<'_, Directory>,
    ConfigureCluster { settings }: ConfigureCluster,
) -> Result<(), Refusal> {
    let before = turn.load()?;
    let after = configured(before.clone(), settings)?;

    let changed = before.cluster.settings.differences(&after.cluster.settings);
    if changed.is_empty() {
        return Ok(());
    }
    for mut group in after.groups.into_values() {
        if before.groups.get(&group.group) != Some(&group) {
            put_group(turn, &mut group);
        }
    }
    turn.put(&CLUSTER, &0, &after.cluster);
    let mut lines: Vec<String> = changed.iter().take(NAMED_MAX).map(ToString::to_string).collect();
    if changed.len() > NAMED_MAX {
        lines.push(format!("and {} more", changed.len() - NAMED_MAX));
    }
    audit(turn, "configure", &after.cluster.name, lines.join("; "));
    Ok(())
}

/// The state with other settings.
///
/// # Errors
/// When a fixed setting would change, or a setting is invalid.
pub(crate) fn configured(mut state: State, mut settings: Settings) -> Result<State, Refusal> {
    settings.services.entry(SERVICE.to_owned()).or_default();
    check(&settings)?;
    state.cluster.settings.check_fixed(&settings)?;
    for group in state.groups.values_mut() {
        group.wanted = settings.of(&group.service).replicas;
    }
    state.cluster.settings = settings;
    Ok(state)
}

impl Settings {
    /// Whether `asked` agrees with the settings that are fixed. Also used by a node that starts with a settings file.
    ///
    /// # Errors
    /// [`Refusal::Fixed`], which names the first field that differs.
    pub fn check_fixed(&self, asked: &Self) -> Result<(), Refusal> {
        let fixed = |what: String, have: String, asked: String| Err(Refusal::Fixed { what, have, asked });
        if self.bank != asked.bank {
            return fixed("payments.bank".to_owned(), self.bank.clone(), asked.bank.clone());
        }
        let shards = |settings: &Self, service: &String| {
            settings.services.get(service).map_or(0, |service| service.shards)
        };
        let names = self.services.keys().chain(asked.services.keys());
        for service in names.filter(|service| *service != SERVICE) {
            let (have, asked) = (shards(self, service), shards(asked, service));
            if have != asked {
                return fixed(format!("services.{service}.shards"), have.to_string(), asked.to_string());
            }
        }
        Ok(())
    }
}

/// Validates settings.
pub(crate) fn check(settings: &Settings) -> Result<(), Refusal> {
    let invalid = |field: String, why: &str| Err(Refusal::Invalid { field, why: why.to_owned() });
    if settings.replace_after_secs > REPLACE_AFTER_SECS_MAX {
        return invalid("replace_after_secs".to_owned(), "a month at most");
    }
    if settings.services.len() > SERVICES_MAX {
        return Err(Refusal::TooMany { what: "services".to_owned(), max: SERVICES_MAX as u32 });
    }
    for (service, of) in &settings.services {
        let field = |field: &str| format!("services.{service}.{field}");
        if !is_name(service) {
            return invalid(format!("services.{service}"), "no name of a service");
        }
        if of.shards == 0 || of.shards > 1_000 {
            return invalid(field("shards"), "1 to 1000");
        }
        if service == SERVICE && of.shards != 1 {
            return invalid(field("shards"), "the directory has one shard");
        }
        if !matches!(of.replicas, 1 | 3 | 5 | 7) {
            return invalid(field("replicas"), "1, 3, 5 or 7");
        }
        if of.only_on.len() > 16 || of.only_on.iter().any(|label| !is_name(label)) {
            return invalid(field("only_on"), "at most 16 labels, each in small letters");
        }
        if of.never_with.iter().any(|other| other == service) {
            return invalid(field("never_with"), "a service cannot avoid itself");
        }
        if of.never_with.iter().any(|other| !settings.services.contains_key(other)) {
            return invalid(field("never_with"), "names a service that there is not");
        }
    }
    Ok(())
}
