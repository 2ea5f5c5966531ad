//! A transducer from normalized names to numbers: ranks of cities, or numbers of areas.

use fst::raw::{CompiledAddr, Fst};

use super::typos::{Pattern, Reading};

/// The most nodes of the transducer that are read for one query with typing errors. This bounds the time of a query, and is
/// not reached in practice.
const NODES_MAX: usize = 60_000;

/// The most names that are read below one prefix. This bounds the time of a query; only single letters reach it.
const NAMES_MAX: usize = 40_000;

/// See `Index::build` in `build.rs`.
#[derive(Clone)]
pub(crate) struct Names(Fst<&'static [u8]>);

/// The end of a name, or of a part of one, in the transducer.
#[derive(Clone, Copy)]
pub(crate) struct Node {
    addr: CompiledAddr,
    output: u64,
}

impl Names {
    /// # Panics
    /// If the embedded data is corrupt.
    pub fn new(bytes: &'static [u8]) -> Self {
        Self(Fst::new(bytes).expect("written by build.rs"))
    }

    /// The node after this text, if a name begins with it.
    pub fn walk(&self, text: &str) -> Option<Node> {
        let mut node = self.0.root();
        let mut output = 0;
        for byte in text.bytes() {
            let transition = node.transition(node.find_input(byte)?);
            output += transition.out.value();
            node = self.0.node(transition.addr);
        }
        Some(Node { addr: node.addr(), output })
    }

    /// The numbers with exactly this name, in ascending order.
    pub fn named(&self, text: &str) -> Vec<u16> {
        self.walk(text).map_or_else(Vec::new, |node| self.whole(node))
    }

    /// The numbers of the name that ends at a node, in ascending order.
    pub fn whole(&self, end: Node) -> Vec<u16> {
        let node = self.0.node(end.addr);
        let mut numbers = Vec::new();
        if node.is_final() {
            numbers.push((end.output + node.final_output().value()) as u16);
        }
        if let Some(namesakes) = node.find_input(0).map(|at| node.transition(at)) {
            let output = end.output + namesakes.out.value();
            for transition in self.0.node(namesakes.addr).transitions() {
                let last = self.0.node(transition.addr).final_output().value();
                numbers.push((output + transition.out.value() + last) as u16);
            }
        }
        numbers
    }

    /// Passes on the number of every name that begins at the root and goes through a node, in no order.
    pub fn below(&self, start: Node, mut found: impl FnMut(u16)) {
        let mut unread = vec![start];
        let mut names = 0;
        while let Some(Node { addr, output }) = unread.pop() {
            let node = self.0.node(addr);
            if node.is_final() {
                found((output + node.final_output().value()) as u16);
                names += 1;
                if names >= NAMES_MAX {
                    return;
                }
            }
            for transition in node.transitions() {
                unread.push(Node { addr: transition.addr, output: output + transition.out.value() });
            }
        }
    }

    /// The nodes at which the beginning of a name matches a query with typing errors. The first two letters are right, or
    /// transposed.
    pub fn similar(&self, pattern: &Pattern) -> Vec<Node> {
        let mut nodes = Vec::new();
        let start = |beginning: String| {
            let mut reading = pattern.start();
            for byte in beginning.bytes() {
                reading = pattern.read(reading, byte)?;
            }
            Some((self.walk(&beginning)?, reading))
        };
        let mut unread: Vec<(Node, Reading)> = pattern.beginnings().into_iter().filter_map(start).collect();
        let mut read = 0;
        while let Some((Node { addr, output }, reading)) = unread.pop() {
            read += 1;
            if read > NODES_MAX {
                break;
            }
            for transition in self.0.node(addr).transitions().filter(|transition| transition.inp != 0) {
                let Some(next) = pattern.read(reading, transition.inp) else { continue };
                let node = Node { addr: transition.addr, output: output + transition.out.value() };
                if pattern.matches(&next) {
                    nodes.push(node);
                }
                unread.push((node, next));
            }
        }
        nodes
    }
}
