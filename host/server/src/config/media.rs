//! `[media]`: where RTP sockets are bound, which addresses peers are told, and how datagrams come and go.

use std::net::IpAddr;

use anyhow::{Context, bail};
use media::io::{Backend, Place, PortRange};
use serde::{Deserialize, Serialize};

use super::{Config, sip};

/// How datagrams of RTP come and go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub enum Datagrams {
    /// By io_uring where the kernel and the machine's rules offer it, else by epoll.
    #[default]
    #[serde(rename = "auto")]
    Auto,
    /// By epoll.
    #[serde(rename = "epoll")]
    Epoll,
    /// By io_uring, or the node does not start.
    #[serde(rename = "io_uring")]
    IoUring,
}

impl From<Datagrams> for Option<Backend> {
    fn from(io: Datagrams) -> Self {
        match io {
            Datagrams::Auto => None,
            Datagrams::Epoll => Some(Backend::Epoll),
            Datagrams::IoUring => Some(Backend::IoUring),
        }
    }
}

impl Config {
    /// The lowest and the highest number of RTP sockets.
    fn media_ports(&self) -> anyhow::Result<(u16, u16)> {
        let bounds = self.media.ports.split_once('-');
        let numbers = bounds.and_then(|(first, last)| {
            Some((first.trim().parse().ok()?, last.trim().parse().ok()?))
        });
        let numbers = numbers.filter(|(first, last)| first <= last);
        numbers.with_context(|| {
            format!(
                "media.ports is not a range such as 20000-39999: {:?}",
                self.media.ports
            )
        })
    }

    /// Where RTP sockets are bound, at one address of each family.
    pub fn media_places(&self) -> anyhow::Result<Vec<Place>> {
        let (first, last) = self.media_ports()?;
        let addresses = [
            Some((self.media.address, &self.media.external, "media.external")),
            self.second()?
                .map(|address| (address, &self.media.external6, "media.external6")),
        ];
        let place = |(address, external, setting): (IpAddr, &String, &str)| {
            let named = sip::external(external, address).context(setting.to_owned())?;
            let told = match named {
                None if address.is_unspecified() => Some(self.sip.shown(address)?),
                named => named,
            };
            Ok(Place {
                ports: PortRange {
                    address,
                    first,
                    last,
                },
                external: told,
            })
        };
        addresses.into_iter().flatten().map(place).collect()
    }

    /// The address of IPv6 beside that of IPv4, if there is one.
    fn second(&self) -> anyhow::Result<Option<IpAddr>> {
        let text = &self.media.address6;
        let is_ipv4 = self.media.address.is_ipv4();
        if text.is_empty() {
            let is_served = self.sip.listeners().any(|(_, it)| it.at.is_ipv6());
            return Ok((is_ipv4 && is_served).then_some(std::net::Ipv6Addr::UNSPECIFIED.into()));
        }
        let address: IpAddr = text.parse().context("media.address6")?;
        if !address.is_ipv6() {
            bail!("media.address6 is not an address of IPv6: {text:?}");
        }
        if !is_ipv4 {
            bail!("media.address6: media.address is of IPv6 already");
        }
        Ok(Some(address))
    }
}
