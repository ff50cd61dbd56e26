//! What the files say, and that a change of them is taken over as a whole or not at all.

use std::{collections::BTreeMap, net::IpAddr, path::PathBuf, sync::Arc};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

use super::{Files, Tls};

/// Somebody who signs certificates, and the folder where they are put.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: TempDir,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(vec![]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let issuer = CertifiedIssuer::self_signed(params, key).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ca.pem"), issuer.pem()).unwrap();
        Self { issuer, folder }
    }

    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }

    /// A certificate for that name or address, and its key.
    pub(crate) fn sign(&self, name: &str) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let signed = params.signed_by(&key, &self.issuer).unwrap();
        (signed.pem(), key.serialize_pem())
    }

    /// The files of one who has such a certificate and believes this authority.
    pub(crate) fn files(&self, name: &str) -> Files {
        let (cert, key) = self.sign(name);
        let (cert_path, key_path) = (
            self.path(&format!("{name}.pem")),
            self.path(&format!("{name}.key")),
        );
        std::fs::write(&cert_path, cert).unwrap();
        std::fs::write(&key_path, key).unwrap();
        Files {
            cert: Some(cert_path),
            key: Some(key_path),
            client_ca: None,
            ca: Some(self.path("ca.pem")),
        }
    }
}

/// One who neither shows nor believes anything.
pub(crate) fn none() -> Tls {
    Tls::load(Files::default(), &BTreeMap::new()).unwrap()
}

/// One with these files, to whom the peer at the loopback address is known by that name.
pub(crate) fn with(files: Files, name: Option<&str>) -> Tls {
    let peer: IpAddr = "127.0.0.1".parse().unwrap();
    let names = name.map(|name| (peer, name.to_owned()));
    Tls::load(files, &names.into_iter().collect()).unwrap()
}

/// Whether the second lets the first in, and the first believes it.
async fn meet(client: &Tls, server: &Tls, for_browsers: bool) -> bool {
    let (near, far) = duplex(64 << 10);
    let acceptor = server.acceptor(for_browsers).unwrap();
    let connector = client.connector().unwrap();
    let name = client.name_of("127.0.0.1".parse().unwrap());
    let calls = async {
        let mut stream = connector.connect(name, near).await?;
        stream.write_all(b"x").await?;
        stream.flush().await?;
        stream.read_u8().await
    };
    let answers = async {
        let mut stream = acceptor.accept(far).await?;
        let octet = stream.read_u8().await?;
        stream.write_all(&[octet]).await?;
        stream.flush().await
    };
    let (called, answered) = tokio::join!(calls, answers);
    called.is_ok() && answered.is_ok()
}

#[tokio::test]
async fn a_peer_is_believed_by_its_address_or_the_name_that_it_was_given() {
    let authority = Authority::new();
    let by_address = with(authority.files("127.0.0.1"), None);
    let by_name = with(authority.files("sip.carrier.example"), None);
    let expects_name = with(
        authority.files("client.example"),
        Some("sip.carrier.example"),
    );
    let expects_address = with(authority.files("client.example"), None);
    assert!(meet(&expects_address, &by_address, false).await);
    assert!(meet(&expects_name, &by_name, false).await);
    assert!(!meet(&expects_address, &by_name, false).await);
    assert!(!meet(&expects_name, &by_address, false).await);
    let elsewhere = Authority::new();
    let stranger = with(elsewhere.files("127.0.0.1"), None);
    assert!(!meet(&expects_address, &stranger, false).await);
}

#[tokio::test]
async fn who_connects_must_show_a_certificate_if_there_is_an_authority_for_it_but_browsers_need_none()
 {
    let authority = Authority::new();
    let mut files = authority.files("127.0.0.1");
    files.client_ca = Some(authority.path("ca.pem"));
    let server = with(files, None);
    let ours = with(authority.files("client.example"), None);
    let bare = Files {
        ca: Some(authority.path("ca.pem")),
        ..Files::default()
    };
    let nobody = with(bare, None);
    let elsewhere = Authority::new();
    let mut files = elsewhere.files("client.example");
    files.ca = Some(authority.path("ca.pem"));
    let foreign = with(files, None);
    assert!(meet(&ours, &server, false).await);
    assert!(!meet(&nobody, &server, false).await);
    assert!(!meet(&foreign, &server, false).await);
    assert!(meet(&nobody, &server, true).await);
}

#[tokio::test]
async fn a_renewed_certificate_is_used_and_a_broken_one_changes_nothing() {
    let authority = Authority::new();
    let files = authority.files("sip.carrier.example");
    let (cert, key) = (files.cert.clone().unwrap(), files.key.clone().unwrap());
    let server = Arc::new(with(files.clone(), None));
    let client = with(authority.files("client.example"), None);
    let mut seen = files.stamps();
    assert!(!meet(&client, &server, false).await);
    // The certificate is there before its key: it does not go with the old one.
    let (new_cert, new_key) = authority.sign("127.0.0.1");
    std::fs::write(&cert, &new_cert).unwrap();
    // Of the same octets within the clock's grain it would not be seen.
    seen.clear();
    server.refresh(&mut seen);
    assert!(server.has_certificate() && !meet(&client, &server, false).await);
    std::fs::write(&key, new_key).unwrap();
    seen.clear();
    server.refresh(&mut seen);
    assert!(meet(&client, &server, false).await);
    std::fs::write(&cert, "no certificate at all").unwrap();
    server.refresh(&mut seen);
    assert!(meet(&client, &server, false).await);
    assert_eq!(seen, files.stamps());
}

#[test]
fn what_is_wrong_with_the_files_is_said_with_its_setting() {
    let authority = Authority::new();
    let good = authority.files("127.0.0.1");
    let other = authority.files("other.example");
    let cert = good.cert.clone();
    let rows = [
        (
            Files {
                key: None,
                ..good.clone()
            },
            "no sip.tls_key",
        ),
        (
            Files {
                cert: None,
                ..good.clone()
            },
            "no sip.tls_cert",
        ),
        (
            Files {
                key: cert,
                ..good.clone()
            },
            "sip.tls_key: no key in",
        ),
        (
            Files {
                key: other.key,
                ..good.clone()
            },
            "does not go with",
        ),
        (
            Files {
                client_ca: good.key.clone(),
                ..good.clone()
            },
            "sip.tls_client_ca: no cert",
        ),
        (
            Files {
                ca: good.key.clone(),
                ..good.clone()
            },
            "sip.tls_ca: no certificate in",
        ),
    ];
    for (files, expect) in rows {
        let error = Tls::load(files, &BTreeMap::new()).unwrap_err();
        assert!(format!("{error:#}").contains(expect), "{error:#}");
    }
}
