//! The actor over a replica: opens it, starts its actors, starts those again that fail, and gives up in good order.

use std::collections::VecDeque;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::{Duration, Instant};

use group::engine::{Engine, Landed};
use group::{Client, Credentials, Effects, Service};
use ractor::{Actor, ActorProcessingErr, ActorRef, SupervisionEvent};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;

use crate::clock::{Clock, ClockMessage};
use crate::core::{Core, EngineMachine};
use crate::front::Front;
use crate::hush::Hush;
use crate::news::News;
use crate::outbox::{Outbox, OutboxMessage, Tools};
use crate::port::{Door, Live, Standing};

/// The window in which failures are counted.
const WINDOW: Duration = Duration::from_secs(60);

/// How to open a replica, as often as needed.
pub(crate) struct Plan<S: Service, E> {
    pub name: Arc<str>,
    pub make: Box<dyn Fn() -> S + Send + Sync>,
    pub effects: Arc<E>,
    pub options: consensus::Options,
    pub log: Arc<store::NodeLog>,
    pub state: Arc<dyn store::State>,
    pub network: Arc<dyn consensus::Network>,
    pub client: Client,
    pub credentials: Arc<dyn Credentials>,
    pub heavy: Arc<Semaphore>,
    pub door: Arc<Door<S>>,
    pub hush: Arc<Hush>,
    pub epoch: u64,
}

/// What a supervisor is told.
#[derive(Debug)]
pub(crate) enum SupervisorMessage {
    /// The replica's consensus stopped, with the reason.
    Stopped(String),
    /// Open the replica (again).
    Open,
    /// An operator released a parked row.
    Released,
    /// Close the replica and stop.
    Close(ractor::RpcReplyPort<()>),
}

impl ractor::Message for SupervisorMessage {}

/// See the module.
pub(crate) struct Supervisor<S, E>(PhantomData<fn() -> (S, E)>);

impl<S, E> Default for Supervisor<S, E> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

/// What a supervisor has.
pub(crate) struct SupervisorState<S: Service, E> {
    plan: Plan<S, E>,
    open: Option<Open<S>>,
    failures: VecDeque<Instant>,
}

/// A replica that is open, and its actors.
struct Open<S: Service> {
    core: Arc<Core<S>>,
    front: ActorRef<crate::front::FrontMessage<S>>,
    outbox: ActorRef<OutboxMessage>,
    clock: ActorRef<ClockMessage>,
    /// Forward what lands and who leads.
    tasks: [JoinHandle<()>; 2],
}

impl<S: Service, E: Effects<S>> Actor for Supervisor<S, E> {
    type Msg = SupervisorMessage;
    type State = SupervisorState<S, E>;
    type Arguments = Plan<S, E>;

    async fn pre_start(
        &self,
        myself: ActorRef<Self::Msg>,
        plan: Self::Arguments,
    ) -> Result<Self::State, ActorProcessingErr> {
        let mut state = SupervisorState { plan, open: None, failures: VecDeque::new() };
        // A log that cannot be applied is no reason for the node's other groups not to start.
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
                state.plan.door.set(Standing::Closed);
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

impl<S: Service, E: Effects<S>> SupervisorState<S, E> {
    async fn open(&mut self, myself: &ActorRef<SupervisorMessage>) -> Result<(), ActorProcessingErr> {
        let plan = &self.plan;
        let (landed, landings) = mpsc::unbounded_channel::<Landed>();
        let listener = Box::new(move |fresh| {
            // Nobody listens once the replica is closed.
            let _ = landed.send(fresh);
        });
        let engine = Arc::new(Engine::open((plan.make)(), Arc::clone(&plan.state), listener)?);
        let machine = Arc::new(EngineMachine(Arc::clone(&engine)));
        let consensus = consensus::Replica::start(
            plan.options.clone(),
            Arc::clone(&plan.log),
            Arc::clone(&plan.state),
            machine,
            Arc::clone(&plan.network),
        )
        .await?;
        let core =
            Arc::new(Core::new(Arc::clone(&plan.name), engine, consensus, Arc::clone(&plan.door.gate)));
        let me = myself.get_cell();
        let limits = plan.door.limits.clone();
        let heavy = Arc::clone(&plan.heavy);
        let front =
            Actor::spawn_linked(None, Front::default(), (Arc::clone(&core), heavy), me.clone()).await?.0;
        let tools = Arc::new(Tools {
            core: Arc::clone(&core),
            effects: Arc::clone(&plan.effects),
            client: plan.client.clone(),
            credentials: Arc::clone(&plan.credentials),
            limits: limits.clone(),
            hush: Arc::clone(&plan.hush),
            epoch: plan.epoch,
        });
        let outbox = Actor::spawn_linked(None, Outbox::<S, E>::default(), tools, me.clone()).await?.0;
        let clock =
            Actor::spawn_linked(None, Clock::<S>::default(), (Arc::clone(&core), limits), me).await?.0;
        let tasks = [
            tokio::spawn(forward_landings(landings, outbox.clone(), clock.clone())),
            tokio::spawn(forward_roles(
                core.consensus.clone(),
                outbox.clone(),
                clock.clone(),
                myself.clone(),
                Arc::clone(&plan.door.news),
            )),
        ];
        plan.door.set(Standing::Open(Live { core: Arc::clone(&core), front: front.clone() }));
        self.open = Some(Open { core, front, outbox, clock, tasks });
        Ok(())
    }

    async fn close(&mut self) {
        if let Some(open) = self.open.take() {
            self.plan.door.set(Standing::Opening);
            for task in open.tasks {
                task.abort();
            }
            open.front.stop(None);
            open.outbox.stop(None);
            open.clock.stop(None);
            if let Err(fault) = open.core.consensus.shutdown().await {
                tracing::error!(group = %self.plan.name, %fault, "a state could not be flushed; the log has it all");
            }
        }
    }

    /// Something failed: open everything again, a few times a minute; then leave it closed for an operator.
    async fn fail(&mut self, myself: &ActorRef<SupervisorMessage>, why: String) {
        if self.open.is_none() && self.plan.door.quarantined().is_some() {
            return;
        }
        let name = &self.plan.name;
        tracing::error!(group = %name, why, "a replica failed");
        metrics::counter!("auberge_replica_failures_total", "group" => name.to_string()).increment(1);
        self.plan.door.failed();
        self.close().await;
        let now = Instant::now();
        self.failures.retain(|failure| now.duration_since(*failure) < WINDOW);
        self.failures.push_back(now);
        if self.failures.len() > self.plan.door.limits.reopens_max {
            tracing::error!(group = %self.plan.name, why, "quarantined: other groups go on without it");
            self.plan.door.set(Standing::Quarantined(why));
        } else {
            let pause = self.plan.door.limits.backoff(self.failures.len().try_into().unwrap_or(u32::MAX));
            myself.send_after(pause, || SupervisorMessage::Open);
        }
    }
}

async fn forward_landings(
    mut landings: mpsc::UnboundedReceiver<Landed>,
    outbox: ActorRef<OutboxMessage>,
    clock: ActorRef<ClockMessage>,
) {
    while let Some(landed) = landings.recv().await {
        if let Some(at) = landed.earliest_timer {
            let _ = clock.cast(ClockMessage::Due(at));
        }
        if !landed.outgoing.is_empty() {
            let _ = outbox.cast(OutboxMessage::Landed(landed.outgoing));
        }
    }
}

async fn forward_roles(
    consensus: consensus::Replica,
    outbox: ActorRef<OutboxMessage>,
    clock: ActorRef<ClockMessage>,
    supervisor: ActorRef<SupervisorMessage>,
    news: Arc<News>,
) {
    let mut roles = consensus.role();
    // With the term: leading again is another matter than leading still.
    let mut known = (false, 0);
    loop {
        let role = roles.borrow_and_update().clone();
        news.tell();
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
