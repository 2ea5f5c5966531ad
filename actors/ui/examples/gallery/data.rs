//! Sample hotels, offers and bookings.

use contracts::payments::{CreditNote, Payment, PaymentStatus};
use contracts::pricing::{TaxAmount, price_stay};
use contracts::reservations::{
    CancelledBy, Guest, Offer, PaymentState, Policy, Quote, Refund, RefundStatus, Reservation, Status,
    TimelineEvent,
};
use contracts::search::City;
use contracts::{
    Cancellation, Currency, Date, HotelId, HotelProfile, PaymentId, RatePlanId, RatePlanProfile, RefundId,
    ReservationId, RoomTypeId, RoomTypeProfile, Season, Stay, TaxRule,
};
use protocol::Timestamp;

/// Cities: id, name, country, its name, inhabitants, latitude, longitude, zone, hotels.
type Place = (u32, &'static str, &'static str, &'static str, u32, f64, f64, &'static str, u32);

const CITIES: [Place; 9] = [
    (2_988_507, "Paris", "FR", "France", 2_138_551, 48.853, 2.349, "Europe/Paris", 214),
    (2_267_057, "Lisbon", "PT", "Portugal", 517_802, 38.717, -9.133, "Europe/Lisbon", 96),
    (1_853_909, "Osaka", "JP", "Japan", 2_592_413, 34.694, 135.502, "Asia/Tokyo", 120),
    (2_673_730, "Stockholm", "SE", "Sweden", 1_515_017, 59.329, 18.069, "Europe/Stockholm", 71),
    (3_530_597, "Mexico City", "MX", "Mexico", 12_294_193, 19.428, -99.128, "America/Mexico_City", 140),
    (2_759_794, "Amsterdam", "NL", "Netherlands", 741_636, 52.374, 4.89, "Europe/Amsterdam", 83),
    (3_169_070, "Rome", "IT", "Italy", 2_318_895, 41.891, 12.511, "Europe/Rome", 177),
    (2_775_220, "Innsbruck", "AT", "Austria", 132_493, 47.263, 11.394, "Europe/Vienna", 22),
    (4_717_560, "Paris", "US", "United States", 24_782, 33.661, -95.555, "America/Chicago", 2),
];

/// All sample cities.
pub fn cities() -> Vec<City> {
    let city =
        |(id, name, country, country_name, population, latitude, longitude, zone, hotels): Place| City {
            id,
            name: name.into(),
            country: country.into(),
            country_name: country_name.into(),
            population,
            latitude,
            longitude,
            time_zone: zone.into(),
            hotels,
            region: "".into(),
            full_name: format!("{name}, {country_name}").into(),
        };
    CITIES.into_iter().map(city).collect()
}

const HOTELS: [(&str, usize, u8, u8, &str, &str); 16] = [
    ("Hôtel du Passage", 0, 3, 86, "14 rue du Passage", "wifi breakfast bar lift"),
    ("Le Petit Arsenal", 0, 2, 81, "3 rue de l’Arsenal", "wifi breakfast pets"),
    (
        "Grand Hôtel Mirabeau",
        0,
        5,
        93,
        "1 place Mirabeau",
        "wifi spa pool restaurant bar gym air-conditioning lift",
    ),
    ("Maison Vaugirard", 0, 4, 88, "88 rue de Vaugirard", "wifi breakfast garden air-conditioning"),
    ("Auberge des Deux Ponts", 0, 1, 74, "9 quai des Deux Ponts", "wifi bicycles"),
    ("Hôtel Belleville Haut", 0, 3, 79, "41 rue des Pyrénées", "wifi roof-terrace bar"),
    ("Résidence Saint-Amand", 0, 4, 84, "22 rue Saint-Amand", "wifi gym parking family-rooms"),
    ("La Lanterne", 0, 0, 0, "5 impasse de la Lanterne", "wifi"),
    ("Casa da Graça", 1, 3, 91, "Largo da Graça 12", "wifi breakfast garden"),
    ("Namba Ryokan", 2, 4, 90, "2-chome, Namba", "wifi spa restaurant"),
    ("Hotell Söderkisen", 3, 3, 82, "Götgatan 31", "wifi breakfast bicycles lift"),
    ("Casa Condesa", 4, 4, 87, "Calle Ámsterdam 120", "wifi pool garden bar"),
    ("De Gouden Lantaarn", 5, 3, 85, "Prinsengracht 402", "wifi breakfast bicycles"),
    ("Albergo del Fico", 6, 2, 80, "Via del Fico 8", "wifi air-conditioning"),
    ("Gasthof Nordkette", 7, 3, 89, "Höttinger Gasse 5", "wifi breakfast parking garden spa"),
    ("The Lamar Inn", 8, 2, 70, "210 Lamar Ave", "wifi parking air-conditioning"),
];

/// All sample hotels with the index of their city.
pub fn hotels() -> Vec<(usize, HotelProfile)> {
    HOTELS.iter().enumerate().map(|(index, row)| (row.1, hotel(index, row))).collect()
}

fn hotel(
    index: usize,
    (name, city, stars, rating, address, amenities): &(&str, usize, u8, u8, &str, &str),
) -> HotelProfile {
    let place = CITIES[*city];
    let id = HotelId::of_reference(name);
    let currency: Currency =
        ["EUR", "EUR", "JPY", "SEK", "MXN", "EUR", "EUR", "EUR", "USD"][*city].parse().expect("a code");
    let scale = match currency.code() {
        "JPY" => 160.0 / 100.0,
        "SEK" => 11.0,
        "MXN" => 20.0,
        _ => 1.0,
    };
    let base = |factor: f64| {
        ((48.0 + 34.0 * f64::from(*stars) + index as f64 * 3.7) * factor * scale * 100.0).round() as i64
    };
    let plan = |room: RoomTypeId, name: &str, amount, free_until_hours, penalty_percent| RatePlanProfile {
        id: RatePlanId::of_name(room, name),
        name: name.to_owned(),
        amount,
        cancellation: Cancellation { free_until_hours, penalty_percent },
        active: true,
        reference: None,
    };
    let room = |name: &str, sleeps, rooms, factor: f64| {
        let room = RoomTypeId::of_name(id, name);
        RoomTypeProfile {
            id: room,
            name: name.to_owned(),
            sleeps,
            rooms,
            rate_plans: vec![
                plan(room, "Flexible, breakfast included", base(factor * 1.14), Some(48), 80),
                plan(room, "Saver", base(factor), None, 100),
            ],
            season: Season::FLAT,
            active: true,
            reference: None,
        }
    };
    HotelProfile {
        id,
        reference: (*name).to_owned(),
        name: (*name).to_owned(),
        city: place.1.to_owned(),
        country: place.2.to_owned(),
        address: (*address).to_owned(),
        latitude: place.5 + index as f64 * 0.004,
        longitude: place.6,
        time_zone: place.7.to_owned(),
        stars: *stars,
        rating_tenths: *rating,
        description: "A narrow hotel on a quiet street, two minutes from the river. The rooms look either on the court, \
             where the fig tree is, or on the roofs; none is large, and all are light.\nBreakfast is on the ground floor \
             until eleven: bread from across the street, butter, jam that the owner makes, and coffee as you like it."
            .to_owned(),
        amenities: amenities.split(' ').map(str::to_owned).collect(),
        currency,
        taxes: vec![
            TaxRule { name: "VAT".into(), basis_points: 1_000, included: true },
            TaxRule { name: "City tax".into(), basis_points: 450, included: false },
        ],
        email: None,
        photos: Vec::new(),
        room_types: vec![room("Double room on the court", 2, 6, 1.0), room("Double room on the roofs", 2, 4, 1.2), room("Family room", 4, 2, 1.7)],
        active: true,
        demo: true,
    }
}

/// The offers of a hotel: every room type at every rate.
pub fn offers(hotel: &HotelProfile, stay: Stay, guests: u32, rooms: u32, now: Timestamp) -> Vec<Offer> {
    let mut offers = Vec::new();
    for (index, room) in hotel.room_types.iter().enumerate() {
        if u32::from(room.sleeps) * rooms < guests {
            continue;
        }
        for plan in &room.rate_plans {
            let nights = stay.nights().map(|night| {
                (night, if night.weekday0() >= 4 { plan.amount * 115 / 100 } else { plan.amount })
            });
            let price = price_stay(nights, rooms, &hotel.taxes, hotel.currency);
            let arrival = Timestamp(i64::from(stay.check_in().0) * 86_400_000 + 14 * 3_600_000);
            let free_until =
                plan.cancellation.free_until_hours.map(|hours| arrival.plus_secs(-3_600 * i64::from(hours)));
            let quote = Quote {
                hotel: hotel.id,
                room_type: room.id,
                rate_plan: plan.id,
                room_name: room.name.clone(),
                plan_name: plan.name.clone(),
                stay,
                rooms,
                guests,
                currency: hotel.currency,
                nightly: price.nightly.iter().map(|(_, amount)| *amount).collect(),
                taxes: price.taxes.iter().map(|tax| TaxAmount { ..tax.clone() }).collect(),
                total: price.total,
                time_zone: hotel.time_zone.clone(),
                policy: Policy {
                    free_until,
                    penalty_percent: plan.cancellation.penalty_percent,
                    guest_until: Timestamp(i64::from(stay.check_in().0 + 1) * 86_400_000 - 1),
                },
                expires_at: now.plus_secs(1_800),
            };
            offers.push(Offer { quote, sleeps: room.sleeps, rooms_left: [5, 2, 1][index] });
        }
    }
    offers
}

/// A held booking.
pub fn held(
    number: u128,
    owner: &str,
    quote: Quote,
    guest: Guest,
    requests: Option<String>,
    now: Timestamp,
) -> Reservation {
    let id = ReservationId(quote.hotel.0 & (0xffff << 112) | number << 40 | 0x5eed);
    Reservation {
        id,
        version: 1,
        status: Status::Held,
        owner: owner.to_owned(),
        quote,
        guest,
        requests,
        reference: None,
        created_at: now,
        updated_at: now,
        hold_expires_at: Some(now.plus_secs(900)),
        extended: false,
        payment: PaymentState::Unpaid,
        penalty: 0,
        refund: None,
        refunded: 0,
        timeline: vec![(now, TimelineEvent::Held)],
        departed_on: None,
        refund_due_at: None,
        cancelled_by: None,
        admission: None,
        link: 1,
        link_sent_at: None,
    }
}

/// The booking in a later status.
pub fn grown(mut one: Reservation, status: Status, now: Timestamp) -> Reservation {
    one.status = status;
    one.version += 1;
    let paid = PaymentState::Paid { payment: PaymentId(one.id.0 ^ 1), amount: one.quote.total };
    match status {
        Status::Held => {}
        Status::Expired => one.timeline.push((now, TimelineEvent::Expired)),
        Status::Confirmed | Status::CheckedIn | Status::CheckedOut | Status::NoShow | Status::Cancelled => {
            one.payment = paid;
            one.timeline.extend([(now, TimelineEvent::PaymentStarted), (now, TimelineEvent::Confirmed)]);
        }
    }
    if status == Status::Cancelled {
        one.refund = Some(Refund { amount: one.quote.total, status: RefundStatus::Pending });
        one.timeline.push((now, TimelineEvent::Cancelled));
        one.cancelled_by = Some(CancelledBy::Guest);
    }
    if status != Status::Held {
        one.hold_expires_at = None;
    }
    one
}

/// A guest.
pub fn guest() -> Guest {
    Guest { name: "Ada Lovelace".into(), email: "ada@analytical.example".into(), phone: None }
}

/// Three nights in three weeks.
pub fn three_nights(now: Timestamp) -> Stay {
    let today = Date(i32::try_from(now.seconds() / 86_400).unwrap_or(0));
    Stay::new(today.plus_days(18), today.plus_days(21)).expect("three nights")
}

/// The payment of a booking that is refunded in full.
pub fn refunded(one: &Reservation, now: Timestamp) -> Payment {
    let note = CreditNote {
        number: "CN-000017".into(),
        refund: RefundId(1),
        amount: one.total(),
        issued_at: now,
        reverses: None,
    };
    Payment {
        id: PaymentId(one.id.0 ^ 1),
        reservation: one.id,
        hotel: Some(one.hotel()),
        status: PaymentStatus::Refunded,
        amount: Some(one.total()),
        refunded: one.quote.total,
        failure: None,
        redirect_url: None,
        method: Some("Visa •••• 4242".into()),
        receipt_number: Some("R-000123".into()),
        refunds: Vec::new(),
        created_at: now,
        succeeded_at: Some(now),
        test: Some(true),
        timeline: Vec::new(),
        version: 3,
        attention: Vec::new(),
        cancelling: false,
        credit_notes: vec![note],
    }
}
