//! Compiled components in the data folder, so that a node that starts again compiles nothing.
//!
//! Owns the files and the key of their seals. A file that is damaged, of another version of the platform or of
//! another key is not loaded, and its component compiled anew; so nothing here needs to be durable, and all of
//! it may be removed at any time.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::Context;
use policy::{Artefact, SealKey};

use crate::{clock, setup::random};

/// Octets of all files that nobody needs now: thousands of policies in Rust, dozens in managed languages. Those that
/// were not used for the longest time go.
const MOST: u64 = 1 << 30;
/// What a digest begins with; the rest is its file's name.
const DIGEST: &str = "sha256:";

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

    /// Whether there is a file for the component of that digest.
    pub fn has(&self, digest: &str) -> bool {
        self.file(digest).is_some_and(|file| file.exists())
    }

    /// What was kept for the component of that digest; it is used, and stays longer.
    pub fn get(&self, digest: &str) -> Option<Artefact> {
        let file = self.file(digest)?;
        let octets = fs::read(&file).ok()?;
        let now = UNIX_EPOCH + Duration::from_millis(clock::unix_ms());
        let opened = File::options().append(true).open(&file);
        if let Err(error) = opened.and_then(|file| file.set_modified(now)) {
            tracing::debug!(file = %file.display(), %error, "that it was used is not noted");
        }
        Some(Artefact::from_octets(octets))
    }

    /// Keeps it. If it cannot, that costs time at the next start, and no more. Others go for it, but none
    /// `is_needed`.
    pub fn put(&self, digest: &str, artefact: &Artefact, is_needed: impl Fn(&str) -> bool) {
        let Some(file) = self.file(digest) else {
            return;
        };
        let unfinished = file.with_extension("unfinished");
        let written = fs::write(&unfinished, artefact.octets());
        let written = written.and_then(|()| fs::rename(&unfinished, &file));
        if let Err(error) = written.and_then(|()| self.trim(is_needed)) {
            tracing::warn!(file = %file.display(), %error, "a compiled component is not kept");
        }
    }

    /// Its name is the digest's hexadecimal digits.
    fn file(&self, digest: &str) -> Option<PathBuf> {
        let digits = digest.strip_prefix(DIGEST)?;
        let is_name = digits.bytes().all(|octet| octet.is_ascii_hexdigit());
        is_name.then(|| self.folder.join(format!("{digits}.cwasm")))
    }

    /// Removes those that were not used for the longest time until the rest is small enough. Another may do so at the
    /// same time: what is not there any more is as it should be.
    fn trim(&self, is_needed: impl Fn(&str) -> bool) -> io::Result<()> {
        let mut files: Vec<(SystemTime, u64, PathBuf)> = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            let path = entry.path();
            let digits = path.file_stem().unwrap_or_default().to_string_lossy();
            if path.extension().is_none() || is_needed(&format!("{DIGEST}{digits}")) {
                continue;
            }
            if let Some(about) = there(entry.metadata())? {
                files.push((about.modified()?, about.len(), path));
            }
        }
        files.sort();
        let mut total: u64 = files.iter().map(|(_, octets, _)| octets).sum();
        for (_, octets, path) in files {
            if total <= self.most {
                break;
            }
            there(fs::remove_file(path))?;
            total -= octets;
        }
        Ok(())
    }
}

/// None: it is not there any more.
fn there<T>(found: io::Result<T>) -> io::Result<Option<T>> {
    match found {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        found => found.map(Some),
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
    use std::{
        fs::{self, File},
        os::unix::fs::PermissionsExt,
        time::{Duration, UNIX_EPOCH},
    };

    use policy::Artefact;

    use super::{Kept, there};

    fn artefact(octets: usize) -> Artefact {
        Artefact::from_octets(vec![7; octets])
    }

    #[test]
    fn what_is_kept_is_there_after_a_restart_and_nobody_else_reads_the_key() {
        let data = tempfile::tempdir().unwrap();
        let kept = Kept::open(data.path()).unwrap();
        assert_eq!(kept.get("sha256:0a"), None);
        kept.put("sha256:0a", &artefact(10), |_| false);
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
            kept.put(name, &artefact(10), |_| false);
            assert_eq!(kept.get(name), None);
        }
    }

    /// That one is as old as that; all others are new.
    fn age(kept: &Kept, digest: &str, days: u64) {
        let file = File::options()
            .append(true)
            .open(kept.file(digest).unwrap());
        let old = UNIX_EPOCH + Duration::from_secs(86_400 * (10_000 - days));
        file.unwrap().set_modified(old).unwrap();
    }

    #[test]
    fn beyond_its_size_what_was_not_used_for_the_longest_time_goes() {
        let data = tempfile::tempdir().unwrap();
        let mut kept = Kept::open(data.path()).unwrap();
        let names: [_; 5] = std::array::from_fn(|name| format!("sha256:0{name}"));
        for (name, days) in names.iter().zip([9, 8, 7, 6]) {
            kept.put(name, &artefact(40), |_| false);
            age(&kept, name, days);
        }
        // It is loaded at a start, and from then on it is the newest.
        assert!(kept.get(&names[0]).is_some());
        kept.most = 100;
        kept.put(&names[4], &artefact(40), |_| false);
        let left = names.iter().map(|name| kept.has(name));
        assert_eq!(left.collect::<Vec<_>>(), [true, false, false, false, true]);
    }

    #[test]
    fn what_is_needed_stays_however_much_is_uploaded() {
        let data = tempfile::tempdir().unwrap();
        let mut kept = Kept::open(data.path()).unwrap();
        kept.most = 100;
        let needed = ["sha256:0a", "sha256:0b", "sha256:0c"];
        for name in needed {
            kept.put(name, &artefact(40), |it| needed.contains(&it));
            age(&kept, name, 9);
        }
        for name in 0..9 {
            let digest = format!("sha256:0{name}");
            kept.put(&digest, &artefact(60), |it| needed.contains(&it));
            age(&kept, &digest, 8 - name);
            assert!(kept.has(&digest));
        }
        assert!(needed.iter().all(|name| kept.has(name)));
        assert!(!kept.has("sha256:07"));
    }

    #[test]
    fn a_file_that_another_has_removed_is_no_error() {
        let gone = fs::metadata("/nowhere");
        assert!(matches!(there(gone), Ok(None)));
        let data = tempfile::tempdir().unwrap();
        assert!(there(fs::read(data.path())).is_err());
    }
}
