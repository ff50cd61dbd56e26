//! Threads and tasks without which a node is none: should one end before its time, the process says
//! so and ends with status 1, so that its supervisor starts it anew. Half a node would take calls and
//! lose them.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

/// Whether an end is a failure: not before everything has started, nor once it is being stopped or
/// dropped.
#[derive(Debug, Default)]
pub struct Watch {
    is_armed: Arc<AtomicBool>,
}

impl Watch {
    /// From here on no vital part may end.
    pub fn arm(&self) {
        self.is_armed.store(true, Ordering::SeqCst);
    }

    /// From here on they may.
    pub fn disarm(&self) {
        self.is_armed.store(false, Ordering::SeqCst);
    }

    /// To be kept by the thread or task until its end.
    pub fn part(&self, name: impl Into<String>) -> Part {
        Part {
            name: name.into(),
            is_armed: Arc::clone(&self.is_armed),
            end: end_process,
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.disarm();
    }
}

/// Held by a vital thread or task.
#[derive(Debug)]
pub struct Part {
    name: String,
    is_armed: Arc<AtomicBool>,
    end: fn(&str),
}

impl Drop for Part {
    fn drop(&mut self) {
        if self.is_armed.load(Ordering::SeqCst) {
            (self.end)(&self.name);
        }
    }
}

fn end_process(name: &str) {
    tracing::error!("{name} has ended before its time; so does the node");
    std::process::exit(1);
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::Watch;

    static ENDS: AtomicUsize = AtomicUsize::new(0);

    #[test]
    fn a_part_that_panics_ends_the_node_unless_it_is_being_stopped() {
        let watch = Watch::default();
        let part = || {
            let mut part = watch.part("shard 1");
            part.end = |name| {
                assert_eq!(name, "shard 1");
                ENDS.fetch_add(1, Ordering::SeqCst);
            };
            part
        };
        drop(part());
        assert_eq!(ENDS.load(Ordering::SeqCst), 0);
        watch.arm();
        let held = part();
        let thread = std::thread::spawn(move || {
            let _held = held;
            panic!("on purpose");
        });
        thread.join().unwrap_err();
        assert_eq!(ENDS.load(Ordering::SeqCst), 1);
        watch.disarm();
        drop(part());
        assert_eq!(ENDS.load(Ordering::SeqCst), 1);
    }
}
