//! What a prover tells while it works. Nothing here reaches the bundle.

/// A stage of proving.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The model is evaluated on the samples.
    Execute,
    /// Main segments are extended and committed to.
    Commit {
        /// Shards to be committed to.
        shards: usize,
        /// Of these, how many will be committed to once more, when they are proven, for want of memory.
        again: usize,
    },
    /// Shards are proven.
    Prove {
        /// Shards to be proven.
        shards: usize,
        /// Of these, how many are committed to once more. They come last.
        again: usize,
    },
    /// The claims of the shards are proven from committed parameters.
    Parameters,
}

/// Receives progress, from any thread.
pub trait Progress: Sync {
    /// A stage begins.
    fn phase(&self, phase: Phase);
    /// One shard of the stage is done.
    fn shard_done(&self);
}

/// Says nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Progress for Silent {
    fn phase(&self, _: Phase) {}
    fn shard_done(&self) {}
}
