//! A test bench for stream kernels, the same for the simulation and for the Verilated model.
//!
//! Conventions, which every kernel follows:
//! - one clock `clock`, rising edge; `reset` is synchronous and active high; one cycle of it
//!   returns the kernel to idle whatever it was doing;
//! - a stream `x` has `x_valid`, `x_ready` and payload ports `x_...`; a beat passes in a cycle in
//!   which both are high; once valid, a beat stays until it passes; `ready` may depend on nothing
//!   and need not wait for `valid`. This is AXI4-Stream's handshake;
//! - 64-bit words are canonical field elements.
//!
//! [`Bench`] drives sources with random gaps and sinks with random stalls, checks the handshake
//! rules in every cycle, and counts cycles.

use std::collections::VecDeque;

use crate::design::Dut;

/// SplitMix64: deterministic, and good enough for stimuli.
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    /// A generator of its own for each seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// 64 uniform bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.next_u64() % bound.max(1)
    }

    /// True with the given probability.
    pub fn chance(&mut self, probability: f64) -> bool {
        (self.next_u64() >> 11) as f64 / (1u64 << 53) as f64 <= probability && probability > 0.0
    }
}

/// Feeds a unit without handshakes one set of operands a cycle and returns its first output
/// `latency` cycles later, in the order of the operands.
pub fn pipeline<D: Dut>(dut: &mut D, operands: &[Vec<u128>], latency: usize) -> Vec<u128> {
    let inputs = dut.ports().iter().filter(|port| port.is_input).count();
    let mut results = Vec::with_capacity(operands.len());
    for cycle in 0..operands.len() + latency {
        if let Some(values) = operands.get(cycle) {
            assert_eq!(values.len(), inputs, "values per vector");
            for (port, &value) in values.iter().enumerate() {
                dut.set(port, value);
            }
        }
        dut.settle();
        if cycle >= latency {
            results.push(dut.get(inputs));
        }
        dut.clock_edge();
    }
    results
}

/// A payload: the values of the stream's payload ports in the order of the port list.
pub type Beat = Vec<u128>;

/// Handle of a stream into the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceId(usize);

/// Handle of a stream out of the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SinkId(usize);

/// A breach of the stream rules, or a run that never ends.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BenchError {
    /// A beat was withdrawn or changed before it passed.
    #[error("cycle {cycle}: {stream} was not held until it passed")]
    NotHeld {
        /// Cycle since the bench was made.
        cycle: u64,
        /// The stream.
        stream: String,
    },
    /// The condition waited for did not come.
    #[error("cycle {cycle}: no end after {waited} cycles")]
    TimedOut {
        /// Cycle since the bench was made.
        cycle: u64,
        /// Cycles waited.
        waited: u64,
    },
}

struct Source {
    valid: usize,
    ready: usize,
    payload: Vec<usize>,
    queue: VecDeque<Beat>,
    is_valid: bool,
    accepted: u64,
}

struct Sink {
    name: String,
    valid: usize,
    /// None if nobody can refuse a beat.
    ready: Option<usize>,
    payload: Vec<usize>,
    is_ready: bool,
    is_held: bool,
    pending: Option<Beat>,
    received: VecDeque<(u64, Beat)>,
}

/// A kernel with its streams attached.
pub struct Bench<D> {
    /// The device, for ports that are not streams.
    pub dut: D,
    /// Probability that a source pauses before a beat.
    pub gap_probability: f64,
    /// Probability that a sink is not ready in a cycle.
    pub stall_probability: f64,
    rng: Rng,
    sources: Vec<Source>,
    sinks: Vec<Sink>,
    cycle: u64,
}

impl<D: Dut> Bench<D> {
    /// A bench without gaps or stalls around a device, which is reset.
    pub fn new(dut: D, seed: u64) -> Self {
        let mut bench = Self {
            dut,
            gap_probability: 0.0,
            stall_probability: 0.0,
            rng: Rng::new(seed),
            sources: Vec::new(),
            sinks: Vec::new(),
            cycle: 0,
        };
        bench.reset();
        bench
    }

    /// The stream into the kernel whose ports begin with `name_`.
    pub fn source(&mut self, name: &str) -> SourceId {
        let (valid, payload) = self.stream(name, true);
        let ready = self.dut.port(&format!("{name}_ready"));
        let queue = VecDeque::new();
        self.dut.set(valid, 0);
        self.sources.push(Source {
            valid,
            ready,
            payload,
            queue,
            is_valid: false,
            accepted: 0,
        });
        SourceId(self.sources.len() - 1)
    }

    /// The stream out of the kernel whose ports begin with `name_`.
    pub fn sink(&mut self, name: &str) -> SinkId {
        let ready = self.dut.port(&format!("{name}_ready"));
        self.dut.set(ready, 0);
        self.add_sink(name, Some(ready))
    }

    /// The results out of the kernel whose ports begin with `name_`, each there for one cycle: nobody can
    /// refuse them.
    pub fn watch(&mut self, name: &str) -> SinkId {
        self.add_sink(name, None)
    }

    /// Takes nothing more from a sink, or takes again.
    pub fn hold(&mut self, sink: SinkId, is_held: bool) {
        self.sinks[sink.0].is_held = is_held;
    }

    fn add_sink(&mut self, name: &str, ready: Option<usize>) -> SinkId {
        let (valid, payload) = self.stream(name, false);
        self.sinks.push(Sink {
            name: name.into(),
            valid,
            ready,
            payload,
            is_ready: ready.is_none(),
            is_held: false,
            pending: None,
            received: VecDeque::new(),
        });
        SinkId(self.sinks.len() - 1)
    }

    /// Position of `valid` and of the payload.
    fn stream(&self, name: &str, is_input: bool) -> (usize, Vec<usize>) {
        let valid = self.dut.port(&format!("{name}_valid"));
        let ready = format!("{name}_ready");
        let prefix = format!("{name}_");
        let ports = self.dut.ports().iter().enumerate();
        let payload = ports
            .filter(|(index, port)| {
                port.is_input == is_input
                    && port.name.starts_with(&prefix)
                    && *index != valid
                    && port.name != ready
            })
            .map(|(index, _)| index)
            .collect();
        (valid, payload)
    }

    /// Queues a beat.
    pub fn send(&mut self, source: SourceId, beat: Beat) {
        let source = &mut self.sources[source.0];
        assert_eq!(beat.len(), source.payload.len(), "values per beat");
        source.queue.push_back(beat);
    }

    /// Takes back what has not passed, the beat on offer, too: after a reset by other means than [`reset`](Self::reset).
    pub fn withdraw(&mut self, source: SourceId) {
        let source = &mut self.sources[source.0];
        source.queue.clear();
        source.is_valid = false;
        self.dut.set(source.valid, 0);
    }

    /// Beats that have passed out of the kernel, each with the cycle in which it passed.
    pub fn received(&mut self, sink: SinkId) -> &mut VecDeque<(u64, Beat)> {
        &mut self.sinks[sink.0].received
    }

    /// Number of beats that have passed into the kernel.
    pub fn accepted(&self, source: SourceId) -> u64 {
        self.sources[source.0].accepted
    }

    /// Clock cycles since the bench was made, resets included.
    pub fn cycle(&self) -> u64 {
        self.cycle
    }

    /// Holds reset for one cycle and forgets all that is queued or received.
    pub fn reset(&mut self) {
        for source in 0..self.sources.len() {
            self.withdraw(SourceId(source));
        }
        for sink in &mut self.sinks {
            sink.received.clear();
            sink.pending = None;
        }
        let reset = self.dut.port("reset");
        self.dut.set(reset, 1);
        self.dut.clock_edge();
        self.dut.set(reset, 0);
        self.cycle += 1;
    }

    /// One clock cycle.
    ///
    /// # Errors
    /// If the kernel breaks a stream rule.
    pub fn tick(&mut self) -> Result<(), BenchError> {
        for source in &mut self.sources {
            if source.is_valid {
                continue;
            }
            match source.queue.front() {
                Some(beat) if !self.rng.chance(self.gap_probability) => {
                    for (&port, &value) in source.payload.iter().zip(beat) {
                        self.dut.set(port, value);
                    }
                    self.dut.set(source.valid, 1);
                    source.is_valid = true;
                }
                _ => self.dut.set(source.valid, 0),
            }
        }
        for sink in &mut self.sinks {
            let Some(ready) = sink.ready else { continue };
            sink.is_ready = !self.rng.chance(self.stall_probability) && !sink.is_held;
            self.dut.set(ready, u128::from(sink.is_ready));
        }
        self.dut.settle();
        for source in &mut self.sources {
            if source.is_valid && self.dut.get(source.ready) == 1 {
                source.queue.pop_front();
                source.is_valid = false;
                source.accepted += 1;
            }
        }
        for sink in &mut self.sinks {
            let is_valid = self.dut.get(sink.valid) == 1;
            let beat: Option<Beat> = is_valid.then(|| {
                sink.payload
                    .iter()
                    .map(|&port| self.dut.get(port))
                    .collect()
            });
            if sink.pending.is_some() && sink.pending != beat {
                let stream = sink.name.clone();
                return Err(BenchError::NotHeld {
                    cycle: self.cycle,
                    stream,
                });
            }
            match beat {
                Some(beat) if sink.is_ready => {
                    sink.received.push_back((self.cycle, beat));
                    sink.pending = None;
                }
                beat => sink.pending = beat,
            }
        }
        self.dut.clock_edge();
        self.cycle += 1;
        Ok(())
    }

    /// Runs until a condition holds.
    ///
    /// # Errors
    /// If the kernel breaks a stream rule, or the condition does not come within `max_cycles`.
    pub fn run_until(
        &mut self,
        max_cycles: u64,
        mut is_done: impl FnMut(&mut Self) -> bool,
    ) -> Result<(), BenchError> {
        for _ in 0..max_cycles {
            if is_done(self) {
                return Ok(());
            }
            self.tick()?;
        }
        if is_done(self) {
            return Ok(());
        }
        Err(BenchError::TimedOut {
            cycle: self.cycle,
            waited: max_cycles,
        })
    }

    /// Runs until a sink holds `count` beats and returns their payloads.
    ///
    /// # Errors
    /// As [`Bench::run_until`].
    pub fn collect(
        &mut self,
        sink: SinkId,
        count: usize,
        max_cycles: u64,
    ) -> Result<Vec<Beat>, BenchError> {
        self.run_until(max_cycles, |bench| bench.received(sink).len() >= count)?;
        Ok(self
            .received(sink)
            .drain(..count)
            .map(|(_, beat)| beat)
            .collect())
    }
}
