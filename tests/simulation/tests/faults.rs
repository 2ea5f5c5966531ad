//! The simulation finds deliberate defects. Otherwise a run without violations would prove nothing.

use simulation::{Sabotage, run_broken};

const SEEDS: u64 = 60;
const STEPS: usize = 300;

#[test]
fn what_is_broken_on_purpose_is_found() {
    let table = [
        // Duplicate messages are applied twice: too much is refunded, or rooms are released twice.
        Sabotage::InboxesForget,
        // Search misses changes of inventory, or a payment stays open.
        Sabotage::EventsVanish,
        // Acknowledged entries are lost.
        Sabotage::LogsAreCut,
        Sabotage::MailsVanish,
    ];
    for sabotage in table {
        let found = (0..SEEDS).find_map(|seed| run_broken(seed, STEPS, 0, sabotage).err());
        let found = found.unwrap_or_else(|| panic!("{sabotage:?} is not found in {SEEDS} seeds"));
        println!("{sabotage:?}: seed {}: {}", found.seed, found.why);
    }
}
