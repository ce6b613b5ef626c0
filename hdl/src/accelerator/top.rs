//! The accelerator's top: wiring.

use rust_hdl_core::prelude::*;

use super::axi_lite::AxiLite;
use super::collect::Collect;
use super::dispatch::Dispatch;
use super::monitor::Monitor;
use super::nodes::Nodes;
use super::registers::Registers;
use super::scratch::Scratch;
use super::transforms::Transforms;
use crate::merkle::Merkle;
use crate::parts::Fifo;
use crate::word::{Word, bit_cast_word};

/// An NTT, if `TRANSFORMS`, and a Merkle engine behind one queue of jobs, and a scratch memory of 2^`LOG_SCRATCH` words. The
/// other parameters are those of [`Ntt`](crate::ntt::Ntt), with a word a beat, and of [`Merkle`].
///
/// Jobs start in the order in which they are written to the register `job`; their words follow each other on `s` and their
/// results on `m`, in the same order. An engine works on several jobs, and both engines at a time.
#[derive(LogicBlock)]
pub struct Accelerator<
    const TRANSFORMS: bool,
    const FORM: usize,
    const LANES: usize,
    const BANKS: usize,
    const LANE_BITS: usize,
    const BANK_BITS: usize,
    const ROW_BITS: usize,
    const LOG_N: usize,
    const LOG_SCRATCH: usize,
    const HASH: usize,
    const S: usize,
    const T: usize,
    const A: usize,
    const N: usize,
> {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Synchronous.
    pub reset: Signal<In, Bit>,
    /// AXI4-Lite: the address of a write is offered.
    pub aw_valid: Signal<In, Bit>,
    /// It is taken.
    pub aw_ready: Signal<Out, Bit>,
    /// In bytes.
    pub aw_addr: Signal<In, Word<8>>,
    /// AXI4-Lite: the word of a write is offered.
    pub w_valid: Signal<In, Bit>,
    /// It is taken.
    pub w_ready: Signal<Out, Bit>,
    /// The word.
    pub w_data: Signal<In, Word<32>>,
    /// Its bytes that are written: all.
    pub w_strb: Signal<In, Word<4>>,
    /// AXI4-Lite: a write is done.
    pub b_valid: Signal<Out, Bit>,
    /// The answer is taken.
    pub b_ready: Signal<In, Bit>,
    /// 0, or 2 if it was not done.
    pub b_resp: Signal<Out, Word<2>>,
    /// AXI4-Lite: the address of a read is offered.
    pub ar_valid: Signal<In, Bit>,
    /// It is taken.
    pub ar_ready: Signal<Out, Bit>,
    /// In bytes.
    pub ar_addr: Signal<In, Word<8>>,
    /// AXI4-Lite: a word was read.
    pub r_valid: Signal<Out, Bit>,
    /// It is taken.
    pub r_ready: Signal<In, Bit>,
    /// The word.
    pub r_data: Signal<Out, Word<32>>,
    /// 0, or 2 if there is no such register.
    pub r_resp: Signal<Out, Word<2>>,
    /// AXI4-Stream: a word of a job is offered.
    pub s_valid: Signal<In, Bit>,
    /// It is taken.
    pub s_ready: Signal<Out, Bit>,
    /// Canonical for a transform, and for trees by Poseidon2.
    pub s_word: Signal<In, Word<64>>,
    /// It is the last of its job.
    pub s_last: Signal<In, Bit>,
    /// AXI4-Stream: a word of a result is there.
    pub m_valid: Signal<Out, Bit>,
    /// It is taken.
    pub m_ready: Signal<In, Bit>,
    /// The word.
    pub m_word: Signal<Out, Word<64>>,
    /// It is the last of its job.
    pub m_last: Signal<Out, Bit>,
    axi: AxiLite,
    registers: Registers,
    jobs: Fifo<Word<32>, 4, 5>,
    dispatch: Dispatch<LOG_SCRATCH>,
    scratch: Scratch<LOG_SCRATCH>,
    // Between dispatch and engines, so that whether a word passes depends on nothing as far away as they are.
    ntt_words: Fifo<Word<64>, 2, 3>,
    tree_words: Fifo<Word<64>, 2, 3>,
    ntt: Transforms<TRANSFORMS, FORM, LANES, BANKS, LANE_BITS, BANK_BITS, ROW_BITS, LOG_N>,
    tree: Merkle<HASH, S, T, A, N>,
    nodes: Nodes,
    collect: Collect,
    monitor: Monitor,
    transform_word: Signal<Local, Word<64>>,
    drop_bit: Signal<Local, Bit>,
    clear_bit: Signal<Local, Bit>,
    drops: Signal<Local, Bit>,
    is_busy: Signal<Local, Bit>,
    waiting: Signal<Local, Word<32>>,
    busy_bit: Signal<Local, Word<32>>,
    failed_bit: Signal<Local, Word<32>>,
}

impl<
    const TRANSFORMS: bool,
    const FORM: usize,
    const LANES: usize,
    const BANKS: usize,
    const LANE_BITS: usize,
    const BANK_BITS: usize,
    const ROW_BITS: usize,
    const LOG_N: usize,
    const LOG_SCRATCH: usize,
    const HASH: usize,
    const S: usize,
    const T: usize,
    const A: usize,
    const N: usize,
>
    Accelerator<
        TRANSFORMS,
        FORM,
        LANES,
        BANKS,
        LANE_BITS,
        BANK_BITS,
        ROW_BITS,
        LOG_N,
        LOG_SCRATCH,
        HASH,
        S,
        T,
        A,
        N,
    >
{
    /// An accelerator with these registers `build`, `capabilities` and `engine`.
    pub fn new(build: u32, capabilities: u32, engine: u32) -> Self {
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            aw_valid: Signal::default(),
            aw_ready: Signal::default(),
            aw_addr: Signal::default(),
            w_valid: Signal::default(),
            w_ready: Signal::default(),
            w_data: Signal::default(),
            w_strb: Signal::default(),
            b_valid: Signal::default(),
            b_ready: Signal::default(),
            b_resp: Signal::default(),
            ar_valid: Signal::default(),
            ar_ready: Signal::default(),
            ar_addr: Signal::default(),
            r_valid: Signal::default(),
            r_ready: Signal::default(),
            r_data: Signal::default(),
            r_resp: Signal::default(),
            s_valid: Signal::default(),
            s_ready: Signal::default(),
            s_word: Signal::default(),
            s_last: Signal::default(),
            m_valid: Signal::default(),
            m_ready: Signal::default(),
            m_word: Signal::default(),
            m_last: Signal::default(),
            axi: AxiLite::default(),
            registers: Registers::new(build, capabilities, engine),
            jobs: Fifo::default(),
            dispatch: Dispatch::new(if TRANSFORMS { LOG_N } else { 0 }),
            scratch: Scratch::default(),
            ntt_words: Fifo::default(),
            tree_words: Fifo::default(),
            ntt: Transforms::default(),
            tree: Merkle::default(),
            nodes: Nodes::default(),
            collect: Collect::default(),
            monitor: Monitor::default(),
            transform_word: Signal::default(),
            drop_bit: Signal::default(),
            clear_bit: Signal::default(),
            drops: Signal::default(),
            is_busy: Signal::default(),
            waiting: Signal::default(),
            busy_bit: Signal::default(),
            failed_bit: Signal::default(),
        }
    }
}

impl<
    const TRANSFORMS: bool,
    const FORM: usize,
    const LANES: usize,
    const BANKS: usize,
    const LANE_BITS: usize,
    const BANK_BITS: usize,
    const ROW_BITS: usize,
    const LOG_N: usize,
    const LOG_SCRATCH: usize,
    const HASH: usize,
    const S: usize,
    const T: usize,
    const A: usize,
    const N: usize,
> Logic
    for Accelerator<
        TRANSFORMS,
        FORM,
        LANES,
        BANKS,
        LANE_BITS,
        BANK_BITS,
        ROW_BITS,
        LOG_N,
        LOG_SCRATCH,
        HASH,
        S,
        T,
        A,
        N,
    >
{
    #[hdl_gen]
    fn update(&mut self) {
        clock!(
            self, clock, axi, registers, jobs, dispatch, scratch, ntt_words, tree_words, ntt, tree,
            nodes, collect, monitor
        );
        // Registers.
        self.axi.reset.next = self.reset.val();
        self.axi.aw_valid.next = self.aw_valid.val();
        self.aw_ready.next = self.axi.aw_ready.val();
        self.axi.aw_addr.next = self.aw_addr.val();
        self.axi.w_valid.next = self.w_valid.val();
        self.w_ready.next = self.axi.w_ready.val();
        self.axi.w_data.next = self.w_data.val();
        self.axi.w_strb.next = self.w_strb.val();
        self.b_valid.next = self.axi.b_valid.val();
        self.axi.b_ready.next = self.b_ready.val();
        self.b_resp.next = self.axi.b_resp.val();
        self.axi.ar_valid.next = self.ar_valid.val();
        self.ar_ready.next = self.axi.ar_ready.val();
        self.axi.ar_addr.next = self.ar_addr.val();
        self.r_valid.next = self.axi.r_valid.val();
        self.axi.r_ready.next = self.r_ready.val();
        self.r_data.next = self.axi.r_data.val();
        self.r_resp.next = self.axi.r_resp.val();
        self.registers.is_writing.next = self.axi.is_writing.val();
        self.registers.write_index.next = self.axi.write_index.val();
        self.registers.write_data.next = self.axi.write_data.val();
        self.axi.is_writable.next = self.registers.is_writable.val();
        self.registers.read_index.next = self.axi.read_index.val();
        self.axi.read_data.next = self.registers.read_data.val();
        self.axi.is_readable.next = self.registers.is_readable.val();
        self.drop_bit.next = self.axi.write_data.val().get_bit(0);
        self.clear_bit.next = self.axi.write_data.val().get_bit(1);
        self.drops.next = self.reset.val() || (self.registers.control.val() && self.drop_bit.val());

        // Jobs.
        self.jobs.reset.next = self.drops.val();
        self.jobs.s_valid.next = self.registers.job.val();
        self.jobs.s_data.next = self.axi.write_data.val();
        self.dispatch.reset.next = self.drops.val();
        self.dispatch.is_failed.next = self.monitor.is_failed.val();
        self.dispatch.job_valid.next = self.jobs.m_valid.val();
        self.jobs.m_ready.next = self.dispatch.job_ready.val();
        self.dispatch.job.next = self.jobs.m_data.val();
        self.dispatch.s_valid.next = self.s_valid.val();
        self.s_ready.next = self.dispatch.s_ready.val();
        self.dispatch.s_last.next = self.s_last.val();

        // The scratch memory.
        self.transform_word.next = self.s_word.val();
        if self.dispatch.is_kept.val() {
            self.transform_word.next = self.scratch.m_word.val();
        }
        self.scratch.is_reading.next = self.dispatch.is_reading.val();
        self.scratch.base.next = self.dispatch.base.val();
        self.dispatch.scratch_valid.next = self.scratch.m_valid.val();
        self.scratch.m_ready.next = self.dispatch.scratch_ready.val();
        self.scratch.write_enable.next = self.dispatch.is_keeping.val();
        self.scratch.write_address.next = self.dispatch.keep_address.val();
        self.scratch.write_data.next = self.transform_word.val();

        // Engines.
        self.ntt.reset.next = self.drops.val();
        self.ntt.command_valid.next = self.dispatch.ntt_command_valid.val();
        self.dispatch.ntt_command_ready.next = self.ntt.command_ready.val();
        self.ntt.command_kind.next = self.dispatch.kind.val();
        self.ntt.command_log_n.next = bit_cast_word::<4, 5>(self.dispatch.log_size.val());
        self.ntt.command_inverse.next = self.dispatch.inverse.val();
        self.ntt.command_coset.next = self.dispatch.coset.val();
        self.ntt_words.reset.next = self.drops.val();
        self.ntt_words.s_valid.next = self.dispatch.ntt_valid.val();
        self.dispatch.ntt_ready.next = self.ntt_words.s_ready.val();
        self.ntt_words.s_data.next = self.transform_word.val();
        self.ntt.s_valid.next = self.ntt_words.m_valid.val();
        self.ntt_words.m_ready.next = self.ntt.s_ready.val();
        self.ntt.s_word[0].next = self.ntt_words.m_data.val();
        self.tree.reset.next = self.drops.val();
        self.tree.command_valid.next = self.dispatch.tree_command_valid.val();
        self.dispatch.tree_command_ready.next = self.tree.command_ready.val();
        self.tree.command_log_rows.next = self.dispatch.log_size.val();
        self.tree.command_row_words.next = self.dispatch.row_words.val();
        self.tree_words.reset.next = self.drops.val();
        self.tree_words.s_valid.next = self.dispatch.tree_valid.val();
        self.dispatch.tree_ready.next = self.tree_words.s_ready.val();
        self.tree_words.s_data.next = self.s_word.val();
        self.tree.s_valid.next = self.tree_words.m_valid.val();
        self.tree_words.m_ready.next = self.tree.s_ready.val();
        self.tree.s_word.next = self.tree_words.m_data.val();

        // Results.
        self.nodes.reset.next = self.drops.val();
        self.nodes.s_valid.next = self.tree.m_valid.val();
        self.tree.m_ready.next = self.nodes.s_ready.val();
        self.nodes.s_node.next = self.tree.m_node.val();
        self.nodes.s_job.next = self.tree.m_job.val();
        self.nodes.s_last.next = self.tree.m_last.val();
        for i in 0..4 {
            self.nodes.s_word[i].next = self.tree.m_word[i].val();
        }
        self.collect.reset.next = self.drops.val();
        self.collect.is_failed.next = self.monitor.is_failed.val();
        self.collect.order_valid.next = self.dispatch.order_valid.val();
        self.dispatch.order_ready.next = self.collect.order_ready.val();
        self.collect.order_tree.next = self.dispatch.order_tree.val();
        self.collect.ntt_valid.next = self.ntt.m_valid.val();
        self.ntt.m_ready.next = self.collect.ntt_ready.val();
        self.collect.ntt_word.next = self.ntt.m_word[0].val();
        self.collect.ntt_last.next = self.ntt.m_last.val();
        self.collect.tree_valid.next = self.nodes.m_valid.val();
        self.nodes.m_ready.next = self.collect.tree_ready.val();
        self.collect.tree_word.next = self.nodes.m_word.val();
        self.collect.tree_last.next = self.nodes.m_last.val();
        self.m_valid.next = self.collect.m_valid.val();
        self.collect.m_ready.next = self.m_ready.val();
        self.m_word.next = self.collect.m_word.val();
        self.m_last.next = self.collect.m_last.val();

        // Status.
        self.is_busy.next = self.jobs.m_valid.val()
            || self.dispatch.is_active.val()
            || self.collect.is_active.val();
        self.monitor.reset.next = self.drops.val();
        self.monitor.clear.next =
            self.reset.val() || (self.registers.control.val() && self.clear_bit.val());
        self.monitor.is_busy.next = self.is_busy.val();
        self.monitor.timeout.next = self.registers.timeout.val();
        self.monitor.is_passing.next = self.dispatch.is_passing.val();
        self.monitor.is_entering.next = self.dispatch.is_entering.val();
        self.monitor.is_leaving.next = self.collect.is_leaving.val();
        self.monitor.is_starving.next = self.dispatch.is_starving.val();
        self.monitor.is_blocked.next = self.collect.m_valid.val() && !self.m_ready.val();
        self.monitor.is_done.next = self.collect.is_done.val();
        self.monitor.is_loaded.next = self.dispatch.is_loaded.val();
        self.monitor.error_valid.next = self.dispatch.error_valid.val();
        self.monitor.error_cause.next = self.dispatch.error_cause.val();
        self.monitor.number.next = self.dispatch.number.val();
        self.monitor.is_overflow.next = self.registers.job.val() && !self.jobs.s_ready.val();
        self.waiting.next = bit_cast_word::<32, 5>(self.jobs.occupancy.val()) << 8;
        self.busy_bit.next = 0u64.into();
        if self.is_busy.val() {
            self.busy_bit.next = 1u64.into();
        }
        self.failed_bit.next = 0u64.into();
        if self.monitor.is_failed.val() {
            self.failed_bit.next = 2u64.into();
        }
        self.registers.status.next =
            (self.waiting.val() | self.busy_bit.val()) | self.failed_bit.val();
        self.registers.error.next = self.monitor.error.val();
        self.registers.jobs_done.next = self.monitor.jobs_done.val();
        self.registers.cycles_low.next = self.monitor.cycles_low.val();
        self.registers.cycles_high.next = self.monitor.cycles_high.val();
        self.registers.stall_in.next = self.monitor.stall_in.val();
        self.registers.stall_out.next = self.monitor.stall_out.val();
        self.registers.words_in.next = self.monitor.words_in.val();
        self.registers.words_out.next = self.monitor.words_out.val();
    }
}

crate::ports! { [
    const TRANSFORMS: bool, const FORM: usize, const LANES: usize, const BANKS: usize, const LANE_BITS: usize, const BANK_BITS: usize,
    const ROW_BITS: usize, const LOG_N: usize, const LOG_SCRATCH: usize, const HASH: usize, const S: usize, const T: usize, const A: usize, const N: usize
] Accelerator<TRANSFORMS, FORM, LANES, BANKS, LANE_BITS, BANK_BITS, ROW_BITS, LOG_N, LOG_SCRATCH, HASH, S, T, A, N> {
    clock;
    in: reset, aw_valid, aw_addr, w_valid, w_data, w_strb, b_ready, ar_valid, ar_addr, r_ready, s_valid, s_word, s_last, m_ready;
    out: aw_ready, w_ready, b_valid, b_resp, ar_ready, r_valid, r_data, r_resp, s_ready, m_valid, m_word, m_last
} }
