//! The other side: challenges to us, and what we answer. RFC 7616 §3.4, RFC 8760 §2.4.
//!
//! Owns the choice of the algorithm and the computation. Refuses to know when a request is sent
//! again: a challenge that comes in answer to a request which bore an answer, and is not `stale`,
//! means that the password is wrong.

use super::hash::joined;
use super::parameters::{bare, parameters};
use super::{Algorithm, hash::Hex};

/// Who we are, to whoever challenges us.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// The user.
    pub username: String,
    /// Its password.
    pub password: String,
}

impl Login {
    /// What the password leaves for a realm, by MD5 and by SHA-256: `H(user:realm:password)` in lower
    /// case hex (RFC 7616 §3.4.2).
    pub fn ha1(&self, realm: &str) -> [String; 2] {
        [Algorithm::Md5, Algorithm::Sha256].map(|algorithm| {
            let hash = joined(algorithm, &[&self.username, realm, &self.password]);
            hash.as_str().to_owned()
        })
    }
}

/// Nobody is to read it in a log.
impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Login")
    }
}

/// What we are asked for, by WWW-Authenticate or Proxy-Authenticate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// Only the nonce was too old: the same password will do.
    pub stale: bool,
    algorithm: Algorithm,
    /// These three as on the wire, without their quotes.
    realm: String,
    nonce: String,
    opaque: Option<String>,
    /// Whether it knows `qop=auth`; else it speaks as RFC 2069 did.
    qop: bool,
    /// How often it was answered.
    count: u32,
}

impl Challenge {
    /// The first of these values that we can answer: the challenger puts what it likes best first.
    pub fn choose<'a>(values: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        Self::choose_each(values).into_iter().next()
    }

    /// The same for each realm: proxies on the way may each want a proof (RFC 3261 §22.3).
    pub fn choose_each<'a>(values: impl IntoIterator<Item = &'a str>) -> Vec<Self> {
        let mut chosen: Vec<Self> = Vec::new();
        for value in values {
            if let Ok(Some(challenge)) = Self::parse(value)
                && chosen.iter().all(|it| it.realm != challenge.realm)
            {
                chosen.push(challenge);
            }
        }
        chosen
    }

    /// Whose passwords are asked for, as it stands on the wire.
    pub fn realm(&self) -> &str {
        &self.realm
    }

    /// After that one. A nonce that is the same goes on being counted (RFC 7616 §3.4, `nc`).
    #[must_use]
    pub fn after(self, before: &Self) -> Self {
        let same = self.nonce == before.nonce;
        Self {
            count: if same { before.count } else { self.count },
            ..self
        }
    }

    /// The header that holds challenges of a response with this status, and the one that answers
    /// them. RFC 3261 §22.2, §22.3.
    pub fn headers(status: u16) -> Option<(&'static str, &'static str)> {
        match status {
            401 => Some(("WWW-Authenticate", "Authorization")),
            407 => Some(("Proxy-Authenticate", "Proxy-Authorization")),
            _ => None,
        }
    }

    /// The value of Authorization for a request with this method and this Request-URI, as it is
    /// written. `random` is what the challenger cannot choose.
    pub fn answer(&mut self, login: &Login, method: &str, uri: &str, random: u64) -> String {
        self.count += 1;
        let (nc, cnonce) = (format!("{:08x}", self.count), format!("{random:016x}"));
        let response = self.response(login, method, uri, &nc, &cnonce);
        let Self { realm, nonce, .. } = self;
        let (username, name) = (escaped(&login.username), self.algorithm.name());
        let mut value = format!(
            "Digest username=\"{username}\",realm=\"{realm}\",nonce=\"{nonce}\",uri=\"{uri}\",\
             response=\"{}\",algorithm={name}",
            response.as_str()
        );
        if self.qop {
            value.extend([",cnonce=\"", &cnonce, "\",qop=auth,nc=", &nc]);
        }
        if let Some(opaque) = &self.opaque {
            value.extend([",opaque=\"", opaque, "\""]);
        }
        value
    }

    fn response(&self, login: &Login, method: &str, uri: &str, nc: &str, cnonce: &str) -> Hex {
        let algorithm = self.algorithm;
        let ha1 = joined(algorithm, &[&login.username, &self.realm, &login.password]);
        let ha2 = joined(algorithm, &[method, uri]);
        let (ha1, ha2) = (ha1.as_str(), ha2.as_str());
        if self.qop {
            joined(algorithm, &[ha1, &self.nonce, nc, cnonce, "auth", ha2])
        } else {
            joined(algorithm, &[ha1, &self.nonce, ha2])
        }
    }

    /// `None`: an algorithm or a qop that we do not know.
    fn parse(value: &str) -> Result<Option<Self>, &'static str> {
        let (mut realm, mut nonce, mut opaque) = (None, None, None);
        let (mut algorithm, mut qop, mut stale) = (Some(Algorithm::Md5), None, false);
        parameters(value, |name, value| {
            let value = bare(value);
            let is = |known| name.eq_ignore_ascii_case(known);
            if is("realm") {
                realm = Some(value.to_owned());
            } else if is("nonce") {
                nonce = Some(value.to_owned());
            } else if is("opaque") {
                opaque = Some(value.to_owned());
            } else if is("algorithm") {
                algorithm = Algorithm::named(value);
            } else if is("qop") {
                let mut offered = value.split(',').map(str::trim);
                qop = Some(offered.any(|one| one.eq_ignore_ascii_case("auth")));
            } else if is("stale") {
                stale = value.eq_ignore_ascii_case("true");
            }
            Ok(())
        })?;
        let (realm, nonce) = (realm.ok_or("no realm")?, nonce.ok_or("no nonce")?);
        let Some(algorithm) = algorithm.filter(|_| qop != Some(false)) else {
            return Ok(None);
        };
        let qop = qop.is_some();
        Ok(Some(Self {
            stale,
            algorithm,
            realm,
            nonce,
            opaque,
            qop,
            count: 0,
        }))
    }
}

/// The inside of a quoted string.
fn escaped(text: &str) -> String {
    let mut inside = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            inside.push('\\');
        }
        inside.push(c);
    }
    inside
}
