//! Room types, rate plans and seasons.

use contracts::{Cancellation, HotelId, RatePlanId, RatePlanProfile, RoomTypeId, RoomTypeProfile, Season};

use super::country::Country;
use super::random::Random;
use gazetteer::CityRecord;

/// Name, guests, share of the double room's price, minimum stars.
const ROOMS: [(&str, u8, f64, u8); 9] = [
    ("Single room", 1, 0.78, 1),
    ("Twin room", 2, 1.02, 1),
    ("Triple room", 3, 1.28, 1),
    ("Superior double room", 2, 1.22, 3),
    ("Family room", 4, 1.55, 2),
    ("Studio with kitchenette", 3, 1.4, 3),
    ("Deluxe room with a view", 2, 1.45, 4),
    ("Junior suite", 3, 1.85, 4),
    ("Suite", 4, 2.6, 4),
];

/// Price factors of one to five stars.
const STAR_FACTORS: [f64; 5] = [0.52, 0.7, 1.0, 1.55, 2.7];

/// Two to four room types, the double room first.
pub(super) fn room_types(
    hotel: HotelId,
    stars: u8,
    place: &CityRecord,
    country: &Country,
    random: &mut Random,
) -> Vec<RoomTypeProfile> {
    let double = country.double_room_dollars
        * STAR_FACTORS[usize::from(stars.clamp(1, 5)) - 1]
        * (0.85 + 0.4 * random.share());
    let season = season(place, country, random);
    let plans = RatePlans::generate(random);
    let mut rooms = vec![("Double room", 2, 1.0)];
    let fitting: Vec<_> = ROOMS.iter().filter(|room| room.3 <= stars).collect();
    let mut at = random.below(fitting.len());
    for _ in 0..random.between(1, 3) {
        rooms.push((fitting[at].0, fitting[at].1, fitting[at].2));
        at = (at + 1 + random.below(2)) % fitting.len();
        if rooms.iter().any(|room| room.0 == fitting[at].0) {
            break;
        }
    }
    let typed = rooms.into_iter().map(|(name, sleeps, share)| {
        let id = RoomTypeId::of_name(hotel, name);
        let few = if share > 1.4 { (2, 6) } else { (4, 28) };
        RoomTypeProfile {
            id,
            name: name.into(),
            sleeps,
            rooms: random.between(few.0, few.1) as u32,
            rate_plans: plans.of(id, double * share, sleeps, stars, country),
            season: season.clone(),
            active: true,
            reference: None,
        }
    });
    typed.collect()
}

/// The rate plans of a hotel, the same for all its room types.
struct RatePlans {
    free_until_hours: u32,
    penalty_percent: u8,
    saver: bool,
    breakfast: bool,
}

impl RatePlans {
    fn generate(random: &mut Random) -> Self {
        Self {
            free_until_hours: [24, 24, 48, 48, 72, 168][random.below(6)],
            penalty_percent: [50, 80, 90, 100, 100][random.below(5)],
            saver: random.percent(75),
            breakfast: random.percent(60),
        }
    }

    fn of(
        &self,
        room: RoomTypeId,
        dollars: f64,
        sleeps: u8,
        stars: u8,
        country: &Country,
    ) -> Vec<RatePlanProfile> {
        let flexible = Cancellation {
            free_until_hours: Some(self.free_until_hours),
            penalty_percent: self.penalty_percent,
        };
        let never = Cancellation { free_until_hours: None, penalty_percent: 100 };
        let meal = f64::from(sleeps)
            * (4.0 + 3.0 * f64::from(stars))
            * (country.double_room_dollars / 110.0).clamp(0.5, 1.4);
        let mut plans = vec![("Flexible", dollars, flexible)];
        if self.saver {
            plans.push(("Non-refundable", dollars * 0.88, never));
        }
        if self.breakfast {
            plans.push(("Flexible with breakfast", dollars + meal, flexible));
        }
        let made = plans.into_iter().map(|(name, dollars, cancellation)| RatePlanProfile {
            id: RatePlanId::of_name(room, name),
            name: name.into(),
            amount: country.price(dollars),
            cancellation,
            active: true,
            reference: None,
        });
        made.collect()
    }
}

/// Price factors of months in thousandths, January first, for the northern hemisphere.
const TEMPERATE: [u16; 12] = [820, 840, 900, 980, 1060, 1120, 1160, 1150, 1100, 1010, 900, 1010];
const SUNNY: [u16; 12] = [720, 750, 850, 980, 1080, 1220, 1380, 1420, 1180, 980, 790, 820];
const DESERT: [u16; 12] = [1220, 1200, 1150, 1050, 900, 780, 740, 760, 850, 1020, 1180, 1250];
const MONSOON: [u16; 12] = [1200, 1170, 1080, 960, 880, 820, 800, 820, 880, 1060, 1160, 1230];
const TROPICAL: [u16; 12] = [1130, 1100, 1050, 990, 920, 940, 1080, 1090, 920, 930, 980, 1180];
const BLOSSOM: [u16; 12] = [830, 850, 1060, 1240, 1080, 940, 1020, 1060, 980, 1160, 1190, 960];
const ALPINE: [u16; 12] = [1180, 1220, 1080, 880, 890, 1040, 1150, 1170, 1060, 930, 850, 1230];

/// Price factors of months, by climate, and of weekdays, by whether most guests are business travellers.
fn season(place: &CityRecord, country: &Country, random: &mut Random) -> Season {
    let mut months = match (place.country, place.latitude.abs()) {
        ("JP" | "KR" | "TW" | "CN" | "HK", _) => BLOSSOM,
        ("AE" | "SA" | "QA" | "KW" | "OM" | "EG" | "JO" | "IQ", _) => DESERT,
        ("IN" | "PK" | "BD" | "NP" | "MM" | "TH" | "KH" | "VN" | "LK", _) => MONSOON,
        ("AT" | "CH", _) if place.longitude < 13.5 => ALPINE,
        ("ES" | "IT" | "GR" | "HR" | "PT" | "TR" | "MT" | "CY" | "IL" | "TN" | "MA", _) => SUNNY,
        (_, latitude) if latitude < 20.0 => TROPICAL,
        _ => TEMPERATE,
    };
    if place.latitude < -20.0 {
        months.rotate_left(6);
    }
    for month in &mut months {
        *month = (f64::from(*month) * (0.97 + 0.06 * random.share())).round() as u16;
    }
    let (evening, weekend) = if random.percent(35) { (1040, 900) } else { (970, 1120) };
    let mut weekdays = [evening; 7];
    for day in country.culture.weekend {
        weekdays[day] = weekend;
    }
    weekdays[(country.culture.weekend[1] + 1) % 7] = 920;
    Season { months, weekdays }
}
