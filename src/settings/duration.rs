//! Durations in settings: a number and a unit, such as `"300ms"`, `"90s"`, `"5m"` or `"2h"`.

use jiff::SignedDuration;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A duration of a setting. Never negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Duration(pub std::time::Duration);

impl Duration {
    pub const fn from_secs(secs: u64) -> Self {
        Self(std::time::Duration::from_secs(secs))
    }

    /// Whole seconds, for settings that are stored in seconds.
    pub fn secs(self) -> u32 {
        u32::try_from(self.0.as_secs()).unwrap_or(u32::MAX)
    }
}

impl std::fmt::Display for Duration {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let signed = SignedDuration::try_from(self.0).unwrap_or(SignedDuration::MAX);
        write!(f, "{signed:#}")
    }
}

impl std::str::FromStr for Duration {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let signed = text.parse::<SignedDuration>().ok();
        let duration = signed.and_then(|signed| std::time::Duration::try_from(signed).ok());
        duration.map(Self).ok_or_else(|| format!("`{text}` is not a duration: write 90s, 5m or 2h"))
    }
}

impl Serialize for Duration {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Duration {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Duration;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a duration with its unit, such as \"90s\", \"5m\" or \"2h\"")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Duration, E> {
                text.parse().map_err(E::custom)
            }
        }
        from.deserialize_str(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_parsed_and_printed() {
        for (text, millis, printed) in [
            ("90s", 90_000, "1m 30s"),
            ("5m", 300_000, "5m"),
            ("2h", 7_200_000, "2h"),
            ("300ms", 300, "300ms"),
            ("1h 30m", 5_400_000, "1h 30m"),
            ("0s", 0, "0s"),
        ] {
            let duration: Duration = text.parse().unwrap();
            assert_eq!((duration.0.as_millis(), duration.to_string().as_str()), (millis, printed), "{text}");
            assert_eq!(printed.parse(), Ok(duration));
        }
        for wrong in ["", "m", "60", "5d", "-1s", "5m5", "18446744073709551615h"] {
            assert!(wrong.parse::<Duration>().is_err(), "{wrong}");
        }
    }
}
