//! The two wires of a serial line, bit by bit.

use std::collections::VecDeque;

use winterforge_hdl::design::Dut;

/// The host's end of a line to a kernel with the ports `rx` and `tx`.
#[derive(Debug)]
pub struct SerialPins {
    rx: usize,
    tx: usize,
    bit_cycles: u32,
    /// Bytes that wait to be sent.
    pub outgoing: VecDeque<u8>,
    /// Bytes that were received.
    pub incoming: VecDeque<u8>,
    /// Bits of the byte that is sent, the stop bit in front of it all.
    frame: u16,
    bits: u32,
    countdown: u32,
    /// Cycles since the start bit of the byte that is received began.
    age: Option<u32>,
    byte: u8,
}

impl SerialPins {
    /// An idle line with bits of so many cycles.
    pub fn new<D: Dut + ?Sized>(dut: &mut D, bit_cycles: u32) -> Self {
        let (rx, tx) = (dut.port("rx"), dut.port("tx"));
        dut.set(rx, 1);
        Self {
            rx,
            tx,
            bit_cycles,
            outgoing: VecDeque::new(),
            incoming: VecDeque::new(),
            frame: 0,
            bits: 0,
            countdown: 0,
            age: None,
            byte: 0,
        }
    }

    /// Whether no bit is on its way to the kernel, and none comes from it.
    pub fn is_idle(&self) -> bool {
        self.outgoing.is_empty() && self.bits == 0 && self.age.is_none()
    }

    /// Drives and samples the wires of one cycle; before its edge, with settled outputs.
    pub fn cycle<D: Dut + ?Sized>(&mut self, dut: &mut D) {
        if self.countdown == 0 {
            if self.bits == 0
                && let Some(byte) = self.outgoing.pop_front()
            {
                self.frame = 0x200 | u16::from(byte) << 1;
                self.bits = 10;
            }
            let level = self.bits == 0 || self.frame & 1 == 1;
            dut.set(self.rx, level.into());
            self.frame >>= 1;
            if self.bits > 0 {
                self.bits -= 1;
                self.countdown = self.bit_cycles;
            }
        }
        self.countdown = self.countdown.saturating_sub(1);

        let level = dut.get(self.tx) == 1;
        let Some(age) = self.age else {
            if !level {
                self.age = Some(1);
            }
            return;
        };
        self.age = Some(age + 1);
        // The middle of a bit; bit 0 is the start bit.
        if age % self.bit_cycles == self.bit_cycles / 2 {
            match age / self.bit_cycles {
                0 => {}
                9 => {
                    if level {
                        self.incoming.push_back(self.byte);
                    }
                    self.age = None;
                }
                _ => self.byte = self.byte >> 1 | u8::from(level) << 7,
            }
        }
    }
}
