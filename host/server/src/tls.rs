//! TLS: what this node shows to its peers, and what it believes of them.
//!
//! Owns certificates and keys, and reads them again when their files change, so that a renewed
//! certificate needs no restart: connections that are there go on with the old one. Files that cannot
//! be used leave everything as it was, with one warning for each change of them. Owns no connection.

mod certified;
#[cfg(test)]
pub mod tests;

use std::{
    collections::BTreeMap,
    net::IpAddr,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock, PoisonError, RwLock},
    time::{Duration, SystemTime},
};

use anyhow::{Context, bail};
pub use certified::Certified;
use sip::Flow;
use tokio_rustls::{
    TlsAcceptor, TlsConnector,
    rustls::{
        ClientConfig, RootCertStore, ServerConfig,
        crypto::{CryptoProvider, ring},
        pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
        server::WebPkiClientVerifier,
    },
};

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(5);

/// Where everything is. A path that is `None` was not configured.
#[derive(Clone, Debug, Default)]
pub struct Files {
    /// Our certificate and those that lead to its root, as PEM.
    pub cert: Option<PathBuf>,
    /// Its key.
    pub key: Option<PathBuf>,
    /// Who may have signed the certificates of those who connect to us; then they must show one.
    pub client_ca: Option<PathBuf>,
    /// Who may have signed the certificates of those to whom we connect, instead of the system's
    /// roots.
    pub ca: Option<PathBuf>,
}

/// See the module's header.
#[derive(Debug)]
pub struct Tls {
    files: Files,
    names: BTreeMap<IpAddr, ServerName<'static>>,
    certified: Certified,
    material: RwLock<Arc<Material>>,
}

/// What the files say.
#[derive(Debug)]
struct Material {
    /// None without a certificate: then nobody can connect to us.
    server: Option<Arc<ServerConfig>>,
    /// The same for WebSockets: browsers show no certificates.
    browsers: Option<Arc<ServerConfig>>,
    identity: Option<Identity>,
    roots: Option<Arc<RootCertStore>>,
    /// Made when it is first needed: the system's roots are many.
    client: OnceLock<Option<Arc<ClientConfig>>>,
}

/// Our certificate and its key.
#[derive(Debug)]
struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

impl Tls {
    /// Reads the files. `names`: what the certificate of a peer must say, where it is not its address.
    pub fn load(files: Files, names: &BTreeMap<IpAddr, String>) -> anyhow::Result<Self> {
        let mut checked = BTreeMap::new();
        for (ip, name) in names {
            let server = ServerName::try_from(name.clone())
                .with_context(|| format!("sip.tls_names: not a name: {name:?}"))?;
            checked.insert(*ip, server);
        }
        let material = Material::read(&files)?;
        Ok(Self {
            files,
            names: checked,
            certified: Certified::default(),
            material: RwLock::new(Arc::new(material)),
        })
    }

    /// Whether there is a certificate, without which nobody can be let in.
    pub fn has_certificate(&self) -> bool {
        self.material().server.is_some()
    }

    /// What lets a peer in.
    pub fn acceptor(&self, for_browsers: bool) -> Option<TlsAcceptor> {
        let material = self.material();
        let server = if for_browsers {
            &material.browsers
        } else {
            &material.server
        };
        server.clone().map(TlsAcceptor::from)
    }

    /// What connects to a peer; `None` if nobody can be believed.
    pub fn connector(&self) -> Option<TlsConnector> {
        let material = self.material();
        let client = material.client.get_or_init(|| {
            let client = material.connecting();
            client
                .inspect_err(|why| tracing::warn!(%why, "no connection can be made by TLS"))
                .ok()
        });
        client.clone().map(TlsConnector::from)
    }

    /// The names of peers that are known by one.
    pub fn certified(&self) -> &Certified {
        &self.certified
    }

    /// What the certificate of the peer of a connection that we make must say: the name by which it was
    /// found, else the one that is configured for its address, else that address. `None`: its name is
    /// known no more.
    pub fn name(&self, flow: Flow) -> Option<ServerName<'static>> {
        match flow.name {
            Some(number) => self.certified.name(number),
            None => Some(self.name_of(flow.remote.ip())),
        }
    }

    fn name_of(&self, peer: IpAddr) -> ServerName<'static> {
        let peer = peer.to_canonical();
        let named = self.names.get(&peer).cloned();
        named.unwrap_or_else(|| ServerName::IpAddress(peer.into()))
    }

    /// Looks at the files until it is dropped.
    pub async fn keep_fresh(self: Arc<Self>) {
        let mut seen = self.files.stamps();
        loop {
            tokio::time::sleep(LOOK).await;
            self.refresh(&mut seen);
        }
    }

    /// Reads the files again if they have changed since.
    fn refresh(&self, seen: &mut Vec<Stamp>) {
        let stamps = self.files.stamps();
        if stamps == *seen {
            return;
        }
        *seen = stamps;
        match Material::read(&self.files) {
            Ok(material) => {
                let mut current = self
                    .material
                    .write()
                    .unwrap_or_else(PoisonError::into_inner);
                *current = Arc::new(material);
                tracing::info!("the certificates have changed and are in use");
            }
            Err(why) => {
                tracing::warn!(why = %format!("{why:#}"), "the certificates stay as they were");
            }
        }
    }

    fn material(&self) -> Arc<Material> {
        let current = self.material.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&current)
    }
}

/// When a file was written last, and its octets; none while it cannot be looked at.
type Stamp = Option<(SystemTime, u64)>;

impl Files {
    fn stamps(&self) -> Vec<Stamp> {
        let all = [&self.cert, &self.key, &self.client_ca, &self.ca];
        let stamp = |path: &PathBuf| {
            let about = std::fs::metadata(path).ok()?;
            Some((about.modified().ok()?, about.len()))
        };
        all.into_iter().flatten().map(stamp).collect()
    }
}

impl Material {
    fn read(files: &Files) -> anyhow::Result<Self> {
        let identity = match (&files.cert, &files.key) {
            (Some(cert), Some(key)) => Some(Identity::read(cert, key)?),
            (None, None) => None,
            (Some(_), None) => bail!("sip.tls_cert is there, but no sip.tls_key"),
            (None, Some(_)) => bail!("sip.tls_key is there, but no sip.tls_cert"),
        };
        let clients = read_roots("sip.tls_client_ca", files.client_ca.as_deref())?;
        let accepting = |clients| -> anyhow::Result<_> {
            let identity = identity.as_ref();
            identity.map(|it| it.accepting(clients)).transpose()
        };
        let (server, browsers) = (accepting(clients)?, accepting(None)?);
        let material = Self {
            server,
            browsers,
            roots: read_roots("sip.tls_ca", files.ca.as_deref())?,
            identity,
            client: OnceLock::new(),
        };
        Ok(material)
    }

    /// As the one who connects, with our certificate if we have one: a carrier may ask for it.
    fn connecting(&self) -> anyhow::Result<Arc<ClientConfig>> {
        let roots = self
            .roots
            .clone()
            .unwrap_or_else(|| Arc::new(system_roots()));
        let builder = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots);
        let config = match &self.identity {
            Some(Identity { chain, key }) => {
                builder.with_client_auth_cert(chain.clone(), key.clone_key())?
            }
            None => builder.with_no_client_auth(),
        };
        Ok(Arc::new(config))
    }
}

impl Identity {
    fn read(cert: &Path, key: &Path) -> anyhow::Result<Self> {
        let chain = read_certificates("sip.tls_cert", cert)?;
        let key = PrivateKeyDer::from_pem_file(key)
            .with_context(|| format!("sip.tls_key: no key in {}", key.display()))?;
        Ok(Self { chain, key })
    }

    fn accepting(&self, clients: Option<Arc<RootCertStore>>) -> anyhow::Result<Arc<ServerConfig>> {
        let builder = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?;
        let builder = match clients {
            Some(roots) => {
                let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider());
                let verifier = verifier.build().context("sip.tls_client_ca")?;
                builder.with_client_cert_verifier(verifier)
            }
            None => builder.with_no_client_auth(),
        };
        let config = builder.with_single_cert(self.chain.clone(), self.key.clone_key());
        let config = config.context("sip.tls_cert does not go with sip.tls_key")?;
        Ok(Arc::new(config))
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

fn read_certificates(setting: &str, path: &Path) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let read = || -> anyhow::Result<Vec<_>> {
        let all = CertificateDer::pem_file_iter(path)?.collect::<Result<Vec<_>, _>>()?;
        if all.is_empty() {
            bail!("there is none");
        }
        Ok(all)
    };
    read().with_context(|| format!("{setting}: no certificate in {}", path.display()))
}

fn read_roots(setting: &str, path: Option<&Path>) -> anyhow::Result<Option<Arc<RootCertStore>>> {
    let Some(path) = path else {
        return Ok(None);
    };
    let mut roots = RootCertStore::empty();
    for certificate in read_certificates(setting, path)? {
        roots
            .add(certificate)
            .with_context(|| format!("{setting}: not a root in {}", path.display()))?;
    }
    Ok(Some(Arc::new(roots)))
}

/// What connects to servers that everybody knows, with no certificate of ours.
pub fn plain_client() -> anyhow::Result<ClientConfig> {
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .with_root_certificates(system_roots());
    Ok(builder.with_no_client_auth())
}

/// Those of this machine; one that is none is left out.
fn system_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots
}
