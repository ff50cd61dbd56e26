use std::{io::Write, net::SocketAddr, time::Duration};

use super::{Config, duration, size};

fn load(text: &str) -> Result<Config, String> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    Config::load(Some(file.path()), None).map_err(|error| format!("{error:#}"))
}

#[test]
fn nothing_configured_is_a_node() {
    let config = Config::load(None, None).unwrap();
    let everywhere: SocketAddr = "0.0.0.0:5060".parse().unwrap();
    assert_eq!(config.sip.udp, [everywhere.into()]);
    assert_eq!(config.sip.tcp, config.sip.udp);
    assert_eq!(config.store_url(), "sqlite://data/jackfield.db");
    let settings = control::guard::Settings::default();
    assert_eq!(config.limits.settings().unwrap(), settings);
}

#[test]
fn errors_name_the_key() {
    for (text, names) in [
        ("[sip]\nudpp = []", "udpp"),
        ("[sip]\nudp = [\"x\"]", "sip.udp"),
        ("[sip]\ntcp = [\"x\"]", "sip.tcp"),
        (
            "[sip]\ntls = [\"127.0.0.1:0\"]",
            "sip.tls needs sip.tls_cert",
        ),
        (
            "[sip]\nwss = [\"127.0.0.1:0\"]",
            "sip.wss needs sip.tls_cert",
        ),
        ("[sip]\nws = [\"localhost\"]", "sip.ws"),
        ("[sip]\ntls_cert = \"/no.pem\"", "no sip.tls_key"),
        (
            "[sip]\ntls_cert = \"/no.pem\"\ntls_key = \"/no.key\"",
            "sip.tls_cert: no certificate in /no.pem",
        ),
        (
            "[sip]\ntls_ca = \"/no.pem\"",
            "sip.tls_ca: no certificate in /no.pem",
        ),
        ("[sip.tls_names]\n\"192.0.2.1\" = \"a b\"", "sip.tls_names"),
        ("[sip.tls_names]\nx = \"carrier.example\"", "sip.tls_names"),
        ("[node]\ndrain_timeout = \"10 days\"", "node.drain_timeout"),
        ("[media]\ntimeout = \"often\"", "media.timeout"),
        ("[media]\nports = \"9-1\"", "media.ports"),
        (
            "[media]\nports = \"20001-20002\"",
            "media.ports: media ports 20001-20002: no pair",
        ),
        ("[media]\nio = \"aio\"", "unknown variant: found `aio`"),
        ("[media]\naddress6 = \"127.0.0.1\"", "media.address6"),
        (
            "[media]\naddress = \"::1\"\naddress6 = \"::1\"",
            "media.address6",
        ),
        ("[media]\nexternal = \"::1\"", "media.external"),
        (
            "[media]\naddress6 = \"::\"\nexternal6 = \"192.0.2.1\"",
            "media.external6",
        ),
        ("[sip]\nexternal6 = \"192.0.2.1\"", "sip.external6"),
        (
            "[sip]\nudp = [\"[fe80::1%1]:5060\"]",
            "sip.udp: [fe80::1%1]:5060 has a zone",
        ),
        (
            "[sip]\nudp = [{ listen = \"x\", external = \"192.0.2.1\" }]",
            "sip.udp",
        ),
        (
            "[sip]\nudp = [{ listen = \"0.0.0.0:5060\" }]",
            "missing field `external`",
        ),
        (
            "[sip]\ntcp = [{ listen = \"0.0.0.0:5060\", extern = \"192.0.2.1\" }]",
            "unknown field: found `extern`",
        ),
        (
            "[sip]\ntcp = [{ listen = \"0.0.0.0:5060\", external = \"router\" }]",
            "external is not an address such as",
        ),
        (
            "[sip]\ntcp = [{ listen = \"0.0.0.0:5060\", external = \"0.0.0.0\" }]",
            "external is not the address of one host",
        ),
        (
            "[sip]\nws = [{ listen = \"0.0.0.0:80\", external = \"2001:db8::7\" }]",
            "sip.ws: the external address of 0.0.0.0:80 is not of its family",
        ),
        ("[sip]\ndigest = \"sha\"", "sip.digest"),
        ("[sip]\nsession_expires = \"half\"", "sip.session_expires"),
        (
            "[sip]\nsession_expires = \"60s\"",
            "sip.session_expires: 60s is not between",
        ),
        ("[limits]\nstranger_rate = 0", "limits.stranger_rate"),
        ("[limits]\nknown_rate = 1000001", "limits.known_rate"),
        ("[limits]\nsilence = \"5 m\"", "limits.silence"),
        ("[limits]\nsilence = \"25h\"", "limits.silence"),
        ("[recordings]\nstore = \"ftp://x/y\"", "recordings.store"),
        ("[recordings]\nstore = \"s3://\"", "recordings.store"),
        ("[recordings]\nstore = \"file://x\"", "recordings.store"),
        (
            "[recordings]\nstore = \"file:///x\"\nregion = \"eu\"",
            "recordings.region",
        ),
        (
            "[recordings]\nstore = \"s3://x\"\nendpoint = \"minio\"",
            "recordings.endpoint",
        ),
        (
            "[recordings]\nstore = \"s3://x\"\ncredentials = \"/no.env\"",
            "recordings.credentials",
        ),
        ("[recordings]\nkeep_days = 40000", "recordings.keep_days"),
        ("[store]\nurl = \"postgres://x\"", "store.url"),
        ("[metrics]\nlisten = \"9090\"", "metrics.listen"),
        ("[log]\nformat = \"xml\"", "log.format"),
        ("[nodes]\nname = \"x\"", "nodes"),
    ] {
        let error = load(text).unwrap_err();
        assert!(error.contains(names), "{text}: {error}");
    }
}

#[test]
fn a_listener_may_have_an_external_address_of_its_own() {
    let text = "[sip]\nexternal = \"192.0.2.1\"\nudp = [\"10.0.0.1:5060\", \
                { listen = \"10.0.0.2:0\", external = \"203.0.113.7\" }]\n\
                tcp = [{ listen = \"10.0.0.2:5060\", external = \"203.0.113.7:5070\" }]";
    let config = load(text).unwrap();
    let listeners = config.sip.listeners().map(|(_, listener)| {
        let bound = SocketAddr::new(listener.at.ip(), 5060);
        let advertised = config.sip.advertised(listener, bound);
        advertised.unwrap().to_string()
    });
    let expected = ["192.0.2.1:5060", "203.0.113.7:5060", "203.0.113.7:5070"];
    assert_eq!(listeners.collect::<Vec<_>>(), expected);
}

#[test]
fn units_are_read() {
    assert_eq!(duration("50ms").unwrap(), Duration::from_millis(50));
    assert_eq!(duration("10m").unwrap(), Duration::from_secs(600));
    assert_eq!(size("16MiB").unwrap(), 16 << 20);
    for wrong in ["", "5", "ms", "5days"] {
        assert!(duration(wrong).is_err(), "{wrong}");
        assert!(size(wrong).is_err(), "{wrong}");
    }
}
