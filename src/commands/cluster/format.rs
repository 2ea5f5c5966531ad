//! Figures as people read them.

use edge::Instant;

/// `12.3 MB`.
pub fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    match unit {
        0 => format!("{bytes} B"),
        _ if value < 9.95 => format!("{value:.1} {}", UNITS[unit]),
        _ => format!("{value:.0} {}", UNITS[unit]),
    }
}

/// `45 s`, `3 min`, `2 h`.
pub fn duration(secs: u64) -> String {
    match secs {
        0..120 => format!("{secs} s"),
        120..7200 => format!("{} min", secs / 60),
        7200..172_800 => format!("{} h", secs / 3600),
        _ => format!("{} days", secs / 86_400),
    }
}

/// A rate: `0`, `3.4`, `1200`.
pub fn rate(per_second: f64) -> String {
    match per_second {
        rate if rate < 0.05 => "0".to_owned(),
        rate if rate < 9.95 => format!("{rate:.1}"),
        rate => format!("{rate:.0}"),
    }
}

/// `1 node`, `2 nodes`.
pub fn count(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

/// `1 entry`, `120 entries`.
pub fn entries(number: u64) -> String {
    if number == 1 { "1 entry".to_owned() } else { format!("{number} entries") }
}

/// The time of day in UTC: `21:03:04`.
pub fn time_of_day(instant: Instant) -> String {
    let secs = instant.0.0.div_euclid(1000).rem_euclid(86_400);
    format!("{:02}:{:02}:{:02}", secs / 3600, secs / 60 % 60, secs % 60)
}

/// The day and the time in UTC: `2026-01-31 21:03:04`.
pub fn date_and_time(instant: Instant) -> String {
    let whole = Instant(protocol::Timestamp(instant.0.seconds() * 1000)).to_string();
    whole.trim_end_matches('Z').replace('T', " ").chars().take(19).collect()
}

/// Between two instants, in seconds with one decimal.
pub fn between(from: Instant, to: Instant) -> String {
    format!("{:.1} s", (to.0.0 - from.0.0).max(0) as f64 / 1000.0)
}

#[cfg(test)]
mod tests {
    use protocol::Timestamp;

    use super::*;

    #[test]
    fn figures_are_short_and_have_units() {
        let table = [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.0 kB"),
            (9_949, "9.9 kB"),
            (9_990, "10 kB"),
            (999_499, "999 kB"),
            (999_600, "1.0 MB"),
            (12_345_678, "12 MB"),
            (5_000_000_000, "5.0 GB"),
            (u64::MAX, "18446744 TB"),
        ];
        for (number, words) in table {
            assert_eq!(bytes(number), words);
        }
        assert_eq!(
            [0, 119, 120, 7199, 7200, 200_000].map(duration),
            ["0 s", "119 s", "2 min", "119 min", "2 h", "2 days"]
        );
        assert_eq!([0.0, 0.04, 3.44, 12.4].map(rate), ["0", "0", "3.4", "12"]);
        assert_eq!([count(1, "node"), count(0, "node")], ["1 node", "0 nodes"]);
    }

    #[test]
    fn instants_are_formatted_in_utc() {
        let instant = |millis| Instant(Timestamp(millis));
        assert_eq!(time_of_day(instant(1_700_000_000_000)), "22:13:20");
        assert_eq!(date_and_time(instant(1_700_000_000_999)), "2023-11-14 22:13:20");
        assert_eq!(between(instant(1_000), instant(4_240)), "3.2 s");
    }
}
