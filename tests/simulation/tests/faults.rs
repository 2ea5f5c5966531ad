//! What is broken on purpose is found: else a run without findings would say nothing.

use simulation::{Sabotage, run_broken};

const SEEDS: u64 = 60;
const STEPS: usize = 300;

#[test]
fn what_is_broken_on_purpose_is_found() {
    let table = [
        // Doubled messages count twice: too much money goes back, or rooms are given back twice.
        Sabotage::InboxesForget,
        // Search does not hear of rooms, or a payment hangs.
        Sabotage::EventsVanish,
        // What was acknowledged is gone.
        Sabotage::LogsAreCut,
        Sabotage::MailsVanish,
    ];
    for sabotage in table {
        let found = (0..SEEDS).find_map(|seed| run_broken(seed, STEPS, 0, sabotage).err());
        let found = found.unwrap_or_else(|| panic!("{sabotage:?} is not found in {SEEDS} seeds"));
        println!("{sabotage:?}: seed {}: {}", found.seed, found.why);
    }
}
