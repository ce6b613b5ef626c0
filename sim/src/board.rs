//! A board, Verilated: the accelerator with the RTL's own serial line in front.
//!
//! The model lives in a thread of its own and is clocked while bytes are on their way, and for a while after that.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use winterforge_driver::uart::Line;
use winterforge_hdl::boards;
use winterforge_hdl::design::Dut;
use winterforge_hdl::registry::Kernel;

use crate::model::{Model, ModelError, spawn};
use crate::serial::SerialPins;

/// Cycles from power-up to the first byte.
const POWER_UP_CYCLES: u32 = 400;

/// Cycles that the clock goes on after the last byte.
const IDLE_CYCLES: u32 = 8192;

/// Cycles between two looks at the host's side.
const BATCH_CYCLES: u32 = 400;

/// The host's end of a line to a simulated board. It ends when the line is dropped.
#[derive(Debug)]
pub struct SimLine {
    to_board: Option<Sender<Vec<u8>>>,
    from_board: Receiver<Vec<u8>>,
    rest: Vec<u8>,
}

impl SimLine {
    /// Starts the model of a kernel of the family `board`, its switches set to the fastest line.
    ///
    /// # Errors
    /// If there is no such model.
    pub fn start(kernel: Kernel) -> Result<Self, ModelError> {
        let rates = boards::bit_cycles(kernel.name).map_or(1, <[u16]>::len);
        Self::start_at(kernel, rates - 1)
    }

    /// As [`SimLine::start`], with the switches at `rate`, from 0 on.
    ///
    /// # Errors
    /// If there is no such model.
    pub fn start_at(kernel: Kernel, rate: usize) -> Result<Self, ModelError> {
        let bit_cycles = boards::bit_cycles(kernel.name)
            .and_then(|rates| rates.get(rate).copied())
            .ok_or_else(|| ModelError::Unknown(kernel.name.into()))?;
        let (to_board, inbox) = channel::<Vec<u8>>();
        let (outbox, from_board) = channel();
        spawn(kernel, move |model| {
            serve(model, rate, bit_cycles.into(), &inbox, &outbox);
        })?;
        Ok(Self {
            to_board: Some(to_board),
            from_board,
            rest: Vec::new(),
        })
    }

    /// Pulls the plug.
    pub fn cut(&mut self) {
        self.to_board = None;
    }
}

fn unplugged() -> io::Error {
    io::Error::new(io::ErrorKind::BrokenPipe, "the board is unplugged")
}

impl Line for SimLine {
    fn read(&mut self, buffer: &mut [u8], patience: Duration) -> io::Result<usize> {
        if self.to_board.is_none() {
            return Err(unplugged());
        }
        if self.rest.is_empty() {
            match self.from_board.recv_timeout(patience) {
                Ok(bytes) => self.rest = bytes,
                Err(RecvTimeoutError::Timeout) => return Ok(0),
                Err(RecvTimeoutError::Disconnected) => return Err(unplugged()),
            }
        }
        let count = self.rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&self.rest[..count]);
        self.rest.drain(..count);
        Ok(count)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let to_board = self.to_board.as_ref().ok_or_else(unplugged)?;
        to_board.send(bytes.to_vec()).map_err(|_| unplugged())
    }

    fn reopen(&mut self) -> io::Result<()> {
        Err(unplugged())
    }
}

/// Until the host's side is gone.
fn serve(
    mut model: Model,
    rate: usize,
    bit_cycles: u32,
    inbox: &Receiver<Vec<u8>>,
    outbox: &Sender<Vec<u8>>,
) {
    let mut pins = SerialPins::new(&mut model, bit_cycles);
    if let Some(switches) = model.ports().iter().position(|port| port.name == "rate") {
        model.set(switches, rate as u128);
    }
    // As between the loading of a bitstream and the first byte: the reset after power-up is over.
    for _ in 0..POWER_UP_CYCLES {
        model.clock_edge();
    }
    let mut idle_cycles = IDLE_CYCLES;
    loop {
        if idle_cycles >= IDLE_CYCLES {
            let Ok(bytes) = inbox.recv() else { return };
            pins.outgoing.extend(bytes);
        }
        while let Ok(bytes) = inbox.try_recv() {
            pins.outgoing.extend(bytes);
        }
        for _ in 0..BATCH_CYCLES {
            pins.cycle(&mut model);
            model.clock_edge();
        }
        idle_cycles = if pins.is_idle() {
            idle_cycles.saturating_add(BATCH_CYCLES)
        } else {
            0
        };
        if !pins.incoming.is_empty() && outbox.send(pins.incoming.drain(..).collect()).is_err() {
            return;
        }
    }
}

/// A pseudo-terminal with a line behind it, for programs that open a path. Dropping it pulls the plug.
#[derive(Debug)]
pub struct Pty {
    path: PathBuf,
    is_over: Arc<AtomicBool>,
    thread: Option<thread::JoinHandle<SimLine>>,
}

impl Pty {
    /// Puts a line behind a new pseudo-terminal.
    ///
    /// # Errors
    /// If the system has none.
    pub fn new(line: SimLine) -> io::Result<Self> {
        let controller = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY)?;
        grantpt(&controller)?;
        unlockpt(&controller)?;
        let name = ptsname(&controller, Vec::new())?;
        let path = PathBuf::from(name.to_string_lossy().into_owned());
        let is_over = Arc::new(AtomicBool::new(false));
        let thread = thread::spawn({
            let is_over = is_over.clone();
            move || carry(controller, line, &is_over)
        });
        Ok(Self {
            path,
            is_over,
            thread: Some(thread),
        })
    }

    /// What to open.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Pulls the plug; the board goes on.
    pub fn unplug(mut self) -> Option<SimLine> {
        self.is_over.store(true, Ordering::Relaxed);
        self.thread.take().and_then(|thread| thread.join().ok())
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Carries bytes both ways until it is over.
fn carry(controller: OwnedFd, mut line: SimLine, is_over: &AtomicBool) -> SimLine {
    let short = Duration::from_millis(2);
    let from_host = controller.try_clone().map(File::from);
    let Ok(mut from_host) = from_host else {
        return line;
    };
    let mut to_host = File::from(controller);
    let mut buffer = [0; 4096];
    while !is_over.load(Ordering::Relaxed) {
        if has_input(&from_host) {
            match from_host.read(&mut buffer) {
                Ok(count) if line.write(&buffer[..count]).is_err() => break,
                Ok(_) => {}
                // Nobody has the other end open.
                Err(_) => thread::sleep(short),
            }
        }
        match line.read(&mut buffer, short) {
            Ok(count) if to_host.write_all(&buffer[..count]).is_err() => thread::sleep(short),
            Ok(_) => {}
            Err(_) => break,
        }
    }
    line
}

fn has_input(file: &File) -> bool {
    let mut fds = [rustix::event::PollFd::from_borrowed_fd(
        file.as_fd(),
        rustix::event::PollFlags::IN,
    )];
    let at_once = rustix::event::Timespec::default();
    rustix::event::poll(&mut fds, Some(&at_once)).is_ok_and(|count| count > 0)
}
