//! The accelerator, Verilated: a transport for the driver, and the device `sim`.
//!
//! A model lives in a thread of its own and is clocked only while someone waits for it: words that are sent wait in front of
//! the stream, and flow in every cycle that a register access or the wait for results takes.

use std::collections::VecDeque;
use std::fmt;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};

use winterforge_driver::{Accelerator, DriverError, HardwareDevice, Transport, TransportError};
use winterforge_hdl::design::Dut;
use winterforge_hdl::registry::{Kernel, kernel};
use winterforge_prover::device::{Device, DeviceError, Digests, Done, Extension, Matrix};
use winterforge_verifier::bundle::HashId;

use crate::model::{Model, ModelError, spawn};

/// Cycles without a word moving after which waiting for results ends.
const STANDSTILL_CYCLES: u64 = 200_000;

/// Cycles that an answer of AXI4-Lite may take.
const ANSWER_CYCLES: u64 = 1000;

/// A Verilated accelerator.
pub struct SimTransport {
    kernel: &'static str,
    requests: Sender<Request>,
}

/// A fault: one bit of the model's state flips in a cycle.
#[derive(Clone, Copy, Debug)]
pub struct Fault {
    /// Counted from the start of the model.
    pub cycle: u64,
    /// In a word of a memory, not in a register.
    pub is_memory: bool,
    /// Picks the bit: the share of all that are before it.
    pub place: f64,
}

enum Request {
    Read(u32, Sender<Result<u32, TransportError>>),
    Write(u32, u32, Sender<Result<(), TransportError>>),
    Send(Vec<u64>),
    Receive(usize, Sender<Result<Vec<u64>, TransportError>>),
    Discard,
    Inject(Fault),
    Cycles(Sender<Result<u64, TransportError>>),
}

impl SimTransport {
    /// Starts the model of a kernel of the family `accelerator`.
    ///
    /// # Errors
    /// If there is no such model.
    pub fn new(kernel: Kernel) -> Result<Self, ModelError> {
        let name = kernel.name;
        let (requests, inbox) = channel();
        spawn(kernel, move |model| Simulation::new(model).serve(&inbox))?;
        Ok(Self {
            kernel: name,
            requests,
        })
    }

    /// Arranges for a fault.
    ///
    /// # Errors
    /// If the simulation has ended.
    pub fn inject(&mut self, fault: Fault) -> Result<(), TransportError> {
        self.tell(Request::Inject(fault))
    }

    /// Cycles that were simulated.
    ///
    /// # Errors
    /// If the simulation has ended.
    pub fn cycles(&mut self) -> Result<u64, TransportError> {
        self.ask(Request::Cycles)
    }

    fn ask<R>(
        &self,
        request: impl FnOnce(Sender<Result<R, TransportError>>) -> Request,
    ) -> Result<R, TransportError> {
        let (reply, answer) = channel();
        self.tell(request(reply))?;
        answer.recv().map_err(|_| closed())?
    }

    fn tell(&self, request: Request) -> Result<(), TransportError> {
        self.requests.send(request).map_err(|_| closed())
    }
}

fn closed() -> TransportError {
    TransportError::Closed {
        reason: "the simulation has ended".to_owned(),
    }
}

impl fmt::Debug for SimTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SimTransport({})", self.kernel)
    }
}

impl Transport for SimTransport {
    fn read(&mut self, offset: u32) -> Result<u32, TransportError> {
        self.ask(|reply| Request::Read(offset, reply))
    }

    fn write(&mut self, offset: u32, value: u32) -> Result<(), TransportError> {
        self.ask(|reply| Request::Write(offset, value, reply))
    }

    fn send(&mut self, words: &[u64]) -> Result<(), TransportError> {
        self.tell(Request::Send(words.to_vec()))
    }

    fn receive(&mut self, most: usize) -> Result<Vec<u64>, TransportError> {
        self.ask(|reply| Request::Receive(most, reply))
    }

    fn discard(&mut self) -> Result<(), TransportError> {
        self.tell(Request::Discard)
    }
}

/// Ports by position.
struct Ports {
    reset: usize,
    aw: [usize; 3],
    w: [usize; 4],
    b: [usize; 3],
    ar: [usize; 3],
    r: [usize; 4],
    s: [usize; 4],
    m: [usize; 4],
}

struct Simulation {
    model: Model,
    ports: Ports,
    /// Words in front of the stream, and whether each is the last of its job.
    outgoing: VecDeque<(u64, bool)>,
    incoming: VecDeque<(u64, bool)>,
    /// Of `incoming`.
    marked: usize,
    /// The word that is offered.
    is_offered: bool,
    still: u64,
    cycles: u64,
    fault: Option<Fault>,
}

impl Simulation {
    fn new(mut model: Model) -> Self {
        let port = |name: &str| model.port(name);
        let ports = Ports {
            reset: port("reset"),
            aw: ["aw_valid", "aw_ready", "aw_addr"].map(port),
            w: ["w_valid", "w_ready", "w_data", "w_strb"].map(port),
            b: ["b_valid", "b_ready", "b_resp"].map(port),
            ar: ["ar_valid", "ar_ready", "ar_addr"].map(port),
            r: ["r_valid", "r_ready", "r_data", "r_resp"].map(port),
            s: ["s_valid", "s_ready", "s_word", "s_last"].map(port),
            m: ["m_valid", "m_ready", "m_word", "m_last"].map(port),
        };
        model.set(ports.reset, 1);
        model.clock_edge();
        model.set(ports.reset, 0);
        model.set(ports.m[1], 1);
        model.set(ports.w[3], 0xf);
        model.settle();
        Self {
            model,
            ports,
            outgoing: VecDeque::new(),
            incoming: VecDeque::new(),
            marked: 0,
            is_offered: false,
            still: 0,
            cycles: 0,
            fault: None,
        }
    }

    /// Until nobody asks any more.
    fn serve(mut self, inbox: &Receiver<Request>) {
        while let Ok(request) = inbox.recv() {
            // Nobody may wait for the answer any more.
            match request {
                Request::Read(offset, reply) => drop(reply.send(self.read(offset))),
                Request::Write(offset, value, reply) => drop(reply.send(self.write(offset, value))),
                Request::Send(words) => {
                    let last = words.len().wrapping_sub(1);
                    let marked = words.into_iter().enumerate();
                    self.outgoing
                        .extend(marked.map(|(index, word)| (word, index == last)));
                }
                Request::Receive(most, reply) => drop(reply.send(self.receive(most))),
                Request::Discard => self.discard(),
                Request::Inject(fault) => self.fault = Some(fault),
                Request::Cycles(reply) => drop(reply.send(Ok(self.cycles))),
            }
        }
    }

    /// One clock, in which the streams move.
    fn clock(&mut self) {
        if let Some(fault) = self.fault.filter(|fault| self.cycles >= fault.cycle) {
            let choose = |bits| (fault.place * bits as f64) as u64;
            self.model.flip(fault.is_memory, choose);
            self.fault = None;
        }
        self.cycles += 1;
        if !self.is_offered
            && let Some(&(word, last)) = self.outgoing.front()
        {
            self.model.set(self.ports.s[0], 1);
            self.model.set(self.ports.s[2], word.into());
            self.model.set(self.ports.s[3], last.into());
            self.is_offered = true;
        }
        self.model.settle();
        self.still += 1;
        if self.model.get(self.ports.m[0]) == 1 {
            let is_last = self.model.get(self.ports.m[3]) == 1;
            let word = self.model.get(self.ports.m[2]) as u64;
            self.incoming.push_back((word, is_last));
            self.marked += usize::from(is_last);
            self.still = 0;
        }
        let passes = self.is_offered && self.model.get(self.ports.s[1]) == 1;
        self.model.clock_edge();
        if passes {
            self.outgoing.pop_front();
            self.model.set(self.ports.s[0], 0);
            self.is_offered = false;
            self.still = 0;
        }
    }

    /// Offers a beat until it is taken.
    fn offer(&mut self, valid: usize, ready: usize) -> Result<(), TransportError> {
        self.model.set(valid, 1);
        for _ in 0..ANSWER_CYCLES {
            self.model.settle();
            let is_taken = self.model.get(ready) == 1;
            self.clock();
            if is_taken {
                self.model.set(valid, 0);
                return Ok(());
            }
        }
        self.model.set(valid, 0);
        Err(standstill(ANSWER_CYCLES))
    }

    /// Waits for a beat and takes it; the values of two of its ports.
    fn answer(
        &mut self,
        valid: usize,
        ready: usize,
        values: [usize; 2],
    ) -> Result<[u64; 2], TransportError> {
        for _ in 0..ANSWER_CYCLES {
            self.model.settle();
            if self.model.get(valid) == 1 {
                let found = values.map(|port| self.model.get(port) as u64);
                self.model.set(ready, 1);
                self.clock();
                self.model.set(ready, 0);
                return Ok(found);
            }
            self.clock();
        }
        Err(standstill(ANSWER_CYCLES))
    }

    fn read(&mut self, offset: u32) -> Result<u32, TransportError> {
        let Ports { ar, r, .. } = self.ports;
        self.model.set(ar[2], offset.into());
        self.offer(ar[0], ar[1])?;
        let [value, response] = self.answer(r[0], r[1], [r[2], r[3]])?;
        match response {
            0 => Ok(value as u32),
            _ => Err(TransportError::Register {
                offset,
                is_write: false,
            }),
        }
    }

    fn write(&mut self, offset: u32, value: u32) -> Result<(), TransportError> {
        let Ports { aw, w, b, .. } = self.ports;
        self.model.set(aw[2], offset.into());
        self.model.set(w[2], value.into());
        self.offer(aw[0], aw[1])?;
        self.offer(w[0], w[1])?;
        let [response, _] = self.answer(b[0], b[1], [b[2], b[2]])?;
        match response {
            0 => Ok(()),
            _ => Err(TransportError::Register {
                offset,
                is_write: true,
            }),
        }
    }

    fn receive(&mut self, most: usize) -> Result<Vec<u64>, TransportError> {
        self.still = 0;
        while self.marked == 0 {
            if self.incoming.len() > most {
                return Err(TransportError::TooMany { most });
            }
            if self.still > STANDSTILL_CYCLES {
                return Err(standstill(self.still));
            }
            self.clock();
        }
        let mut words = Vec::new();
        while let Some((word, is_last)) = self.incoming.pop_front() {
            words.push(word);
            if is_last {
                self.marked -= 1;
                break;
            }
        }
        if words.len() > most {
            return Err(TransportError::TooMany { most });
        }
        Ok(words)
    }

    fn discard(&mut self) {
        self.outgoing.clear();
        self.incoming.clear();
        self.marked = 0;
        if self.is_offered {
            self.model.set(self.ports.s[0], 0);
            self.is_offered = false;
        }
    }
}

fn standstill(waited: u64) -> TransportError {
    TransportError::Standstill {
        waited,
        unit: "cycles",
    }
}

/// The accelerator over a hash, Verilated and found to be one.
///
/// # Errors
/// If there is no model, or it does not answer as it should.
pub fn open(hash: HashId) -> Result<Accelerator<SimTransport>, SimError> {
    let name = match hash {
        HashId::Blake3 => "accelerator_blake3",
        HashId::Poseidon2 => "accelerator_poseidon2",
    };
    let kernel = kernel(name).ok_or_else(|| ModelError::Unknown(name.to_owned()))?;
    Ok(Accelerator::open(SimTransport::new(kernel)?)?)
}

/// Why there is no simulated accelerator.
#[derive(Debug, thiserror::Error)]
pub enum SimError {
    /// See there.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// See there.
    #[error(transparent)]
    Driver(#[from] DriverError),
}

/// The device `sim`: an accelerator for each hash, started when it is first needed.
#[derive(Debug, Default)]
pub struct SimDevice {
    by_hash: [Mutex<Option<Arc<HardwareDevice<SimTransport>>>>; 2],
}

impl SimDevice {
    fn device(&self, hash: HashId) -> Result<Arc<HardwareDevice<SimTransport>>, DeviceError> {
        let place = &self.by_hash[usize::from(hash == HashId::Poseidon2)];
        let mut place = place.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(device) = &*place {
            return Ok(device.clone());
        }
        let accelerator = open(hash).map_err(|error| DeviceError::Failed {
            device: self.name(),
            reason: error.to_string(),
        })?;
        let device = Arc::new(HardwareDevice::new(self.name(), accelerator));
        *place = Some(device.clone());
        Ok(device)
    }
}

impl Device for SimDevice {
    fn name(&self) -> String {
        "sim".to_owned()
    }

    /// On the accelerator over BLAKE3: both have the same NTT.
    fn extend(&self, job: &Extension<'_>) -> Result<Done<Matrix>, DeviceError> {
        self.device(HashId::Blake3)?.extend(job)
    }

    fn hash_rows(&self, hash: HashId, matrix: &Matrix) -> Result<Done<Digests>, DeviceError> {
        self.device(hash)?.hash_rows(hash, matrix)
    }

    fn merkle_tree(&self, hash: HashId, leaves: Digests) -> Result<Done<Digests>, DeviceError> {
        self.device(hash)?.merkle_tree(hash, leaves)
    }
}
