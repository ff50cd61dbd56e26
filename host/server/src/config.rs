//! Configuration: TOML, then `JACKFIELD__SECTION__KEY`, then flags. Unknown keys are errors.

mod limits;
mod listen;
mod media;
mod recordings;
mod sip;

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use anyhow::{Context, bail};
use figment::{
    Figment,
    providers::{Env, Format, Serialized, Toml},
};
use serde::{Deserialize, Serialize};

pub use self::{
    limits::Limits,
    recordings::{Archive, Recordings},
    sip::Sip,
};

/// Processor time of a compiler at most: what waits behind it waits twice as long.
const COMPILE_LONGEST: Duration = Duration::from_secs(600);

/// The whole of it, as written.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    pub node: Node,
    pub sip: Sip,
    pub media: Media,
    pub api: Api,
    pub store: Store,
    pub recordings: Recordings,
    pub plugins: Plugins,
    pub limits: Limits,
    pub metrics: Metrics,
    pub log: Log,
}

/// This process.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// Where files and the embedded database live.
    pub data: PathBuf,
    /// How long live calls may go on after SIGTERM: `10m`.
    pub drain_timeout: String,
}

/// Media.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Media {
    /// Where RTP sockets are bound.
    pub address: IpAddr,
    /// The address for SDP; empty: as `sip.external`.
    pub external: String,
    /// Where RTP sockets for peers of IPv6 are bound, if `address` is of IPv4; empty: at every such
    /// address if SIP is served over IPv6, else nowhere.
    pub address6: String,
    /// The address of IPv6 for SDP; empty: as `sip.external6`.
    pub external6: String,
    /// `20000-39999`; `0-0`: any free port.
    pub ports: String,
    /// Whether keys of SRTP may stand in SDP that is not sent over TLS.
    pub srtp_in_clear: bool,
    /// How long a party that was heard may say nothing, neither RTP nor RTCP, before its call is
    /// ended; not while somebody holds. `0s`: forever.
    pub timeout: String,
    /// How datagrams come and go.
    pub io: media::Datagrams,
}

/// REST.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Api {
    /// Where it listens.
    pub listen: SocketAddr,
}

/// The database.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Store {
    /// `sqlite://…`; empty: `jackfield.db` in the data folder.
    pub url: String,
}

/// Limits of policies.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Plugins {
    /// Guest run time of one turn: `50ms`.
    pub turn_deadline: String,
    /// Linear memory of one turn: `16MiB`.
    pub memory: String,
    /// An uploaded component: `2MiB`.
    pub upload_max: String,
    /// Processor time of its compiler: `30s`.
    pub compile_time: String,
    /// Memory of its compiler: `1024MiB`.
    pub compile_memory: String,
}

/// The page for Prometheus.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Metrics {
    /// Where it is served; port 0: a free one, which is printed. Empty: nowhere.
    pub listen: String,
}

/// Logging.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// `pretty` or `json`.
    pub format: String,
    /// `error`, `warn`, `info`, `debug`, `trace`, or a filter such as `info,sip=debug`.
    pub level: String,
}

impl Default for Node {
    fn default() -> Self {
        Self {
            name: "n1".into(),
            data: "data".into(),
            drain_timeout: "10m".into(),
        }
    }
}

impl Default for Media {
    fn default() -> Self {
        let address = Ipv4Addr::UNSPECIFIED.into();
        Self {
            address,
            external: String::new(),
            address6: String::new(),
            external6: String::new(),
            ports: "20000-39999".into(),
            srtp_in_clear: false,
            timeout: "60s".into(),
            io: media::Datagrams::default(),
        }
    }
}

impl Default for Api {
    fn default() -> Self {
        Self {
            listen: (Ipv4Addr::LOCALHOST, 8080).into(),
        }
    }
}

impl Default for Plugins {
    fn default() -> Self {
        Self {
            turn_deadline: "50ms".into(),
            memory: "16MiB".into(),
            upload_max: "2MiB".into(),
            compile_time: "30s".into(),
            compile_memory: "1024MiB".into(),
        }
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:9090".into(),
        }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self {
            format: "pretty".into(),
            level: "info".into(),
        }
    }
}

impl Config {
    /// Reads the file, if one is named, and the environment; `data` overrides `node.data`.
    pub fn load(file: Option<&Path>, data: Option<PathBuf>) -> anyhow::Result<Config> {
        let mut figment = Figment::from(Serialized::defaults(Config::default()));
        if let Some(file) = file {
            if !file.is_file() {
                bail!("no configuration file at {}", file.display());
            }
            figment = figment.merge(Toml::file_exact(file));
        }
        figment = figment.merge(Env::prefixed("JACKFIELD__").split("__"));
        let mut config: Config = figment
            .extract()
            .context("the configuration is not valid")?;
        if let Some(data) = data {
            config.node.data = data;
        }
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> anyhow::Result<()> {
        if self.sip.udp.is_empty() {
            bail!("sip.udp names no listener");
        }
        self.drain_timeout()?;
        self.media_timeout()?;
        self.turn_deadline()?;
        self.turn_memory()?;
        self.upload_max()?;
        self.compile_limits()?;
        for place in self.media_places()? {
            place.ports.split(1).context("media.ports")?;
        }
        self.sip.check()?;
        self.metrics_listen()?;
        self.limits.settings()?;
        self.recordings.archive()?;
        self.recordings.keep_days()?;
        if !["pretty", "json"].contains(&self.log.format.as_str()) {
            bail!(
                "log.format is neither pretty nor json: {:?}",
                self.log.format
            );
        }
        if !self.store.url.is_empty() && !self.store.url.starts_with("sqlite:") {
            bail!(
                "store.url: only sqlite:// is there in this version: {:?}",
                self.store.url
            );
        }
        Ok(())
    }

    /// `media.timeout`, unless there is none.
    pub fn media_timeout(&self) -> anyhow::Result<Option<Duration>> {
        let timeout = duration(&self.media.timeout).context("media.timeout")?;
        Ok(Some(timeout).filter(|it| !it.is_zero()))
    }

    /// How long live calls may go on after SIGTERM.
    pub fn drain_timeout(&self) -> anyhow::Result<Duration> {
        duration(&self.node.drain_timeout).context("node.drain_timeout")
    }

    /// Guest run time of one turn.
    pub fn turn_deadline(&self) -> anyhow::Result<Duration> {
        duration(&self.plugins.turn_deadline).context("plugins.turn_deadline")
    }

    /// Linear memory of one turn, octets.
    pub fn turn_memory(&self) -> anyhow::Result<usize> {
        size(&self.plugins.memory).context("plugins.memory")
    }

    /// Octets of an uploaded component at most.
    pub fn upload_max(&self) -> anyhow::Result<usize> {
        size(&self.plugins.upload_max).context("plugins.upload_max")
    }

    /// What compiling a component may take.
    pub fn compile_limits(&self) -> anyhow::Result<policy::CompileLimits> {
        let time = duration(&self.plugins.compile_time).context("plugins.compile_time")?;
        if time < Duration::from_secs(1) || time > COMPILE_LONGEST {
            let text = &self.plugins.compile_time;
            bail!("plugins.compile_time is not between 1s and 10m: {text:?}");
        }
        let memory = size(&self.plugins.compile_memory).context("plugins.compile_memory")?;
        Ok(policy::CompileLimits {
            time,
            patience: time * 10,
            memory,
            ..policy::CompileLimits::default()
        })
    }

    /// Where the metrics are served, if anywhere.
    pub fn metrics_listen(&self) -> anyhow::Result<Option<SocketAddr>> {
        let listen = &self.metrics.listen;
        if listen.is_empty() {
            return Ok(None);
        }
        let address = SocketAddr::from_str(listen)
            .with_context(|| format!("metrics.listen is not ADDRESS:PORT: {listen:?}"))?;
        Ok(Some(address))
    }

    /// The database's address.
    pub fn store_url(&self) -> String {
        if self.store.url.is_empty() {
            format!("sqlite://{}", self.node.data.join("jackfield.db").display())
        } else {
            self.store.url.clone()
        }
    }
}

fn duration(text: &str) -> anyhow::Result<Duration> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: u64 = digits
        .parse()
        .with_context(|| format!("not a time such as 10m: {text:?}"))?;
    match &text[digits.len()..] {
        "ms" => Ok(Duration::from_millis(number)),
        "s" => Ok(Duration::from_secs(number)),
        "m" => Ok(Duration::from_secs(number.saturating_mul(60))),
        "h" => Ok(Duration::from_secs(number.saturating_mul(3600))),
        unit => bail!("{text:?}: the unit {unit:?} is none of ms, s, m, h"),
    }
}

fn size(text: &str) -> anyhow::Result<usize> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: usize = digits
        .parse()
        .with_context(|| format!("not a size such as 16MiB: {text:?}"))?;
    match &text[digits.len()..] {
        "KiB" => Ok(number.saturating_mul(1024)),
        "MiB" => Ok(number.saturating_mul(1024 * 1024)),
        unit => bail!("{text:?}: the unit {unit:?} is neither KiB nor MiB"),
    }
}

#[cfg(test)]
mod tests;
