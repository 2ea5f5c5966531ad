//! Amenities as bits, so that one comparison checks several of them.

use std::collections::BTreeMap;

/// The maximum number of amenities with a bit. For others, the lists of hotels are searched.
const BITS: usize = 128;

/// The bits of all amenities of hotels, in the order in which they were added.
#[derive(Debug, Default)]
pub(crate) struct AmenityBits {
    bits: BTreeMap<String, u8>,
}

/// The amenities of a query.
#[derive(Debug, Default)]
pub(crate) struct AmenityFilter {
    pub bits: u128,
    /// Those without a bit.
    pub others: Vec<String>,
}

impl AmenityBits {
    /// The bits of a hotel's amenities. New amenities get the next bits.
    pub fn add(&mut self, amenities: &[String]) -> u128 {
        amenities.iter().fold(0, |bits, amenity| bits | self.bit_or_new(amenity))
    }

    /// The filter for some amenities, in lower case.
    pub fn filter(&self, amenities: &[String]) -> AmenityFilter {
        let mut filter = AmenityFilter::default();
        for amenity in amenities {
            match self.bits.get(amenity) {
                Some(bit) => filter.bits |= 1 << bit,
                None => filter.others.push(amenity.clone()),
            }
        }
        filter
    }

    fn bit_or_new(&mut self, amenity: &str) -> u128 {
        if let Some(bit) = self.bits.get(amenity) {
            return 1 << bit;
        }
        let next = self.bits.len();
        if next >= BITS {
            return 0;
        }
        self.bits.insert(amenity.to_owned(), next as u8);
        1 << next
    }
}
