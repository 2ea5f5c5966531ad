//! The operators' API: `/v1/cluster`. The same paths answer on a machine that is alone and on every node of a cluster:
//! what is asked comes from the directory and from what the nodes say of themselves, what is told goes to the directory
//! with the operator's own token.
//!
//! Invariants:
//! - the caller's token is checked here before anything is looked at, and by the directory again before anything is done;
//! - reading works as long as this node does: without the directory its records are missing, and that is said;
//! - every refusal names what is in the way.
//!
//! Deliberately absent: any decision. Where replicas go is the directory's to say.

pub mod attention;
pub mod audit;
pub mod check;
pub mod configure;
pub mod events;
pub mod groups;
pub mod live;
pub mod moves;
pub mod nodes;
pub mod problems;
pub mod rebalance;
pub mod shown;
pub mod view;

mod archive;
mod checksums;
mod inside;
mod reach;

use std::sync::Arc;

use contracts::scope;
use poem_openapi::Tags;
use protocol::Access;

use crate::server::Server;
use inside::{Inside, allows};

const NAME: &str = "cluster";
const TITLE: &str = "Auberge cluster";
/// Who may look: also who has a node's key, for when nobody is left who could issue a token.
const READ: Access = Access::scopes(&[scope::CLUSTER_READ, scope::CLUSTER_MANAGE]).or_services(&["node"]);
/// Who may act.
const MANAGE: Access = Access::scopes(&[scope::CLUSTER_MANAGE]);
/// Who may recover what is lost: also who has a node's key.
const RECOVER: Access = Access::scopes(&[scope::CLUSTER_MANAGE]).or_services(&["node"]);

#[derive(Tags)]
enum Tag {
    /// Operating
    Cluster,
}

/// Mounts the API on a running machine's server.
pub fn mount(server: edge::Server, machine: &Server) -> edge::Server {
    let inside = Inside::of(machine);
    let ready = Arc::clone(&machine.node);
    let verifier = Arc::clone(&machine.verifier);
    apis(server, Some(&inside))
        .route("/v1/cluster/backup", poem::get(poem::EndpointExt::data(archive::stream, inside.clone())))
        .route(
            "/v1/cluster/release-effects",
            poem::post(poem::EndpointExt::data(archive::release_effects, inside)),
        )
        .ready(move || {
            let waiting = ready.unready_group();
            async move { waiting.map_or(Ok(()), |(group, why)| Err(format!("{group}: {why}"))) }
        })
        .authorize_metrics(move |caller| {
            let allowed = allows(&verifier, caller.token(), READ).is_ok();
            async move { allowed }
        })
}

/// Mounts the API for its document only.
pub fn describe(server: edge::Server) -> edge::Server {
    apis(server, None)
}

fn apis(server: edge::Server, inside: Option<&Inside>) -> edge::Server {
    let api = || Api { inside: inside.cloned() };
    let all = (
        nodes::NodesFace(api()),
        groups::GroupsFace(api()),
        moves::MovesFace(api()),
        rebalance::RebalanceFace(api()),
        check::CheckFace(api()),
        (
            events::EventsFace(api(), events::Places::default()),
            audit::AuditFace(api()),
            configure::ConfigureFace(api()),
        ),
    );
    server.service(NAME, TITLE, all).problems(problems::ALL)
}

/// What all parts of the API look at; nothing where they are only described.
#[derive(Clone)]
struct Api {
    inside: Option<Inside>,
}
