//! Cultures: how hotels are named and where they stand in a part of the world. The data are in `data/cultures.toml`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use super::random::Random;

/// French landmarks that follow `du`, for patterns with `{l2}`.
const FRENCH_MASCULINE_LANDMARKS: [&str; 8] =
    ["Parc", "Palais", "Théâtre", "Pont", "Louvre", "Midi", "Lac", "Musée"];

/// See `data/cultures.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Culture {
    patterns: Vec<String>,
    names: Vec<String>,
    landmarks: Vec<String>,
    families: Vec<String>,
    pub districts: Vec<String>,
    streets: Vec<String>,
    address: String,
    number_max: i64,
    pub weekend: [usize; 2],
}

static CULTURES: LazyLock<BTreeMap<String, Culture>> = LazyLock::new(|| {
    let tables: BTreeMap<String, toml::Table> =
        toml::from_str(include_str!("data/cultures.toml")).expect("cultures.toml is valid TOML");
    let resolve = |name: &String, table: &toml::Table| {
        let like = table.get("like").and_then(toml::Value::as_str);
        let mut resolved = like.map(|base| tables[base].clone()).unwrap_or_default();
        resolved.extend(table.clone());
        resolved.remove("like");
        resolved.try_into().unwrap_or_else(|error| panic!("culture {name}: {error}"))
    };
    tables.iter().map(|(name, table)| (name.clone(), resolve(name, table))).collect()
});

impl Culture {
    /// The culture of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        CULTURES.get(name)
    }

    /// Generates a hotel name.
    pub fn hotel_name(&self, city: &str, districts: &[String], random: &mut Random) -> String {
        let pattern = random.pick(&self.patterns);
        let landmark = if pattern.contains("{l2}") {
            *random.pick(&FRENCH_MASCULINE_LANDMARKS)
        } else {
            random.pick(&self.landmarks).as_str()
        };
        pattern
            .replace("{n}", random.pick(&self.names).as_str())
            .replace("{l2}", landmark)
            .replace("{l}", landmark)
            .replace("{s}", random.pick(&self.families).as_str())
            .replace("{d}", random.pick(districts).as_str())
            .replace("{c}", city)
    }

    /// Generates a street and a number.
    pub fn address(&self, random: &mut Random) -> String {
        let number = random.between(1, self.number_max).to_string();
        self.address.replace("{s}", random.pick(&self.streets).as_str()).replace("{n}", &number)
    }
}
