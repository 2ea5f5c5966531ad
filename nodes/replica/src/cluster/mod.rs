//! A node's connection to its cluster: the link, and what the nodes have announced. Does not depend on [`crate::Node`].

pub(crate) mod retired;
pub(crate) mod transport;
pub(crate) mod view;

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use link::Link;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::limits::Limits;
use retired::RetirementSync;
use transport::LinkTransport;
use view::{ClusterView, NodeInfo};

/// An append message is closed when it has grown to this size. Larger messages would use the link's bulk lane.
const MESSAGE_BYTES_MAX: usize = 512 << 10;

pub(crate) struct Cluster {
    pub link: Link,
    /// This node's name.
    pub name: Arc<str>,
    pub transport: Arc<LinkTransport>,
    pub key: token::ClusterKey,
    pub view: watch::Sender<Arc<ClusterView>>,
    pub retirement_sync: RetirementSync,
    pub info: NodeInfo,
    pub incarnation: u64,
    /// This node's latest [`view::NodeStatus`], encoded.
    pub latest_status: watch::Sender<Arc<[u8]>>,
    leaving: OnceLock<()>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
}

impl Cluster {
    pub fn new(
        link: Link,
        info: NodeInfo,
        key: token::ClusterKey,
        retired: retired::RetiredReplicas,
    ) -> Self {
        let mut view = ClusterView::default();
        view.retired = Arc::new(retired.clone());
        Self {
            name: link.identity().node.as_str().into(),
            transport: Arc::new(LinkTransport(link.clone())),
            link,
            key,
            view: watch::Sender::new(Arc::new(view)),
            retirement_sync: RetirementSync::new(retired),
            info,
            incarnation: rand::random(),
            latest_status: watch::Sender::new(Arc::from([])),
            leaving: OnceLock::new(),
            tasks: Mutex::default(),
        }
    }

    /// Consensus settings of groups that may have several replicas.
    pub fn settings(&self, limits: &Limits) -> consensus::Settings {
        consensus::Settings {
            message_bytes_max: MESSAGE_BYTES_MAX,
            snapshot_every_entries: limits.log_cut_every_entries,
            keep_entries: limits.log_kept_entries,
            ..consensus::Settings::default()
        }
    }

    pub fn view(&self) -> Arc<ClusterView> {
        Arc::clone(&self.view.borrow())
    }

    /// From now on this node announces that it is about to stop.
    pub fn leave(&self) {
        let _ = self.leaving.set(());
    }

    pub fn is_leaving(&self) -> bool {
        self.leaving.get().is_some()
    }

    /// These tasks run until [`Cluster::stop`].
    pub fn run(&self, tasks: impl IntoIterator<Item = JoinHandle<()>>) {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner).extend(tasks);
    }

    pub fn stop(&self) {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        tasks.drain(..).for_each(|task| task.abort());
    }
}
