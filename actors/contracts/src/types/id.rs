//! Ids: 128 bits, of which the upper 16 are the hash slot. As text, a prefix and 26 characters in Crockford's base 32.

use protocol::{Slot, codec};
use serde::{Deserialize, Serialize};

/// The text is not an id of the requested type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an id that begins with `{0}`")]
pub struct IdError(pub &'static str);

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

fn write(f: &mut std::fmt::Formatter<'_>, prefix: &str, value: u128) -> std::fmt::Result {
    let mut digits = [0; 26];
    for (place, digit) in digits.iter_mut().rev().enumerate() {
        *digit = ALPHABET[(value >> (place * 5)) as usize & 31];
    }
    f.write_str(prefix)?;
    f.write_str(std::str::from_utf8(&digits).map_err(|_| std::fmt::Error)?)
}

fn read(prefix: &'static str, text: &str) -> Result<u128, IdError> {
    let digits = text.strip_prefix(prefix).filter(|digits| digits.len() == 26).ok_or(IdError(prefix))?;
    digits.bytes().try_fold(0u128, |value, byte| {
        let digit = ALPHABET.iter().position(|&letter| letter == byte).ok_or(IdError(prefix))?;
        if value >> 123 != 0 { Err(IdError(prefix)) } else { Ok(value << 5 | digit as u128) }
    })
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(
            Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, storekey::Encode, storekey::Decode,
        )]
        pub struct $name(pub u128);

        impl $name {
            /// The prefix of the text form.
            pub const PREFIX: &'static str = $prefix;

            /// The slot by which messages are routed.
            pub const fn slot(self) -> Slot {
                Slot::of(self.0)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write(f, $prefix, self.0)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Display::fmt(self, f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                read($prefix, text).map(Self)
            }
        }
    )*};
}

ids! {
    /// A hotel.
    HotelId "htl_";
    /// A room type of a hotel.
    RoomTypeId "rmt_";
    /// A rate plan of a room type.
    RatePlanId "rpl_";
    /// A reservation.
    ReservationId "rsv_";
    /// A payment.
    PaymentId "pay_";
    /// A refund.
    RefundId "ref_";
    /// A user's account.
    UserId "usr_";
}

const SLOT_BITS: u128 = 0xffff << 112;

impl HotelId {
    /// The id of the hotel with this reference. Each import derives the same id.
    pub fn of_reference(reference: &str) -> Self {
        let hash = codec::hash128(&[b"hotel", reference.as_bytes()]);
        let slot = u128::from(Slot::of(hash).number()) << 112;
        Self(hash & !SLOT_BITS | slot)
    }
}

impl RoomTypeId {
    /// The id of a hotel's room type without a reference, from its name at creation.
    pub fn of_name(hotel: HotelId, name: &str) -> Self {
        let hash = codec::hash128(&[b"room type", &hotel.0.to_be_bytes(), name.as_bytes()]);
        Self(within(hotel.0, hash))
    }

    /// The id of a hotel's room type, from its reference at creation.
    pub fn of_reference(hotel: HotelId, reference: &str) -> Self {
        let hash = codec::hash128(&[b"room type by reference", &hotel.0.to_be_bytes(), reference.as_bytes()]);
        Self(within(hotel.0, hash))
    }

    /// Another id, for a room type whose id is in use under an earlier name or reference.
    pub fn another(self) -> Self {
        Self(within(self.0, codec::hash128(&[b"another room type", &self.0.to_be_bytes()])))
    }
}

impl RatePlanId {
    /// The id of a room type's rate plan without a reference, from its name at creation.
    pub fn of_name(room_type: RoomTypeId, name: &str) -> Self {
        let hash = codec::hash128(&[b"rate plan", &room_type.0.to_be_bytes(), name.as_bytes()]);
        Self(within(room_type.0, hash))
    }

    /// The id of a room type's rate plan, from its reference at creation.
    pub fn of_reference(room_type: RoomTypeId, reference: &str) -> Self {
        let room_type_bytes = room_type.0.to_be_bytes();
        let hash = codec::hash128(&[b"rate plan by reference", &room_type_bytes, reference.as_bytes()]);
        Self(within(room_type.0, hash))
    }

    /// Another id, for a rate plan whose id is in use under an earlier name or reference.
    pub fn another(self) -> Self {
        Self(within(self.0, codec::hash128(&[b"another rate plan", &self.0.to_be_bytes()])))
    }
}

/// A hash with the slot of `owner`.
const fn within(owner: u128, hash: u128) -> u128 {
    hash & !SLOT_BITS | owner & SLOT_BITS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_parsed_and_other_texts_are_refused() {
        for value in [0, 1, u128::MAX, 0x1234 << 112 | 99] {
            let id = ReservationId(value);
            assert_eq!(id.to_string().parse(), Ok(id));
        }
        let good = ReservationId(7).to_string();
        for bad in [
            "",
            "rsv_",
            "rsv_7",
            &good.replace("rsv_", "pay_"),
            &good.to_uppercase(),
            &format!("{good}0"),
            "rsv_zzzzzzzzzzzzzzzzzzzzzzzzzz",
        ] {
            assert_eq!(bad.parse::<ReservationId>(), Err(IdError("rsv_")), "{bad}");
        }
    }

    #[test]
    fn room_types_and_rate_plans_have_the_slot_of_their_hotel() {
        let hotel = HotelId::of_reference("grand");
        assert_eq!(hotel, HotelId::of_reference("grand"));
        assert_ne!(hotel, HotelId::of_reference("grand "));
        let room = RoomTypeId::of_name(hotel, "Double");
        assert_eq!(room.slot(), hotel.slot());
        let plan = RatePlanId::of_name(room, "Flexible");
        assert_eq!(plan.slot(), hotel.slot());
        // References and names are different namespaces.
        let others = [RoomTypeId::of_reference(hotel, "Double"), room.another(), room.another().another()];
        for (index, other) in others.into_iter().enumerate() {
            assert_eq!(other.slot(), hotel.slot());
            assert!(other != room && !others[..index].contains(&other));
        }
        let others = [RatePlanId::of_reference(room, "Flexible"), plan.another()];
        assert!(others.iter().all(|other| other.slot() == hotel.slot() && *other != plan));
    }
}
