//! Datagrams by io_uring: a [`Ring`] of one thread that receives on many sockets and sends from them.
//!
//! Owns the requests, the kernel's two queues and the memory that it reads and writes, and so all that is
//! `unsafe` about them (ADR 17); its interface is safe. Each socket has one request to receive, which
//! stays (multishot) and takes buffers from a ring that all share; a packet may be changed where it lies
//! and be sent from there. What is to be sent is handed over with the next wait: one call of the system
//! for many packets. Requests name sockets by their seats in a table of the kernel's, so that a socket
//! that is closed meanwhile is still itself. Knows nothing of media.

#![deny(clippy::undocumented_unsafe_blocks)]

mod datagram;
mod pool;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::io;
use std::mem::ManuallyDrop;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd};
use std::time::Duration;

use io_uring::types::{CancelBuilder, Fixed, SubmitArgs, Timespec};
use io_uring::{IoUring, cqueue, opcode, squeue};

use datagram::{Letter, NAME};
use pool::{BUFFERS, LENT, Pool};

/// Requests that are handed over at once.
const REQUESTS: u32 = 512;

/// Answers that wait to be looked at: of every request, and as many packets.
const ANSWERS: u32 = 4 * REQUESTS;

/// Answers that are taken from the kernel's queue together, and at how few of them it is looked at again: so it
/// is known what comes next.
const TAKEN: usize = 64;
const AHEAD: usize = 16;

/// The group of buffers; there is one.
const GROUP: u16 = 0;

/// What an answer is to, in the highest bits of its number.
const RECEIVE: u64 = 0;
const SEND: u64 = 1 << 62;
const WAKE: u64 = 2 << 62;
const KINDS: u64 = 3 << 62;

/// How much of what came is company enough, by how long it may wait for it: half of the buffers at most.
const TOGETHER_EACH: Duration = Duration::from_micros(6);
const TOGETHER: usize = LENT as usize / 2;

/// The longest wait.
const LONGEST: Duration = Duration::from_secs(100);

/// How long a ring that ends waits for its requests to be given up.
const LAST: Duration = Duration::from_secs(1);

/// A wait that is none.
const NOW: Timespec = Timespec::new();

/// What came.
#[derive(Debug)]
pub enum Event {
    /// The descriptor of [`Ring::wake_by`] was written.
    Woken,
    /// A datagram: [`Ring::packet`].
    Received {
        /// The number that its socket was added with.
        key: u64,
        /// Who sent it.
        from: SocketAddr,
        /// Its octets.
        len: usize,
    },
    /// A socket could not receive. It goes on trying.
    Unreceived(io::Error),
    /// A datagram was sent.
    Sent,
    /// The peer of an earlier datagram does not listen; this one is tried once more.
    Refused,
    /// A datagram was not sent.
    Unsent(io::Error),
}

/// A socket's place in the kernel's table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seat(u32);

#[derive(Clone, Copy, Debug)]
struct Taken {
    key: u64,
    /// Counts the sockets of this seat: answers to one before are not of this.
    generation: u32,
    listens: bool,
}

/// See the crate's header.
pub struct Ring {
    kernel: ManuallyDrop<IoUring>,
    pool: ManuallyDrop<Pool>,
    /// What every request to receive asks for: the sender's name, nothing else.
    message: Box<libc::msghdr>,
    seats: Vec<Taken>,
    free: Vec<u32>,
    letters: Box<[Letter]>,
    /// Answers that were taken and not told yet.
    answers: VecDeque<cqueue::Entry>,
    /// The packet that was told last.
    current: Option<(u16, usize)>,
    /// Whether the kernel can wait for company: since 6.12.
    gathers: bool,
    /// Requests to send that were not answered yet, and requests that stay.
    sending: usize,
    staying: usize,
}

impl Ring {
    /// A ring for so many sockets, used by this thread only. An error where the kernel (before 6.1) or
    /// the machine's rules have none.
    pub fn new(sockets: u32) -> io::Result<Self> {
        let ring: IoUring = IoUring::builder()
            .setup_single_issuer()
            .setup_defer_taskrun()
            .setup_submit_all()
            .setup_cqsize(ANSWERS)
            .build(REQUESTS)?;
        let pool = Pool::new();
        let submitter = ring.submitter();
        submitter.register_files_sparse(sockets)?;
        // SAFETY: the ring of entries has `LENT` places and lives as long as the pool, which is dropped
        // after the kernel's ring, or never.
        unsafe { submitter.register_buf_ring_with_flags(pool.entries(), LENT, GROUP, 0)? };
        // SAFETY: a struct of C for which all zeros is a value: no name, no parts, no control data.
        let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
        message.msg_namelen = NAME as libc::socklen_t;
        let gathers = ring.params().is_feature_min_timeout();
        Ok(Ring {
            gathers,
            kernel: ManuallyDrop::new(ring),
            pool: ManuallyDrop::new(pool),
            message: Box::new(message),
            seats: Vec::new(),
            free: (0..sockets).rev().collect(),
            letters: vec![Letter::default(); usize::from(BUFFERS)].into(),
            answers: VecDeque::with_capacity(TAKEN),
            current: None,
            sending: 0,
            staying: 0,
        })
    }

    /// Receives on this socket from now on; what comes is told with the key.
    pub fn add(&mut self, key: u64, socket: &impl AsFd) -> io::Result<Seat> {
        let seat = self.sit(key, socket)?;
        self.listen(seat);
        Ok(Seat(seat))
    }

    /// Tells when this eventfd or the like is written. It is to be read by whoever is told.
    pub fn wake_by(&mut self, descriptor: &impl AsFd) -> io::Result<()> {
        let seat = self.sit(0, descriptor)?;
        self.watch(seat);
        Ok(())
    }

    /// Receives no more on this socket. What was to be sent from it is sent before.
    pub fn remove(&mut self, Seat(seat): Seat) {
        self.flush();
        let number = self.number(seat);
        let Some(taken) = self.seats.get_mut(seat as usize).filter(|it| it.listens) else {
            return;
        };
        taken.listens = false;
        taken.generation = (taken.generation + 1) & 0x3fff_ffff;
        // If there is none it was about to be armed anew, and will not be. Its answer is of no generation any more.
        self.cancel(CancelBuilder::user_data(number));
        // It is given up by what this thread does in the kernel, behind all that came: then the socket is free.
        let args = SubmitArgs::new().timespec(&NOW);
        let want = ANSWERS as usize;
        let _ = self.kernel.submitter().submit_with_args(want, &args);
        let emptied = self.kernel.submitter().register_files_update(seat, &[-1]);
        if emptied.is_ok() {
            self.free.push(seat);
        }
    }

    /// Hands over what is to be sent, and waits until something came, at most so long. What came may have
    /// waited for more until `patience` was over, where the kernel can do that.
    pub fn wait(&mut self, timeout: Option<Duration>, patience: Duration) -> io::Result<()> {
        self.release();
        self.pool.publish();
        let most = timeout.unwrap_or(LONGEST);
        let time = Timespec::from(most);
        let mut args = SubmitArgs::new().timespec(&time);
        // The answers to what is sent are not what is waited for.
        let mut want = self.sending + 1;
        if self.gathers {
            let patience = patience.min(most);
            args = args.min_wait_usec(patience.as_micros() as u32);
            let company = patience.as_micros() / TOGETHER_EACH.as_micros();
            want += (company as usize).min(TOGETHER);
        }
        let done = self.kernel.submitter().submit_with_args(want, &args);
        self.take();
        match done {
            Ok(_) => Ok(()),
            Err(error) => match error.raw_os_error() {
                // Time is over; a signal; or answers are to be taken first.
                Some(libc::ETIME | libc::EINTR | libc::EBUSY | libc::EAGAIN) => Ok(()),
                _ => Err(error),
            },
        }
    }

    /// What came; drain until `None` after every [`Ring::wait`].
    pub fn poll(&mut self) -> Option<Event> {
        loop {
            self.release();
            if self.answers.len() < AHEAD {
                self.take();
            }
            let answer = self.answers.pop_front()?;
            let event = match answer.user_data() & KINDS {
                SEND => Some(self.sent(&answer)),
                WAKE => self.woken(&answer),
                _ => self.received(&answer),
            };
            if event.is_some() {
                return event;
            }
        }
    }

    /// The keys of the next datagrams, as far as that is known.
    pub fn ahead(&self) -> impl Iterator<Item = u64> + Clone {
        let numbers = self.answers.iter().map(cqueue::Entry::user_data);
        let received = numbers.filter(|number| number & KINDS == RECEIVE);
        received.filter_map(|number| Some(self.seats.get(number as u32 as usize)?.key))
    }

    /// Hands over what is to be sent: before anything about a socket changes.
    pub fn flush(&mut self) {
        self.pool.publish();
        // An error: it is handed over with the next wait.
        let _ = self.kernel.submit();
    }

    /// Takes answers from the kernel, as many as there is room for.
    fn take(&mut self) {
        let room = TAKEN - self.answers.len();
        self.answers.extend(self.kernel.completion().take(room));
    }

    fn release(&mut self) {
        if let Some((buffer, _)) = self.current.take() {
            self.pool.give_back(buffer);
        }
    }

    /// A place in the table for a descriptor.
    fn sit(&mut self, key: u64, descriptor: &impl AsFd) -> io::Result<u32> {
        let Some(seat) = self.free.pop() else {
            return Err(io::Error::other("all seats of the ring are taken"));
        };
        let descriptor = descriptor.as_fd().as_raw_fd();
        let seated = self
            .kernel
            .submitter()
            .register_files_update(seat, &[descriptor]);
        if let Err(error) = seated {
            self.free.push(seat);
            return Err(error);
        }
        let fresh = Taken {
            key,
            generation: 0,
            listens: false,
        };
        if self.seats.len() <= seat as usize {
            self.seats.resize(seat as usize + 1, fresh);
        }
        let taken = &mut self.seats[seat as usize];
        taken.key = key;
        taken.listens = true;
        Ok(seat)
    }

    /// The number of a socket's request.
    fn number(&self, seat: u32) -> u64 {
        RECEIVE | u64::from(self.generation(seat)) << 32 | u64::from(seat)
    }

    fn generation(&self, seat: u32) -> u32 {
        self.seats.get(seat as usize).map_or(0, |it| it.generation)
    }

    fn listen(&mut self, seat: u32) {
        let message: *const libc::msghdr = &raw const *self.message;
        let request = opcode::RecvMsgMulti::new(Fixed(seat), message, GROUP).build();
        self.stay(&request.user_data(self.number(seat)));
    }

    fn watch(&mut self, seat: u32) {
        let request = opcode::PollAdd::new(Fixed(seat), libc::POLLIN as u32);
        let request = request.multi(true).build();
        self.stay(&request.user_data(WAKE | u64::from(seat)));
    }

    fn stay(&mut self, request: &squeue::Entry) {
        self.staying += usize::from(self.push(request));
    }

    /// Gives up every request, and waits until the kernel has; whether it has.
    fn give_up(&mut self) -> bool {
        self.flush();
        // One by one: giving up any takes the kernel a look at each for every one, minutes for all of a plane.
        for seat in 0..self.seats.len() as u32 {
            self.cancel(CancelBuilder::user_data(self.number(seat)));
        }
        self.seats.clear();
        let mut left = 100;
        while self.staying + self.sending > 0 && left > 0 {
            let before = self.staying + self.sending;
            self.release();
            self.reap(before);
            if self.staying + self.sending == before {
                left -= 1;
                self.cancel(CancelBuilder::any());
            }
        }
        self.staying + self.sending == 0
    }

    /// Asks the kernel to give up a request. An error: there is none such.
    fn cancel(&self, which: CancelBuilder) {
        let submitter = self.kernel.submitter();
        let _ = submitter.register_sync_cancel(Some(LAST.into()), which);
    }

    /// Waits a moment for so many answers, and counts what has ended. The kernel does no more of the work that
    /// it has put off than is waited for.
    fn reap(&mut self, wanted: usize) {
        let (want, time) = (wanted.min(ANSWERS as usize), Timespec::from(LAST / 100));
        let args = SubmitArgs::new().timespec(&time);
        let _ = self.kernel.submitter().submit_with_args(want, &args);
        let answers = self.answers.drain(..);
        for answer in answers.chain(self.kernel.completion()) {
            let is_sent = answer.user_data() & KINDS == SEND;
            let ended = usize::from(!cqueue::more(answer.flags()));
            *(if is_sent {
                &mut self.sending
            } else {
                &mut self.staying
            }) -= ended;
        }
    }

    /// Puts a request into the queue; false if the kernel takes no more.
    fn push(&mut self, request: &squeue::Entry) -> bool {
        if self.kernel.submission().is_full() {
            self.flush();
        }
        // SAFETY: every request here names memory of the pool or `message`, which outlive the kernel's
        // ring: see `drop`. A buffer that is sent is neither free nor lent until it is answered.
        unsafe { self.kernel.submission().push(request) }.is_ok()
    }

    fn woken(&mut self, answer: &cqueue::Entry) -> Option<Event> {
        if !cqueue::more(answer.flags()) {
            self.staying -= 1;
            self.watch(answer.user_data() as u32);
        }
        (answer.result() >= 0).then_some(Event::Woken)
    }
}

impl Drop for Ring {
    /// Sockets are free, and no request knows of the memory, when this returns.
    fn drop(&mut self) {
        let is_idle = self.give_up();
        // The kernel takes its time to end a ring: its sockets do not wait for that.
        let _ = self.kernel.submitter().unregister_files();
        // SAFETY: not used again. The kernel's ring is closed before its memory goes.
        unsafe { ManuallyDrop::drop(&mut self.kernel) };
        if is_idle {
            // SAFETY: not used again; no request is left that knows its address.
            unsafe { ManuallyDrop::drop(&mut self.pool) };
        }
    }
}
