//! What the cluster API needs of the data directory: the node's identity, and the format of archives.

use std::io;

use replica::ClusterSnapshot;

use super::archive;
use super::cluster_node::groups_of;
use super::data_dir::DataDir;

impl cluster_api::LocalNode for DataDir {
    fn name(&self) -> String {
        self.node_name()
    }

    fn cluster_name(&self) -> Option<String> {
        self.metadata().node.map(|node| node.cluster)
    }

    fn epoch(&self) -> u64 {
        self.metadata().epoch
    }

    fn groups(&self) -> Vec<String> {
        groups_of(&self.metadata().shards)
    }

    fn write_archive(&self, snapshot: &ClusterSnapshot, to: &mut dyn io::Write) -> io::Result<()> {
        let mut metadata = self.metadata();
        // An archive is of no node, and its groups were set up before it was made.
        (metadata.set_up, metadata.demo_settled, metadata.node) = (true, true, None);
        archive::write(snapshot, &self.key, &metadata, to).map_err(io::Error::other)
    }

    fn effects_released(&self) -> io::Result<()> {
        self.update_metadata(|metadata| metadata.effects_held = false).map_err(io::Error::other)
    }
}
