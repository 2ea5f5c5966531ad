//! The index compared with a naive model that scans all hotels for each request.

mod common;

use std::collections::BTreeMap;

use common::*;
use contracts::search::{
    Command, FindHotels, Night, Position, Sort, UpdateHotel, UpdateNights, UpdateTakenRooms,
};
use contracts::{Currency, Date, HotelId, HotelProfile, RoomTypeId, Season, Stay, TaxRule, pricing};
use proptest::prelude::*;
use protocol::Timestamp;

/// A model of search that keeps all updates.
#[derive(Default)]
struct Model {
    hotels: BTreeMap<HotelId, (Timestamp, HotelProfile)>,
    nights: BTreeMap<(HotelId, RoomTypeId, Date), (Timestamp, Timestamp, Night)>,
}

impl Model {
    fn apply(&mut self, command: &Command) {
        match command {
            Command::UpdateHotel(UpdateHotel { hotel, at }) => {
                if self.hotels.get(&hotel.id).is_none_or(|known| known.0 <= *at) {
                    self.hotels.insert(hotel.id, (*at, hotel.clone()));
                }
            }
            Command::UpdateNights(UpdateNights { hotel, room_type, nights, at }) => {
                for (date, night) in nights {
                    let known = self.night(*hotel, *room_type, *date);
                    if *at >= known.0 {
                        *known = (*at, known.1, Night { taken: known.2.taken, ..night.clone() });
                    }
                    if *at >= known.1 {
                        (known.1, known.2.taken) = (*at, night.taken);
                    }
                }
            }
            Command::UpdateTakenRooms(UpdateTakenRooms { hotel, room_type, from, taken, at }) => {
                for (taken, day) in taken.iter().zip(0..) {
                    let known = self.night(*hotel, *room_type, from.plus_days(day));
                    if *at >= known.1 {
                        (known.1, known.2.taken) = (*at, *taken);
                    }
                }
            }
        }
    }

    fn night(
        &mut self,
        hotel: HotelId,
        room_type: RoomTypeId,
        date: Date,
    ) -> &mut (Timestamp, Timestamp, Night) {
        let unknown = (Timestamp(i64::MIN), Timestamp(i64::MIN), Night::default());
        self.nights.entry((hotel, room_type, date)).or_insert(unknown)
    }

    fn night_at(&self, hotel: HotelId, room_type: RoomTypeId, date: Date) -> Night {
        self.nights.get(&(hotel, room_type, date)).map(|known| known.2.clone()).unwrap_or_default()
    }

    /// The cheapest total of a hotel, if it can be had.
    fn total(&self, hotel: &HotelProfile, stay: Stay, guests: u16, rooms: u16) -> Option<i64> {
        let room_types = hotel.room_types.iter().filter(|room| room.active);
        let fitting =
            room_types.filter(|room| u32::from(room.sleeps) * u32::from(rooms) >= u32::from(guests));
        let free = fitting.filter(|room| {
            let night = |date| self.night_at(hotel.id, room.id, date);
            let arrival = night(stay.check_in());
            !arrival.closed_to_arrival
                && u32::from(arrival.min_stay) <= stay.length()
                && !night(stay.check_out()).closed_to_departure
                && stay.nights().all(|date| {
                    let night = night(date);
                    !night.stop_sell
                        && night.rooms.unwrap_or(room.rooms).saturating_sub(night.taken) >= u32::from(rooms)
                })
        });
        let totals = free.flat_map(|room| {
            room.rate_plans.iter().filter(|plan| plan.active).map(|plan| {
                let nights = stay.nights().map(|date| {
                    let prices = self.night_at(hotel.id, room.id, date).prices;
                    let set = prices.iter().find(|(id, _)| *id == plan.id).map(|(_, price)| *price);
                    (date, pricing::night_price(plan, &room.season, date, set, hotel.currency))
                });
                pricing::price_stay(nights, u32::from(rooms), &hotel.taxes, hotel.currency).total
            })
        });
        totals.min()
    }

    fn find(&self, asked: &FindHotels, stay: Stay) -> Vec<(Position, i64)> {
        let usual = |hotel: &HotelProfile| hotel.currency == self.usual_currency();
        let mut found: Vec<(Position, i64)> = self
            .hotels
            .values()
            .map(|(_, hotel)| hotel)
            .filter(|hotel| hotel.active && (asked.stars.is_empty() || asked.stars.contains(&hotel.stars)))
            .filter(|hotel| asked.amenities.iter().all(|word| hotel.amenities.contains(word)))
            .filter_map(|hotel| Some((hotel, self.total(hotel, stay, asked.guests, asked.rooms)?)))
            .filter(|(_, total)| asked.price_min.is_none_or(|least| *total >= least))
            .filter(|(_, total)| asked.price_max.is_none_or(|most| *total <= most))
            .map(|(hotel, total)| {
                let (group, key) = match asked.sort {
                    Sort::Rating => (0, -i64::from(hotel.rating_tenths)),
                    _ if usual(hotel) => (0, total),
                    _ => (1, total),
                };
                (Position { group, key, hotel: hotel.id }, total)
            })
            .collect();
        found.sort_unstable();
        found
    }

    fn usual_currency(&self) -> Currency {
        let mut counts: BTreeMap<Currency, i32> = BTreeMap::new();
        for (_, hotel) in self.hotels.values().filter(|(_, hotel)| hotel.active) {
            *counts.entry(hotel.currency).or_default() += 1;
        }
        counts
            .into_iter()
            .max_by_key(|(code, count)| (*count, std::cmp::Reverse(*code)))
            .map_or(Currency::EUR, |usual| usual.0)
    }
}

fn season() -> impl Strategy<Value = Season> {
    let flat = Just(Season::FLAT);
    let moving = (proptest::array::uniform12(500..2_000u16), proptest::array::uniform7(700..1_500u16));
    prop_oneof![flat, moving.prop_map(|(months, weekdays)| Season { months, weekdays })]
}

fn any_hotel() -> impl Strategy<Value = HotelProfile> {
    let plans = proptest::collection::vec((3_000..20_000i64, prop::bool::weighted(0.9)), 1..4);
    let room_type = (1..5u8, 1..6u32, plans, season(), prop::bool::weighted(0.9));
    let taxes = proptest::collection::vec((0..2_500u32, any::<bool>()), 0..3);
    let facts = (0..12u8, 0..6u8, 0..100u8, prop::bool::weighted(0.9), prop::bool::weighted(0.95));
    let words = proptest::sample::subsequence(vec!["bar", "pool", "spa", "wifi"], 0..=4);
    (facts, proptest::collection::vec(room_type, 1..4), taxes, words).prop_map(
        |(facts, rooms, taxes, words)| {
            let (number, stars, rating, active, euro) = facts;
            let room_types =
                rooms.into_iter().zip(0..).map(|((sleeps, rooms, plans, season, active), place)| {
                    let plans = plans.into_iter().zip(0..).map(|((amount, active), place)| {
                        contracts::RatePlanProfile { active, ..plan(&format!("plan {place}"), amount) }
                    });
                    contracts::RoomTypeProfile {
                        season,
                        active,
                        ..room(&format!("room {place}"), sleeps, rooms, plans.collect())
                    }
                });
            let mut made = hotel(&number.to_string(), room_types.collect());
            (made.stars, made.rating_tenths, made.active) = (stars, rating, active);
            made.currency = if euro { Currency::EUR } else { "CHF".parse().unwrap() };
            made.amenities = words.into_iter().map(String::from).collect();
            let tax = |(basis_points, included)| TaxRule { name: "tax".into(), basis_points, included };
            made.taxes = taxes.into_iter().map(tax).collect();
            made
        },
    )
}

fn of_room(number: u8, place: u8) -> (HotelId, RoomTypeId) {
    let hotel = HotelId::of_reference(&number.to_string());
    (hotel, RoomTypeId::of_name(hotel, &format!("room {place}")))
}

fn any_night(room_type: RoomTypeId) -> impl Strategy<Value = Night> {
    let prices = proptest::collection::vec((0..3u8, 1_000..30_000i64), 0..3);
    let restrictions =
        (prop::bool::weighted(0.1), 0..4u8, prop::bool::weighted(0.1), prop::bool::weighted(0.1));
    (proptest::option::of(0..6u32), 0..4u32, prices, restrictions).prop_map(
        move |(rooms, taken, prices, restrictions)| {
            let (stop_sell, min_stay, closed_to_arrival, closed_to_departure) = restrictions;
            let id = |place| contracts::RatePlanId::of_name(room_type, &format!("plan {place}"));
            let prices: BTreeMap<_, _> =
                prices.into_iter().map(|(place, price)| (id(place), price)).collect();
            let prices = prices.into_iter().collect();
            Night { rooms, taken, prices, stop_sell, min_stay, closed_to_arrival, closed_to_departure }
        },
    )
}

fn any_command() -> impl Strategy<Value = Command> {
    let of = (0..12u8, 0..3u8).prop_map(|(number, place)| of_room(number, place));
    let nights = (of.clone(), 0..30i32).prop_flat_map(|((hotel, room_type), from)| {
        let nights = proptest::collection::vec(any_night(room_type), 1..6);
        (nights, 0..20i64).prop_map(move |(nights, millis)| UpdateNights {
            hotel,
            room_type,
            nights: nights.into_iter().zip(from..).map(|(night, date)| (day(date), night)).collect(),
            at: at(millis),
        })
    });
    let taken = (of, 0..30i32, proptest::collection::vec(0..6u32, 1..6), 0..20i64).prop_map(
        |((hotel, room_type), from, taken, millis)| UpdateTakenRooms {
            hotel,
            room_type,
            from: day(from),
            taken,
            at: at(millis),
        },
    );
    let hotel = (any_hotel(), 0..20i64).prop_map(|(hotel, millis)| UpdateHotel { hotel, at: at(millis) });
    prop_oneof![
        3 => hotel.prop_map(Command::from),
        2 => nights.prop_map(Command::from),
        2 => taken.prop_map(Command::from),
    ]
}

fn any_request() -> impl Strategy<Value = (FindHotels, Stay)> {
    let dates = prop_oneof![3 => (0..30i32, 1..6i32), 1 => (0..300i32, 1..60i32)];
    let sort = prop_oneof![Just(Sort::Price), Just(Sort::Rating)];
    let bounds = (proptest::option::of(0..60_000i64), proptest::option::of(0..100_000i64));
    let stars = proptest::sample::subsequence(vec![0u8, 1, 2, 3, 4, 5], 0..=5);
    let words = proptest::sample::subsequence(vec!["pool", "wifi"], 0..=1);
    (dates, 1..6u16, 1..3u16, sort, bounds, stars, words, 1..6u8).prop_map(
        |((from, nights), guests, rooms, sort, (price_min, price_max), stars, words, limit)| {
            let stay = stay(from, from + nights);
            let amenities = words.into_iter().map(String::from).collect();
            (
                FindHotels {
                    guests: guests.max(rooms),
                    rooms,
                    sort,
                    price_min,
                    price_max,
                    stars,
                    amenities,
                    limit,
                    ..sought(Some(stay))
                },
                stay,
            )
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn the_index_returns_the_results_of_a_full_scan(
        commands in proptest::collection::vec(any_command(), 1..60), ariary: bool, requests in proptest::collection::vec(any_request(), 1..12),
    ) {
        let (bench, mut model) = (bench(), Model::default());
        for mut command in commands {
            // Amounts in MGA are rounded to whole ariary, which is the coarsest rounding.
            if let Command::UpdateHotel(update) = &mut command && ariary && update.hotel.currency == Currency::EUR {
                update.hotel.currency = "MGA".parse().unwrap();
            }
            model.apply(&command);
            apply(&bench, command);
        }
        prop_assert_eq!(bench.violations(), Vec::<String>::new());
        for (mut asked, stay) in requests {
            let expected: Vec<_> = model.find(&asked, stay).into_iter().map(|(place, total)| (place.hotel, total)).collect();
            let mut seen = Vec::new();
            loop {
                let answer = found(&bench, &asked);
                seen.extend(answer.hotels.iter().map(|hotel| (hotel.id, hotel.offer.as_ref().unwrap().total)));
                asked.after = answer.next;
                if asked.after.is_none() {
                    break;
                }
            }
            prop_assert_eq!(seen, expected);
        }
    }
}
