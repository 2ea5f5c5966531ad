//! The actor that works a group's outbox off, on the leader only: events to other groups, effects on the outside.
//!
//! To each other group there is one delivery at a time, in row order, many rows each. Effects run side by side, those of
//! one key one after another. What fails is tried again after a growing pause; what was refused for good is parked, and
//! blocks the later rows of its own key only. A row leaves the store in a turn of its own, so that a leader that dies in
//! between leaves it to the next one.

mod queue;
mod work;

use std::collections::HashMap;
use std::marker::PhantomData;
use std::sync::Arc;

use group::{Client, Credentials, Effects, Outgoing, Service};
use ractor::{Actor, ActorProcessingErr, ActorRef};

use crate::calls::core::Core;
use crate::delivery_pause::{DeliveryPause, Work};
use crate::limits::Limits;
use queue::{EffectQueue, Stream, StreamName};

/// What the outbox is told.
#[derive(Debug)]
pub(crate) enum OutboxMessage {
    /// This replica leads now, or no longer does.
    Leading(bool),
    /// Rows were committed.
    Committed(Vec<(u64, Outgoing)>),
    /// A delivery ended.
    Delivered { to: StreamName, era: u64, done: Vec<u64>, parked: Vec<u64> },
    /// A delivery, or what had to be noted of it, failed.
    NotDelivered { to: StreamName, era: u64 },
    /// Try that stream again.
    Again { to: StreamName, era: u64 },
    /// An effect has ended, one way or the other.
    Performed { row: u64, key: u128, era: u64, parked: bool },
    /// An effect wants another attempt.
    NotPerformed { row: u64, key: u128, era: u64 },
    /// Try that effect again.
    PerformAgain { key: u128, era: u64 },
    /// What was held back may go: a parked row, all effects, or everything after a pause.
    Released,
}

impl ractor::Message for OutboxMessage {}

/// See the module.
pub(crate) struct Outbox<S, E>(PhantomData<fn() -> (S, E)>);

impl<S, E> Default for Outbox<S, E> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

/// What deliveries and effects need, shared with their tasks.
pub(crate) struct Tools<S: Service, E> {
    pub core: Arc<Core<S>>,
    pub effects: Arc<E>,
    pub client: Client,
    pub credentials: Arc<dyn Credentials>,
    pub limits: Limits,
    /// Nothing begins while a backup fixes its moment.
    pub delivery_pause: Arc<DeliveryPause>,
    /// The cluster's epoch: rows of before a restore are not those of after it.
    pub epoch: u64,
}

/// What the outbox knows. Nothing of it outlives a change of leader; the store does.
pub(crate) struct OutboxState<S: Service, E> {
    tools: Arc<Tools<S, E>>,
    leading: bool,
    /// Counts terms of leading, so that what was begun in an earlier one is not counted in this.
    era: u64,
    /// The store was read up to this row; those after it are told as they land.
    read_to: u64,
    streams: HashMap<StreamName, Stream>,
    effects: EffectQueue,
    /// After a restore: effects wait for an operator's word.
    held: bool,
}

impl<S: Service, E: Effects<S>> Actor for Outbox<S, E> {
    type Msg = OutboxMessage;
    type State = OutboxState<S, E>;
    type Arguments = Arc<Tools<S, E>>;

    async fn pre_start(
        &self,
        _: ActorRef<Self::Msg>,
        tools: Self::Arguments,
    ) -> Result<Self::State, ActorProcessingErr> {
        Ok(OutboxState {
            tools,
            leading: false,
            era: 0,
            read_to: 0,
            streams: HashMap::new(),
            effects: EffectQueue::default(),
            held: false,
        })
    }

    async fn handle(
        &self,
        myself: ActorRef<Self::Msg>,
        message: Self::Msg,
        state: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            OutboxMessage::Leading(leading) => state.lead(&myself, leading)?,
            OutboxMessage::Released => {
                if state.leading {
                    // What is under way goes on: an effect is not begun a second time beside itself.
                    state.streams.values_mut().for_each(Stream::forget_waiting);
                    state.effects.forget_waiting();
                    state.read()?;
                    state.work(&myself);
                }
            }
            OutboxMessage::Committed(mut rows) => {
                if state.leading {
                    // What had landed when the store was read is known, or done already.
                    rows.retain(|(row, _)| *row > state.read_to);
                    state.take_in(rows);
                    state.work(&myself);
                }
            }
            OutboxMessage::Delivered { to, era, done, parked } if era == state.era => {
                if let Some(stream) = state.streams.get_mut(&to) {
                    stream.delivered(&done, &parked);
                }
                state.work(&myself);
            }
            OutboxMessage::NotDelivered { to, era } if era == state.era => {
                if let Some(stream) = state.streams.get_mut(&to) {
                    let pause = state.tools.limits.backoff(stream.failed());
                    let least = pause.min(state.tools.limits.backoff_min);
                    // The group it is for may be found before the pause is over.
                    let changed = state.tools.client.changed();
                    tokio::spawn(async move {
                        tokio::time::sleep(least).await;
                        let _ = tokio::time::timeout(pause.saturating_sub(least), changed).await;
                        let _ = myself.cast(OutboxMessage::Again { to, era });
                    });
                }
            }
            OutboxMessage::Again { to, era } if era == state.era => {
                if let Some(stream) = state.streams.get_mut(&to) {
                    stream.rested();
                }
                state.work(&myself);
            }
            OutboxMessage::Performed { row, key, era, parked } if era == state.era => {
                state.effects.performed(row, key, parked);
                state.work(&myself);
            }
            OutboxMessage::NotPerformed { row, key, era } if era == state.era => {
                let pause = state.tools.limits.backoff(state.effects.failed(row, key));
                myself.send_after(pause, move || OutboxMessage::PerformAgain { key, era });
                state.work(&myself);
            }
            OutboxMessage::PerformAgain { key, era } if era == state.era => {
                state.effects.rested(key);
                state.work(&myself);
            }
            // Of an earlier term of leading.
            OutboxMessage::Delivered { .. }
            | OutboxMessage::NotDelivered { .. }
            | OutboxMessage::Again { .. }
            | OutboxMessage::Performed { .. }
            | OutboxMessage::NotPerformed { .. }
            | OutboxMessage::PerformAgain { .. } => {}
        }
        Ok(())
    }
}

impl<S: Service, E: Effects<S>> OutboxState<S, E> {
    /// Begins or ends a term: what is known is what the store says.
    fn lead(&mut self, myself: &ActorRef<OutboxMessage>, leading: bool) -> Result<(), ActorProcessingErr> {
        self.leading = leading;
        self.era += 1;
        self.streams.clear();
        self.effects = EffectQueue::default();
        if leading {
            self.read()?;
            self.work(myself);
        }
        Ok(())
    }

    fn read(&mut self) -> Result<(), ActorProcessingErr> {
        let engine = Arc::clone(&self.tools.core.engine);
        let numbered = engine.last_row();
        self.held = engine.effects_are_held()?;
        for (_, parked) in engine.parked()? {
            self.block(&parked.outgoing);
        }
        let rows = engine.outbox()?;
        self.read_to = rows.last().map_or(numbered, |(row, _)| numbered.max(*row));
        self.take_in(rows);
        Ok(())
    }

    fn block(&mut self, outgoing: &Outgoing) {
        match outgoing {
            Outgoing::Event { service, slot, key, .. } => {
                let name = self.stream_name(service, *slot);
                self.streams.entry(name).or_default().block(order_of(*slot, *key));
            }
            Outgoing::Effect { key, .. } => self.effects.block(*key),
        }
    }

    fn take_in(&mut self, rows: Vec<(u64, Outgoing)>) {
        for (row, outgoing) in rows {
            match outgoing {
                Outgoing::Event { service, slot, key, command } => {
                    let name = self.stream_name(&service, slot);
                    self.streams.entry(name).or_default().push(row, order_of(slot, key), command);
                }
                Outgoing::Effect { key, effect } => self.effects.push(row, key, effect),
            }
        }
    }

    fn stream_name(&self, service: &str, slot: u16) -> StreamName {
        let shards = self.tools.client.shards_of(service).unwrap_or(1);
        let slot = protocol::Slot::of(u128::from(slot) << 112);
        StreamName { service: service.into(), shard: slot.shard(shards) }
    }

    /// Starts whatever can be started.
    fn work(&mut self, myself: &ActorRef<OutboxMessage>) {
        let delivery_pause = &self.tools.delivery_pause;
        for (name, stream) in &mut self.streams {
            let Some(under_way) = delivery_pause.begin(Work::Delivery) else { return };
            if let Some((floor, rows)) = stream.next(self.tools.limits.delivery_rows_max) {
                tokio::spawn(work::deliver(
                    under_way,
                    Arc::clone(&self.tools),
                    myself.clone(),
                    self.era,
                    name.clone(),
                    floor,
                    rows,
                ));
            }
        }
        if self.held {
            return;
        }
        loop {
            let Some(under_way) = delivery_pause.begin(Work::Effect) else { return };
            let Some(due) = self.effects.next(self.tools.limits.effects_max) else { return };
            tokio::spawn(work::perform(under_way, Arc::clone(&self.tools), myself.clone(), self.era, due));
        }
    }
}

/// What events wait for each other by, within the stream to one group: the same as [`Outgoing::is_ordered_with`].
fn order_of(slot: u16, key: u128) -> u128 {
    protocol::codec::hash128(&[&slot.to_be_bytes(), &key.to_be_bytes()])
}
