//! Room types and rate plans keep their identity when they are renamed, whoever renames them; what is not named any more is
//! retired.

mod common;

use common::*;
use contracts::reservations::{
    AddRoomType, CalendarChange, GetManagedHotel, ImportHotels, Nights, Precondition, PutHotel, Refusal,
    SetCalendar,
};
use contracts::{Currency, HotelProfile, RatePlanId, RatePlanProfile, RoomTypeId, RoomTypeProfile};

const DAY: &str = "2026-12-24";

fn import(bench: &ReservationBench, hotel: HotelProfile) -> Result<HotelProfile, Refusal> {
    let id = hotel.id;
    bench.call(&administrator(), ImportHotels { hotels: vec![hotel] })?;
    assert_eq!(bench.violations(), [] as [String; 0]);
    Ok(bench.call(&administrator(), GetManagedHotel { hotel: id })?.hotel)
}

/// The hotel of an import whose room types and rate plans have references: `double`, `single`, and `flexible`, `saver`.
fn referenced() -> HotelProfile {
    let mut hotel = hotel();
    for room_type in &mut hotel.room_types {
        room_type.reference = Some(room_type.name.to_lowercase());
        for plan in &mut room_type.rate_plans {
            plan.reference = Some(plan.name.to_lowercase());
        }
    }
    hotel
}

fn renamed(mut hotel: HotelProfile, room_type: &str, plan: &str) -> HotelProfile {
    hotel.room_types[0].name = room_type.into();
    hotel.room_types[0].rate_plans[0].name = plan.into();
    // As an import line would have it: the reader knows no stored ids.
    hotel.room_types[0].id = RoomTypeId::of_name(hotel.id, room_type);
    hotel.room_types[0].rate_plans[0].id = RatePlanId::of_name(hotel.room_types[0].id, plan);
    hotel
}

fn on_sale(hotel: &HotelProfile) -> Vec<&str> {
    let active = hotel.room_types.iter().filter(|room_type| room_type.active);
    active.map(|room_type| room_type.name.as_str()).collect()
}

#[test]
fn a_room_type_with_a_reference_keeps_its_id_and_its_inventory_when_an_import_renames_it() {
    let bench = open_with(referenced());
    let before = referenced();
    hold(&bench, &user("ann"), quote(&bench, nights(DAY, 1), 2)).unwrap();
    let after = import(&bench, renamed(referenced(), "Deluxe double", "Best price")).unwrap();
    assert_eq!(on_sale(&after), ["Deluxe double", "Single"]);
    assert_eq!(after.room_types.len(), 2);
    assert_eq!(after.room_types[0].id, before.room_types[0].id);
    assert_eq!(after.room_types[0].rate_plans[0].id, before.room_types[0].rate_plans[0].id);
    // Both doubles are held. Renaming does not bring new ones.
    let rooms: Vec<_> = offers(&bench, nights(DAY, 1), 1, 1).unwrap();
    assert!(rooms.iter().all(|offer| offer.quote.room_name == "Single"), "{rooms:?}");
    assert_eq!(taken(&bench, before.room_types[0].id, date(DAY)), 2);
}

#[test]
fn an_import_finds_what_staff_has_renamed() {
    for (stored, imported) in [
        // By reference, by the new name, and by the old name.
        (referenced(), referenced()),
        (hotel(), renamed(hotel(), "Twin", "Easy")),
        (hotel(), hotel()),
    ] {
        let bench = open_with(stored.clone());
        hold(&bench, &user("ann"), quote(&bench, nights(DAY, 1), 2)).unwrap();
        let mut by_staff = stored.clone();
        by_staff.room_types[0].name = "Twin".into();
        by_staff.room_types[0].rate_plans[0].name = "Easy".into();
        bench.call(&administrator(), PutHotel { hotel: by_staff, expect: Precondition::None }).unwrap();
        let after = import(&bench, imported.clone()).unwrap();
        assert_eq!(on_sale(&after), on_sale(&imported));
        assert_eq!(after.room_types.len(), 2);
        assert_eq!(after.room_types[0].id, stored.room_types[0].id);
        assert_eq!(after.room_types[0].rate_plans.len(), 2);
        assert_eq!(after.room_types[0].rate_plans[0].id, stored.room_types[0].rate_plans[0].id);
        assert_eq!(taken(&bench, stored.room_types[0].id, date(DAY)), 2);
    }
}

#[test]
fn references_are_adopted_by_name_and_kept_by_imports_without_them() {
    let bench = open();
    let after = import(&bench, referenced()).unwrap();
    assert_eq!(after, referenced(), "the stored ones are those of these names");
    // A later import without references leaves them as they are.
    assert_eq!(import(&bench, hotel()).unwrap(), referenced());
    let after = import(&bench, renamed(referenced(), "Suite", "Easy")).unwrap();
    assert_eq!(after.room_types[0].id, hotel().room_types[0].id);
    // Another reference is another room type, even under the same name.
    let mut other = referenced();
    other.room_types[1].reference = Some("single-2".into());
    let after = import(&bench, other).unwrap();
    assert_eq!(on_sale(&after), ["Double", "Single"]);
    assert_ne!(after.room_types[1].id, hotel().room_types[1].id);
    assert_eq!((after.room_types.len(), after.room_types[2].active), (3, false));
}

#[test]
fn swapped_names_are_swapped_back_by_reference_only() {
    let swap = |mut hotel: HotelProfile| {
        hotel.room_types[0].name = "Single".into();
        hotel.room_types[1].name = "Double".into();
        hotel
    };
    let bench = open_with(referenced());
    let after = import(&bench, swap(referenced())).unwrap();
    let ids = |hotel: &HotelProfile| hotel.room_types.iter().map(|room| room.id).collect::<Vec<_>>();
    assert_eq!(ids(&after), ids(&hotel()));
    assert_eq!(after.room_types[0].name, "Single");
}

#[test]
fn a_new_name_that_was_an_old_one_is_another_room_type() {
    let bench = open();
    let mut by_staff = hotel();
    by_staff.room_types[0].name = "Twin".into();
    bench.call(&administrator(), PutHotel { hotel: by_staff, expect: Precondition::None }).unwrap();
    // Both the renamed room type and a new one under its old name.
    let mut both = hotel();
    both.room_types.push(RoomTypeProfile { name: "Twin".into(), ..hotel().room_types[0].clone() });
    both.room_types[2].id = RoomTypeId::of_name(both.id, "Twin");
    let after = import(&bench, both).unwrap();
    assert_eq!(on_sale(&after), ["Double", "Single", "Twin"]);
    assert_eq!(after.room_types[2].id, hotel().room_types[0].id, "the renamed one is found by its name");
    assert_eq!(after.room_types[0].id, hotel().room_types[0].id.another());
    let plan = RatePlanId::of_name(after.room_types[0].id, "Flexible");
    assert_eq!(after.room_types[0].rate_plans[0].id, plan);
}

#[test]
fn a_retired_room_type_honours_what_was_sold_and_comes_back_with_its_inventory() {
    let bench = open_with(referenced());
    let stay = nights(DAY, 1);
    let reservation = confirmed(&bench, &user("ann"), stay);
    let mut fewer = referenced();
    fewer.room_types.remove(0);
    let after = import(&bench, fewer).unwrap();
    assert_eq!(on_sale(&after), ["Single"]);
    assert!(offers(&bench, stay, 2, 1).unwrap().is_empty());
    assert_eq!(read(&bench, &user("ann"), reservation.id).unwrap(), reservation);
    let after = import(&bench, renamed(referenced(), "Chambre double", "Souple")).unwrap();
    assert_eq!(after.room_types[0].id, referenced().room_types[0].id);
    assert_eq!(offers(&bench, stay, 2, 1).unwrap()[0].rooms_left, 1);
}

#[test]
fn the_number_of_retired_room_types_and_rate_plans_is_no_limit_and_does_not_slow_down_holds() {
    let bench = open();
    let sold = confirmed(&bench, &user("ann"), nights(DAY, 1));
    // The price of a night under a rate plan that will be retired long ago.
    let (double, plan) = (hotel().room_types[0].id, hotel().room_types[0].rate_plans[0].id);
    let set = |plan, price| {
        let night = Nights { from: date(DAY), to: date(DAY) };
        let change = CalendarChange { prices: vec![(plan, price)], ..CalendarChange::default() };
        bench.call(
            &administrator(),
            SetCalendar { hotel: hotel().id, room_type: double, nights: night, change },
        )
    };
    set(plan, Some(12_345)).unwrap();
    // What a hold of this room type reads: its facts and its calendar.
    let size = || {
        let rows = bench.rows().into_iter();
        let own = rows
            .filter(|(key, _)| [33, 34].contains(&key[0]) && key[1..].starts_with(&double.0.to_be_bytes()));
        own.map(|(_, value)| value.len()).sum::<usize>()
    };
    assert!(size() > 20);
    let mut sizes = Vec::new();
    for round in 0..130 {
        let mut hotel = hotel();
        hotel.room_types[0].rate_plans[0].name = format!("Rate {round}");
        hotel.room_types[1].name = format!("Single {round}");
        let after = import(&bench, hotel).unwrap();
        assert!(after.room_types.len() <= 100 && after.room_types[0].rate_plans.len() <= 40);
        assert_eq!(on_sale(&after), ["Double".to_owned(), format!("Single {round}")]);
        sizes.push(size());
    }
    assert!(sizes[129] <= sizes[0], "{sizes:?}");
    assert_eq!(set(plan, None), Err(Refusal::NoSuchRatePlan), "it has been removed, and its price too");
    assert_eq!(read(&bench, &user("ann"), sold.id).unwrap(), sold);
    // Staff still changes the hotel and its room types.
    let mut stored = bench.call(&administrator(), GetManagedHotel { hotel: hotel().id }).unwrap().hotel;
    stored.room_types[0].name = "Twin".into();
    bench.call(&administrator(), PutHotel { hotel: stored, expect: Precondition::None }).unwrap();
    assert_eq!(bench.violations(), [] as [String; 0]);
}

#[test]
fn limits_count_what_is_on_sale() {
    let bench = open();
    let add = |name: String, active| {
        let mut room_type = RoomTypeProfile { active, ..hotel().room_types[0].clone() };
        room_type.id = RoomTypeId::of_name(hotel().id, &name);
        room_type.name = name;
        bench.call(&administrator(), AddRoomType { hotel: hotel().id, room_type, expect: None }).map(|_| ())
    };
    for number in 2..50 {
        add(format!("Room {number}"), true).unwrap();
    }
    let too_many =
        Refusal::Invalid { field: "room_types".into(), why: "at most 50 room types on sale".into() };
    assert_eq!(add("One more".into(), true), Err(too_many));
    assert_eq!(add("One more".into(), false), Ok(()));
    let plans: Vec<RatePlanProfile> = (0..21)
        .map(|number| RatePlanProfile {
            id: RatePlanId(u128::from(hotel().id.slot().number()) << 112 | number),
            name: format!("Plan {number}"),
            ..hotel().room_types[0].rate_plans[0].clone()
        })
        .collect();
    let mut hotel = hotel();
    hotel.room_types[0].rate_plans = plans;
    let too_many =
        Refusal::Invalid { field: "rate_plans".into(), why: "at most 20 rate plans on sale".into() };
    assert_eq!(import(&bench, hotel).map(|_| ()), Err(too_many));
}

#[test]
fn a_room_type_that_is_added_has_a_name_and_a_reference_of_its_own() {
    let bench = open_with(referenced());
    let add = |name: &str, reference: Option<&str>, expect| {
        let room_type = RoomTypeProfile {
            name: name.into(),
            reference: reference.map(str::to_owned),
            ..hotel().room_types[0].clone()
        };
        let added = bench.call(&administrator(), AddRoomType { hotel: hotel().id, room_type, expect });
        added.map(|managed| managed.hotel.room_types.iter().map(|room| room.name.clone()).collect::<Vec<_>>())
    };
    let refused = |field: &str, why: &str| Err(Refusal::Invalid { field: field.into(), why: why.into() });
    assert_eq!(
        add("Double", None, None),
        refused("name", "another room type of the property that is on sale has this name")
    );
    assert_eq!(
        add("Suite", Some("double"), None),
        refused("reference", "another room type of the property has this reference")
    );
    assert_eq!(add("Suite", Some("suite"), Some(7)), Err(Refusal::Changed));
    assert_eq!(
        add("Suite", Some("suite"), Some(1)),
        Ok(vec!["Double".into(), "Single".into(), "Suite".into()])
    );
    // An import finds it by its reference.
    let mut hotel = referenced();
    hotel.room_types.push(RoomTypeProfile {
        name: "Royal suite".into(),
        reference: Some("suite".into()),
        id: RoomTypeId::of_reference(hotel.id, "suite"),
        ..referenced().room_types[0].clone()
    });
    let after = import(&bench, hotel).unwrap();
    assert_eq!(on_sale(&after), ["Double", "Single", "Royal suite"]);
    assert_eq!(after.room_types.len(), 3);
}

#[test]
fn the_currency_changes_only_without_prices_and_reservations() {
    let bench = open();
    let dollars = || {
        let mut hotel = hotel();
        hotel.currency = "USD".parse().unwrap();
        hotel
    };
    let in_use = |result: Result<HotelProfile, Refusal>, used: &str| {
        let refusal = result.unwrap_err();
        assert!(matches!(refusal, Refusal::CurrencyInUse { currency: Currency::EUR, .. }), "{refusal:?}");
        assert!(refusal.to_string().contains(used), "{refusal}");
    };
    in_use(import(&bench, dollars()), "rooms are on sale");
    let offer = quote(&bench, nights(DAY, 1), 1);
    let held = hold(&bench, &user("ann"), quote(&bench, nights("2026-12-20", 1), 1)).unwrap();
    let off_sale = HotelProfile { active: false, ..hotel() };
    import(&bench, off_sale.clone()).unwrap();
    in_use(import(&bench, dollars()), "held or sold, first on 2026-12-20");
    cancel(&bench, &user("ann"), held.id).unwrap();
    let room_type = &hotel().room_types[0];
    let set = |price| {
        let night = Nights { from: date("2026-12-25"), to: date("2026-12-25") };
        let prices = vec![(room_type.rate_plans[0].id, price)];
        let change = CalendarChange { prices, ..CalendarChange::default() };
        let request = SetCalendar { hotel: hotel().id, room_type: room_type.id, nights: night, change };
        bench.call(&administrator(), request).unwrap();
    };
    set(Some(9_900));
    in_use(import(&bench, dollars()), "calendar has prices, first on 2026-12-25");
    set(None);
    // The new description leaves out a room type, which must not come back at its old price.
    let mut smaller = dollars();
    smaller.room_types.remove(1);
    let after = import(&bench, smaller).unwrap();
    assert_eq!((after.currency.code(), on_sale(&after)), ("USD", vec!["Double"]));
    assert!(after.room_types[1].rate_plans.iter().all(|plan| !plan.active));
    assert_eq!(quote(&bench, nights(DAY, 1), 1).currency.code(), "USD");
    assert_eq!(hold(&bench, &user("ann"), offer), Err(Refusal::OfferExpired), "an offer in the old currency");
    // Other changes do not look at the currency.
    import(&bench, dollars()).unwrap();
}
