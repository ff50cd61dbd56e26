//! Compiled components in the data folder, so that a node that starts again compiles nothing.
//!
//! Owns the files and the key of their seals. A file that is damaged, of another version of the platform or of
//! another key is not loaded, and its component compiled anew; so nothing here needs to be durable, and all of
//! it may be removed at any time.

use std::{
    fs::{self, OpenOptions},
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    time::SystemTime,
};

use anyhow::Context;
use policy::{Artefact, SealKey};

use crate::setup::random;

/// Octets of all files: thousands of policies in Rust, dozens in managed languages. The oldest go.
const MOST: u64 = 1 << 30;

/// The folder.
pub struct Kept {
    folder: PathBuf,
    key: SealKey,
    most: u64,
}

impl Kept {
    /// In that data folder; both are made if need be.
    pub fn open(data: &Path) -> anyhow::Result<Self> {
        let folder = data.join("compiled");
        let made = fs::create_dir_all(&folder);
        made.with_context(|| format!("node.data: cannot make the folder {}", folder.display()))?;
        let key = key(&folder.join("key"))?;
        Ok(Self {
            folder,
            key,
            most: MOST,
        })
    }

    /// The key that artefacts here are sealed with.
    pub fn key(&self) -> &SealKey {
        &self.key
    }

    /// What was kept for the component of that digest.
    pub fn get(&self, digest: &str) -> Option<Artefact> {
        let octets = fs::read(self.file(digest)?).ok()?;
        Some(Artefact::from_octets(octets))
    }

    /// Keeps it. If it cannot, that costs time at the next start, and no more.
    pub fn put(&self, digest: &str, artefact: &Artefact) {
        let Some(file) = self.file(digest) else {
            return;
        };
        let unfinished = file.with_extension("unfinished");
        let written = fs::write(&unfinished, artefact.octets());
        let written = written.and_then(|()| fs::rename(&unfinished, &file));
        if let Err(error) = written.and_then(|()| self.trim()) {
            tracing::warn!(file = %file.display(), %error, "a compiled component is not kept");
        }
    }

    /// Its name is the digest's hexadecimal digits.
    fn file(&self, digest: &str) -> Option<PathBuf> {
        let digits = digest.strip_prefix("sha256:")?;
        let is_name = digits.bytes().all(|octet| octet.is_ascii_hexdigit());
        is_name.then(|| self.folder.join(format!("{digits}.cwasm")))
    }

    /// Removes the oldest until the rest is small enough.
    fn trim(&self) -> std::io::Result<()> {
        let mut files: Vec<(SystemTime, u64, PathBuf)> = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let (path, about) = entry.and_then(|it| Ok((it.path(), it.metadata()?)))?;
            if path.extension().is_some() {
                files.push((about.modified()?, about.len(), path));
            }
        }
        files.sort();
        let mut total: u64 = files.iter().map(|(_, octets, _)| octets).sum();
        for (_, octets, path) in files {
            if total <= self.most {
                break;
            }
            fs::remove_file(path)?;
            total -= octets;
        }
        Ok(())
    }
}

/// The key in that file, which nobody else may read; made if it is not there or no key.
fn key(file: &Path) -> anyhow::Result<SealKey> {
    if let Ok(octets) = fs::read(file)
        && let Ok(octets) = octets.try_into()
    {
        return Ok(SealKey::new(octets));
    }
    let octets = random()?;
    let cannot = || format!("node.data: cannot write {}", file.display());
    let unfinished = file.with_file_name("key-unfinished");
    // One of an earlier try may have other rights.
    let _ = fs::remove_file(&unfinished);
    let mut options = OpenOptions::new();
    let made = options.write(true).create_new(true).mode(0o600);
    let written = made
        .open(&unfinished)
        .and_then(|mut made| made.write_all(&octets));
    let written = written.and_then(|()| fs::rename(&unfinished, file));
    written.with_context(cannot)?;
    Ok(SealKey::new(octets))
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use policy::Artefact;

    use super::Kept;

    fn artefact(octets: usize) -> Artefact {
        Artefact::from_octets(vec![7; octets])
    }

    #[test]
    fn what_is_kept_is_there_after_a_restart_and_nobody_else_reads_the_key() {
        let data = tempfile::tempdir().unwrap();
        let kept = Kept::open(data.path()).unwrap();
        assert_eq!(kept.get("sha256:0a"), None);
        kept.put("sha256:0a", &artefact(10));
        let key = fs::metadata(data.path().join("compiled/key")).unwrap();
        assert_eq!(key.permissions().mode() & 0o777, 0o600);
        let octets = fs::read(data.path().join("compiled/key")).unwrap();
        let again = Kept::open(data.path()).unwrap();
        assert_eq!(again.get("sha256:0a"), Some(artefact(10)));
        assert_eq!(fs::read(data.path().join("compiled/key")).unwrap(), octets);
    }

    #[test]
    fn a_name_that_is_no_digest_is_no_file() {
        let data = tempfile::tempdir().unwrap();
        let kept = Kept::open(data.path()).unwrap();
        for name in ["sha256:../key", "key", "sha256:/etc/passwd"] {
            kept.put(name, &artefact(10));
            assert_eq!(kept.get(name), None);
        }
    }

    #[test]
    fn beyond_its_size_the_oldest_go() {
        let data = tempfile::tempdir().unwrap();
        let mut kept = Kept::open(data.path()).unwrap();
        kept.most = 100;
        for name in 0..5 {
            kept.put(&format!("sha256:0{name}"), &artefact(40));
        }
        let left = (0..5).filter(|name| kept.get(&format!("sha256:0{name}")).is_some());
        assert_eq!(left.count(), 2);
        assert!(kept.get("sha256:04").is_some());
    }
}
