//! The actor that processes a group's outbox, on the leader only: it delivers commands to other groups and performs
//! effects.
//!
//! To each other group there is one delivery at a time, of many rows in row order. Effects run concurrently, those of one
//! key one after another. Failures are retried after an exponential backoff. A row that is refused is parked, and blocks
//! only the later rows of its key. An entry of its own removes a row, so that the next leader continues with the row if
//! this one dies first.

mod effects;
mod queue;
mod work;

use std::collections::HashMap;
use std::sync::Arc;

use group::{Client, Credentials, Outgoing};
use ractor::{Actor, ActorProcessingErr, ActorRef};

use crate::calls::core::Core;
use crate::delivery_pause::{DeliveryPause, Work};
use crate::limits::Limits;
pub(crate) use effects::{AnyEffects, TypedEffects};
use queue::{EffectQueue, Stream, StreamName};

#[derive(Debug)]
pub(crate) enum OutboxMessage {
    /// Whether this replica leads.
    Leading(bool),
    /// Rows were committed.
    Committed(Vec<(u64, Outgoing)>),
    /// A delivery has ended; these rows were removed or parked.
    Delivered { to: StreamName, term: u64, done: Vec<u64>, parked: Vec<u64> },
    /// A delivery failed, or the entry that removes its rows.
    DeliveryFailed { to: StreamName, term: u64 },
    /// The backoff of a stream has ended.
    RetryDelivery { to: StreamName, term: u64 },
    /// An effect has ended; its row was removed or parked.
    EffectEnded { row: u64, key: u128, term: u64, parked: bool },
    /// An attempt at an effect failed.
    EffectFailed { row: u64, key: u128, term: u64 },
    /// The backoff of a key has ended.
    RetryEffect { key: u128, term: u64 },
    /// Rows that waited may be processed: a parked row, the effects of a restored state, or all rows after a pause.
    Released,
}

impl ractor::Message for OutboxMessage {}

pub(crate) struct Outbox;

/// The dependencies of deliveries and effects, shared with their tasks.
pub(crate) struct OutboxContext {
    pub core: Arc<Core>,
    pub effects: Arc<dyn AnyEffects>,
    pub client: Client,
    pub credentials: Arc<dyn Credentials>,
    pub limits: Limits,
    /// No work starts while a cluster snapshot is taken.
    pub delivery_pause: Arc<DeliveryPause>,
    /// The cluster's epoch. It distinguishes rows with the same number before and after a restore.
    pub epoch: u64,
}

/// The queues of the outbox. They are read from the store when this replica becomes the leader.
pub(crate) struct OutboxState {
    context: Arc<OutboxContext>,
    leading: bool,
    /// Counts the times that this replica began or ceased to lead. Messages of tasks from an earlier one are ignored.
    term: u64,
    /// The rows up to this one were read from the store; later ones arrive in messages.
    read_to: u64,
    streams: HashMap<StreamName, Stream>,
    effects: EffectQueue,
    /// Effects wait until an operator releases them, after a restore.
    effects_held: bool,
}

impl Actor for Outbox {
    type Msg = OutboxMessage;
    type State = OutboxState;
    type Arguments = Arc<OutboxContext>;

    async fn pre_start(
        &self,
        _: ActorRef<Self::Msg>,
        context: Self::Arguments,
    ) -> Result<Self::State, ActorProcessingErr> {
        Ok(OutboxState {
            context,
            leading: false,
            term: 0,
            read_to: 0,
            streams: HashMap::new(),
            effects: EffectQueue::default(),
            effects_held: false,
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
                    // Work in progress continues: no effect is performed twice at the same time.
                    state.streams.values_mut().for_each(Stream::clear_waiting);
                    state.effects.clear_waiting();
                    state.read()?;
                    state.work(&myself);
                }
            }
            OutboxMessage::Committed(mut rows) => {
                if state.leading {
                    // Earlier rows were read from the store, or are done.
                    rows.retain(|(row, _)| *row > state.read_to);
                    state.enqueue(rows);
                    state.work(&myself);
                }
            }
            OutboxMessage::Delivered { to, term, done, parked } if term == state.term => {
                if let Some(stream) = state.streams.get_mut(&to) {
                    stream.delivered(&done, &parked);
                }
                state.work(&myself);
            }
            OutboxMessage::DeliveryFailed { to, term } if term == state.term => {
                if let Some(stream) = state.streams.get_mut(&to) {
                    let pause = state.context.limits.backoff(stream.failed());
                    let shortest = pause.min(state.context.limits.backoff_min);
                    // The pause ends early when the placement changes: the destination may have a leader again.
                    let changed = state.context.client.changed();
                    tokio::spawn(async move {
                        tokio::time::sleep(shortest).await;
                        let _ = tokio::time::timeout(pause.saturating_sub(shortest), changed).await;
                        let _ = myself.cast(OutboxMessage::RetryDelivery { to, term });
                    });
                }
            }
            OutboxMessage::RetryDelivery { to, term } if term == state.term => {
                if let Some(stream) = state.streams.get_mut(&to) {
                    stream.end_backoff();
                }
                state.work(&myself);
            }
            OutboxMessage::EffectEnded { row, key, term, parked } if term == state.term => {
                state.effects.ended(row, key, parked);
                state.work(&myself);
            }
            OutboxMessage::EffectFailed { row, key, term } if term == state.term => {
                let pause = state.context.limits.backoff(state.effects.failed(row, key));
                myself.send_after(pause, move || OutboxMessage::RetryEffect { key, term });
                state.work(&myself);
            }
            OutboxMessage::RetryEffect { key, term } if term == state.term => {
                state.effects.end_backoff(key);
                state.work(&myself);
            }
            // From a task that began before this replica began to lead.
            OutboxMessage::Delivered { .. }
            | OutboxMessage::DeliveryFailed { .. }
            | OutboxMessage::RetryDelivery { .. }
            | OutboxMessage::EffectEnded { .. }
            | OutboxMessage::EffectFailed { .. }
            | OutboxMessage::RetryEffect { .. } => {}
        }
        Ok(())
    }
}

impl OutboxState {
    /// Begins or ceases to lead: clears the queues, and reads them from the store.
    fn lead(&mut self, myself: &ActorRef<OutboxMessage>, leading: bool) -> Result<(), ActorProcessingErr> {
        self.leading = leading;
        self.term += 1;
        self.streams.clear();
        self.effects = EffectQueue::default();
        if leading {
            self.read()?;
            self.work(myself);
        }
        Ok(())
    }

    fn read(&mut self) -> Result<(), ActorProcessingErr> {
        let engine = Arc::clone(&self.context.core.engine);
        let numbered = engine.last_row();
        self.effects_held = engine.effects_are_held()?;
        for (_, parked) in engine.parked()? {
            self.block(&parked.outgoing);
        }
        let rows = engine.outbox()?;
        self.read_to = rows.last().map_or(numbered, |(row, _)| numbered.max(*row));
        self.enqueue(rows);
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

    fn enqueue(&mut self, rows: Vec<(u64, Outgoing)>) {
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
        let shards = self.context.client.shards_of(service).unwrap_or(1);
        let slot = protocol::Slot::of(u128::from(slot) << 112);
        StreamName { service: service.into(), shard: slot.shard(shards) }
    }

    /// Starts the deliveries and effects that can start.
    fn work(&mut self, myself: &ActorRef<OutboxMessage>) {
        let delivery_pause = &self.context.delivery_pause;
        for (name, stream) in &mut self.streams {
            let Some(in_flight) = delivery_pause.begin(Work::Delivery) else { return };
            if let Some((floor, rows)) = stream.next(self.context.limits.delivery_rows_max) {
                tokio::spawn(work::deliver(
                    in_flight,
                    Arc::clone(&self.context),
                    myself.clone(),
                    self.term,
                    name.clone(),
                    floor,
                    rows,
                ));
            }
        }
        if self.effects_held {
            return;
        }
        loop {
            let Some(in_flight) = delivery_pause.begin(Work::Effect) else { return };
            let Some(due) = self.effects.next(self.context.limits.effects_max) else { return };
            tokio::spawn(work::perform(in_flight, Arc::clone(&self.context), myself.clone(), self.term, due));
        }
    }
}

/// The key of the order within the stream to one group. Equivalent to [`Outgoing::is_ordered_with`].
fn order_of(slot: u16, key: u128) -> u128 {
    protocol::codec::hash128(&[&slot.to_be_bytes(), &key.to_be_bytes()])
}
