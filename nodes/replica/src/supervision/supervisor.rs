//! The supervisor of a replica: opens the replica, starts its actors, reopens it after failures, and quarantines it
//! when failures repeat.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use group::engine::{AnyEngine, Committed, Halt, Listener};
use group::{Client, Credentials};
use ractor::{Actor, ActorProcessingErr, ActorRef, SupervisionEvent};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;

use crate::calls::core::{Core, EngineStateMachine};
use crate::calls::endpoint::{OpenReplica, ReplicaEndpoint, ReplicaState};
use crate::calls::proposer::Proposals;
use crate::change_notifier::ChangeNotifier;
use crate::delivery_pause::DeliveryPause;
use crate::outbox::{AnyEffects, Outbox, OutboxContext, OutboxMessage};
use crate::supervision::clock::{Clock, ClockMessage};

/// Failures are counted within this window.
const FAILURE_WINDOW: Duration = Duration::from_secs(60);

/// Opens the engine of a service on a state; the listener is told of each committed batch.
pub(crate) type OpenEngine =
    dyn Fn(Arc<dyn store::State>, Listener) -> Result<Arc<dyn AnyEngine>, Halt> + Send + Sync;

/// What is needed to open a replica, any number of times.
pub(crate) struct Plan {
    pub name: Arc<str>,
    /// The name of the service.
    pub service: &'static str,
    /// Opens the service on its state.
    pub open: Box<OpenEngine>,
    pub effects: Arc<dyn AnyEffects>,
    pub options: consensus::Options,
    pub log: Arc<store::NodeLog>,
    pub state: Arc<dyn store::State>,
    pub network: Arc<dyn consensus::Network>,
    pub client: Client,
    pub credentials: Arc<dyn Credentials>,
    pub heavy: Arc<Semaphore>,
    pub endpoint: Arc<ReplicaEndpoint>,
    pub delivery_pause: Arc<DeliveryPause>,
    pub epoch: u64,
}

#[derive(Debug)]
pub(crate) enum SupervisorMessage {
    /// The replica's consensus stopped; the reason.
    Stopped(String),
    /// Open the replica, unless it is open.
    Open,
    /// Outbox rows that waited may be sent: an operator released them, or a delivery pause ended.
    Released,
    /// Close the replica and stop.
    Close(ractor::RpcReplyPort<()>),
}

impl ractor::Message for SupervisorMessage {}

pub(crate) struct Supervisor;

pub(crate) struct SupervisorState {
    plan: Plan,
    open: Option<Open>,
    failures: VecDeque<Instant>,
}

/// An open replica and its actors.
struct Open {
    core: Arc<Core>,
    proposals: Proposals,
    outbox: ActorRef<OutboxMessage>,
    clock: ActorRef<ClockMessage>,
    /// Forward committed entries and role changes to the actors.
    tasks: [JoinHandle<()>; 2],
}

impl Actor for Supervisor {
    type Msg = SupervisorMessage;
    type State = SupervisorState;
    type Arguments = Plan;

    async fn pre_start(
        &self,
        myself: ActorRef<Self::Msg>,
        plan: Self::Arguments,
    ) -> Result<Self::State, ActorProcessingErr> {
        let mut state = SupervisorState { plan, open: None, failures: VecDeque::new() };
        // A failure here must not prevent the node's other groups from starting.
        if let Err(error) = state.open(&myself).await {
            state.fail(&myself, error.to_string()).await;
        }
        Ok(state)
    }

    async fn handle(
        &self,
        myself: ActorRef<Self::Msg>,
        message: Self::Msg,
        state: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            SupervisorMessage::Stopped(why) => state.fail(&myself, why).await,
            SupervisorMessage::Open => {
                if state.open.is_none()
                    && let Err(error) = state.open(&myself).await
                {
                    state.fail(&myself, error.to_string()).await;
                }
            }
            SupervisorMessage::Released => {
                if let Some(open) = &state.open {
                    let _ = open.outbox.cast(OutboxMessage::Released);
                }
            }
            SupervisorMessage::Close(reply) => {
                state.close().await;
                state.plan.endpoint.set(ReplicaState::Closed);
                let _ = reply.send(());
                myself.stop(None);
            }
        }
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        myself: ActorRef<Self::Msg>,
        event: SupervisionEvent,
        state: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        match event {
            SupervisionEvent::ActorFailed(_, error) => state.fail(&myself, error.to_string()).await,
            SupervisionEvent::ActorStarted(_)
            | SupervisionEvent::ActorTerminated(..)
            | SupervisionEvent::ProcessGroupChanged(_)
            | SupervisionEvent::PidLifecycleEvent(_) => {}
        }
        Ok(())
    }
}

impl SupervisorState {
    async fn open(&mut self, myself: &ActorRef<SupervisorMessage>) -> Result<(), ActorProcessingErr> {
        let plan = &self.plan;
        let (committed, commits) = mpsc::unbounded_channel::<Committed>();
        let listener = Box::new(move |fresh| {
            // Fails only when the replica is closed.
            let _ = committed.send(fresh);
        });
        let engine = (plan.open)(Arc::clone(&plan.state), listener)?;
        let machine = Arc::new(EngineStateMachine(Arc::clone(&engine)));
        let consensus = consensus::Replica::start(
            plan.options.clone(),
            Arc::clone(&plan.log),
            Arc::clone(&plan.state),
            machine,
            Arc::clone(&plan.network),
        )
        .await?;
        let core = Arc::new(Core::new(
            Arc::clone(&plan.name),
            plan.service,
            engine,
            consensus,
            Arc::clone(&plan.endpoint.gate),
        ));
        let me = myself.get_cell();
        let limits = plan.endpoint.limits.clone();
        let proposals = Proposals::start(Arc::clone(&core), me.clone()).await?;
        let context = Arc::new(OutboxContext {
            core: Arc::clone(&core),
            effects: Arc::clone(&plan.effects),
            client: plan.client.clone(),
            credentials: Arc::clone(&plan.credentials),
            limits: limits.clone(),
            delivery_pause: Arc::clone(&plan.delivery_pause),
            epoch: plan.epoch,
        });
        let outbox = Actor::spawn_linked(None, Outbox, context, me.clone()).await?.0;
        let clock = Actor::spawn_linked(None, Clock, (Arc::clone(&core), limits), me).await?.0;
        let tasks = [
            tokio::spawn(forward_commits(commits, outbox.clone(), clock.clone())),
            tokio::spawn(forward_roles(
                core.consensus.clone(),
                outbox.clone(),
                clock.clone(),
                myself.clone(),
                Arc::clone(&plan.endpoint.changes),
            )),
        ];
        plan.endpoint.set(ReplicaState::Open(Arc::new(OpenReplica {
            core: Arc::clone(&core),
            proposals: proposals.clone(),
            heavy: Arc::clone(&plan.heavy),
        })));
        self.open = Some(Open { core, proposals, outbox, clock, tasks });
        Ok(())
    }

    async fn close(&mut self) {
        if let Some(open) = self.open.take() {
            self.plan.endpoint.set(ReplicaState::Opening);
            for task in open.tasks {
                task.abort();
            }
            open.proposals.stop();
            open.outbox.stop(None);
            open.clock.stop(None);
            if let Err(fault) = open.core.consensus.shutdown().await {
                tracing::error!(group = %self.plan.name, %fault, "flushing the state failed; the log still has all entries");
            }
        }
    }

    /// Handles a failure: reopens the replica after a pause, or quarantines it after too many failures in a minute.
    async fn fail(&mut self, myself: &ActorRef<SupervisorMessage>, why: String) {
        if self.open.is_none() && self.plan.endpoint.quarantined().is_some() {
            return;
        }
        let name = &self.plan.name;
        tracing::error!(group = %name, why, "a replica failed");
        metrics::counter!("auberge_replica_failures_total", "group" => name.to_string()).increment(1);
        self.plan.endpoint.failed();
        self.close().await;
        let now = Instant::now();
        self.failures.retain(|failure| now.duration_since(*failure) < FAILURE_WINDOW);
        self.failures.push_back(now);
        if self.failures.len() > self.plan.endpoint.limits.reopens_max {
            tracing::error!(group = %self.plan.name, why, "the replica is quarantined");
            self.plan.endpoint.set(ReplicaState::Quarantined(why));
        } else {
            let pause = self.plan.endpoint.limits.backoff(self.failures.len().try_into().unwrap_or(u32::MAX));
            myself.send_after(pause, || SupervisorMessage::Open);
        }
    }
}

async fn forward_commits(
    mut commits: mpsc::UnboundedReceiver<Committed>,
    outbox: ActorRef<OutboxMessage>,
    clock: ActorRef<ClockMessage>,
) {
    while let Some(committed) = commits.recv().await {
        if let Some(at) = committed.earliest_timer {
            let _ = clock.cast(ClockMessage::Due(at));
        }
        if !committed.outgoing.is_empty() {
            let _ = outbox.cast(OutboxMessage::Committed(committed.outgoing));
        }
    }
}

async fn forward_roles(
    consensus: consensus::Replica,
    outbox: ActorRef<OutboxMessage>,
    clock: ActorRef<ClockMessage>,
    supervisor: ActorRef<SupervisorMessage>,
    changes: Arc<ChangeNotifier>,
) {
    let mut roles = consensus.role();
    // With the term, because leading in another term restarts the outbox and the clock.
    let mut known = (false, 0);
    loop {
        let role = roles.borrow_and_update().clone();
        changes.notify();
        if let Some(why) = role.stopped {
            let _ = supervisor.cast(SupervisorMessage::Stopped(why));
            return;
        }
        let now = (role.leader, if role.leader { role.term } else { 0 });
        if now != known {
            known = now;
            let _ = outbox.cast(OutboxMessage::Leading(role.leader));
            let _ = clock.cast(ClockMessage::Leading(role.leader));
        }
        if roles.changed().await.is_err() {
            return;
        }
    }
}
