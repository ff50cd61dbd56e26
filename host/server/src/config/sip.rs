//! `[sip]`: where signalling is served, and how TLS is spoken.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
};

use anyhow::bail;
use serde::{Deserialize, Serialize};
use sip::Transport;

use crate::tls::{Files, Tls};

/// Signalling.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sip {
    /// UDP listeners. Port 0: a free one, which is printed.
    pub udp: Vec<SocketAddr>,
    /// TCP listeners, in the same way; empty: none.
    pub tcp: Vec<SocketAddr>,
    /// TLS listeners; they need a certificate.
    pub tls: Vec<SocketAddr>,
    /// WebSocket listeners.
    pub ws: Vec<SocketAddr>,
    /// The same with TLS; they need a certificate.
    pub wss: Vec<SocketAddr>,
    /// Our certificate and those that lead to its root, as PEM; empty: none.
    pub tls_cert: PathBuf,
    /// Its key.
    pub tls_key: PathBuf,
    /// Roots of the certificates that those who connect by TLS must show; empty: they need none.
    pub tls_client_ca: PathBuf,
    /// Roots of the certificates of those to whom we connect; empty: the system's.
    pub tls_ca: PathBuf,
    /// What the certificate of a peer must say, by its address, where it is not the address itself.
    pub tls_names: BTreeMap<IpAddr, String>,
    /// The address that peers shall use; empty: the listener's own, or this machine's if that is
    /// unspecified.
    pub external: String,
}

impl Default for Sip {
    fn default() -> Self {
        Self {
            udp: vec![(Ipv4Addr::UNSPECIFIED, 5060).into()],
            tcp: vec![(Ipv4Addr::UNSPECIFIED, 5060).into()],
            tls: Vec::new(),
            ws: Vec::new(),
            wss: Vec::new(),
            tls_cert: PathBuf::new(),
            tls_key: PathBuf::new(),
            tls_client_ca: PathBuf::new(),
            tls_ca: PathBuf::new(),
            tls_names: BTreeMap::new(),
            external: String::new(),
        }
    }
}

impl Sip {
    /// Where connections are taken.
    pub fn streams(&self) -> Vec<(Transport, SocketAddr)> {
        let kinds = [
            (Transport::Tcp, &self.tcp),
            (Transport::Tls, &self.tls),
            (Transport::Ws, &self.ws),
            (Transport::Wss, &self.wss),
        ];
        let listeners = kinds.into_iter().flat_map(|(transport, listeners)| {
            listeners.iter().map(move |address| (transport, *address))
        });
        listeners.collect()
    }

    /// Certificates and keys, as the files have them now.
    pub fn security(&self) -> anyhow::Result<Tls> {
        let named = |path: &PathBuf| Some(path.clone()).filter(|it| !it.as_os_str().is_empty());
        let files = Files {
            cert: named(&self.tls_cert),
            key: named(&self.tls_key),
            client_ca: named(&self.tls_client_ca),
            ca: named(&self.tls_ca),
        };
        let tls = Tls::load(files, &self.tls_names)?;
        let secure = self.streams().into_iter().find(|it| it.0.is_secure());
        if let Some((transport, _)) = secure
            && !tls.has_certificate()
        {
            let setting = transport.name().to_ascii_lowercase();
            bail!("sip.{setting} needs sip.tls_cert and sip.tls_key");
        }
        Ok(tls)
    }
}
