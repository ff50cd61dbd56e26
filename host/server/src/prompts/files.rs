//! The files of prompts: written whole or not at all, and removed when nobody needs them.

use std::{
    collections::BTreeSet,
    fs::{self, DirBuilder, File},
    io::{self, ErrorKind, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

/// Writes `<name>.wav` into a folder, which is made if there is none; both are their owner's. One that is there is written
/// anew, so that it is young.
pub(super) fn write(folder: &Path, name: &str, octets: &[u8]) -> io::Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)?;
    // A file has its name only when all of it is on the disk.
    let part = folder.join(format!("{name}.part"));
    let mut options = File::options();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut file = options.open(&part)?;
    file.write_all(octets)?;
    file.sync_all()?;
    fs::rename(&part, folder.join(format!("{name}.wav")))?;
    File::open(folder)?.sync_all()
}

/// Reads a file.
pub(super) fn read(path: &Path) -> io::Result<Vec<u8>> {
    fs::read(path)
}

/// Removes every file of every folder in here that is not needed and was last written before that time,
/// Unix milliseconds; tells how many younger ones are left.
pub(super) fn sweep(
    folder: &Path,
    needed: &BTreeSet<PathBuf>,
    before_ms: u64,
) -> io::Result<usize> {
    let tenants = match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(0),
        tenants => tenants?,
    };
    let mut left = 0;
    for tenant in tenants {
        let tenant = tenant?;
        if !tenant.file_type()?.is_dir() {
            continue;
        }
        for file in fs::read_dir(tenant.path())? {
            let path = file?.path();
            if needed.contains(&path) {
                continue;
            }
            let written = fs::metadata(&path)?.modified()?.duration_since(UNIX_EPOCH);
            let written = written.unwrap_or_default().as_millis() as u64;
            if written < before_ms {
                fs::remove_file(&path)?;
            } else {
                left += 1;
            }
        }
    }
    Ok(left)
}
