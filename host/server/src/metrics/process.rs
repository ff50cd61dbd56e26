//! What the kernel says of this process: is the memory flat, do sockets leak?

use metrics::gauge;

/// Sets the gauges of the process; on a system without `/proc` there are none.
pub(super) fn sample() {
    let Ok(status) = std::fs::read_to_string("/proc/self/status") else {
        return;
    };
    if let Some(kib) = field(&status, "VmRSS:") {
        gauge!("process_resident_memory_bytes").set((kib * 1024) as f64);
    }
    if let Some(threads) = field(&status, "Threads:") {
        gauge!("process_threads").set(threads as f64);
    }
    if let Ok(open) = std::fs::read_dir("/proc/self/fd") {
        gauge!("process_open_fds").set(open.count() as f64);
    }
}

fn field(status: &str, name: &str) -> Option<u64> {
    let value = status.lines().find_map(|line| line.strip_prefix(name))?;
    value.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::field;

    #[test]
    fn a_field_is_its_first_number() {
        let status = "VmHWM:\t  99 kB\nVmRSS:\t    42 kB\nThreads:\t7\n";
        assert_eq!(field(status, "VmRSS:"), Some(42));
        assert_eq!(field(status, "Threads:"), Some(7));
        assert_eq!(field(status, "Cpus:"), None);
    }
}
