//! The style of a building: its dimensions, colours, windows, roof and ornaments.

use super::colour::Colour;
use super::rng::Rng;

/// A climate zone, which determines plants and building styles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Climate {
    /// In the tropics.
    Tropical,
    /// Warm and dry, up to about 43°.
    Southern,
    /// Up to about 57°.
    Temperate,
    /// Beyond 57°.
    Northern,
}

impl Climate {
    /// The climate at a latitude in degrees. Southern latitudes are negative.
    pub fn at(latitude: f32) -> Self {
        match latitude.abs() {
            degrees if degrees < 23.5 => Self::Tropical,
            degrees if degrees < 43.5 => Self::Southern,
            degrees if degrees < 57.0 => Self::Temperate,
            _ => Self::Northern,
        }
    }

    fn walls(self) -> &'static [u32] {
        match self {
            Self::Tropical => &[0xf4_e3c3, 0xe9_ab82, 0xa3_c9b6, 0xf0_cb78, 0xee_ece2, 0xd8_a3a0],
            Self::Southern => &[0xe8_c79c, 0xd9_9267, 0xf1_e0c3, 0xe6_b49a, 0xee_e8da, 0xdd_b06d],
            Self::Temperate => &[0xdc_cdb0, 0xc4_8a68, 0xb4_c1b0, 0xe8_dac2, 0xa9_b8c4, 0xcb_a983, 0xb8_7d6c],
            Self::Northern => &[0xae_4c40, 0xdb_a94b, 0x86_9fac, 0xea_e4d6, 0x6d_8a78, 0xc9_7f55],
        }
    }

    fn roofs(self) -> &'static [u32] {
        match self {
            Self::Tropical => &[0x8b_5d42, 0x6d_8278, 0xa8_6346],
            Self::Southern => &[0xb5_5c3e, 0xa7_6a48, 0xbd_7049],
            Self::Temperate => &[0x55_606b, 0x9c_5a42, 0x4d_5a58, 0x6a_5a58],
            Self::Northern => &[0x3e_454c, 0x55_4a46, 0x4b_5a5e],
        }
    }
}

/// The shape of a roof.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Roof {
    Mansard,
    Hip,
    Pediment,
    Balustrade,
    Stepped,
    Tower,
    Terrace,
    Gable,
}

/// The shape of the upper windows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Window {
    Plain,
    Arched,
    Shutters,
    French,
    Wide,
}

/// The windows of the ground floor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum GroundFloor {
    Awnings,
    Arcade,
    Parlour,
}

/// The style of one building.
#[derive(Debug, Clone)]
pub(super) struct Style {
    pub wall: Colour,
    pub trim: Colour,
    pub roofing: Colour,
    pub accent: Colour,
    pub roof: Roof,
    pub window: Window,
    pub ground_floor: GroundFloor,
    pub bays: usize,
    pub bay: f32,
    /// The number of floors above the ground floor.
    pub floors: usize,
    pub floor: f32,
    pub ground_height: f32,
    pub balconies: bool,
    pub quoins: bool,
    pub ivy: bool,
    pub sign: bool,
    pub flags: usize,
    pub canopy: bool,
    pub cat: bool,
    pub chimneys: usize,
}

impl Style {
    /// A random style for a hotel with this many stars.
    pub fn of(rng: &mut Rng, stars: u8, climate: Climate) -> Self {
        let stars = usize::from(stars.min(5));
        let floors = stars.max(1);
        let roof = Self::roof(rng, floors, climate);
        let bays = match roof {
            Roof::Stepped | Roof::Gable => 3 + rng.below(2),
            Roof::Pediment => [3, 5, 5][rng.below(3)],
            Roof::Mansard | Roof::Hip | Roof::Balustrade | Roof::Tower | Roof::Terrace => {
                4 + rng.below(2) + usize::from(stars > 3 && rng.chance(0.5))
            }
        };
        let walls = climate.walls();
        let wall = Colour::of(walls[rng.below(walls.len())]).lighter(rng.between(0.0, 0.16));
        let accents = [0x1f_4d3a, 0x8a_3b32, 0x2f_4a63, 0xb5_7a23, 0x5b_3f55, 0x3f_6b63, 0x7a_5a2c];
        let windows: &[Window] = match climate {
            Climate::Tropical => &[Window::Shutters, Window::French, Window::Arched, Window::Wide],
            Climate::Southern => &[Window::Shutters, Window::Shutters, Window::Arched, Window::French],
            Climate::Temperate => {
                &[Window::Plain, Window::French, Window::Arched, Window::Shutters, Window::Wide]
            }
            Climate::Northern => &[Window::Plain, Window::Plain, Window::Wide, Window::Shutters],
        };
        Self {
            wall,
            trim: wall.lighter(0.62),
            roofing: Colour::of(rng.pick(climate.roofs())),
            accent: Colour::of(rng.pick(&accents)),
            roof,
            window: rng.pick(windows),
            ground_floor: rng.pick(&[GroundFloor::Awnings, GroundFloor::Arcade, GroundFloor::Parlour]),
            bays,
            bay: rng.between(46.0, 56.0),
            floors,
            floor: if floors > 4 { rng.between(36.0, 38.0) } else { rng.between(38.0, 44.0) },
            ground_height: rng.between(54.0, 60.0),
            balconies: stars >= 2 && rng.chance(0.5),
            quoins: rng.chance(0.45),
            ivy: climate != Climate::Tropical && rng.chance(0.25),
            sign: rng.chance(0.6),
            flags: if stars >= 4 { 1 + rng.below(3) } else { 0 },
            canopy: stars >= 4 || (stars == 3 && rng.chance(0.3)),
            cat: rng.chance(0.2),
            chimneys: rng.below(3),
        }
    }

    fn roof(rng: &mut Rng, floors: usize, climate: Climate) -> Roof {
        let of: &[Roof] = match climate {
            Climate::Tropical => &[Roof::Hip, Roof::Balustrade, Roof::Terrace, Roof::Pediment, Roof::Tower],
            Climate::Southern => {
                &[Roof::Hip, Roof::Hip, Roof::Balustrade, Roof::Terrace, Roof::Tower, Roof::Pediment]
            }
            Climate::Temperate => &[
                Roof::Mansard,
                Roof::Mansard,
                Roof::Stepped,
                Roof::Pediment,
                Roof::Tower,
                Roof::Balustrade,
                Roof::Gable,
            ],
            Climate::Northern => {
                &[Roof::Gable, Roof::Gable, Roof::Mansard, Roof::Hip, Roof::Tower, Roof::Stepped]
            }
        };
        let roof = rng.pick(of);
        // With five floors, a gable as wide as the building would not fit into the picture.
        if floors > 4 && matches!(roof, Roof::Gable | Roof::Stepped) { Roof::Mansard } else { roof }
    }

    /// The width of the building.
    pub fn width(&self) -> f32 {
        self.bays as f32 * self.bay + 2.0 * Self::MARGIN
    }

    /// The height from the street to the eaves.
    pub fn eaves(&self) -> f32 {
        self.ground_height + self.floors as f32 * self.floor
    }

    /// The width of the wall beside the outer bays.
    pub const MARGIN: f32 = 12.0;

    /// The index of the bay with the door.
    pub fn door_bay(&self) -> usize {
        self.bays / 2
    }
}
