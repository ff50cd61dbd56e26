use std::{sync::Arc, time::Duration};

use api::Control;
use model::{Answer, Ask, IdSource, Refusal, TenantId};
use store::Store;
use tokio::sync::mpsc;

use super::{Asks, UNDER_WAY_TENANT};
use crate::{config::Config, metrics::Metrics, plugins::Plugins, publish::Publisher, shard::Mail};

#[tokio::test]
async fn a_tenant_has_its_share_of_requests_and_who_gives_up_frees_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/jackfield.db", folder.path().display());
    let store = Store::open(&url).await.unwrap();
    tokio::time::pause();
    let (shard, mut mail) = mpsc::channel(UNDER_WAY_TENANT * 3);
    let asks = Asks {
        shards: vec![shard],
        publisher: Publisher::default(),
        plugins: Arc::new(Plugins::new(&Config::default(), store).unwrap()),
        metrics: Metrics::off(),
    };
    let mut ids = IdSource::new([9; 32], 0, 0);
    let [busy, other] = std::array::from_fn(|_| TenantId::mint(&mut ids, 1));
    let (control, requests) = Control::channel();
    let work = async {
        let many = (0..UNDER_WAY_TENANT).map(|_| control.ask(busy, Ask::Calls));
        let many = futures_util::future::join_all(many);
        let then = async {
            let mut held = Vec::new();
            for _ in 0..UNDER_WAY_TENANT {
                held.push(mail.recv().await.unwrap());
            }
            let refused = control.ask(busy, Ask::Calls).await.unwrap();
            let Answer::Refused(Refusal::Unavailable(_)) = refused else {
                panic!("{refused:?}");
            };
            let asked = control.ask(other, Ask::Calls);
            let answered = async {
                let Some(Mail::Ask { reply, .. }) = mail.recv().await else {
                    panic!("not asked");
                };
                let _ = reply.send(Answer::Calls(vec![]));
            };
            let (answer, ()) = tokio::join!(asked, answered);
            assert!(matches!(answer, Ok(Answer::Calls(_))));
            held
        };
        // The API gives up after its time; the shard still holds the questions.
        let (timed_out, held) = tokio::join!(many, then);
        assert!(timed_out.iter().all(Result::is_err));
        tokio::time::sleep(Duration::from_millis(1)).await;
        let asked = control.ask(busy, Ask::Calls);
        let answered = async {
            let Some(Mail::Ask { reply, .. }) = mail.recv().await else {
                panic!("not asked");
            };
            let _ = reply.send(Answer::Calls(vec![]));
        };
        let (answer, ()) = tokio::join!(asked, answered);
        assert!(matches!(answer, Ok(Answer::Calls(_))));
        drop(held);
    };
    tokio::select! {
        () = asks.serve(requests) => {}
        () = work => {}
    }
}
