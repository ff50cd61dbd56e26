use std::sync::Arc;

use control::{Ticket, registrar::Registration};
use model::{IdSource, KeyId, Phone, PhoneId, TenantId, Transport};
use sip::{Flow, wire};
use store::{BuiltIn, NewTenant, NewVersion, Store, admin};
use tempfile::TempDir;
use tokio::sync::mpsc;

use super::{Job, Registrar};
use crate::shard::Mail;

/// A REGISTER of one contact for so many seconds.
pub fn registration(cseq: u32, seconds: u32) -> Registration {
    let text = format!(
        "REGISTER sip:acme.example SIP/2.0\r\n\
         Via: SIP/2.0/UDP 10.0.0.9;branch=z9hG4bK1\r\n\
         From: <sip:1001@acme.example>;tag=a\r\nTo: <sip:1001@acme.example>\r\n\
         Call-ID: a\r\nCSeq: {cseq} REGISTER\r\n\
         Contact: <sip:1001@10.0.0.9>;expires={seconds}\r\n\r\n"
    );
    let Ok(wire::Message::Request(request)) = wire::parse(&text.into()) else {
        panic!("no request");
    };
    let flow = Flow {
        transport: sip::Transport::Udp,
        local: ([10, 0, 0, 1], 5060).into(),
        remote: ([10, 0, 0, 9], 5060).into(),
        name: None,
    };
    Registration::read(request.headers(), flow).unwrap()
}

/// A store with a tenant whose phone 1001 registers.
async fn home() -> (TempDir, Store, TenantId) {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/test.db", folder.path().display());
    let store = Store::open(&url).await.unwrap();
    let mut ids = IdSource::new([7; 32], 0, 0);
    let tenant = NewTenant {
        id: TenantId::mint(&mut ids, 1),
        name: "acme".into(),
        domain: "acme.example".into(),
        key: KeyId::mint(&mut ids, 1),
        secret: "jf_secret".into(),
    };
    let built_in = BuiltIn {
        name: "makecall".into(),
        component: NewVersion {
            digest: "sha256:1".into(),
            imports: vec![],
            exports: vec![],
            bytes: vec![1],
        },
    };
    admin::create_tenant(&store, &tenant, &built_in, 1)
        .await
        .unwrap();
    let phone = Phone {
        id: PhoneId::mint(&mut ids, 1),
        user: "1001".into(),
        address: None,
        transport: Transport::Udp,
        voice: model::Voice::default(),
    };
    let made = store.create_phone(tenant.id, &phone, Some("secret"), 1);
    made.await.unwrap();
    (folder, store, tenant.id)
}

/// Takes what a shard is told until the REGISTER is answered: how many bindings, each time.
async fn told(mail: &mut mpsc::Receiver<Mail>) -> (Vec<usize>, Result<usize, u16>) {
    let mut published = Vec::new();
    loop {
        match mail.recv().await.unwrap() {
            Mail::Bindings(news, done) => {
                published.extend(news.iter().map(|(_, _, bindings)| bindings.len()));
                done.send(()).unwrap();
            }
            Mail::Registered(Ticket(1), result) => {
                let result = result.map(|it| it.len()).map_err(|it| it.status);
                return (published, result);
            }
            _ => panic!("told something else"),
        }
    }
}

#[tokio::test]
async fn every_shard_knows_what_is_durable_before_the_phone_is_answered() {
    let (_folder, store, tenant) = home().await;
    let (first, mut first_mail) = mpsc::channel(8);
    let (second, mut second_mail) = mpsc::channel(8);
    let registrar = Registrar::new(&store, &[first, second]);
    let (jobs, taken) = mpsc::channel(8);
    let job = |user: &str, cseq, seconds| Job {
        shard: 1,
        ticket: Ticket(1),
        tenant,
        user: user.to_owned(),
        registration: Arc::new(registration(cseq, seconds)),
    };
    let scene = async {
        jobs.send(job("1001", 1, 60)).await.unwrap();
        let Mail::Bindings(_, done) = first_mail.recv().await.unwrap() else {
            panic!("told something else");
        };
        assert_eq!(admin::bindings(&store).await.unwrap().len(), 1, "durable");
        let Mail::Bindings(_, others) = second_mail.recv().await.unwrap() else {
            panic!("told something else");
        };
        others.send(()).unwrap();
        // The first shard does not know it yet.
        assert!(second_mail.try_recv().is_err());
        done.send(()).unwrap();
        assert_eq!(told(&mut second_mail).await, (vec![], Ok(1)));
        // An older one changes nothing, and nobody hears of it.
        jobs.send(job("1001", 1, 60)).await.unwrap();
        assert_eq!(told(&mut second_mail).await, (vec![], Err(500)));
        jobs.send(job("1002", 1, 60)).await.unwrap();
        assert_eq!(told(&mut second_mail).await, (vec![], Err(404)));
        jobs.send(job("1001", 2, 0)).await.unwrap();
        let Mail::Bindings(_, done) = first_mail.recv().await.unwrap() else {
            panic!("told something else");
        };
        done.send(()).unwrap();
        assert_eq!(told(&mut second_mail).await, (vec![0], Ok(0)));
        // Without a store the phone is told to come back later.
        store.close().await;
        jobs.send(job("1001", 3, 60)).await.unwrap();
        assert_eq!(told(&mut second_mail).await, (vec![], Err(503)));
        drop(jobs);
    };
    tokio::join!(scene, registrar.run(taken));
}
