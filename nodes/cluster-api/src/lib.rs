//! The operators' API: `/v1/cluster`. The same paths answer on a single node and on every node of a cluster. What is read
//! comes from the directory and from the status that nodes report; commands go to the directory with the operator's own
//! token.
//!
//! Invariants:
//! - the caller's token is checked here before anything is read, and by the directory again before anything is done;
//! - reading works as long as this node does: without the directory its records are missing, and the response says so;
//! - every refusal names its reason.
//!
//! Deliberately absent: any decision on where replicas go, which is the directory's; request and response types, which are
//! in `cluster-model`; the format of archives, which is the binary's ([`LocalNode::write_archive`]).

mod attention;
mod audit;
mod backup;
mod check;
mod checksums;
mod context;
mod events;
mod groups;
mod local_view;
mod moves;
mod nodes;
mod problems;
mod rebalance;
mod settings;
mod tasks;
mod view;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use group::Client;
use poem_openapi::Tags;
use protocol::{Access, scope};
use replica::{ClusterSnapshot, Node};
use token::Verifier;

use context::{Context, allows};

const NAME: &str = "cluster";
const TITLE: &str = "Auberge cluster";
/// Who may read. A node's own credential may, too: with it an operator can read when nobody can issue a token.
const READ: Access = Access::scopes(&[scope::CLUSTER_READ, scope::CLUSTER_MANAGE]).or_services(&["node"]);
/// Who may change something.
const MANAGE: Access = Access::scopes(&[scope::CLUSTER_MANAGE]);
/// Who may recover a lost group. A node's own credential may, too.
const RECOVER: Access = Access::scopes(&[scope::CLUSTER_MANAGE]).or_services(&["node"]);

#[derive(Tags)]
enum Tag {
    /// Operating
    Cluster,
}

/// What the API needs of the process that serves it.
pub struct Dependencies {
    /// This node's groups, and what it knows of other nodes.
    pub node: Arc<Node>,
    /// To call the directory.
    pub client: Client,
    /// Checks tokens.
    pub verifier: Arc<Verifier>,
    /// Encodes and decodes the cursors of lists.
    pub cursors: edge::Cursors,
    /// Where this node's edge listens: shown on a single node, which has no cluster view.
    pub http_address: String,
    /// The data directory: its free disk space is shown on a single node.
    pub data_dir: PathBuf,
    /// This process.
    pub local: Arc<dyn LocalNode>,
}

/// The process that serves the API, as far as the API needs it.
pub trait LocalNode: Send + Sync {
    /// This node's name.
    fn name(&self) -> String;

    /// The name of the cluster that this node belongs to; none on a single node.
    fn cluster_name(&self) -> Option<String>;

    /// 1, and one more after each restore.
    fn epoch(&self) -> u64;

    /// All groups but the directory's.
    fn groups(&self) -> Vec<String>;

    /// Writes an encrypted archive of `snapshot`. May block.
    ///
    /// # Errors
    /// When a group's state cannot be read to its end, or `to` not written.
    fn write_archive(&self, snapshot: &ClusterSnapshot, to: &mut dyn io::Write) -> io::Result<()>;

    /// Records that the effects of a restored store were released.
    ///
    /// # Errors
    /// When the record cannot be written.
    fn effects_released(&self) -> io::Result<()>;
}

/// Mounts the API on a running node's server.
pub fn mount(server: edge::Server, dependencies: Dependencies) -> edge::Server {
    let context = Context::new(dependencies);
    let node = Arc::clone(&context.node);
    let verifier = Arc::clone(&context.verifier);
    apis(server, Some(&context))
        .route("/v1/cluster/backup", poem::get(poem::EndpointExt::data(backup::stream, context.clone())))
        .route(
            "/v1/cluster/release-effects",
            poem::post(poem::EndpointExt::data(backup::release_effects, context)),
        )
        .ready(move || {
            let waiting = node.unready_group();
            async move { waiting.map_or(Ok(()), |(group, why)| Err(format!("{group}: {why}"))) }
        })
        .authorize_metrics(move |caller| {
            let allowed = allows(&verifier, caller.token(), READ).is_ok();
            async move { allowed }
        })
}

/// Mounts the API for its OpenAPI document only: every call is answered with 503.
pub fn describe(server: edge::Server) -> edge::Server {
    apis(server, None)
}

fn apis(server: edge::Server, context: Option<&Context>) -> edge::Server {
    let guard = || Guard { context: context.cloned() };
    let all = (
        nodes::NodesApi(guard()),
        groups::GroupsApi(guard()),
        moves::MovesApi(guard()),
        rebalance::RebalanceApi(guard()),
        check::CheckApi(guard()),
        (
            events::EventsApi(guard(), events::StreamLimit::default()),
            audit::AuditApi(guard()),
            settings::SettingsApi(guard()),
        ),
    );
    server.service(NAME, TITLE, all).problems(problems::ALL)
}

/// Gives an operation the context once its caller is authorized; without a context where the API is only described.
#[derive(Clone)]
struct Guard {
    context: Option<Context>,
}
