//! Checks that no attack passes through when they are switched off, and why. SECURITY.md carries this list.

/// The check, in its `Debug` form, and the argument.
pub const SURVIVORS: [(&str, &str); 2] = [
    (
        "Constraint(BranchTernary)",
        "Implied by its neighbours. For a branch b other than -1, 0, 1 both b^2 + b and b^2 - b are nonzero, so BranchHigh \
         and BranchLow force the code to be the largest and the smallest at once. Where these differ there is no such \
         code; where they are equal the two range checks admit that code only, which is the channel's constant output. \
         The constraint stays: it costs no column, and lets every other argument about branches be read by itself.",
    ),
    (
        "Constraint(Multiplicity)",
        "A term that the prover needs, not a demand on it. Without it the lookups would have to cancel among \
         themselves, and a value looked up fewer than p times does not: even honest proofs are rejected.",
    ),
];
