//! A database in a folder of its own, and nouns to put into it.

use model::{IdSource, KeyId, Number, NumberId, Phone, PhoneId, TenantId, Trunk, TrunkId};
use store::{BuiltIn, NewTenant, NewVersion, Store, StoreError, admin};

pub(crate) const NOW: u64 = 1_760_000_000_000;

pub(crate) struct Home {
    pub(crate) store: Store,
    pub(crate) ids: IdSource,
    folder: tempfile::TempDir,
}

impl Home {
    pub(crate) async fn new() -> Home {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&url(&folder)).await.unwrap();
        let ids = IdSource::new([3; 32], 0, 0);
        Home { store, ids, folder }
    }

    pub(crate) fn path(&self) -> std::path::PathBuf {
        self.folder.path().join("deeper/jackfield.db")
    }

    /// As after the end of the process: the same file, opened anew.
    pub(crate) async fn reopen(self) -> Home {
        self.store.close().await;
        let store = Store::open(&url(&self.folder)).await.unwrap();
        Home { store, ..self }
    }

    pub(crate) async fn tenant(&mut self, name: &str, domain: &str) -> TenantId {
        let new = self.new_tenant(name, domain);
        let made = admin::create_tenant(&self.store, &new, &built_in(1), NOW).await;
        made.unwrap().id
    }

    pub(crate) fn new_tenant(&mut self, name: &str, domain: &str) -> NewTenant {
        NewTenant {
            id: TenantId::mint(&mut self.ids, NOW),
            name: name.into(),
            domain: domain.into(),
            key: KeyId::mint(&mut self.ids, NOW),
            secret: format!("jf_{name}"),
        }
    }

    pub(crate) async fn number(
        &mut self,
        tenant: TenantId,
        number: &str,
    ) -> Result<NumberId, StoreError> {
        let number = Number {
            id: NumberId::mint(&mut self.ids, NOW),
            number: number.into(),
            plugin: "makecall".into(),
        };
        let made = self.store.create_number(tenant, &number, NOW).await;
        made.map(|()| number.id)
    }

    pub(crate) fn a_trunk(&mut self, name: &str, address: &str, accept_from: &str) -> Trunk {
        Trunk {
            accept_from: vec![accept_from.parse().unwrap()],
            ..Trunk::new(
                TrunkId::mint(&mut self.ids, NOW),
                name,
                address.parse::<std::net::SocketAddr>().unwrap(),
            )
        }
    }

    pub(crate) async fn trunk(
        &mut self,
        tenant: TenantId,
        address: &str,
        accept_from: &str,
    ) -> Result<TrunkId, StoreError> {
        let trunk = self.a_trunk("carrier", address, accept_from);
        let made = self.store.create_trunk(tenant, &trunk, NOW).await;
        made.map(|()| trunk.id)
    }

    pub(crate) async fn line(
        &mut self,
        tenant: TenantId,
        user: &str,
        address: &str,
    ) -> Result<PhoneId, StoreError> {
        let phone = Phone {
            id: PhoneId::mint(&mut self.ids, NOW),
            user: user.into(),
            address: Some(address.parse().unwrap()),
            transport: model::Transport::Udp,
            voice: model::Voice::default(),
        };
        let made = self.store.create_phone(tenant, &phone, None, NOW).await;
        made.map(|()| phone.id)
    }
}

fn url(folder: &tempfile::TempDir) -> String {
    format!("sqlite://{}/deeper/jackfield.db", folder.path().display())
}

pub(crate) fn component(what: &str) -> NewVersion {
    NewVersion {
        digest: format!("sha256:{what}"),
        imports: vec!["jackfield:policy/store@0.1.0".into()],
        exports: vec![
            "jackfield:policy/call-events@0.1.0".into(),
            "jackfield:policy/request-events@0.1.0".into(),
        ],
        bytes: what.as_bytes().to_vec(),
    }
}

pub(crate) fn built_in(build: u32) -> BuiltIn {
    BuiltIn {
        name: "makecall".into(),
        component: component(&format!("makecall build {build}")),
    }
}

#[track_caller]
pub(crate) fn conflict<T: std::fmt::Debug>(answer: Result<T, StoreError>, words: &str) {
    match answer {
        Err(StoreError::Conflict { what }) => assert!(what.contains(words), "{what}"),
        other => panic!("no conflict: {other:?}"),
    }
}
