//! What the ledger needs to know of a proof: the shape of each shard and the size of the joint check.

/// The shape of one shard, which is one winterfell STARK.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShardParameters {
    /// Rows of the trace, a power of two.
    pub trace_length: u64,
    /// Columns of the main segment, base field.
    pub main_width: u32,
    /// Columns of the auxiliary segment, each counted once although it holds extension elements.
    pub aux_width: u32,
    /// Transition and boundary constraints together.
    pub num_constraints: u64,
    /// Columns the constraint composition polynomial is cut into.
    pub num_composition_columns: u32,
}

impl ShardParameters {
    /// Trace length as the accounting uses it: at least two rows, rounded up to a power of two, and
    /// small enough that no product overflows. Values out of range are refused elsewhere; here they
    /// only must not panic.
    pub(super) fn rows(&self) -> u128 {
        u128::from(self.trace_length.clamp(2, 1 << 40).next_power_of_two())
    }

    /// Words that the DEEP polynomial batches.
    pub(super) fn committed_columns(&self) -> u128 {
        u128::from(self.main_width)
            + u128::from(self.aux_width)
            + u128::from(self.num_composition_columns)
    }
}

/// How claims about several shards hang together.
///
/// In the list-decoding regime a commitment stands for up to `L` words, and a prover may decide which
/// of them it meant after it has seen the challenge. How many choices it has depends on how many
/// commitments one equation ties together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Coupling {
    /// One equation adds up contributions of all shards (a total of published sums that must vanish).
    /// The prover picks one word per shard, so the number of candidates is the **product** of the list
    /// sizes. Sound for any layout, hence the default.
    #[default]
    Total,
    /// Every equation involves the words of one shard, or compares one value published by each of
    /// two shards. The candidates are then single words and pairs.
    Pairwise,
}

/// The joint randomized check over all shards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JointParameters {
    /// Linear equations over the whole batch: the degree of the linear functional in its challenge.
    pub linear_equations: u64,
    /// LogUp lookups over all shards.
    pub lookups: u64,
    /// Rows of the looked-up tables over all shards.
    pub table_rows: u64,
    /// Degree of the compressed tuples in their challenge.
    pub tuple_degree: u32,
    /// Values of public columns that the shards claim, over all shards: the degree of their folding in its challenge.
    pub claimed_values: u64,
    /// How many words one equation ties together.
    pub coupling: Coupling,
    /// Shards at the end of the list that the joint challenge does not cover: the trace of parameters of a committed
    /// model, whose main segment is known before any challenge and is a codeword.
    pub parameter_shards: u32,
}

impl JointParameters {
    /// Number of challenges (out of |E|, by Schwartz-Zippel) for which a false claim about fixed words
    /// passes.
    ///
    /// - the linear functional vanishes on at most `linear_equations` values of its challenge;
    /// - the LogUp identity, cleared of denominators, has total degree at most `(N + T) * d` in
    ///   (z, alpha): each of its `N + T` factors is `z` minus a tuple of degree `d`;
    /// - `z` meets one of the `N + T` poles, where the inverse column is unconstrained;
    /// - kappa, which joins the linear and the lookup claim, is hit in one value.
    pub(super) fn degree(&self) -> u128 {
        let poles = u128::from(self.lookups) + u128::from(self.table_rows);
        u128::from(self.linear_equations) + poles * (u128::from(self.tuple_degree.max(1)) + 1) + 1
    }
}
