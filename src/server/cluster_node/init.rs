//! Request and response of `POST /v1/cluster/init`.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::server::trust::AdministratorSignIn;

/// The path.
pub const PATH: &str = "/v1/cluster/init";

#[derive(Debug, Serialize, Deserialize)]
pub struct InitRequest {
    /// Whether to load demo hotels.
    pub demo: bool,
    /// Nodes that must be reachable first. Other nodes are included if they are reachable by then.
    pub wait_for: Vec<String>,
    /// An archive on the node's machine to restore.
    #[serde(default)]
    pub restore: Option<PathBuf>,
}

#[derive(Serialize, Deserialize)]
pub struct InitResponse {
    pub cluster: String,
    pub nodes: Vec<String>,
    /// Nodes of the settings that could not be reached. They join when they start.
    pub missing: Vec<String>,
    /// The number of groups.
    pub groups: u32,
    pub url: String,
    /// The path of `admin.json`.
    pub admin: PathBuf,
    /// The administrator's sign-in, if the account was created by this request.
    pub sign_in: Option<AdministratorSignIn>,
    /// Whether mails and payments are paused, because the cluster was restored.
    pub effects_held: bool,
}
