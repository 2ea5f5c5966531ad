//! CPU time of a process, from Linux's `/proc`.

use std::time::Duration;

use anyhow::Context;

/// Ticks a second of `/proc`: 100 on every Linux (`USER_HZ`).
const TICKS_PER_SECOND: u32 = 100;

/// The CPU time that a process and its threads have used, to 10 ms.
///
/// # Errors
/// When the process or `/proc` does not exist.
pub(super) fn cpu_time(pid: u32) -> anyhow::Result<Duration> {
    let file = format!("/proc/{pid}/stat");
    let text =
        std::fs::read_to_string(&file).with_context(|| format!("reading {file} (--pid names the server)"))?;
    ticks(&text)
        .map(|ticks| Duration::from_secs(ticks) / TICKS_PER_SECOND)
        .with_context(|| format!("{file} has an unexpected format"))
}

/// User and system time, proc(5) fields 14 and 15. The second field is a name, which may contain anything.
fn ticks(stat: &str) -> Option<u64> {
    let (_, behind_name) = stat.rsplit_once(')')?;
    let mut fields = behind_name.split_ascii_whitespace().skip(11);
    let (user, system) = (fields.next()?.parse::<u64>().ok()?, fields.next()?.parse::<u64>().ok()?);
    Some(user + system)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_may_contain_anything() {
        let stat = "7 (a) b ( c) S 1 7 7 0 -1 4194560 1030 0 0 0 250 17 0 0 20 0 5 0 100 1 1";
        assert_eq!(ticks(stat), Some(267));
        assert_eq!(ticks("7 (a"), None);
    }

    #[test]
    fn the_time_of_this_process_can_be_read() {
        assert!(cpu_time(std::process::id()).is_ok());
        assert!(cpu_time(u32::MAX).is_err());
    }
}
