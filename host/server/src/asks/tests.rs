use std::{sync::Arc, time::Duration};

use api::{AudioFile, AudioRefused, Control, ControlError};
use control::placement::Placement;
use futures_util::future::join_all;
use metrics::Gauge;
use model::{Answer, Ask, IdSource, Refusal, TenantId};
use store::Store;
use tokio::sync::mpsc;

use super::{Asks, CHECKS, FILES, UNDER_WAY, UNDER_WAY_TENANT};
use crate::{
    config::Config,
    metrics::Metrics,
    plugins::Plugins,
    prompts::{MEMORY, Prompts},
    publish::Publisher,
    recordings::Shelf,
    shard::Mail,
};

/// Serves requests to one shard, whose mailbox has so much room, while `work` is done.
async fn serve(room: usize, work: impl AsyncFnOnce(Control, mpsc::Receiver<Mail>)) {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/jackfield.db", folder.path().display());
    let store = Store::open(&url).await.unwrap();
    tokio::time::pause();
    let (shard, mail) = mpsc::channel(room);
    let mut config = Config::default();
    config.node.data = folder.path().into();
    let asks = Asks {
        shards: vec![shard],
        placement: Placement::new([1; 16], 1),
        publisher: Publisher::shown_by(Gauge::noop()),
        plugins: Arc::new(Plugins::new(&config, store).unwrap()),
        prompts: Arc::new(Prompts::new(folder.path(), MEMORY)),
        recordings: Arc::new(Shelf::new(folder.path(), None)),
        metrics: Metrics::off(),
    };
    let (control, requests) = Control::channel();
    tokio::select! {
        () = asks.serve(requests) => {}
        () = work(control, mail) => {}
    }
}

fn tenants<const N: usize>() -> [TenantId; N] {
    let mut ids = IdSource::new([9; 32], 0, 0);
    std::array::from_fn(|_| TenantId::mint(&mut ids, 1))
}

/// Asks, and answers as the shard does.
async fn ask_and_answer(control: &Control, mail: &mut mpsc::Receiver<Mail>, tenant: TenantId) {
    let answered = async {
        let Some(Mail::Ask { reply, .. }) = mail.recv().await else {
            panic!("not asked");
        };
        let _ = reply.send(Answer::Calls(vec![]));
    };
    let (answer, ()) = tokio::join!(control.ask(tenant, Ask::Calls), answered);
    assert!(matches!(answer, Ok(Answer::Calls(_))), "{answer:?}");
}

async fn is_refused(control: &Control, tenant: TenantId) {
    let answer = control.ask(tenant, Ask::Calls).await.unwrap();
    let Answer::Refused(Refusal::Unavailable(_)) = answer else {
        panic!("{answer:?}");
    };
}

#[tokio::test]
async fn a_tenant_has_its_share_of_requests_and_who_gives_up_frees_its_place() {
    let [busy, other] = tenants();
    let work = async |control: Control, mut mail: mpsc::Receiver<Mail>| {
        let many = join_all((0..UNDER_WAY_TENANT).map(|_| control.ask(busy, Ask::Calls)));
        let then = async {
            let mut held = Vec::new();
            for _ in 0..UNDER_WAY_TENANT {
                held.push(mail.recv().await.unwrap());
            }
            is_refused(&control, busy).await;
            ask_and_answer(&control, &mut mail, other).await;
            held
        };
        // The API gives up after its time; the shard still holds the questions.
        let (timed_out, held) = tokio::join!(many, then);
        assert!(timed_out.iter().all(Result::is_err));
        tokio::time::sleep(Duration::from_millis(1)).await;
        ask_and_answer(&control, &mut mail, busy).await;
        drop(held);
    };
    serve(UNDER_WAY_TENANT * 3, work).await;
}

#[tokio::test]
async fn a_thousand_requests_are_under_way_at_most_whoever_asks() {
    const TENANTS: usize = UNDER_WAY / UNDER_WAY_TENANT;
    let [last, many @ ..] = tenants::<{ TENANTS + 1 }>();
    let work = async |control: Control, mut mail: mpsc::Receiver<Mail>| {
        let mut asking = tokio::task::JoinSet::new();
        let mut held = Vec::new();
        for tenant in many {
            for _ in 0..UNDER_WAY_TENANT {
                let control = control.clone();
                asking.spawn(async move { control.ask(tenant, Ask::Calls).await });
            }
            // The queue to the server is shorter than what may be under way.
            for _ in 0..UNDER_WAY_TENANT {
                held.push(mail.recv().await.unwrap());
            }
        }
        assert_eq!(held.len(), UNDER_WAY);
        is_refused(&control, last).await;
        drop(held);
        while asking.join_next().await.is_some() {}
        ask_and_answer(&control, &mut mail, last).await;
    };
    serve(UNDER_WAY * 2, work).await;
}

#[tokio::test]
async fn who_asks_a_shard_whose_mailbox_is_full_waits_and_may_give_up() {
    let [tenant] = tenants();
    let work = async |control: Control, mut mail: mpsc::Receiver<Mail>| {
        let first = control.ask(tenant, Ask::Calls);
        let second = control.ask(tenant, Ask::Calls);
        let (first, second) = tokio::join!(first, second);
        assert_eq!(first.unwrap_err(), ControlError::Timeout);
        assert_eq!(second.unwrap_err(), ControlError::Timeout);
        // Nobody waits for the second one any more, so the shard is not asked.
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert!(matches!(mail.recv().await, Some(Mail::Ask { .. })));
        ask_and_answer(&control, &mut mail, tenant).await;
    };
    serve(1, work).await;
}

#[tokio::test]
async fn as_many_components_are_checked_as_the_api_lets_in_and_no_more() {
    let work = async |control: Control, _: mpsc::Receiver<Mail>| {
        assert_eq!(CHECKS, api::limits::UPLOADS);
        let [tenant] = tenants();
        let check = |_| control.check_plugin(tenant, b"no component".as_slice().into());
        let checked = join_all((0..=CHECKS).map(check)).await;
        let why: Vec<_> = checked
            .into_iter()
            .map(|checked| checked.unwrap().unwrap_err())
            .collect();
        let too_many = why.iter().filter(|why| why.starts_with("too many"));
        assert_eq!(too_many.count(), 1, "{why:?}");
        // A check that has ended has left its place.
        let next = control
            .check_plugin(tenant, b"no component".as_slice().into())
            .await;
        assert!(next.unwrap().unwrap_err().starts_with("not a component"));
    };
    serve(1, work).await;
}

#[tokio::test]
async fn so_many_audio_files_are_in_hand_and_no_more() {
    let work = async |control: Control, _: mpsc::Receiver<Mail>| {
        let [tenant] = tenants();
        let keep = |_| control.keep_audio(tenant, b"no audio".as_slice().into());
        let kept = join_all((0..=FILES).map(keep)).await;
        let refused: Vec<_> = kept
            .into_iter()
            .map(|it| it.unwrap().unwrap_err())
            .collect();
        let too_many = refused.iter().filter(|it| **it == AudioRefused::Node);
        assert_eq!(too_many.count(), 1, "{refused:?}");
        // A file that was refused has left its place.
        let none = AudioFile::Prompt("sha256:none".into());
        let next = control.audio(tenant, none, 0..1).await;
        assert!(matches!(next, Ok(None)), "{next:?}");
        let next = keep(0).await.unwrap();
        assert!(matches!(next, Err(AudioRefused::File(_))));
    };
    serve(1, work).await;
}
