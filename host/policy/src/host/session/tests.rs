//! What becomes of what `migrate` made, and wrote.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::turn::View;
use model::{FaultPolicy, IdSource, SessionId, TenantConfig, TenantId};

use crate::host::{Host, StoreRead, StoreReads};
use crate::limits::Limits;

struct Empty;

impl StoreReads for Empty {
    fn get<'a>(&'a mut self, _: &'a str) -> StoreRead<'a> {
        Box::pin(std::future::ready(Ok(None)))
    }
}

fn host() -> Host {
    let mut ids = IdSource::new([1; 32], 0, 0);
    let tenant = TenantConfig {
        id: TenantId::mint(&mut ids, 1),
        name: "acme".into(),
        domain: "acme.example".into(),
        numbers: BTreeMap::new(),
        trunks: Vec::new(),
        phones: BTreeMap::new(),
        secrets: BTreeMap::new(),
        plugins: BTreeMap::new(),
        prompts: BTreeMap::new(),
        default_plugin: "p".into(),
        fault_policy: FaultPolicy::Release,
        media_timeout: None,
        rollouts: BTreeMap::new(),
        records_turns: true,
    };
    let view = View {
        session: SessionId::mint(&mut ids, 1),
        now: 1,
        calls: Vec::new(),
        calls_made: 0,
        conferences: Vec::new(),
        gone: None,
        operations: 0,
        asked: None,
        timers: Vec::new(),
        state: Arc::from(&b"old"[..]),
        tenant: Arc::new(tenant),
        plugin: "p".into(),
        settings: Arc::default(),
    };
    Host::new(view, ids, Box::new(Empty), Limits::default())
}

#[tokio::test]
async fn a_migrate_that_makes_no_state_has_written_nothing() {
    let most = model::limits::STATE;
    for (made, is_taken) in [
        (Ok(vec![b'x'; most]), true),
        (Ok(vec![b'x'; most + 1]), false),
        (Err("it keyed otherwise".to_owned()), false),
    ] {
        let mut host = host();
        host.overlay.get("read").await.unwrap();
        host.overlay.put("written".into(), vec![1], None).unwrap();
        host.take_over(made);
        let effects = host.into_effects(None, model::turn::Usage::default());
        assert_eq!(effects.state.is_some(), is_taken);
        assert_eq!(effects.store.writes.contains_key("written"), is_taken);
        assert!(effects.store.reads.contains_key("read"), "it is checked");
        assert_eq!(effects.logs.is_empty(), is_taken);
    }
}
