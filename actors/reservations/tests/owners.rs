//! Access to reservations and hotels, lists, and the work of staff.

mod common;

use common::*;
use contracts::reservations::{
    CalendarChange, Cancel, CheckIn, CheckOut, DayList, GetDayList, GetHotel, GetReservationByLink, Guest,
    Hold, ImportHotels, ListBy, ListManagedHotels, ListReservations, LocalHour, Modify, Nights, NoShow,
    Position, Precondition, PutHotel, Quote, Refusal, Reservation, ReservationPage, Reservations as Contract,
    SetCalendar, Status, merge_pages,
};
use contracts::search::{self, Search};
use contracts::{HotelId, HotelProfile, RoomTypeId, scope};
use protocol::{Principal, Variant};
use reservations::Reservations;
use token::ClusterKey;

const DAY: &str = "2026-12-24";

#[test]
fn a_reservation_is_visible_to_its_owner_and_to_staff() {
    let links = ClusterKey::random().links("booking-link");
    let bench = ReservationBench::new(Reservations::new(links.clone()));
    bench.call(&administrator(), ImportHotels { hotels: vec![hotel()] }).unwrap();
    let ann = user("ann");
    let held = hold(&bench, &ann, quote(&bench, nights(DAY, 1), 1)).unwrap();
    let for_ann = Principal { on_behalf_of: Some("usr_ann".into()), ..Principal::service("ui") };
    let reader = |name: &str| principal(name, &[scope::RESERVATIONS_READ]);
    let table = [
        (ann.clone(), true),
        (reader("usr_ann"), true),
        (for_ann, true),
        (administrator(), true),
        (staff(hotel().id), true),
        // The pages act for a visitor, and have no access of their own.
        (Principal::service("ui"), false),
        (Principal::service("payments"), true),
        (user("bob"), false),
        (guest_session("gst_1"), false),
        (staff(hotel_in("other", "UTC").id), false),
        (client("partner"), false),
        // The guest's mail address grants no access.
        (user("guest@example.org"), false),
    ];
    for (caller, sees) in table {
        let expected = if sees { Ok(held.clone()) } else { Err(Refusal::NoSuchReservation) };
        assert_eq!(read(&bench, &caller, held.id), expected, "{caller:?}");
        if caller.has_scope(scope::RESERVATIONS_WRITE) && !sees {
            assert_eq!(cancel(&bench, &caller, held.id), Err(Refusal::NoSuchReservation));
        }
    }
    let by_link = |id: contracts::ReservationId, tag: String| {
        bench.call(&Principal::anonymous(), GetReservationByLink { reservation: id, tag }).map(|_| ())
    };
    let tag_of = |id: contracts::ReservationId, number: &str| links.tag(&[&id.to_string(), number]);
    let tag = tag_of(held.id, "1");
    assert_eq!(by_link(held.id, tag.clone()), Ok(()));
    assert_eq!(by_link(held.id, tag[1..].to_owned()), Err(Refusal::NoSuchReservation));
    let other = contracts::ReservationId(held.id.0 ^ 1);
    assert_eq!(by_link(other, tag), Err(Refusal::NoSuchReservation));
    assert_eq!(by_link(other, tag_of(other, "1")), Err(Refusal::NoSuchReservation));
}

#[test]
fn a_change_requires_the_expected_version() {
    let bench = open();
    let ann = user("ann");
    let held = hold(&bench, &ann, quote(&bench, nights(DAY, 1), 1)).unwrap();
    let change = |expect, name: &str, requests: Option<&str>| {
        let guest = Some(Guest { name: name.into(), ..guest() });
        let requests = Some(requests.map(str::to_owned));
        bench.call(&ann, Modify { reservation: held.id, expect, guest, requests })
    };
    let changed = change(Some(1), "Ann", Some("Quiet, please.")).unwrap();
    assert_eq!((changed.version, changed.guest.name.as_str()), (2, "Ann"));
    assert_eq!(change(Some(1), "Bob", None), Err(Refusal::Changed));
    // A request that changes nothing does not increment the version.
    assert_eq!(change(Some(2), "Ann", Some("Quiet, please.")).unwrap().version, 2);
    assert_eq!(change(None, "Ann", None).unwrap().requests, None);
    assert_eq!(
        bench.call(&ann, Cancel { reservation: held.id, expect: Some(2), penalty: None }),
        Err(Refusal::Changed)
    );
    cancel(&bench, &ann, held.id).unwrap();
    assert_eq!(change(None, "Eve", None), Err(Refusal::WrongStatus { status: Status::Cancelled }));
}

fn all(by: ListBy) -> ListReservations {
    ListReservations {
        by,
        status: None,
        check_in_from: None,
        check_in_to: None,
        reference: None,
        updated_since: None,
        after: None,
        limit: 100,
    }
}

fn page(
    bench: &ReservationBench,
    caller: &Principal,
    listing: ListReservations,
) -> Result<ReservationPage, Refusal> {
    bench.call(caller, listing)
}

fn list(bench: &ReservationBench, caller: &Principal, listing: ListReservations) -> Vec<Reservation> {
    let limit = listing.limit as usize;
    merge_pages(vec![page(bench, caller, listing).unwrap()], limit).0
}

#[test]
fn lists_are_filtered_and_paged() {
    let mut large = hotel();
    large.room_types[0].rooms = 50;
    let bench = open_with(large);
    let partner = client("partner");
    let mut made = Vec::new();
    for day in 0..12 {
        bench.advance_secs(1);
        let quote = quote(&bench, nights(DAY, 1), 1);
        let quote = Quote {
            stay: contracts::Stay::new(date(DAY).plus_days(day), date(DAY).plus_days(day + 1)).unwrap(),
            ..quote
        };
        let reference = Some(format!("P-{}", day % 3));
        let admission = admit(&bench, &partner, &quote, HERE).unwrap();
        let command = Hold { quote, guest: guest(), requests: None, reference, admission };
        made.push((bench.call(&partner, command)).unwrap());
    }
    hold(&bench, &user("ann"), quote(&bench, nights(DAY, 1), 1)).unwrap();
    for held in &made[..6] {
        open_payment(&bench, held.id, held.id.0);
        pay(&bench, held, held.id.0);
    }
    let later = bench.now().plus_secs(10);
    bench.advance_secs(10);
    cancel(&bench, &partner, made[0].id).unwrap();
    let ids = |found: Vec<Reservation>| found.into_iter().map(|found| found.id).collect::<Vec<_>>();
    let expected = |which: &[usize]| which.iter().map(|index| made[*index].id).collect::<Vec<_>>();
    let mine = all(ListBy::Owner);
    // Newest first, and only the caller's own.
    assert_eq!(ids(list(&bench, &partner, mine.clone())), expected(&[11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0]));
    assert_eq!(list(&bench, &user("ann"), mine.clone()).len(), 1);
    assert_eq!(list(&bench, &user("bob"), mine.clone()).len(), 0);
    let table = [
        (ListReservations { status: Some(Status::Confirmed), ..mine.clone() }, &[5, 4, 3, 2, 1][..]),
        (ListReservations { status: Some(Status::Cancelled), ..mine.clone() }, &[0]),
        (ListReservations { reference: Some("P-1".into()), ..mine.clone() }, &[10, 7, 4, 1]),
        (ListReservations { reference: Some("P-9".into()), ..mine.clone() }, &[]),
        (ListReservations { check_in_from: Some(date("2027-01-02")), ..mine.clone() }, &[11, 10, 9]),
        (ListReservations { check_in_to: Some(date("2026-12-25")), ..mine.clone() }, &[1, 0]),
        (ListReservations { updated_since: Some(later), ..mine.clone() }, &[0]),
        (
            ListReservations { reference: Some("P-0".into()), status: Some(Status::Held), ..mine.clone() },
            &[9, 6],
        ),
    ];
    for (listing, which) in table {
        assert_eq!(ids(list(&bench, &partner, listing.clone())), expected(which), "{listing:?}");
    }
    // By hotel, for its staff: confirmed reservations by check-in date.
    let hotels = all(ListBy::Hotel(hotel().id));
    assert_eq!(ids(list(&bench, &staff(hotel().id), hotels.clone())), expected(&[0, 1, 2, 3, 4, 5]));
    let from = ListReservations {
        check_in_from: Some(date("2026-12-26")),
        check_in_to: Some(date("2026-12-28")),
        ..hotels.clone()
    };
    assert_eq!(ids(list(&bench, &staff(hotel().id), from)), expected(&[2, 3, 4]));
    assert_eq!(page(&bench, &partner, hotels.clone()).unwrap_err(), Refusal::NotYourHotel);
    assert_eq!(
        page(&bench, &staff(hotel_in("x", "UTC").id), hotels.clone()).unwrap_err(),
        Refusal::NotYourHotel
    );
    // Pages join to the same list.
    for (caller, listing, count) in [(&partner, mine, 12), (&administrator(), hotels, 6)] {
        let whole = ids(list(&bench, caller, listing.clone()));
        let (mut after, mut found) = (None, Vec::new());
        loop {
            let asked = ListReservations { after, limit: 5, ..listing.clone() };
            let (items, next) = merge_pages(vec![page(&bench, caller, asked).unwrap()], 5);
            found.extend(ids(items));
            after = next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!((found.len(), &found), (count, &whole));
    }
}

#[test]
fn pages_of_shards_are_merged_without_gaps() {
    let bench = open();
    let one = hold(&bench, &user("ann"), quote(&bench, nights(DAY, 1), 1)).unwrap();
    let place = |rank| Position { rank, reservation: one.id };
    let page = |ranks: &[u64], scanned_to: Option<u64>| ReservationPage {
        items: ranks
            .iter()
            .map(|rank| (place(*rank), Reservation { version: *rank as u32, ..one.clone() }))
            .collect(),
        scanned_to: scanned_to.map(place),
    };
    let table = [
        (vec![page(&[1, 4], None), page(&[2, 3], None)], 10, vec![1, 2, 3, 4], None),
        (vec![page(&[1, 4], None), page(&[2, 3], None)], 3, vec![1, 2, 3], Some(3)),
        // The second shard stopped at 3, so later items of the first shard belong to the next page.
        (vec![page(&[1, 4], None), page(&[2], Some(3))], 10, vec![1, 2], Some(3)),
        (vec![page(&[5, 6], Some(6)), page(&[], Some(2))], 10, vec![], Some(2)),
        (vec![page(&[], None)], 10, vec![], None),
    ];
    for (pages, limit, expected, next) in table {
        let (items, at) = merge_pages(pages, limit);
        assert_eq!(items.iter().map(|item| item.version).collect::<Vec<_>>(), expected);
        assert_eq!(at, next.map(place));
    }
}

#[test]
fn the_front_desk_checks_guests_in_and_out_and_marks_no_shows() {
    let bench = &open();
    let paid = confirmed(bench, &user("ann"), nights("2026-11-24", 2));
    let clerk = staff(hotel().id);
    let day = |list, on: &str| {
        bench.call(&clerk, GetDayList { hotel: hotel().id, date: date(on), list }).unwrap().items.len()
    };
    for (on, arrivals, departures, in_house) in
        [("2026-11-23", 0, 0, 0), ("2026-11-24", 1, 0, 1), ("2026-11-25", 0, 0, 1), ("2026-11-26", 0, 1, 0)]
    {
        assert_eq!(
            (day(DayList::Arrivals, on), day(DayList::Departures, on), day(DayList::InHouse, on)),
            (arrivals, departures, in_house)
        );
    }
    fn step<M>(bench: &ReservationBench, clerk: &Principal, request: M) -> Result<Status, Refusal>
    where
        M: Variant<Contract = Contract, Reply = Reservation>,
    {
        bench.call(clerk, request).map(|found| found.status)
    }
    let hour = |day: &str, hour| LocalHour { date: date(day), hour };
    let (from, until) = (hour("2026-11-24", 0), Some(hour("2026-11-26", 11)));
    let early = Err(Refusal::NotNow { from, until });
    assert_eq!(step(bench, &clerk, CheckIn { reservation: paid.id }), early);
    let early = Err(Refusal::NotNow { from: hour("2026-11-24", 15), until: None });
    assert_eq!(step(bench, &clerk, NoShow { reservation: paid.id }), early);
    assert_eq!(
        step(bench, &clerk, CheckOut { reservation: paid.id }),
        Err(Refusal::WrongStatus { status: Status::Confirmed })
    );
    bench.advance_secs(86_400);
    let other = staff(hotel_in("other", "UTC").id);
    assert_eq!(bench.call(&other, CheckIn { reservation: paid.id }), Err(Refusal::NoSuchReservation));
    let guest_with_scope = principal("usr_ann", &[scope::HOTEL_MANAGE, scope::RESERVATIONS_WRITE]);
    let elsewhere = Principal { resources: other.resources.clone(), ..guest_with_scope };
    assert_eq!(bench.call(&elsewhere, CheckIn { reservation: paid.id }), Err(Refusal::NotYourHotel));
    assert_eq!(step(bench, &clerk, CheckIn { reservation: paid.id }), Ok(Status::CheckedIn));
    assert_eq!(cancel(bench, &user("ann"), paid.id), Err(Refusal::WrongStatus { status: Status::CheckedIn }));
    assert_eq!(step(bench, &clerk, CheckOut { reservation: paid.id }), Ok(Status::CheckedOut));
    let absent = confirmed(bench, &user("bob"), nights("2026-11-24", 1));
    bench.advance_secs(3 * 3_600);
    assert_eq!(step(bench, &clerk, NoShow { reservation: absent.id }), Ok(Status::NoShow));
    let marked = read(bench, &clerk, absent.id).unwrap();
    // After the deadline 80 % are kept.
    assert_eq!((marked.penalty, marked.latest_refund().unwrap().amount), (8_400, 2_100));
    // The other guest departed on the first day.
    assert_eq!(taken(bench, hotel().room_types[0].id, date("2026-11-24")), 0);
    assert_eq!(bench.violations(), [] as [String; 0]);
}

fn import(
    bench: &ReservationBench,
    caller: &Principal,
    hotel: HotelProfile,
) -> Result<(u32, u32, u32), Refusal> {
    let imported = bench.call(caller, ImportHotels { hotels: vec![hotel] })?;
    Ok((imported.created, imported.updated, imported.unchanged))
}

#[test]
fn imports_create_update_and_leave_unchanged() {
    let bench = ReservationBench::new(Reservations::new(links()));
    let admin = administrator();
    assert_eq!(import(&bench, &admin, hotel()), Ok((1, 0, 0)));
    let update = search::UpdateHotel { hotel: hotel(), at: bench.now() };
    assert_eq!(bench.sent::<Search>(), [search::Command::from(update)]);
    assert_eq!(import(&bench, &admin, hotel()), Ok((0, 0, 1)));
    assert_eq!(bench.sent::<Search>(), []);
    let renamed = HotelProfile { name: "Petit Hotel".into(), ..hotel() };
    assert_eq!(import(&bench, &staff(hotel().id), renamed.clone()), Ok((0, 1, 0)));
    assert_eq!(bench.sent::<Search>().len(), 1);
    // Missing room types and rate plans go off sale; a second import changes nothing.
    let mut smaller = renamed;
    smaller.room_types.remove(1);
    smaller.room_types[0].rate_plans.remove(1);
    assert_eq!(import(&bench, &admin, smaller.clone()), Ok((0, 1, 0)));
    assert_eq!(import(&bench, &admin, smaller), Ok((0, 0, 1)));
    let found = offers(&bench, nights(DAY, 1), 1, 1).unwrap();
    assert_eq!(found.iter().map(|offer| offer.quote.plan_name.as_str()).collect::<Vec<_>>(), ["Flexible"]);
    let refused: [(Principal, HotelProfile, Refusal); 5] = [
        (staff(hotel_in("other", "UTC").id), hotel(), Refusal::NotYourHotel),
        (staff(hotel().id), hotel_in("other", "UTC"), Refusal::NotYourHotel),
        (
            admin.clone(),
            HotelProfile { reference: "grander".into(), ..hotel() },
            invalid("id", "not the id of this reference"),
        ),
        (admin.clone(), hotel_in("grand", "Europe/Atlantis"), invalid("time_zone", "no such time zone")),
        (
            admin.clone(),
            {
                let mut twins = hotel();
                twins.room_types[1].id = twins.room_types[0].id;
                twins
            },
            invalid("room_types", "an id is a duplicate or belongs to another hotel"),
        ),
    ];
    for (caller, hotel, expected) in refused {
        assert_eq!(import(&bench, &caller, hotel), Err(expected));
    }
}

fn invalid(field: &str, why: &str) -> Refusal {
    Refusal::Invalid { field: field.into(), why: why.into() }
}

#[test]
fn the_inventory_cannot_fall_below_the_rooms_held_and_sold() {
    let bench = open();
    let double: RoomTypeId = hotel().room_types[0].id;
    hold(&bench, &user("ann"), quote(&bench, nights(DAY, 2), 2)).unwrap();
    let set = |from: &str, to: &str, change: CalendarChange| {
        let nights = Nights { from: date(from), to: date(to) };
        let (hotel, room_type) = (hotel().id, double);
        bench.call(&administrator(), SetCalendar { hotel, room_type, nights, change }).map(|_| ())
    };
    let below = |night: &str, rooms| Refusal::InventoryBelowTaken {
        room_type: "Double".into(),
        night: date(night),
        taken: 2,
        rooms,
    };
    let rooms = |rooms| CalendarChange { rooms: Some(rooms), ..CalendarChange::default() };
    assert_eq!(set("2026-12-20", "2026-12-31", rooms(Some(1))), Err(below("2026-12-24", 1)));
    assert_eq!(set("2026-12-25", "2026-12-25", rooms(Some(5))), Ok(()));
    let mut fewer = hotel();
    fewer.room_types[0].rooms = 1;
    assert_eq!(import(&bench, &administrator(), fewer.clone()), Err(below("2026-12-24", 1)));
    assert_eq!(set("2026-12-24", "2026-12-25", rooms(Some(2))), Ok(()));
    // Now the calendar has a number of rooms for each night that is taken.
    assert_eq!(import(&bench, &administrator(), fewer), Ok((0, 1, 0)));
    assert_eq!(set("2026-12-25", "2026-12-25", rooms(None)), Err(below("2026-12-25", 1)));
    assert_eq!(bench.violations(), [] as [String; 0]);
}

#[test]
fn the_calendar_sets_prices_and_refuses_invalid_changes() {
    let bench = open();
    let double = hotel().room_types[0].clone();
    let plan = double.rate_plans[0].id;
    let set = |caller: &Principal, room_type, from: &str, to: &str, change: CalendarChange| {
        let nights = Nights { from: date(from), to: date(to) };
        bench.call(caller, SetCalendar { hotel: hotel().id, room_type, nights, change }).map(|_| ())
    };
    let price = |price| CalendarChange { prices: vec![(plan, price)], ..CalendarChange::default() };
    let admin = administrator();
    set(&admin, double.id, "2026-12-25", "2026-12-26", price(Some(30_000))).unwrap();
    let sent = bench.sent::<Search>();
    let [search::Command::UpdateNights(search::UpdateNights { nights: changed, .. })] = sent.as_slice()
    else {
        panic!("{sent:?}")
    };
    assert_eq!(changed.len(), 2);
    assert_eq!(changed[0].1.prices, [(plan, 30_000)]);
    assert_eq!(quote(&bench, nights(DAY, 3), 1).nightly, [10_000, 30_000, 30_000]);
    set(&admin, double.id, "2026-12-26", "2026-12-26", price(None)).unwrap();
    assert_eq!(quote(&bench, nights(DAY, 3), 1).nightly, [10_000, 30_000, 10_000]);
    let stranger = hotel_in("other", "UTC").room_types[0].clone();
    let foreign =
        CalendarChange { prices: vec![(stranger.rate_plans[0].id, Some(1))], ..CalendarChange::default() };
    let table = [
        (staff(HotelId(1)), double.id, "2026-12-24", "2026-12-24", price(None), Refusal::NotYourHotel),
        (admin.clone(), stranger.id, "2026-12-24", "2026-12-24", price(None), Refusal::NoSuchRoomType),
        (admin.clone(), double.id, "2026-12-24", "2026-12-24", foreign, Refusal::NoSuchRatePlan),
        (
            admin.clone(),
            double.id,
            "2026-12-24",
            "2026-12-24",
            price(Some(-1)),
            invalid("prices", "a price is not negative"),
        ),
        (
            admin.clone(),
            double.id,
            "2026-12-24",
            "2026-12-23",
            price(None),
            invalid("to", "the last night is not before the first"),
        ),
        (
            admin.clone(),
            double.id,
            "2026-12-24",
            "2029-12-24",
            price(None),
            invalid("to", "at most 732 nights at a time"),
        ),
        (
            admin,
            double.id,
            "2126-12-24",
            "2126-12-24",
            price(None),
            invalid("to", "a night between 1970 and 2100"),
        ),
    ];
    for (caller, room_type, from, to, change, expected) in table {
        assert_eq!(set(&caller, room_type, from, to, change), Err(expected));
    }
}

#[test]
fn a_hotel_is_written_on_the_expected_version() {
    let bench = open();
    let put = |hotel: HotelProfile, expect| {
        bench.call(&administrator(), PutHotel { hotel, expect }).map(|managed| managed.version)
    };
    let named = |name: &str| HotelProfile { name: name.into(), ..hotel() };
    assert_eq!(put(named("A"), Precondition::Absent), Err(Refusal::ReferenceTaken));
    assert_eq!(put(named("A"), Precondition::Version(1)), Ok(2));
    assert_eq!(put(named("B"), Precondition::Version(1)), Err(Refusal::Changed));
    assert_eq!(put(named("B"), Precondition::None), Ok(3));
    assert_eq!(put(hotel_in("new", "UTC"), Precondition::Version(1)), Err(Refusal::NoSuchHotel));
    assert_eq!(put(hotel_in("new", "UTC"), Precondition::Absent), Ok(1));
    let managed = |caller: &Principal, after, limit| {
        let found = bench.call(caller, ListManagedHotels { after, limit }).unwrap();
        found.into_iter().map(|managed| managed.hotel.id).collect::<Vec<_>>()
    };
    let mut both = [hotel().id, hotel_in("new", "UTC").id];
    both.sort();
    assert_eq!(managed(&administrator(), None, 10), both);
    assert_eq!(managed(&administrator(), Some(both[0]), 10), both[1..]);
    assert_eq!(managed(&administrator(), None, 1), both[..1]);
    assert_eq!(managed(&staff(hotel().id), None, 10), [hotel().id]);
    // Everybody may read a hotel, but not its mail address.
    let found = bench.call(&Principal::anonymous(), GetHotel { hotel: hotel().id }).unwrap();
    assert_eq!(found, HotelProfile { email: None, ..named("B") });
}
