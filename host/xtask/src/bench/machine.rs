//! What the figures were measured on.

use std::fs;

/// The machine, as far as it says so itself.
#[derive(Debug)]
pub(crate) struct Machine {
    pub(crate) cpu: String,
    pub(crate) cores: usize,
    pub(crate) kernel: String,
    /// Programs that wanted to run in the last minute: figures of a busy machine mean little.
    pub(crate) load: f64,
}

impl Machine {
    pub(crate) fn read() -> Self {
        let text = |path| fs::read_to_string(path).unwrap_or_default();
        let cpus = text("/proc/cpuinfo");
        let cpu = cpus
            .lines()
            .find_map(|line| line.strip_prefix("model name"));
        let cpu = cpu.unwrap_or_default().trim_start_matches(['\t', ' ', ':']);
        let load = text("/proc/loadavg");
        Self {
            cpu: cpu.to_owned(),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            kernel: text("/proc/sys/kernel/osrelease").trim().to_owned(),
            load: load
                .split(' ')
                .next()
                .and_then(|it| it.parse().ok())
                .unwrap_or_default(),
        }
    }
}
