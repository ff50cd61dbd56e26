//! Makes a policy of a component: judged here, compiled by a child process, loaded here.
//!
//! Owns the order of these and what is kept of them: policies, machine code on disk, and what was refused. Making
//! and loading may take long: callers keep them off the runtime's threads.

use std::{
    collections::BTreeSet,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use bytes::Bytes;
use model::{Manifest, TenantId};
use policy::{Compiler, Engine, Policy, Refusal};

use super::{kept::Kept, refused::Refused, shelf::Shelf};
use crate::{clock, config::Config};

/// This program, whatever has become of its file since it was started.
const THIS: &str = "/proc/self/exe";

/// What policies are made with, and those that are made.
pub struct Workshop {
    engine: Engine,
    compiler: Compiler,
    kept: Kept,
    shelf: RwLock<Shelf<Policy>>,
    refused: Mutex<Refused>,
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
            shelf: RwLock::default(),
            refused: Mutex::default(),
        })
    }

    /// What runs them.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The policy of that digest, if it is on the shelf.
    pub fn get(&self, digest: &str) -> Option<Arc<Policy>> {
        self.on_shelf().get(digest)
    }

    /// Why the component of that digest was refused lately.
    pub fn refusal(&self, digest: &str) -> Option<Refusal> {
        self.refused().get(digest, clock::instant()).cloned()
    }

    /// Puts a policy on the shelf.
    pub fn shelve(&self, policy: &Arc<Policy>) {
        let digest = policy.manifest().digest.clone();
        self.shelf().put(digest, Arc::clone(policy));
    }

    /// From here on these are active for that tenant, and no others.
    pub fn activate(&self, tenant: TenantId, digests: BTreeSet<String>) {
        self.shelf().activate(tenant, digests);
    }

    /// Whether that is active for that tenant.
    pub fn is_active(&self, tenant: TenantId, digest: &str) -> bool {
        self.on_shelf().is_active(tenant, digest)
    }

    /// Whether machine code of that digest was kept; that it can be used is another matter.
    pub fn has_code(&self, digest: &str) -> bool {
        self.kept.has(digest)
    }

    /// Puts that component on the shelf if its machine code was kept; tells whether it did.
    pub fn load(&self, component: &Bytes) -> bool {
        let manifest = self.engine.validate(component);
        let Some(policy) = manifest.ok().and_then(|manifest| self.kept(manifest)) else {
            return false;
        };
        self.shelve(&Arc::new(policy));
        true
    }

    /// The policy of that component, which is not put on the shelf. What was refused lately is so again, and costs
    /// nothing.
    pub fn make(&self, component: &Bytes) -> Result<Arc<Policy>, Refusal> {
        let manifest = self.engine.validate(component)?;
        let digest = manifest.digest.clone();
        if let Some(known) = self.get(&digest) {
            return Ok(known);
        }
        if let Some(refusal) = self.refusal(&digest) {
            return Err(refusal);
        }
        if let Some(policy) = self.kept(manifest.clone()) {
            return Ok(Arc::new(policy));
        }
        let made = self.compile(manifest, component);
        if let Err(refusal) = &made {
            if let Refusal::NotCompiled(why) = refusal {
                tracing::warn!(digest, why, "the compiler failed");
            }
            self.refuse(digest, refusal.clone());
        }
        made.map(Arc::new)
    }

    /// What could not be made, and why.
    pub fn refuse(&self, digest: String, refusal: Refusal) {
        self.refused().put(digest, refusal, clock::instant());
    }

    /// The policy of what was kept; none: it is to be compiled.
    fn kept(&self, manifest: Manifest) -> Option<Policy> {
        let artefact = self.kept.get(&manifest.digest)?;
        let loaded = self.engine.load(manifest, &artefact, self.kept.key());
        // Whatever is wrong with it, another version of the platform may have made it.
        loaded?.ok()
    }

    fn compile(&self, manifest: Manifest, component: &Bytes) -> Result<Policy, Refusal> {
        let digest = manifest.digest.clone();
        let artefact = self.compiler.compile(&digest, component)?;
        let loaded = self.engine.load(manifest, &artefact, self.kept.key());
        let policy = loaded.ok_or_else(|| Refusal::NotCompiled("it cannot be loaded".into()))??;
        let is_needed = |digest: &str| self.on_shelf().is_needed(digest);
        self.kept.put(&digest, &artefact, is_needed);
        Ok(policy)
    }

    fn on_shelf(&self) -> RwLockReadGuard<'_, Shelf<Policy>> {
        self.shelf.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn shelf(&self) -> RwLockWriteGuard<'_, Shelf<Policy>> {
        self.shelf.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn refused(&self) -> MutexGuard<'_, Refused> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner)
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

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use policy::{Limits, Refusal};

    use super::{Engine, Workshop, clock};
    use crate::{config::Config, setup::MAKECALL};

    #[test]
    fn what_could_not_be_compiled_is_not_compiled_again_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::default();
        config.node.data = folder.path().into();
        let limits = Limits {
            turns: 1,
            ..Limits::default()
        };
        let engine = Engine::new(limits, clock::instant).unwrap();
        let mut workshop = Workshop::new(&config, engine).unwrap();
        let compiler = std::mem::replace(&mut workshop.compiler.program, "/nowhere".into());
        let component = Bytes::from_static(MAKECALL);
        let refused = workshop.make(&component).unwrap_err();
        assert!(matches!(refused, Refusal::NotCompiled(_)), "{refused}");
        // Now it could, but nobody looks.
        workshop.compiler.program = compiler;
        assert_eq!(workshop.make(&component).unwrap_err(), refused);
        workshop.refused = std::sync::Mutex::default();
        let made = workshop.make(&component).unwrap();
        assert_eq!(workshop.refusal(&made.manifest().digest), None);
    }
}
