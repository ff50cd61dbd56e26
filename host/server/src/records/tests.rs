use std::{cell::RefCell, sync::Arc};

use control::Ticket;
use metrics::Gauge;
use model::{CallDirection, CallId, Cdr, IdSource, SessionId, TenantId, turn::Usage};
use store::StoreError;
use tokio::sync::{Notify, mpsc};

use super::{BACKLOG, GROUP, LAST_TRIES, RELAXED, RETRY_LONGEST, write_cdrs};
use crate::{outage::Outage, outlets::CdrJob, shard::Mail};

/// A row as it is when a call begins.
pub(crate) fn cdr(ids: &mut IdSource) -> Cdr {
    Cdr {
        call: CallId::mint(ids, 1),
        session: SessionId::mint(ids, 1),
        tenant: TenantId::mint(ids, 1),
        direction: CallDirection::Inbound,
        from: "sip:1001@acme.example".parse().unwrap(),
        to: "sip:2001@acme.example".parse().unwrap(),
        begin: 1,
        answer: None,
        end: None,
        dropped_by: None,
        cause: None,
        end_reason: None,
        user_data: String::new(),
        number: "2001".into(),
        plugin: "makecall".into(),
        version: 1,
        codec: None,
        packets_received: 0,
        packets_sent: 0,
        packets_lost: 0,
        quality: model::Quality::default(),
        usage: Usage::default(),
    }
}

fn job(cdr: &Cdr, ticket: u64) -> CdrJob {
    CdrJob {
        cdr: Box::new(cdr.clone()),
        shard: 0,
        ticket: Ticket(ticket),
    }
}

async fn told(mail: &mut mpsc::Receiver<Mail>) -> u64 {
    match mail.recv().await {
        Some(Mail::Durable(ticket)) => ticket.0,
        _ => panic!("not told"),
    }
}

fn away() -> StoreError {
    StoreError::Unavailable("on purpose".into())
}

#[tokio::test(start_paused = true)]
async fn rows_outlast_an_outage_and_the_newest_of_a_call_counts() {
    let mut ids = IdSource::new([6; 32], 0, 0);
    let (one, other) = (cdr(&mut ids), cdr(&mut ids));
    let answered = Cdr {
        answer: Some(2),
        ..one.clone()
    };
    let (is_away, written) = (RefCell::new(true), RefCell::new(Vec::new()));
    let commit = async |rows: Vec<Cdr>| {
        if *is_away.borrow() {
            return Err(away());
        }
        written.borrow_mut().extend(rows);
        Ok(())
    };
    let (jobs, receiver) = mpsc::channel(1);
    let (shard, mut mail) = mpsc::channel(8);
    let work = async {
        jobs.send(job(&one, 1)).await.unwrap();
        jobs.send(job(&other, 2)).await.unwrap();
        tokio::time::sleep(RETRY_LONGEST * 10).await;
        jobs.send(job(&answered, 3)).await.unwrap();
        tokio::time::sleep(RETRY_LONGEST * 10).await;
        assert!(mail.try_recv().is_err());
        *is_away.borrow_mut() = false;
        let tickets = [
            told(&mut mail).await,
            told(&mut mail).await,
            told(&mut mail).await,
        ];
        assert_eq!(tickets, [1, 3, 2]);
        assert_eq!(*written.borrow(), [answered.clone(), other.clone()]);
        drop(jobs);
    };
    tokio::join!(
        write_cdrs(
            commit,
            receiver,
            vec![shard],
            Arc::default(),
            Gauge::noop(),
            Outage::default()
        ),
        work
    );
}

#[tokio::test(start_paused = true)]
async fn a_row_that_cannot_be_written_keeps_no_other() {
    let mut ids = IdSource::new([6; 32], 0, 0);
    let (bad, good) = (cdr(&mut ids), cdr(&mut ids));
    let commit = async |rows: Vec<Cdr>| {
        if rows.contains(&bad) {
            return Err(StoreError::Damaged("on purpose".into()));
        }
        Ok(())
    };
    let (jobs, receiver) = mpsc::channel(2);
    let (shard, mut mail) = mpsc::channel(8);
    jobs.try_send(job(&bad, 1)).ok().unwrap();
    jobs.try_send(job(&good, 2)).ok().unwrap();
    drop(jobs);
    write_cdrs(
        commit,
        receiver,
        vec![shard],
        Arc::default(),
        Gauge::noop(),
        Outage::default(),
    )
    .await;
    assert_eq!(told(&mut mail).await, 2);
    assert!(mail.recv().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_store_that_stays_away_does_not_keep_the_node_from_ending() {
    let mut ids = IdSource::new([6; 32], 0, 0);
    let tries = RefCell::new(0);
    let commit = async |_| {
        *tries.borrow_mut() += 1;
        Err(away())
    };
    let (jobs, receiver) = mpsc::channel(1);
    jobs.try_send(job(&cdr(&mut ids), 1)).ok().unwrap();
    drop(jobs);
    write_cdrs(
        commit,
        receiver,
        vec![],
        Arc::default(),
        Gauge::noop(),
        Outage::default(),
    )
    .await;
    assert_eq!(*tries.borrow(), LAST_TRIES);
}

#[tokio::test(start_paused = true)]
async fn a_full_backlog_takes_no_more_until_the_store_is_back() {
    let mut ids = IdSource::new([6; 32], 0, 0);
    let (is_away, written) = (RefCell::new(true), RefCell::new(0));
    let commit = async |rows: Vec<Cdr>| {
        if *is_away.borrow() {
            return Err(away());
        }
        assert!(rows.len() <= GROUP);
        *written.borrow_mut() += rows.len();
        Ok(())
    };
    let (jobs, receiver) = mpsc::channel(8);
    let work = async {
        for ticket in 0..BACKLOG as u64 + 8 {
            jobs.send(job(&cdr(&mut ids), ticket)).await.unwrap();
        }
        tokio::time::sleep(RETRY_LONGEST * 10).await;
        assert!(jobs.try_send(job(&cdr(&mut ids), 0)).is_err());
        *is_away.borrow_mut() = false;
        drop(jobs);
    };
    let shards = vec![];
    tokio::join!(
        write_cdrs(
            commit,
            receiver,
            shards,
            Arc::default(),
            Gauge::noop(),
            Outage::default()
        ),
        work
    );
    assert_eq!(*written.borrow(), BACKLOG + 8);
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_written_at_once_and_what_nobody_waits_for_gathers() {
    let mut ids = IdSource::new([6; 32], 0, 0);
    let (one, other) = (cdr(&mut ids), cdr(&mut ids));
    let answered = Cdr {
        answer: Some(2),
        ..other.clone()
    };
    let began = tokio::time::Instant::now();
    let urgent = Arc::new(Notify::new());
    let commits = RefCell::new(Vec::new());
    let commit = async |rows: Vec<Cdr>| {
        commits.borrow_mut().push((began.elapsed(), rows.len()));
        Ok(())
    };
    let (jobs, receiver) = mpsc::channel(8);
    let work = async {
        jobs.send(job(&one, 1)).await.unwrap();
        tokio::time::sleep(RELAXED / 2).await;
        jobs.send(job(&other, 2)).await.unwrap();
        tokio::time::sleep(RELAXED).await;
        jobs.send(job(&one, 3)).await.unwrap();
        tokio::time::sleep(RELAXED / 4).await;
        jobs.send(job(&answered, 4)).await.unwrap();
        urgent.notify_one();
        tokio::time::sleep(RELAXED).await;
        drop(jobs);
    };
    let outage = Outage::default();
    tokio::join!(
        write_cdrs(
            commit,
            receiver,
            vec![],
            urgent.clone(),
            Gauge::noop(),
            outage
        ),
        work
    );
    let expected = [(RELAXED, 2), (RELAXED * 7 / 4, 1), (RELAXED * 5 / 2, 1)];
    assert_eq!(*commits.borrow(), expected);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_answered_at_once_is_written_once() {
    let mut ids = IdSource::new([6; 32], 0, 0);
    let begun = cdr(&mut ids);
    let answered = Cdr {
        answer: Some(2),
        ..begun.clone()
    };
    let other = cdr(&mut ids);
    let urgent = Arc::new(Notify::new());
    let written = RefCell::new(Vec::new());
    let commit = async |rows: Vec<Cdr>| {
        written.borrow_mut().push(rows);
        Ok(())
    };
    let (jobs, receiver) = mpsc::channel(8);
    let (shard, mut mail) = mpsc::channel(8);
    let work = async {
        jobs.send(job(&other, 1)).await.unwrap();
        jobs.send(job(&begun, 2)).await.unwrap();
        tokio::time::sleep(RELAXED / 8).await;
        jobs.send(job(&answered, 3)).await.unwrap();
        urgent.notify_one();
        assert_eq!([told(&mut mail).await, told(&mut mail).await], [2, 3]);
        drop(jobs);
        assert_eq!(told(&mut mail).await, 1);
    };
    let writer = write_cdrs(
        commit,
        receiver,
        vec![shard],
        urgent.clone(),
        Gauge::noop(),
        Outage::default(),
    );
    tokio::join!(writer, work);
    assert_eq!(*written.borrow(), [vec![answered], vec![other]]);
}
