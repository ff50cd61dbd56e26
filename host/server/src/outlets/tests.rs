use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use control::{Output, Ticket, guard::Settings};
use model::{IdSource, RecordingId, RecordingState, SessionId, TenantId, Trace};
use store::RecordingChange;
use tokio::{sync::mpsc, time::Instant};

use super::{CdrJob, Losses, Outlets, Record};
use crate::{guard::Door, records::tests::cdr};

fn trace() -> Output {
    let mut ids = IdSource::new([3; 32], 0, 0);
    let session = SessionId::mint(&mut ids, 1);
    let tenant = TenantId::mint(&mut ids, 1);
    Output::Trace(Box::new(Trace::new(session, tenant, 1)))
}

/// Without sockets and media shards.
fn outlets(cdrs: mpsc::Sender<CdrJob>, records: mpsc::Sender<Record>) -> Outlets {
    Outlets {
        shards: vec![],
        shard: 0,
        sockets: vec![],
        streams: crate::stream::Service::bind(&[], crate::tls::tests::none())
            .unwrap()
            .streams(),
        media: vec![],
        backlogs: vec![],
        cdrs,
        urgent: Arc::default(),
        recordings: mpsc::channel(1).0,
        records,
        registers: mpsc::channel(1).0,
        losses: Arc::new(Losses::default()),
        door: Arc::new(Door::new(Settings::default()).unwrap()),
    }
}

#[tokio::test(start_paused = true)]
async fn the_last_outputs_wait_for_room_and_what_finds_none_is_counted() {
    let (cdrs, _cdrs) = mpsc::channel(1);
    let (records, mut taken) = mpsc::channel(1);
    let outlets = outlets(cdrs, records);
    let lost = || outlets.losses.records.load(Ordering::Relaxed);
    outlets.put(trace());
    outlets.put(trace());
    assert_eq!(lost(), 1);

    let until = Instant::now() + Duration::from_secs(5);
    let taker = async {
        taken.recv().await.unwrap();
        taken.recv().await.unwrap();
        taken
    };
    let ((), _taken) = tokio::join!(outlets.put_last(trace(), until), taker);
    assert_eq!(lost(), 1);

    outlets.put_last(trace(), until).await;
    outlets.put_last(trace(), until).await;
    assert_eq!(lost(), 2);
    assert!(Instant::now() >= until);
}

#[tokio::test]
async fn a_recording_that_failed_before_it_had_a_file_is_no_longer_open() {
    let (cdrs, _cdrs) = mpsc::channel(1);
    let (records, _records) = mpsc::channel(1);
    let (recordings, mut taken) = mpsc::channel(crate::records::recordings::CHANGES);
    let outlets = Outlets {
        recordings,
        ..outlets(cdrs, records)
    };
    let id = RecordingId::mint(&mut IdSource::new([3; 32], 0, 0), 1);
    for _ in 0..=crate::records::recordings::CHANGES {
        outlets.put(Output::RecordingFailed(id));
    }
    let told = taken.try_recv();
    assert_eq!(told, Ok(RecordingChange::Ended(id, RecordingState::Failed)));
    let lost = outlets.losses.recordings.load(Ordering::Relaxed);
    assert_eq!(lost, 1, "the one that found no room");
}

#[tokio::test]
async fn a_register_that_finds_no_room_is_refused_and_counted() {
    let (cdrs, _cdrs) = mpsc::channel(1);
    let (records, _records) = mpsc::channel(1);
    let (registers, mut taken) = mpsc::channel(crate::registrar::QUEUE);
    let outlets = Outlets {
        registers,
        ..outlets(cdrs, records)
    };
    let tenant = TenantId::mint(&mut IdSource::new([3; 32], 0, 0), 1);
    let registration = Arc::new(crate::registrar::tests::registration(1, 60));
    let mut refused = 0;
    for ticket in 0..=crate::registrar::QUEUE as u64 {
        let (user, registration) = ("1001".to_owned(), Arc::clone(&registration));
        let taken = outlets.register(Ticket(ticket), tenant, user, registration);
        refused += u64::from(!taken);
    }
    assert_eq!(refused, 1);
    assert_eq!(outlets.losses.registers.load(Ordering::Relaxed), 1);
    assert_eq!(taken.try_recv().ok().unwrap().ticket, Ticket(0));
}

#[tokio::test]
async fn news_goes_to_every_other_shard_and_is_counted_without_room() {
    let (cdrs, _cdrs) = mpsc::channel(1);
    let (records, _records) = mpsc::channel(1);
    let (own, mut own_mail) = mpsc::channel(1);
    let (other, mut other_mail) = mpsc::channel(1);
    let outlets = Outlets {
        shards: vec![own.downgrade(), other.downgrade()],
        ..outlets(cdrs, records)
    };
    let news = control::News::Gateway(control::GatewayNews {
        trunk: model::TrunkId::mint(&mut IdSource::new([3; 32], 0, 0), 1),
        hop: model::Hop {
            transport: model::Transport::Udp,
            address: ([192, 0, 2, 1], 5060).into(),
            name: None,
        },
        up: false,
    });
    outlets.put(Output::News(news.clone()));
    assert_eq!(outlets.losses.news.load(Ordering::Relaxed), 0);
    outlets.put(Output::News(news.clone()));
    assert_eq!(outlets.losses.news.load(Ordering::Relaxed), 1);
    let told = other_mail.try_recv().ok().unwrap();
    assert!(matches!(told, crate::shard::Mail::News(it) if it == news));
    assert!(own_mail.try_recv().is_err());
}

#[tokio::test]
async fn a_row_that_finds_no_room_is_dropped_and_counted() {
    let (cdrs, mut taken) = mpsc::channel(crate::records::CDRS);
    let (records, _records) = mpsc::channel(1);
    let outlets = outlets(cdrs, records);
    let row = cdr(&mut IdSource::new([3; 32], 0, 0));
    for ticket in 0..=crate::records::CDRS as u64 {
        outlets.put(Output::Cdr {
            ticket: Ticket(ticket),
            cdr: Box::new(row.clone()),
        });
    }
    assert_eq!(outlets.losses.cdrs.load(Ordering::Relaxed), 1);
    assert_eq!(taken.try_recv().ok().unwrap().ticket, Ticket(0));
}

#[tokio::test]
async fn a_message_for_a_shard_without_room_is_dropped_and_counted() {
    let (cdrs, _cdrs) = mpsc::channel(1);
    let (records, _records) = mpsc::channel(1);
    let (mailbox, mut mail) = mpsc::channel(1);
    let outlets = Outlets {
        shards: vec![mailbox.downgrade()],
        ..outlets(cdrs, records)
    };
    let hatch = |n: u16| std::net::SocketAddr::from(([0, 0, 0, 0], n));
    for shard in [0, 0, 1] {
        outlets.put(Output::Sibling {
            shard,
            flow: sip::Flow {
                transport: sip::Transport::Udp,
                local: hatch(1),
                remote: hatch(2),
                name: None,
            },
            bytes: bytes::Bytes::from_static(b"BYE"),
        });
    }
    // The one without room, and one that is not there.
    assert_eq!(outlets.losses.siblings.load(Ordering::Relaxed), 2);
    let Some(crate::shard::Mail::Sibling { flow, .. }) = mail.recv().await else {
        panic!()
    };
    assert_eq!(flow.remote, hatch(2));
}
