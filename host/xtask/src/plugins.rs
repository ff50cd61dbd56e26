//! `cargo xtask plugins`: the policies of this repository as components.
//!
//! It owns which folders are policies and what is printed of the results. How a crate becomes a
//! component is `pack`'s business; whether the host accepts it, the policy host's.

use std::path::{Path, PathBuf};
use std::{fs, str};

use anyhow::{Context, Result, bail};
use wasmparser::{Parser, Payload};

use crate::setup;
use crate::shell::Workspace;

/// Builds every policy into `target/plugins/NAME.wasm` and prints its size and imports.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    setup::wasm_target(workspace)?;
    for name in policies(&workspace.root.join("plugins"))? {
        let (file, component) = build(workspace, &name)?;
        let (imports, exports) = interfaces(&component)?;
        println!("{}: {} bytes", file.display(), component.len());
        println!("  imports {}", list(&imports));
        println!("  exports {}", list(&exports));
    }
    Ok(())
}

/// Builds one policy into `target/plugins/NAME.wasm`; the file and what is in it.
pub(crate) fn build(workspace: &Workspace, name: &str) -> Result<(PathBuf, Vec<u8>)> {
    let folder = workspace.plugins();
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let component = pack::plugin(&workspace.root, name, &workspace.target.join("policies"))?;
    let file = folder.join(format!("{name}.wasm"));
    fs::write(&file, &component).with_context(|| format!("cannot write {}", file.display()))?;
    Ok((file, component))
}

/// The packages under `folder` that build a module of their own, in order; the SDK is none.
fn policies(folder: &Path) -> Result<Vec<String>> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut names = Vec::new();
    for entry in entries {
        let manifest = entry?.path().join("Cargo.toml");
        if let Ok(text) = fs::read_to_string(&manifest) {
            names.extend(policy(&text).map(str::to_owned));
        }
    }
    if names.is_empty() {
        bail!("there is no policy in {}", folder.display());
    }
    names.sort();
    Ok(names)
}

/// The package's name, if its manifest says that it builds a module.
fn policy(manifest: &str) -> Option<&str> {
    let is_module = manifest
        .lines()
        .any(|line| line.starts_with("crate-type") && line.contains("cdylib"));
    let name = manifest
        .lines()
        .find_map(|line| line.strip_prefix("name"))?;
    let name = name
        .trim_start()
        .strip_prefix('=')?
        .trim()
        .trim_matches('"');
    is_module.then_some(name)
}

/// The names of what a component imports and exports, in its own order.
fn interfaces(component: &[u8]) -> Result<(Vec<String>, Vec<String>)> {
    let (mut imports, mut exports) = (Vec::new(), Vec::new());
    let mut depth = 0_u32;
    for payload in Parser::new(0).parse_all(component) {
        match payload? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(section) if depth == 0 => {
                for import in section {
                    imports.push(import?.name.name.to_owned());
                }
            }
            Payload::ComponentExportSection(section) if depth == 0 => {
                for export in section {
                    exports.push(export?.name.name.to_owned());
                }
            }
            _ => {}
        }
    }
    Ok((imports, exports))
}

/// The names in one line.
fn list(names: &[String]) -> String {
    match names {
        [] => "nothing".to_owned(),
        names => names.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::policy;

    #[test]
    fn a_crate_that_builds_a_module_is_a_policy() {
        let manifest =
            "[package]\nname = \"makecall\"\n[lib]\ncrate-type = [\"cdylib\", \"rlib\"]\n";
        assert_eq!(policy(manifest), Some("makecall"));
    }

    #[test]
    fn the_sdk_is_no_policy() {
        assert_eq!(policy("[package]\nname = \"jackfield-sdk\"\n"), None);
    }
}
