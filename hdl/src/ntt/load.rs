//! Writes the words of a job into the banks of the load buffer.

use rust_hdl_core::prelude::*;
use rust_hdl_core::timing::TimingInfo;
use rust_hdl_widgets::prelude::*;

use super::fold::Fold;
use crate::word::{Word, bit_cast_word};

/// Beats of words to writes of banks, one cycle later.
#[derive(LogicBlock)]
struct Distribute<const BANKS: usize, const WORDS: usize, const LOG_N: usize> {
    pub clock: Signal<In, Clock>,
    pub valid: Signal<In, Bit>,
    pub bank: Signal<In, Word<LOG_N>>,
    pub word: [Signal<In, Word<64>>; WORDS],
    pub enable: [Signal<Out, Bit>; BANKS],
    pub data: [Signal<Out, Word<64>>; BANKS],
}

impl<const BANKS: usize, const WORDS: usize, const LOG_N: usize> Default
    for Distribute<BANKS, WORDS, LOG_N>
{
    fn default() -> Self {
        Self {
            clock: Signal::default(),
            valid: Signal::default(),
            bank: Signal::default(),
            word: std::array::from_fn(|_| Signal::default()),
            enable: std::array::from_fn(|_| Signal::default()),
            data: std::array::from_fn(|_| Signal::default()),
        }
    }
}

impl<const BANKS: usize, const WORDS: usize, const LOG_N: usize> Logic
    for Distribute<BANKS, WORDS, LOG_N>
{
    fn update(&mut self) {
        if !self.clock.pos_edge() {
            return;
        }
        let first = self.bank.val().value() as usize % BANKS;
        for bank in 0..BANKS {
            // The words of a beat have consecutive indices, the first a multiple of their number.
            self.enable[bank].next = self.valid.val() && bank / WORDS == first / WORDS;
            self.data[bank].next = self.word[(bank ^ first) % WORDS].val();
        }
    }

    fn connect(&mut self) {
        self.enable.iter_mut().for_each(Logic::connect);
        self.data.iter_mut().for_each(Logic::connect);
    }

    fn hdl(&self) -> Verilog {
        let msb = BANKS.ilog2() - 1;
        let mut lines = String::new();
        for bank in 0..BANKS {
            let group = WORDS.ilog2();
            let is_meant = if group > msb {
                String::new()
            } else {
                format!(" && bank[{msb}:{group}] == {}", bank / WORDS)
            };
            let data = match WORDS {
                1 => "word$0".into(),
                _ => format!(
                    "bank[0] ? word${} : word${}",
                    (bank ^ 1) % WORDS,
                    bank % WORDS
                ),
            };
            lines += &format!("   enable${bank} <= valid{is_meant};\n   data${bank} <= {data};\n");
        }
        Verilog::Custom(format!(
            "\
initial begin
{}end

always @(posedge clock) begin
{lines}end
",
            (0..BANKS)
                .map(|bank| format!("   enable${bank} = 0;\n"))
                .collect::<String>()
        ))
    }

    fn timing(&self) -> Vec<TimingInfo> {
        vec![TimingInfo {
            name: "distribute".into(),
            clock: "clock".into(),
            inputs: vec!["valid".into(), "bank".into(), "word".into()],
            outputs: vec!["enable".into(), "data".into()],
        }]
    }
}

/// Takes a command, then its words in natural order, and hands the job to the sequencer. Sizes go up to
/// 2^`LOG_N`.
///
/// The buffer may be written again while the first pass is still reading it: `may_reuse` says from
/// when on the loading cannot overtake the reading.
#[derive(LogicBlock)]
pub struct Load<const BANKS: usize, const WORDS: usize, const LOG_N: usize, const ROW_BITS: usize> {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Synchronous.
    pub reset: Signal<In, Bit>,
    /// A command is offered.
    pub command_valid: Signal<In, Bit>,
    /// It is taken.
    pub command_ready: Signal<Out, Bit>,
    /// Logarithm of the size.
    pub command_log_n: Signal<In, Word<4>>,
    /// Direction.
    pub command_inverse: Signal<In, Bit>,
    /// Words are offered.
    pub s_valid: Signal<In, Bit>,
    /// They are taken.
    pub s_ready: Signal<Out, Bit>,
    /// The words.
    pub s_word: [Signal<In, Word<64>>; WORDS],
    /// A loaded job waits.
    pub job_valid: Signal<Out, Bit>,
    /// Its size.
    pub job_log_n: Signal<Out, Word<4>>,
    /// Its direction.
    pub job_inverse: Signal<Out, Bit>,
    /// It is begun.
    pub job_taken: Signal<In, Bit>,
    /// The buffer may be written again.
    pub may_reuse: Signal<In, Bit>,
    /// Row to write, the same in all banks.
    pub row: Signal<Out, Word<ROW_BITS>>,
    /// Which banks to write.
    pub enable: [Signal<Out, Bit>; BANKS],
    /// What to write.
    pub data: [Signal<Out, Word<64>>; BANKS],
    fold: Fold<LOG_N>,
    distribute: Distribute<BANKS, WORDS, LOG_N>,
    is_loading: DFF<Bit>,
    is_loaded: DFF<Bit>,
    is_busy: DFF<Bit>,
    log_n: DFF<Word<4>>,
    inverse: DFF<Bit>,
    count: DFF<Word<LOG_N>>,
    last: DFF<Word<LOG_N>>,
    row_1: DFF<Word<ROW_BITS>>,
    step: Constant<Word<LOG_N>>,
    one: Constant<Word<LOG_N>>,
    bank_bits: Constant<Word<3>>,
    is_taking: Signal<Local, Bit>,
    size: Signal<Local, Word<LOG_N>>,
}

impl<const BANKS: usize, const WORDS: usize, const LOG_N: usize, const ROW_BITS: usize> Default
    for Load<BANKS, WORDS, LOG_N, ROW_BITS>
{
    fn default() -> Self {
        let bank_bits = BANKS.ilog2() as usize;
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            command_valid: Signal::default(),
            command_ready: Signal::default(),
            command_log_n: Signal::default(),
            command_inverse: Signal::default(),
            s_valid: Signal::default(),
            s_ready: Signal::default(),
            s_word: std::array::from_fn(|_| Signal::default()),
            job_valid: Signal::default(),
            job_log_n: Signal::default(),
            job_inverse: Signal::default(),
            job_taken: Signal::default(),
            may_reuse: Signal::default(),
            row: Signal::default(),
            enable: std::array::from_fn(|_| Signal::default()),
            data: std::array::from_fn(|_| Signal::default()),
            fold: Fold::new(bank_bits),
            distribute: Distribute::default(),
            is_loading: DFF::default(),
            is_loaded: DFF::default(),
            is_busy: DFF::default(),
            log_n: DFF::default(),
            inverse: DFF::default(),
            count: DFF::default(),
            last: DFF::default(),
            row_1: DFF::default(),
            step: Constant::new(Word::new(WORDS as u128)),
            one: Constant::new(Word::new(1)),
            bank_bits: Constant::new(Word::new(bank_bits as u128)),
            is_taking: Signal::default(),
            size: Signal::default(),
        }
    }
}

impl<const BANKS: usize, const WORDS: usize, const LOG_N: usize, const ROW_BITS: usize> Logic
    for Load<BANKS, WORDS, LOG_N, ROW_BITS>
{
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self, clock, is_loading, is_loaded, is_busy, log_n, inverse, count, last, row_1
        );
        clock!(self, clock, distribute);
        self.command_ready.next = !self.is_loading.q.val() && !self.is_loaded.q.val();
        self.size.next = self.one.val() << self.command_log_n.val();
        if self.command_valid.val() && !self.is_loading.q.val() && !self.is_loaded.q.val() {
            self.is_loading.d.next = true;
            self.log_n.d.next = self.command_log_n.val();
            self.inverse.d.next = self.command_inverse.val();
            self.count.d.next = 0u64.into();
            self.last.d.next = self.size.val() - self.step.val();
        }

        self.s_ready.next = self.is_loading.q.val() && !self.is_busy.q.val();
        self.is_taking.next =
            self.s_valid.val() && self.is_loading.q.val() && !self.is_busy.q.val();
        if self.is_taking.val() {
            self.count.d.next = self.count.q.val() + self.step.val();
            if self.count.q.val() == self.last.q.val() {
                self.is_loading.d.next = false;
                self.is_loaded.d.next = true;
                self.is_busy.d.next = true;
            }
        }

        self.fold.index.next = self.count.q.val();
        self.distribute.valid.next = self.is_taking.val();
        self.distribute.bank.next = self.fold.banks.val();
        for i in 0..WORDS {
            self.distribute.word[i].next = self.s_word[i].val();
        }
        self.row_1.d.next =
            bit_cast_word::<ROW_BITS, LOG_N>(self.count.q.val() >> self.bank_bits.val());
        self.row.next = self.row_1.q.val();
        for i in 0..BANKS {
            self.enable[i].next = self.distribute.enable[i].val();
            self.data[i].next = self.distribute.data[i].val();
        }

        self.job_valid.next = self.is_loaded.q.val();
        self.job_log_n.next = self.log_n.q.val();
        self.job_inverse.next = self.inverse.q.val();
        if self.job_taken.val() {
            self.is_loaded.d.next = false;
        }
        if self.may_reuse.val() {
            self.is_busy.d.next = false;
        }
        if self.reset.val() {
            self.is_loading.d.next = false;
            self.is_loaded.d.next = false;
            self.is_busy.d.next = false;
        }
    }
}
