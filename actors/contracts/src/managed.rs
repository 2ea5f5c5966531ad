//! Which hotels a caller manages. The scope `hotel:manage` alone is valid for no hotel: the token names each hotel, or
//! [`ALL_HOTELS`].

use protocol::Principal;

use crate::{HotelId, scope};

/// In a list of hotels: all hotels, also those that are created later.
pub const ALL_HOTELS: &str = "*";

/// Whether the caller manages all hotels: its token names all of them, or it operates the cluster.
pub fn manages_all_hotels(caller: &Principal) -> bool {
    caller.has_scope(scope::CLUSTER_MANAGE)
        || (caller.has_scope(scope::HOTEL_MANAGE) && caller.resources.iter().any(|bound| bound == ALL_HOTELS))
}

/// Whether the caller manages this hotel.
pub fn manages_hotel(caller: &Principal, hotel: HotelId) -> bool {
    manages_all_hotels(caller) || managed_hotels(caller).contains(&hotel)
}

/// The hotels that the token names, sorted. Empty for a token that names all hotels.
pub fn managed_hotels(caller: &Principal) -> Vec<HotelId> {
    if !caller.has_scope(scope::HOTEL_MANAGE) {
        return Vec::new();
    }
    let mut hotels: Vec<HotelId> = caller.resources.iter().filter_map(|bound| bound.parse().ok()).collect();
    hotels.sort_unstable();
    hotels.dedup();
    hotels
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scope_without_hotels_is_valid_for_none() {
        let hotel = HotelId::of_reference("inn");
        let caller = |scope: &str, resources: &[&str]| Principal {
            subject: "cli_1".into(),
            scopes: vec![scope.to_owned()],
            resources: resources.iter().map(|bound| (*bound).to_owned()).collect(),
            ..Principal::default()
        };
        let id = hotel.to_string();
        let table: [(&str, &[&str], bool, bool); 6] = [
            (scope::HOTEL_MANAGE, &[], false, false),
            (scope::HOTEL_MANAGE, &[&id], false, true),
            (scope::HOTEL_MANAGE, &[ALL_HOTELS], true, true),
            (scope::PROFILE, &[ALL_HOTELS], false, false),
            (scope::PROFILE, &[&id], false, false),
            (scope::CLUSTER_MANAGE, &[], true, true),
        ];
        for (scope, resources, all, this) in table {
            let caller = caller(scope, resources);
            assert_eq!(manages_all_hotels(&caller), all, "{scope} {resources:?}");
            assert_eq!(manages_hotel(&caller, hotel), this, "{scope} {resources:?}");
        }
    }
}
