//! Amenities as bits, so that asking for several of them is one comparison.

use std::collections::BTreeMap;

/// Words that have a bit; of those that come later nothing is known by bits alone, and hotels' own lists are read.
const BITS: usize = 128;

/// Every amenity that any hotel has had, in the order in which they came.
#[derive(Debug, Default)]
pub(crate) struct Words {
    bits: BTreeMap<String, u8>,
}

/// Amenities asked for.
#[derive(Debug, Default)]
pub(crate) struct AskedWords {
    pub bits: u128,
    /// Those without a bit.
    pub others: Vec<String>,
}

impl Words {
    /// The bits of a hotel's words; words that are new get the next ones.
    pub fn learn(&mut self, words: &[String]) -> u128 {
        words.iter().fold(0, |bits, word| bits | self.bit_or_new(word))
    }

    /// What is asked for, in lower case.
    pub fn asked(&self, words: &[String]) -> AskedWords {
        let mut asked = AskedWords::default();
        for word in words {
            match self.bits.get(word) {
                Some(bit) => asked.bits |= 1 << bit,
                None => asked.others.push(word.clone()),
            }
        }
        asked
    }

    fn bit_or_new(&mut self, word: &str) -> u128 {
        if let Some(bit) = self.bits.get(word) {
            return 1 << bit;
        }
        let next = self.bits.len();
        if next >= BITS {
            return 0;
        }
        self.bits.insert(word.to_owned(), next as u8);
        1 << next
    }
}
