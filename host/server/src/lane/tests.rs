use std::{
    future::pending,
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use metrics::Counter;
use model::{IdSource, TenantId};
use tokio::task::yield_now;

use thread_priority::{NormalThreadSchedulePolicy, ThreadSchedulePolicy, thread_schedule_policy};

use super::{Lane, QUICK, SLOW, give_way};
use crate::{clock, vital::Watch};

const LANE: &str = "slow lane";

fn lane<T: Send + 'static>() -> Lane<T> {
    let watch = Watch::default();
    Lane::start([watch.part(LANE)], 64, [Counter::noop(), Counter::noop()]).unwrap()
}

fn tenants<const N: usize>() -> [TenantId; N] {
    let mut ids = IdSource::new([3; 32], 0, 0);
    std::array::from_fn(|_| TenantId::mint(&mut ids, 1))
}

/// Is busy for so long, in steps of half a millisecond of a processor.
async fn burn(time: Duration) {
    let mut spent = Duration::ZERO;
    while spent < time {
        let begun = clock::processor();
        while clock::processor().saturating_sub(begun) < QUICK / 4 {}
        spent += QUICK / 4;
        yield_now().await;
    }
}

/// The thread that it ends on.
async fn burns(time: Duration) -> String {
    burn(time).await;
    thread::current().name().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn quick_work_is_done_where_it_is_asked_for() {
    let (lane, [tenant]) = (lane(), tenants());
    let here = burns(Duration::ZERO).await;
    // Also if there is much of it.
    for _ in 0..50 {
        assert_eq!(lane.run(tenant, burns(QUICK / 2)).await, Some(here.clone()));
    }
}

#[tokio::test]
async fn slow_work_goes_on_in_the_lane_and_its_tenants_next_begins_there() {
    let (lane, [slow, quick]) = (lane(), tenants());
    let here = burns(Duration::ZERO).await;
    let run = async |tenant, time| lane.run(tenant, burns(time)).await.unwrap();
    assert_eq!(run(slow, QUICK * 3).await, LANE);
    assert_eq!(run(slow, Duration::ZERO).await, LANE);
    assert_eq!(run(quick, Duration::ZERO).await, here);
}

#[tokio::test]
async fn who_was_slow_is_forgiven() {
    let (lane, [tenant]) = (lane(), tenants());
    let here = burns(Duration::ZERO).await;
    assert_eq!(lane.run(tenant, burns(QUICK * 3)).await.unwrap(), LANE);
    let begun = clock::instant();
    let mut last = LANE.to_owned();
    // Quick ones do not make it longer.
    while last == LANE {
        last = lane.run(tenant, burns(Duration::ZERO)).await.unwrap();
    }
    assert_eq!(last, here);
    assert!(clock::instant() - begun > SLOW / 2);
}

#[tokio::test]
async fn tenants_take_turns_in_the_lane() {
    let (lane, [greedy, modest]) = (lane(), tenants());
    for tenant in [greedy, modest] {
        lane.note(tenant);
    }
    let order = Arc::new(Mutex::new(Vec::new()));
    let work = |name, steps| {
        let order = Arc::clone(&order);
        async move {
            for _ in 0..steps {
                yield_now().await;
            }
            order.lock().unwrap().push(name);
        }
    };
    let greed = async {
        let works = (0..8).map(|_| lane.run(greedy, work("greedy", 100)));
        futures_util::future::join_all(works).await;
    };
    // Its one work has as many steps as two of the others, but waits for none of them to end.
    tokio::join!(greed, lane.run(modest, work("modest", 200)));
    let order = order.lock().unwrap();
    let at = order.iter().position(|name| *name == "modest").unwrap();
    assert!((1..=3).contains(&at), "{order:?}");
}

#[tokio::test]
async fn work_that_nobody_waits_for_any_more_is_dropped() {
    let (lane, [tenant]) = (lane::<()>(), tenants());
    lane.note(tenant);
    let held = Arc::new(());
    let its = Arc::clone(&held);
    let forever = lane.run(tenant, async move {
        pending::<()>().await;
        drop(its);
    });
    tokio::select! {
        biased;
        _ = forever => panic!("it never ends"),
        () = burn(QUICK) => {}
    }
    // The next one of that tenant has its place.
    assert_eq!(lane.run(tenant, async {}).await, Some(()));
    assert_eq!(Arc::strong_count(&held), 1);
}

#[test]
fn what_is_idle_is_all_that_a_thread_of_the_lane_has() {
    let policy = thread::spawn(|| {
        give_way();
        thread_schedule_policy()
    });
    let idle = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle);
    assert_eq!(policy.join().unwrap(), Ok(idle));
}
