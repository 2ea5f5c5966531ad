//! Descriptions and amenities.

use super::random::Random;

/// Amenities, and the percentages of hotels with one to five stars that have them.
const AMENITIES: [(&str, [usize; 5]); 18] = [
    ("accessible", [20, 35, 55, 75, 90]),
    ("air-conditioning", [30, 50, 75, 92, 99]),
    ("airport-shuttle", [5, 12, 25, 40, 65]),
    ("bar", [15, 30, 60, 85, 98]),
    ("bicycles", [20, 25, 25, 25, 20]),
    ("breakfast", [40, 60, 80, 92, 99]),
    ("concierge", [0, 3, 15, 55, 97]),
    ("ev-charging", [5, 10, 25, 45, 70]),
    ("family", [40, 50, 55, 55, 50]),
    ("garden", [20, 22, 28, 35, 50]),
    ("gym", [0, 8, 35, 75, 97]),
    ("laundry", [45, 50, 60, 75, 95]),
    ("parking", [35, 45, 50, 60, 75]),
    ("pets", [35, 40, 38, 35, 30]),
    ("pool", [2, 6, 18, 45, 82]),
    ("restaurant", [10, 25, 50, 80, 98]),
    ("spa", [0, 2, 10, 40, 88]),
    ("wifi", [92, 96, 99, 100, 100]),
];

/// Sorted amenities.
pub(super) fn amenities(stars: u8, random: &mut Random) -> Vec<String> {
    let star = usize::from(stars.clamp(1, 5)) - 1;
    let has = AMENITIES.iter().filter(|(_, percents)| random.percent(percents[star]));
    has.map(|(word, _)| (*word).to_owned()).collect()
}

/// By stars, from one to five.
const OPENINGS: [&[&str]; 5] = [
    &[
        "A simple, cheerful house",
        "An unpretentious guest house",
        "A small budget hotel",
        "A friendly house with plain, tidy rooms",
    ],
    &[
        "A family-run hotel",
        "A quiet, well-kept hotel",
        "A comfortable small hotel",
        "A modest hotel with bright rooms",
    ],
    &[
        "A comfortable mid-size hotel",
        "A renovated townhouse hotel",
        "A modern hotel with warm interiors",
        "A traditional hotel with attentive staff",
    ],
    &[
        "An elegant hotel",
        "A design-led hotel",
        "A stylish hotel in a listed building",
        "A contemporary hotel with generous rooms",
    ],
    &[
        "A grand hotel",
        "A landmark hotel with discreet service",
        "A sumptuous hotel",
        "A quietly luxurious hotel",
    ],
];

const PLACES: [&str; 6] = [
    "in the heart of {d}",
    "on a calm side street near {d}",
    "a few minutes' walk from {d}",
    "close to the cafés of {d}",
    "between {d} and the centre of {c}",
    "with {d} on its doorstep",
];

const SECONDS: [&str; 8] = [
    "The rooms look onto a planted courtyard, and breakfast is served until eleven.",
    "Most sights of {c} can be reached on foot, and buses stop around the corner.",
    "The staff know the neighbourhood well and keep a list of places where locals eat.",
    "Rooms are fitted with firm beds, good reading lamps and double glazing.",
    "The rooftop terrace is open from spring to autumn and looks far over {c}.",
    "The library downstairs has a fireplace, and newspapers in several languages.",
    "The lobby doubles as a café where half the street meets in the morning.",
    "Each floor shows work by artists from {c}.",
];

const THIRDS: [&str; 6] = [
    "Late arrivals are welcome at any hour.",
    "Families find connecting rooms and cots on request.",
    "Luggage can be left before check-in and after check-out.",
    "Guests with an early train get a packed breakfast.",
    "Bicycles and umbrellas may be borrowed at the desk.",
    "The house was last renovated in 2023.",
];

/// A description of two or three sentences.
pub(super) fn description(stars: u8, city: &str, district: &str, random: &mut Random) -> String {
    let opening = random.pick(OPENINGS[usize::from(stars.clamp(1, 5)) - 1]);
    let mut text = format!("{opening} {}. {}", random.pick(&PLACES), random.pick(&SECONDS));
    if random.percent(60) {
        text.push(' ');
        let third: &&str = random.pick(&THIRDS);
        text.push_str(third);
    }
    text.replace("{d}", district).replace("{c}", city)
}
