//! Asks the DNS, by hickory-resolver: the only file that knows it.

use std::{net::SocketAddr, time::Duration};

use anyhow::Context;
use hickory_resolver::{
    TokioResolver,
    config::{ConnectionConfig, NameServerConfig, ResolverConfig},
    net::runtime::TokioRuntimeProvider,
    proto::rr::{RData, RecordType},
};
use sip::locate::{Answer, Kind, Query, Record};

/// How long one server may take to answer; then the next one is asked.
const PATIENCE: Duration = Duration::from_secs(3);

/// A resolver.
pub struct Dns(TokioResolver);

impl Dns {
    /// One that asks these servers, or those of the system if there are none.
    pub fn new(servers: &[SocketAddr]) -> anyhow::Result<Self> {
        let mut builder = if servers.is_empty() {
            TokioResolver::builder_tokio().context("the system's resolver cannot be read")?
        } else {
            let mut config = ResolverConfig::default();
            for server in servers {
                let mut ways = [ConnectionConfig::udp(), ConnectionConfig::tcp()];
                for way in &mut ways {
                    way.port = server.port();
                }
                let server = NameServerConfig::new(server.ip(), true, ways.into());
                config.add_name_server(server);
            }
            TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
        };
        let options = builder.options_mut();
        options.timeout = PATIENCE;
        options.attempts = 2;
        // What is found is kept by whoever asked.
        options.cache_size = 0;
        Ok(Self(builder.build()?))
    }

    /// Asks. No such records is an answer without any.
    pub async fn ask(&self, query: &Query) -> Result<Answer, String> {
        let kind = match query.kind {
            Kind::Naptr => RecordType::NAPTR,
            Kind::Srv => RecordType::SRV,
            Kind::A => RecordType::A,
            Kind::Aaaa => RecordType::AAAA,
        };
        // The whole name: what the machine would append to it is none of the tenant's.
        let name = format!("{}.", query.name.trim_end_matches('.'));
        let found = match self.0.lookup(name, kind).await {
            Ok(found) => found,
            Err(error) if error.is_no_records_found() => return Ok(Answer::default()),
            Err(error) => return Err(error.to_string()),
        };
        let answers = found.answers();
        Ok(Answer {
            records: answers.iter().filter_map(|it| record(&it.data)).collect(),
            ttl: answers.iter().map(|it| it.ttl).min().unwrap_or(0),
        })
    }
}

fn record(data: &RData) -> Option<Record> {
    let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
    let name = |name: &hickory_resolver::proto::rr::Name| {
        let name = name.to_ascii();
        match name.trim_end_matches('.') {
            "" => ".".to_owned(),
            name => name.to_ascii_lowercase(),
        }
    };
    match data {
        RData::A(ip) => Some(Record::Address(ip.0.into())),
        RData::AAAA(ip) => Some(Record::Address(ip.0.into())),
        RData::SRV(srv) => Some(Record::Srv {
            priority: srv.priority,
            weight: srv.weight,
            port: srv.port,
            target: name(&srv.target),
        }),
        RData::NAPTR(naptr) => Some(Record::Naptr {
            order: naptr.order,
            preference: naptr.preference,
            flags: text(&naptr.flags),
            service: text(&naptr.services),
            replacement: name(&naptr.replacement),
        }),
        _ => None,
    }
}
