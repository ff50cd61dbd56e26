//! What a node sees to before it serves: the built-in policy, what the last run left open, the
//! platform key.

use std::{fmt::Write as _, sync::Arc};

use anyhow::{Context, bail};
use model::{IdSource, KeyId};
use store::{BuiltIn, NewVersion, Store, admin};

use crate::{
    clock,
    config::Config,
    plugins::Plugins,
    prompts::{MEMORY, Prompts},
    recordings::{self, Archive, Shelf},
};

/// The built-in makecall component.
pub(crate) static MAKECALL: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/makecall.wasm"));

/// Characters of a preset platform key at least: 29 hexadecimal digits are 116 bits.
const PRESET_SHORTEST: usize = 32;

/// Recordings without a row that are named at the most: after a restore there may be many.
const NAMED: usize = 20;

/// Random octets of the operating system.
pub fn random<const N: usize>() -> anyhow::Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).context("the operating system has no randomness")?;
    Ok(bytes)
}

/// What a node stands on.
pub struct Ground {
    /// The rows.
    pub store: Store,
    /// The components.
    pub plugins: Arc<Plugins>,
    /// The audio of prompts.
    pub prompts: Arc<Prompts>,
    /// The audio of recordings.
    pub recordings: Arc<Shelf>,
    /// The policy that every tenant begins with.
    pub built_in: BuiltIn,
    /// The platform key, if it was made now.
    pub admin_key: Option<String>,
}

/// Opens the store and makes it ready. `preset`: the platform key to accept.
pub async fn lay(config: &Config, preset: Option<String>) -> anyhow::Result<Ground> {
    if let Some(key) = &preset {
        check_preset(key)?;
    }
    let data = &config.node.data;
    std::fs::create_dir_all(data)
        .with_context(|| format!("node.data: cannot make the folder {}", data.display()))?;
    let url = config.store_url();
    let opened = Store::open(&url).await;
    let store = opened.with_context(|| format!("cannot open {url}"))?;
    let plugins = Arc::new(Plugins::new(config, store.clone())?);
    let built_in = built_in(&plugins).await?;
    let admin_key = prepare_store(&store, &built_in, preset).await?;
    let mended = recordings::close_open(data, &store).await?;
    if mended > 0 {
        tracing::warn!(
            recordings = mended,
            "recordings that the last run left open were closed"
        );
    }
    let strange = recordings::without_row(data, &store).await?;
    if !strange.is_empty() {
        let first: Vec<String> = strange
            .iter()
            .take(NAMED)
            .map(ToString::to_string)
            .collect();
        tracing::warn!(
            recordings = strange.len(),
            ?first,
            "recordings have a file and no row: nobody hears or erases them"
        );
    }
    let archive = config
        .recordings
        .archive()?
        .map(Archive::open)
        .transpose()?;
    Ok(Ground {
        store,
        plugins,
        prompts: Arc::new(Prompts::new(data, MEMORY)),
        recordings: Arc::new(Shelf::new(data, archive)),
        built_in,
        admin_key,
    })
}

/// The built-in policy, judged and compiled as any upload.
pub async fn built_in(plugins: &Plugins) -> anyhow::Result<BuiltIn> {
    let manifest = plugins
        .check(None, bytes::Bytes::from_static(MAKECALL))
        .await
        .map_err(|refusal| anyhow::anyhow!("the built-in makecall is refused: {refusal}"))?;
    let component = NewVersion {
        digest: manifest.digest,
        imports: manifest.imports,
        exports: manifest.exports,
        bytes: MAKECALL.to_vec(),
    };
    Ok(BuiltIn {
        name: "makecall".into(),
        component,
    })
}

/// Refuses a preset platform key that a person made up, or that is no key; says nothing of it.
fn check_preset(key: &str) -> anyhow::Result<()> {
    if !key.starts_with("jf_") {
        bail!("JACKFIELD_ADMIN_KEY does not begin with jf_");
    }
    if key.len() < PRESET_SHORTEST {
        bail!("JACKFIELD_ADMIN_KEY has fewer than {PRESET_SHORTEST} characters");
    }
    if !key.chars().all(|c| c.is_ascii_graphic()) {
        bail!("JACKFIELD_ADMIN_KEY has characters that no HTTP header carries");
    }
    Ok(())
}

/// Closes what the last run left open, renews the built-in policy, sees to the platform key: the
/// preset one in place of the former preset one, or a new one if there is none; tells a new one.
async fn prepare_store(
    store: &Store,
    built_in: &BuiltIn,
    preset: Option<String>,
) -> anyhow::Result<Option<String>> {
    let now = clock::unix_ms();
    let lost = admin::close_open_cdrs(store).await?;
    if lost > 0 {
        tracing::warn!(
            calls = lost,
            "calls of the last run were lost with its process"
        );
    }
    let installed = admin::install_built_in(store, built_in, now).await?;
    for (tenant, error) in installed.failed {
        tracing::warn!(%tenant, %error, "the tenant keeps the former built-in policy");
    }
    let id = KeyId::mint(&mut IdSource::new(random()?, 0, 0), now);
    if let Some(key) = preset {
        admin::preset_platform_key(store, id, &key, now).await?;
        return Ok(None);
    }
    if admin::has_platform_key(store).await? {
        return Ok(None);
    }
    let key = random::<32>()?
        .iter()
        .fold("jf_".to_owned(), |mut key, byte| {
            // Writing to a String cannot fail.
            let _ = write!(key, "{byte:02x}");
            key
        });
    admin::create_platform_key(store, id, &key, now).await?;
    Ok(Some(key))
}

#[cfg(test)]
mod tests {
    use super::check_preset;

    #[test]
    fn a_preset_key_that_could_be_guessed_is_refused_and_not_told() {
        for (key, why) in [
            ("secret", "jf_"),
            ("jf_secret", "fewer than 32"),
            ("Jf_0123456789abcdef0123456789abcdef", "jf_"),
            ("jf_0123456789abcdef 0123456789abcdef", "header"),
        ] {
            let error = check_preset(key).unwrap_err().to_string();
            assert!(error.contains(why) && !error.contains(key), "{error}");
        }
        check_preset("jf_0123456789abcdef0123456789abc").unwrap();
    }
}
