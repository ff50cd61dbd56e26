//! `[recordings]`: where they go when they are whole, and how long they stay.

use std::{fs, path::PathBuf};

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};

/// Recordings.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Recordings {
    /// `file:///srv/recordings` or `s3://bucket/prefix`; empty: they stay in the data folder.
    pub store: String,
    /// Of a store that speaks S3 and is not Amazon's: `https://minio.example:9000`.
    pub endpoint: String,
    /// Of a bucket; empty: as `AWS_REGION` says, else `us-east-1`.
    pub region: String,
    /// A file with lines `AWS_ACCESS_KEY_ID=…` and `AWS_SECRET_ACCESS_KEY=…`; empty: the environment, or
    /// the role of the machine.
    pub credentials: String,
    /// For how many days they are kept, unless their tenant says fewer; 0: until they are deleted.
    pub keep_days: u32,
}

/// Where recordings go, checked.
#[derive(Debug, PartialEq, Eq)]
pub enum Archive {
    /// A folder.
    Folder(PathBuf),
    /// A bucket.
    Bucket {
        /// Its name.
        name: String,
        /// What the names of its objects begin with.
        prefix: String,
        /// Names of variables, `AWS_…`, and what they say instead of the environment.
        settings: Vec<(String, String)>,
    },
}

impl Recordings {
    /// For how many days they are kept at the most, if there is an end to it.
    pub fn keep_days(&self) -> anyhow::Result<Option<u32>> {
        let most = store::limits::RECORDING_DAYS;
        if self.keep_days > most {
            bail!(
                "recordings.keep_days is more than {most}: {}",
                self.keep_days
            );
        }
        Ok(Some(self.keep_days).filter(|days| *days > 0))
    }

    /// Where they go, if they go anywhere.
    pub fn archive(&self) -> anyhow::Result<Option<Archive>> {
        let store = self.store.as_str();
        if store.is_empty() {
            return self.only_for_buckets().map(|()| None);
        }
        if let Some(path) = store.strip_prefix("file://") {
            if !path.starts_with('/') {
                bail!("recordings.store is not file:///PATH: {store:?}");
            }
            self.only_for_buckets()?;
            return Ok(Some(Archive::Folder(path.into())));
        }
        let bucket = store.strip_prefix("s3://").unwrap_or_default();
        let (name, prefix) = bucket.split_once('/').unwrap_or((bucket, ""));
        if name.is_empty() {
            bail!("recordings.store is neither file:///PATH nor s3://BUCKET/PREFIX: {store:?}");
        }
        Ok(Some(Archive::Bucket {
            name: name.to_owned(),
            prefix: prefix.to_owned(),
            settings: self.settings()?,
        }))
    }

    fn only_for_buckets(&self) -> anyhow::Result<()> {
        let settings = [
            ("endpoint", &self.endpoint),
            ("region", &self.region),
            ("credentials", &self.credentials),
        ];
        for (name, value) in settings {
            if !value.is_empty() {
                bail!("recordings.{name} needs recordings.store = \"s3://…\"");
            }
        }
        Ok(())
    }

    fn settings(&self) -> anyhow::Result<Vec<(String, String)>> {
        let mut settings = Vec::new();
        if !self.endpoint.is_empty() {
            let schemes = ["http://", "https://"];
            if !schemes.iter().any(|it| self.endpoint.starts_with(it)) {
                let endpoint = &self.endpoint;
                bail!("recordings.endpoint is not https://HOST: {endpoint:?}");
            }
            settings.push(("AWS_ENDPOINT_URL_S3".to_owned(), self.endpoint.clone()));
        }
        if !self.region.is_empty() {
            settings.push(("AWS_REGION".to_owned(), self.region.clone()));
        }
        if !self.credentials.is_empty() {
            let file = &self.credentials;
            let text = fs::read_to_string(file);
            let text =
                text.with_context(|| format!("recordings.credentials: cannot read {file}"))?;
            for line in text.lines().map(str::trim) {
                if line.is_empty() || line.starts_with('#') {
                    continue;
                }
                let (name, value) = line.split_once('=').unwrap_or_default();
                if !name.starts_with("AWS_") {
                    // The line may be a secret: it is not told.
                    bail!("recordings.credentials: {file} has a line that is not AWS_…=…");
                }
                settings.push((name.to_owned(), value.trim_matches('"').to_owned()));
            }
        }
        Ok(settings)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::{Archive, Recordings};

    #[test]
    fn a_bucket_has_a_name_a_prefix_and_credentials_from_a_file_that_errors_do_not_show() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let lines = "# of the bucket\nAWS_ACCESS_KEY_ID=id\nAWS_SECRET_ACCESS_KEY=\"top\"\n";
        file.write_all(lines.as_bytes()).unwrap();
        let recordings = Recordings {
            store: "s3://calls/a/b".into(),
            region: "eu-central-1".into(),
            credentials: file.path().display().to_string(),
            ..Recordings::default()
        };
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let bucket = Archive::Bucket {
            name: "calls".into(),
            prefix: "a/b".into(),
            settings: vec![
                pair("AWS_REGION", "eu-central-1"),
                pair("AWS_ACCESS_KEY_ID", "id"),
                pair("AWS_SECRET_ACCESS_KEY", "top"),
            ],
        };
        assert_eq!(recordings.archive().unwrap(), Some(bucket));
        file.write_all(b"hush\n").unwrap();
        let error = recordings.archive().unwrap_err().to_string();
        assert!(
            error.contains("not AWS_") && !error.contains("hush"),
            "{error}"
        );
    }

    #[test]
    fn a_folder_is_an_absolute_path_and_nothing_is_nowhere() {
        let store = |store: &str| {
            let store = store.to_owned();
            let recordings = Recordings {
                store,
                ..Recordings::default()
            };
            recordings.archive().unwrap()
        };
        assert_eq!(store(""), None);
        assert_eq!(
            store("file:///srv/calls"),
            Some(Archive::Folder("/srv/calls".into()))
        );
    }
}
