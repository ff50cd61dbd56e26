//! Makes a policy of a component: judged here, compiled by a child process, loaded here.
//!
//! Owns the order of these and what is kept of them. Each may take long: callers keep it off the runtime's threads.

use std::path::Path;

use bytes::Bytes;
use policy::{Compiler, Engine, Policy, Refusal};

use super::kept::Kept;
use crate::config::Config;

/// This program, whatever has become of its file since it was started.
const THIS: &str = "/proc/self/exe";

/// What policies are made with.
pub struct Workshop {
    engine: Engine,
    compiler: Compiler,
    kept: Kept,
}

impl Workshop {
    /// Of that engine; what it makes is kept in the data folder.
    pub fn new(config: &Config, engine: Engine) -> anyhow::Result<Self> {
        let kept = Kept::open(&config.node.data)?;
        let compiler = Compiler {
            program: Path::new(THIS).to_owned(),
            arguments: child(),
            key: kept.key().clone(),
            limits: config.compile_limits()?,
        };
        Ok(Self {
            engine,
            compiler,
            kept,
        })
    }

    /// What runs them.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The policy of that component.
    pub fn make(&self, component: &Bytes) -> Result<Policy, Refusal> {
        let manifest = self.engine.validate(component)?;
        let digest = manifest.digest.clone();
        if let Some(artefact) = self.kept.get(&digest)
            && let Some(loaded) = self
                .engine
                .load(manifest.clone(), &artefact, self.kept.key())
        {
            return loaded;
        }
        let artefact = self.compiler.compile(&digest, component)?;
        let loaded = self.engine.load(manifest, &artefact, self.kept.key());
        let policy = loaded.ok_or_else(|| Refusal::NotCompiled("it cannot be loaded".into()))??;
        self.kept.put(&digest, &artefact);
        Ok(policy)
    }
}

/// What this program is told to be the compiler.
#[cfg(not(test))]
fn child() -> Vec<String> {
    vec![crate::COMPILE.to_owned()]
}

/// In tests this program is the one that runs tests.
#[cfg(test)]
fn child() -> Vec<String> {
    let test = "plugins::tests::a_child_of_these_tests";
    ["--exact", test, "--nocapture"].map(str::to_owned).to_vec()
}
