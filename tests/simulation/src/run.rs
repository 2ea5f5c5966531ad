//! One run: random steps, then all faults are switched off and all messages are delivered.

use contracts::payments::RefundStatus;
use protocol::Timestamp;

use crate::guests::long_after;
use crate::invariants;
use crate::member::Violation;
use crate::trace::Trace;
use crate::world::{MEMBERS, Sabotage, World};

/// The most rounds until a cluster without faults must be idle.
const ROUNDS_MAX: usize = 3_000;

/// The counts of a run. They show that a run without violations was not idle.
#[derive(Debug, Default, Clone, Copy)]
pub struct Tally {
    /// The reservations that were created.
    pub held: usize,
    /// The payments that were started.
    pub payments: usize,
    /// The intents that the bank charged.
    pub charged: usize,
    /// The refunds at the bank.
    pub refunds: usize,
    /// The mails with different names.
    pub mails: usize,
}

/// A run that found a violation.
#[derive(Debug)]
pub struct Failed {
    /// The seed.
    pub seed: u64,
    /// What is broken.
    pub why: Violation,
    /// The last lines of the trace, oldest first.
    pub trace: Vec<String>,
}

impl std::fmt::Display for Failed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{}", self.trace.join("\n"))?;
        writeln!(f, "seed {}: {}", self.seed, self.why)?;
        write!(f, "again: SIMULATION_SEED={} cargo test -p simulation", self.seed)
    }
}

/// Runs a seed for `steps` steps, and then without faults until the cluster is idle. If it finds a violation, it runs again to
/// record the last `lines_max` lines of the trace.
///
/// # Errors
/// The violation.
pub fn run(seed: u64, steps: usize, lines_max: usize) -> Result<Tally, Box<Failed>> {
    run_broken(seed, steps, 0, Sabotage::Nothing)
        .or_else(|_| run_broken(seed, steps, lines_max, Sabotage::Nothing))
}

/// Like [`run`], with a deliberate defect.
///
/// # Errors
/// The violation.
pub fn run_broken(
    seed: u64,
    steps: usize,
    lines_max: usize,
    sabotage: Sabotage,
) -> Result<Tally, Box<Failed>> {
    let failed = |why, trace| Box::new(Failed { seed, why, trace });
    let mut world = World::new(seed).map_err(|why| failed(why, Vec::new()))?;
    world.trace = Trace::new(lines_max);
    world.sabotage = sabotage;
    let outcome = play(&mut world, steps);
    outcome.map_err(|why| failed(why, world.trace.lines()))?;
    Ok(Tally {
        held: world.known.reservations.len(),
        payments: world.known.payments.len(),
        charged: world.bank.intents.values().filter(|intent| intent.charges > 0).count(),
        refunds: world.bank.refunds().len(),
        mails: world.mails.sent.len(),
    })
}

fn play(world: &mut World, steps: usize) -> Result<(), Violation> {
    world.import()?;
    for step in 0..steps {
        world.trace.step(step);
        world.step()?;
        world.check()?;
    }
    world.trace.step(steps);
    world.heal()?;
    world.check()?;
    for at in 0..MEMBERS {
        world.with_dice(|world, rng| world.member(at).follow(true, rng))?;
    }
    invariants::check_when_idle(world)
}

impl World {
    /// Passes the random number generator to `run`, which can borrow a group at the same time.
    fn with_dice<T>(&mut self, run: impl FnOnce(&mut Self, &mut crate::rng::Rng) -> T) -> T {
        let mut rng = self.rng.clone();
        let result = run(self, &mut rng);
        self.rng = rng;
        result
    }

    fn step(&mut self) -> Result<(), Violation> {
        let at = self.rng.below(MEMBERS);
        // The weights add up to 200.
        match self.rng.below(200) {
            0..4 => self.import(),
            4..10 => self.change_calendar(),
            10..28 => self.hold(),
            28..41 => self.pay(),
            41..45 => self.cancel_reservation(),
            45..46 => self.modify(),
            46..52 => self.front_desk(),
            52..53 => self.goodwill(),
            53..55 => self.returned(),
            55..63 => {
                self.bank_moves();
                Ok(())
            }
            63..70 => self.webhook(),
            70..74 => self.look(),
            74..75 => self.replace_link(),
            75..95 => self.send_some().map(|_| ()),
            95..117 => self.carry_some().map(|_| ()),
            117..139 => self.perform_some().map(|_| ()),
            139..147 => self.conclude_some().map(|_| ()),
            147..153 => {
                let repeated = self.rng.below(self.repeats.len().max(1));
                self.repeat_one(repeated)
            }
            153..161 => self.pass_time(),
            161..166 => self.fire(at),
            166..171 => {
                let leader = self.rng.chance(70);
                let name = self.name_of(at);
                self.trace.note(format_args!("{name} restarts"));
                if self.sabotage == Sabotage::LogsAreCut {
                    return self.with_dice(|world, rng| world.member(at).cut_log(rng));
                }
                self.with_dice(|world, rng| world.member(at).restart(leader, rng))
            }
            171..175 => {
                let leader = self.rng.chance(70);
                self.member(at).flush(leader)
            }
            175..178 => {
                let name = self.name_of(at);
                self.trace.note(format_args!("{name} gets another leader"));
                self.with_dice(|world, rng| world.member(at).change_leader(rng))
            }
            178..183 => {
                let all = self.rng.chance(50);
                self.with_dice(|world, rng| world.member(at).follow(all, rng))
            }
            183..184 => self.member(at).install_snapshot(),
            184..190 => self.account(),
            190..195 => self.session(),
            195..197 => self.browse(),
            197..198 => self.template(),
            198..199 => self.forget(),
            _ => self.deliver_everything(),
        }
    }

    /// The name of a group.
    pub fn name_of(&mut self, at: usize) -> String {
        self.member(at).name().to_owned()
    }

    /// Checks the invariants of each service that has changed, and that no payment is charged twice.
    fn check(&mut self) -> Result<(), Violation> {
        for at in 0..MEMBERS {
            let member = self.member(at);
            if member.take_changed()
                && let Some(violation) = member.violations()?.first()
            {
                return Err(format!("{}: {violation}", member.name()));
            }
        }
        invariants::nobody_is_charged_twice(self)
    }

    fn pass_time(&mut self) -> Result<(), Violation> {
        let secs = match self.rng.below(20) {
            0..12 => self.rng.between(1, 30),
            12..18 => self.rng.between(30, 400),
            18 => self.rng.between(400, 3_600),
            _ => self.rng.between(3_600, 60_000),
        };
        self.now = self.now.plus_secs(secs);
        self.trace.note(format_args!("{secs} seconds pass"));
        if self.rng.chance(60) {
            for at in 0..MEMBERS {
                if self.rng.chance(80) {
                    self.fire(at)?;
                }
            }
        }
        Ok(())
    }

    fn fire(&mut self, at: usize) -> Result<(), Violation> {
        if self.member(at).next_timer()?.is_some_and(|due| due <= self.now) {
            let stamp = self.stamp();
            let name = self.name_of(at);
            self.trace.note(format_args!("{name} fires timers"));
            self.member(at).fire(stamp)?;
        }
        Ok(())
    }

    fn forget(&mut self) -> Result<(), Violation> {
        // Commands are not repeated after a day, less the error of clocks and the rounding to an hour.
        self.forget_repeats(self.now.plus_secs(-24 * 3600 + 10));
        let now = self.now;
        (0..MEMBERS).try_for_each(|at| self.member(at).forget(now))
    }

    /// Delivers all messages without faults. After that, search and reservations must agree.
    fn deliver_everything(&mut self) -> Result<(), Violation> {
        self.network.healed = true;
        let outcome = self.settle();
        self.network.healed = false;
        outcome?;
        invariants::what_search_finds_is_what_reservations_offers(self)
    }

    /// Delivers and performs everything that is due now.
    fn settle(&mut self) -> Result<(), Violation> {
        for _ in 0..ROUNDS_MAX {
            let moved =
                self.carry_some()? || self.conclude_some()? || self.send_some()? || self.perform_some()?;
            if !moved {
                return Ok(());
            }
        }
        Err("outboxes do not get empty".to_owned())
    }

    /// Switches all faults off and advances the clock until the cluster is idle.
    fn heal(&mut self) -> Result<(), Violation> {
        self.trace.note("everything heals");
        self.network.healed = true;
        self.bank.healed = true;
        let end = long_after(self.now);
        for _ in 0..ROUNDS_MAX {
            self.settle()?;
            while !self.bank.lost.is_empty() {
                self.bank.confirm_late(0, &mut self.rng);
            }
            for intent in self.bank.undecided() {
                self.bank.decide(&intent, self.rng.chance(75));
            }
            for (intent, at, status) in self.bank.refunds() {
                if status == RefundStatus::Pending {
                    self.bank.decide_refund(&intent, at, RefundStatus::Succeeded);
                }
            }
            while !self.bank.events.is_empty() {
                self.webhook()?;
            }
            self.settle()?;
            let Some(due) = self.next_timer_before(end)? else { return Ok(()) };
            // A leader whose clock is slow fires timers later.
            self.now = self.now.max(due.plus_secs(3));
            for at in 0..MEMBERS {
                self.fire(at)?;
            }
        }
        Err("there is always another timer".to_owned())
    }

    fn next_timer_before(&mut self, end: Timestamp) -> Result<Option<Timestamp>, Violation> {
        let mut next = None;
        for at in 0..MEMBERS {
            if let Some(due) = self.member(at).next_timer()?.filter(|due| *due <= end) {
                next = Some(next.map_or(due, |next: Timestamp| next.min(due)));
            }
        }
        Ok(next)
    }
}
