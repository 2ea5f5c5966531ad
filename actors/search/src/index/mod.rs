//! The index in memory: hotels with what deciding on them needs, and the orders of each city.

mod calendar;
mod city;
mod hotel;
mod price;
mod words;

use std::collections::BTreeMap;

use contracts::search::Night;
use contracts::{Date, HotelId, HotelProfile, RoomTypeId};
use group::View;
use protocol::Timestamp;

use crate::cities::{Cities, Rank};
use crate::state::{AS_OF, HOTELS, NIGHTS, date_of};

pub(crate) use city::{CityHotels, Listed};
pub(crate) use hotel::{Hotel, Picked};
pub(crate) use price::Wanted;
pub(crate) use words::Words;

/// See the module.
#[derive(Debug)]
pub(crate) struct Index {
    /// A hotel's number is its place here, for as long as the index lives.
    hotels: Vec<Hotel>,
    numbers: BTreeMap<HotelId, u32>,
    cities: BTreeMap<Rank, CityHotels>,
    words: Words,
    /// What reservations said up to here is reflected.
    pub as_of: Timestamp,
}

impl Default for Index {
    fn default() -> Self {
        Self {
            hotels: Vec::new(),
            numbers: BTreeMap::new(),
            cities: BTreeMap::new(),
            words: Words::default(),
            as_of: Timestamp(0),
        }
    }
}

impl Index {
    /// What the store says.
    pub fn of_store(view: &View<'_>, cities: &Cities) -> Self {
        let mut index = Self { as_of: view.get(&AS_OF, &0).unwrap_or_default(), ..Self::default() };
        for (id, stored) in view.all(&HOTELS) {
            let mut nights = Vec::new();
            for ((_, room_type, row), stored) in view.scan(&NIGHTS, &(id,)) {
                nights.extend(
                    stored.into_iter().map(|night| (room_type, date_of(row, night.day), night.night)),
                );
            }
            index.set_hotel(cities, &stored.profile, nights);
        }
        index
    }

    /// The hotel of this id.
    pub fn hotel(&self, id: HotelId) -> Option<&Hotel> {
        self.numbers.get(&id).map(|number| self.numbered(*number))
    }

    /// The hotel of a number that this index gave.
    pub fn numbered(&self, number: u32) -> &Hotel {
        &self.hotels[number as usize]
    }

    /// The hotels of a city; none when it has no active one.
    pub fn city(&self, rank: Rank) -> Option<&CityHotels> {
        self.cities.get(&rank)
    }

    /// How many active hotels a city has.
    pub fn hotels_of(&self, rank: Rank) -> u32 {
        self.city(rank).map_or(0, CityHotels::count)
    }

    /// Cities that have active hotels.
    pub fn cities(&self) -> impl Iterator<Item = (Rank, &CityHotels)> {
        self.cities.iter().map(|(rank, city)| (*rank, city))
    }

    /// All hotels, by id.
    pub fn hotels(&self) -> impl Iterator<Item = &Hotel> {
        self.numbers.values().map(|number| self.numbered(*number))
    }

    /// All hotels with their numbers.
    pub fn numbers_of_hotels(&self) -> impl Iterator<Item = (&Hotel, u32)> {
        self.hotels.iter().zip(0..)
    }

    /// Amenities as bits.
    pub fn words(&self) -> &Words {
        &self.words
    }

    /// A hotel as it is now, with all that is particular about its nights.
    pub fn set_hotel(
        &mut self,
        cities: &Cities,
        profile: &HotelProfile,
        nights: Vec<(RoomTypeId, Date, Night)>,
    ) {
        let place = cities.of_hotel(&profile.city, &profile.country, profile.latitude, profile.longitude);
        let mut hotel = Hotel::new(profile, &place, &mut self.words);
        for (room_type, date, night) in &nights {
            hotel.set_night(*room_type, *date, night);
        }
        hotel.find_floors();
        let number = match self.numbers.get(&profile.id) {
            Some(number) => {
                let number = *number;
                self.unlist(number);
                self.hotels[number as usize] = hotel;
                number
            }
            None => {
                let number = u32::try_from(self.hotels.len()).expect("fewer than 2³² hotels");
                self.hotels.push(hotel);
                self.numbers.insert(profile.id, number);
                number
            }
        };
        self.list(number);
    }

    /// Some nights as they are now. A hotel or room type that is not known yet brings its nights along when it comes.
    pub fn set_nights(&mut self, hotel: HotelId, room_type: RoomTypeId, nights: &[(Date, Night)]) {
        let Some(number) = self.numbers.get(&hotel).copied() else { return };
        let hotel = &mut self.hotels[number as usize];
        let mut priced = false;
        for (date, night) in nights {
            priced |= hotel.set_night(room_type, *date, night);
        }
        if priced {
            self.refloor(number);
        }
    }

    /// Past nights were dropped.
    pub fn forget(&mut self, hotel: HotelId, room_type: RoomTypeId, before: Date) {
        let Some(number) = self.numbers.get(&hotel).copied() else { return };
        if self.hotels[number as usize].forget(room_type, before) {
            self.refloor(number);
        }
    }

    fn refloor(&mut self, number: u32) {
        self.unlist(number);
        self.hotels[number as usize].find_floors();
        self.list(number);
    }

    fn list(&mut self, number: u32) {
        let hotel = &self.hotels[number as usize];
        if hotel.active {
            self.cities.entry(hotel.city).or_default().insert(hotel, number);
        }
    }

    fn unlist(&mut self, number: u32) {
        let hotel = &self.hotels[number as usize];
        if hotel.active
            && let Some(city) = self.cities.get_mut(&hotel.city)
        {
            city.remove(hotel, number);
            if city.count() == 0 {
                self.cities.remove(&hotel.city);
            }
        }
    }
}
