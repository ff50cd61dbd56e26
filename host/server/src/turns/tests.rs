use std::sync::Arc;

use control::{Ticket, TurnRequest};
use metrics::Counter;
use model::{
    Event, IdSource, KeyId, Origin, Request, RequestId, SessionId, TenantConfig, TenantId,
    turn::{TurnOutcome, Usage, View},
};
use store::{NewTenant, Store, admin};

use super::{Beside, TurnRunner};
use crate::{
    commits::Commits, config::Config, lane::Lane, metrics::Metrics, outage::Outage,
    plugins::Plugins, records::turns::tests::tenant, setup, vital::Watch,
};

/// The built-in policy of a tenant, and what runs its turns.
struct Home {
    runner: TurnRunner,
    digest: String,
    tenant: Arc<TenantConfig>,
    ids: IdSource,
    _folder: tempfile::TempDir,
}

impl Home {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/jackfield.db", folder.path().display());
        let store = Store::open(&url).await.unwrap();
        let mut config = Config::default();
        config.node.data = folder.path().into();
        let plugins = Plugins::new(&config, store.clone()).unwrap();
        let built_in = setup::built_in(&plugins).await.unwrap();
        let digest = built_in.component.digest.clone();
        let mut ids = IdSource::new([5; 32], 0, 0);
        let new = NewTenant {
            id: TenantId::mint(&mut ids, 1),
            name: "acme".into(),
            domain: "acme.example".into(),
            key: KeyId::mint(&mut ids, 1),
            secret: "jf_acme".into(),
        };
        let created = admin::create_tenant(&store, &new, &built_in, 1);
        created.await.unwrap();
        assert!(plugins.fetch(new.id, &digest).await.is_ok());
        let (watch, commits) = (Watch::default(), Commits::new(store.clone()));
        let counters = [Counter::noop(), Counter::noop()];
        let lane = Lane::start([watch.part("lane")], 64, counters).unwrap();
        let (beside, _) = Beside::new(lane, &Arc::default());
        let runner = TurnRunner::new(
            Arc::new(plugins),
            store,
            Arc::new(commits),
            Metrics::off(),
            Outage::default(),
            beside,
        );
        let tenant = TenantConfig {
            id: new.id,
            records_turns: false,
            ..tenant()
        };
        Self {
            runner,
            digest,
            tenant: Arc::new(tenant),
            ids,
            _folder: folder,
        }
    }

    fn asks(&mut self, verb: &str, body: &str) -> TurnRequest {
        let session = SessionId::mint(&mut self.ids, 1);
        let request = Request {
            id: RequestId::mint(&mut self.ids, 1),
            origin: Origin::User,
            user: "1001".into(),
            verb: verb.into(),
            body: body.into(),
        };
        TurnRequest {
            ticket: Ticket(1),
            digest: self.digest.clone(),
            version: 1,
            number: 0,
            view: View {
                session,
                now: 1,
                calls: Vec::new(),
                calls_made: 0,
                conferences: Vec::new(),
                gone: None,
                operations: 0,
                asked: None,
                timers: Vec::new(),
                state: [].into(),
                tenant: Arc::clone(&self.tenant),
                plugin: "makecall".into(),
                settings: Arc::default(),
            },
            event: Event::Request(request),
            ids: self.ids.clone(),
        }
    }
}

/// What a turn used that returned.
fn used(outcome: &TurnOutcome) -> Usage {
    match outcome {
        TurnOutcome::Done(effects) => effects.usage,
        fault @ TurnOutcome::Fault { .. } => panic!("{fault:?}"),
    }
}

/// Of two who take back the same request one is in conflict with the other, unless the machine runs them one after
/// the other: hence many rounds.
#[tokio::test]
async fn what_a_turn_used_is_what_all_its_runs_did() {
    let mut home = Home::new().await;
    let asked = r#"{"caller":"2001","callee":"3001"}"#;
    let alone = {
        let (asks, takes) = (home.asks("makecall", asked), home.asks("cancelcall", ""));
        used(&home.runner.run(asks).await);
        used(&home.runner.run(takes).await)
    };
    let mut most = alone.host_calls;
    for _ in 0..100 {
        let asks = home.asks("makecall", asked);
        let (one, other) = (home.asks("cancelcall", ""), home.asks("cancelcall", ""));
        used(&home.runner.run(asks).await);
        let (one, other) = tokio::join!(home.runner.run(one), home.runner.run(other));
        let both = [used(&one), used(&other)];
        assert_eq!(both.map(|it| it.turns), [1, 1]);
        most = both.iter().map(|it| it.host_calls).fold(most, u32::max);
        if most > alone.host_calls {
            return;
        }
    }
    panic!("no turn had more than {most} host calls");
}
