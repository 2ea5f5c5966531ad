//! A command that is encoded once.

use protocol::{Contract, codec};

/// A command with its encoded bytes. The same bytes are hashed for the idempotency key, written to the log, and sent to
/// other nodes.
pub struct EncodedCommand<C: Contract> {
    command: C::Command,
    bytes: Vec<u8>,
}

impl<C: Contract> EncodedCommand<C> {
    /// Encodes a command.
    pub fn encode(command: C::Command) -> Self {
        Self { bytes: codec::encode(&command), command }
    }

    /// A command with the bytes that it was decoded from.
    pub(super) fn from_parts(command: C::Command, bytes: Vec<u8>) -> Self {
        Self { command, bytes }
    }

    /// The command.
    pub fn command(&self) -> &C::Command {
        &self.command
    }

    /// The encoded command, with its format version.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Identifies the content of the command among all that come under one idempotency key. Stored.
    pub fn digest(&self) -> u64 {
        codec::hash128(&[&self.bytes]) as u64
    }
}
