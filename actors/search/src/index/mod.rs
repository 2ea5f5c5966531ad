//! The index in memory: hotels with the data that queries need, and the orders of each city.

mod amenities;
mod calendar;
mod city;
mod hotel;
mod stay_query;

use std::collections::BTreeMap;

use contracts::search::Night;
use contracts::{Date, HotelId, HotelProfile, RoomTypeId};
use group::View;
use protocol::Timestamp;

use crate::state::{AS_OF, HOTELS, NIGHTS, date_of};
use gazetteer::{Cities, Rank};

pub(crate) use amenities::AmenityBits;
pub(crate) use city::{CityHotels, ListedHotel};
pub(crate) use hotel::{CheapestOffer, Hotel};
pub(crate) use stay_query::StayQuery;

#[derive(Debug)]
pub(crate) struct Index {
    /// The number of a hotel is its position here. It does not change.
    hotels: Vec<Hotel>,
    numbers: BTreeMap<HotelId, u32>,
    cities: BTreeMap<Rank, CityHotels>,
    amenities: AmenityBits,
    /// Changes of reservations are reflected up to this time.
    pub as_of: Timestamp,
}

impl Default for Index {
    fn default() -> Self {
        Self {
            hotels: Vec::new(),
            numbers: BTreeMap::new(),
            cities: BTreeMap::new(),
            amenities: AmenityBits::default(),
            as_of: Timestamp(0),
        }
    }
}

impl Index {
    /// Builds the index from the store.
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

    /// The hotel with this id.
    pub fn hotel(&self, id: HotelId) -> Option<&Hotel> {
        self.numbers.get(&id).map(|number| self.numbered(*number))
    }

    /// The hotel with this number.
    pub fn numbered(&self, number: u32) -> &Hotel {
        &self.hotels[number as usize]
    }

    /// The hotels of a city; none if none is active.
    pub fn city(&self, rank: Rank) -> Option<&CityHotels> {
        self.cities.get(&rank)
    }

    /// The number of active hotels of a city.
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

    /// The bits of amenities.
    pub fn amenities(&self) -> &AmenityBits {
        &self.amenities
    }

    /// Sets a hotel and its calendar.
    pub fn set_hotel(
        &mut self,
        cities: &Cities,
        profile: &HotelProfile,
        nights: Vec<(RoomTypeId, Date, Night)>,
    ) {
        let place = cities.of_hotel(&profile.city, &profile.country, profile.latitude, profile.longitude);
        let mut hotel = Hotel::new(profile, &place, &mut self.amenities);
        for (room_type, date, night) in &nights {
            hotel.set_night(*room_type, *date, night);
        }
        hotel.update_floors();
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

    /// Sets some nights. Ignored for an unknown hotel or room type: `set_hotel` is called with its nights later.
    pub fn set_nights(&mut self, hotel: HotelId, room_type: RoomTypeId, nights: &[(Date, Night)]) {
        let Some(number) = self.numbers.get(&hotel).copied() else { return };
        let hotel = &mut self.hotels[number as usize];
        let mut priced = false;
        for (date, night) in nights {
            priced |= hotel.set_night(room_type, *date, night);
        }
        if priced {
            self.update_order(number);
        }
    }

    /// Removes past nights.
    pub fn forget(&mut self, hotel: HotelId, room_type: RoomTypeId, before: Date) {
        let Some(number) = self.numbers.get(&hotel).copied() else { return };
        if self.hotels[number as usize].forget(room_type, before) {
            self.update_order(number);
        }
    }

    fn update_order(&mut self, number: u32) {
        self.unlist(number);
        self.hotels[number as usize].update_floors();
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
