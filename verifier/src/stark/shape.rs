//! Every size in a shard proof, as implied by the AIR and its options.
//!
//! No count is ever read from a proof. What winterfell asserts about parameters while it verifies is checked here once,
//! before the proof is looked at.

use winter_air::{Air, PartitionOptions};
use winter_math::FieldElement;
use winterforge_air::field::Felt;

use super::error::StarkError;

/// The sizes of one shard's proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shape {
    /// Rows of the trace.
    pub(super) trace_length: usize,
    /// Points at which the trace is committed.
    pub(super) lde_size: usize,
    /// The first of these points, and the offset of every FRI layer.
    pub(super) offset: Felt,
    pub(super) main_width: usize,
    /// Zero without an auxiliary segment.
    pub(super) aux_width: usize,
    pub(super) composition_width: usize,
    pub(super) num_queries: usize,
    pub(super) grinding_bits: u32,
    /// Values that fold into one.
    pub(super) folding: usize,
    /// Domain sizes of the FRI layers, first to last.
    pub(super) layers: Vec<usize>,
    /// Size of the domain on which the remainder is evaluated.
    pub(super) remainder_domain: usize,
    /// Coefficients of the remainder.
    pub(super) remainder_length: usize,
}

impl Shape {
    /// The sizes for `air` with challenges in `E`.
    ///
    /// # Errors
    /// [`StarkError::UnsupportedParameters`] for parameters on which winterfell would panic or which this verifier
    /// leaves out.
    pub(super) fn new<A, E>(air: &A) -> Result<Self, StarkError>
    where
        A: Air<BaseField = Felt>,
        E: FieldElement<BaseField = Felt>,
    {
        let options = air.options();
        let trace = air.trace_info();
        let ensure = |holds: bool, what| {
            holds
                .then_some(())
                .ok_or(StarkError::UnsupportedParameters(what))
        };

        ensure(
            options.field_extension().degree() as usize == E::EXTENSION_DEGREE,
            "the options name another extension degree",
        )?;
        ensure(
            options.partition_options() == PartitionOptions::default(),
            "rows are hashed in one partition",
        )?;
        // The public coin takes the trace length and the domain size as 32-bit words.
        let lde_size = trace
            .length()
            .checked_mul(options.blowup_factor())
            .filter(|&size| size <= u32::MAX as usize)
            .ok_or(StarkError::UnsupportedParameters(
                "the evaluation domain exceeds 2^31",
            ))?;
        ensure(
            options.num_queries() < lde_size,
            "there are as many queries as points",
        )?;

        let fri = options.to_fri_options();
        let folding = fri.folding_factor();
        let mut layers = Vec::new();
        let mut remainder_domain = lde_size;
        let mut remainder_length = trace.length();
        for _ in 0..fri.num_fri_layers(lde_size) {
            ensure(
                remainder_length.is_multiple_of(folding),
                "the last FRI folding leaves less than a constant",
            )?;
            layers.push(remainder_domain);
            remainder_domain /= folding;
            remainder_length /= folding;
        }

        Ok(Self {
            trace_length: trace.length(),
            lde_size,
            offset: air.domain_offset(),
            main_width: trace.main_trace_width(),
            aux_width: trace.aux_segment_width(),
            composition_width: air.context().num_constraint_composition_columns(),
            num_queries: options.num_queries(),
            grinding_bits: options.grinding_factor(),
            folding,
            layers,
            remainder_domain,
            remainder_length,
        })
    }

    /// Main, auxiliary and composition columns together: the values of one out-of-domain row.
    pub(super) fn total_width(&self) -> usize {
        self.main_width + self.aux_width + self.composition_width
    }

    /// The depth of the trees over the evaluation domain.
    pub(super) fn depth(&self) -> u32 {
        self.lde_size.ilog2()
    }
}
