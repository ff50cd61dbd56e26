use std::{cell::RefCell, sync::Arc};

use metrics::Gauge;
use model::{IdSource, TenantId};
use tokio::sync::{Semaphore, oneshot};

use super::Publisher;

fn tenants<const N: usize>() -> [TenantId; N] {
    let mut ids = IdSource::new([5; 32], 0, 0);
    std::array::from_fn(|_| TenantId::mint(&mut ids, 1))
}

fn change(publisher: &Publisher, tenant: TenantId) -> oneshot::Receiver<()> {
    let (done, there) = oneshot::channel();
    publisher.changed(tenant, done);
    there
}

#[tokio::test(start_paused = true)]
async fn a_change_while_its_tenant_is_published_is_published_once_more() {
    let (publisher, [tenant]) = (Publisher::shown_by(Gauge::noop()), tenants());
    let (started, go) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let publish = async |_| {
        started.add_permits(1);
        go.acquire().await.unwrap().forget();
        Ok::<_, String>(())
    };
    let work = async {
        let first = change(&publisher, tenant);
        started.acquire().await.unwrap().forget();
        let mut second = change(&publisher, tenant);
        go.add_permits(1);
        first.await.unwrap();
        assert!(second.try_recv().is_err());
        started.acquire().await.unwrap().forget();
        go.add_permits(1);
        second.await.unwrap();
    };
    tokio::select! {
        () = publisher.clone().run(publish) => {}
        () = work => {}
    }
}

#[tokio::test(start_paused = true)]
async fn a_failed_publication_is_tried_again_and_holds_nobody_else_back() {
    let (publisher, [ill, well]) = (Publisher::shown_by(Gauge::noop()), tenants());
    let (tries, healed) = (RefCell::new(0), RefCell::new(false));
    let publish = async |tenant| {
        if tenant != ill {
            return Ok(());
        }
        *tries.borrow_mut() += 1;
        if *healed.borrow() {
            Ok(())
        } else {
            Err("no store")
        }
    };
    let work = async {
        let mut first = change(&publisher, ill);
        change(&publisher, well).await.unwrap();
        tokio::time::sleep(super::RETRY_LONGEST * 5).await;
        assert!(first.try_recv().is_err());
        assert!((5..20).contains(&*tries.borrow()), "{tries:?}");
        *healed.borrow_mut() = true;
        let second = change(&publisher, ill);
        first.await.unwrap();
        second.await.unwrap();
        let last = *tries.borrow();
        tokio::time::sleep(super::RETRY_LONGEST * 5).await;
        assert_eq!(*tries.borrow(), last);
    };
    tokio::select! {
        () = publisher.clone().run(publish) => {}
        () = work => {}
    }
}

#[tokio::test(start_paused = true)]
async fn a_change_is_published_though_its_asker_is_gone() {
    let (publisher, [tenant]) = (Publisher::shown_by(Gauge::noop()), tenants());
    drop(change(&publisher, tenant));
    let published = Semaphore::new(0);
    let publish = async |_| {
        published.add_permits(1);
        Ok::<_, String>(())
    };
    tokio::select! {
        () = publisher.clone().run(publish) => {}
        done = published.acquire() => done.unwrap().forget(),
    }
}

#[tokio::test(start_paused = true)]
async fn of_a_thousand_changes_of_one_tenant_that_wait_one_is_published() {
    let (publisher, [tenant, other]) = (Publisher::shown_by(Gauge::noop()), tenants());
    let waiting: Vec<_> = (0..1_000).map(|_| change(&publisher, tenant)).collect();
    drop(waiting);
    let last = change(&publisher, tenant);
    {
        let book = publisher.book();
        assert_eq!((book.next.len(), book.waiting[&tenant].len()), (1, 1));
    }
    let there = change(&publisher, other);
    let published = RefCell::new(Vec::new());
    let publish = async |tenant| {
        published.borrow_mut().push(tenant);
        Ok::<_, String>(())
    };
    tokio::select! {
        () = publisher.clone().run(publish) => {}
        done = async { (last.await, there.await) } => assert_eq!(done, (Ok(()), Ok(()))),
    }
    assert_eq!(published.into_inner(), [tenant, other]);
}
