//! The result of the accounting: named error terms, and what follows from them.

use std::fmt;

use super::{
    bound::{Bits, Bound},
    regime::Regime,
};

/// Where an error term applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Once per bundle.
    Bundle,
    /// In every shard; the value is that of the shard where it is worst.
    Shard {
        /// Index of that shard.
        worst: usize,
        /// How many rounds of this kind that shard has.
        rounds: u32,
    },
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bundle => f.pad("bundle"),
            Self::Shard { worst, rounds: 1 } => f.pad(&format!("shards, worst {worst}")),
            Self::Shard { worst, rounds } => f.pad(&format!("shards, worst {worst}, x{rounds}")),
        }
    }
}

/// One round's error term.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The round.
    pub name: &'static str,
    /// The error as a formula; symbols are explained in `docs/soundness.md`.
    pub formula: &'static str,
    /// Lower bound on `-log2` of the error.
    pub bits: Bits,
    /// Where it applies.
    pub scope: Scope,
}

impl Entry {
    pub(super) fn new(
        name: &'static str,
        formula: &'static str,
        error: Bound,
        scope: Scope,
    ) -> Self {
        Self {
            name,
            formula,
            bits: error.security(),
            scope,
        }
    }
}

/// Every round in one regime.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegimeLedger {
    /// The regime.
    pub regime: Regime,
    /// The largest list size of any shard; 1 in unique decoding.
    pub list_size: u128,
    /// The rounds, in the order of the protocol.
    pub entries: Vec<Entry>,
    pub(super) sum: Bound,
}

impl RegimeLedger {
    /// The weakest round.
    pub fn minimum(&self) -> Bits {
        self.entries
            .iter()
            .map(|entry| entry.bits)
            .min()
            .unwrap_or(Bits::whole(0))
    }
}

/// The soundness ledger of a bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ledger {
    /// Collision resistance of the hash, in bits.
    pub collision: Bits,
    /// Rounds in unique decoding; `None` if there is no shard.
    pub unique: Option<RegimeLedger>,
    /// Rounds at the best list-decoding parameter, if any applies to all shards.
    pub list: Option<RegimeLedger>,
}

impl Ledger {
    pub(super) fn new(
        collision_bits: u32,
        unique: Option<RegimeLedger>,
        list: Option<RegimeLedger>,
    ) -> Self {
        Self {
            collision: Bits::whole(collision_bits),
            unique,
            list,
        }
    }

    /// The regime that gives the better bound; `None` if there is no shard.
    pub fn best(&self) -> Option<&RegimeLedger> {
        match (&self.unique, &self.list) {
            (Some(unique), Some(list)) if list.minimum() > unique.minimum() => Some(list),
            (Some(unique), _) => Some(unique),
            (None, list) => list.as_ref(),
        }
    }

    /// The weakest of the protocol's rounds, without the hash. Nothing is proven of no shards.
    pub fn weakest_round(&self) -> Bits {
        self.best().map_or(Bits::whole(0), RegimeLedger::minimum)
    }

    /// Proven security in bits: the minimum over the rounds and the collision resistance.
    ///
    /// This is round-by-round soundness: a prover making Q hash queries succeeds with probability at
    /// most about `Q * 2^-bits`.
    pub fn bits(&self) -> u32 {
        self.weakest_round().min(self.collision).floor()
    }

    /// The sum-based figure: `-log2` of all rounds of all shards and one collision term, added up.
    ///
    /// It is lower than [`Self::bits`] by at most the logarithm of the number of terms, and bounds the
    /// success of one run of the interactive protocol.
    pub fn sum_bits(&self) -> Bits {
        let collision = Bound::power_of_two(-(self.collision.floor() as i32));
        self.best().map_or(Bits::whole(0), |regime| {
            regime.sum.plus(collision).security()
        })
    }

    /// Whether the ledger reaches a level. An integer comparison: the same verdict on every machine.
    pub fn is_at_least(&self, bits: u32) -> bool {
        self.weakest_round() >= Bits::whole(bits) && self.collision >= Bits::whole(bits)
    }

    /// The ledger as lines of text: a heading, the collision row, one row per round, the totals.
    pub fn rows(&self) -> Vec<String> {
        let Some(regime) = self.best() else {
            return vec!["no shards: nothing is proven".to_owned()];
        };
        let row = |name: &str, bits: Bits, scope: &str, formula: &str| {
            format!("{name:<22} {bits:>7}  {scope:<21} {formula}")
                .trim_end()
                .to_owned()
        };
        let mut rows = vec![format!(
            "{} (L <= {})",
            regime.regime.name(),
            regime.list_size
        )];
        rows.push(row(
            "collision resistance",
            self.collision,
            "bundle",
            "digest bits / 2",
        ));
        for entry in &regime.entries {
            rows.push(row(
                entry.name,
                entry.bits,
                &entry.scope.to_string(),
                entry.formula,
            ));
        }
        rows.push(row(
            "minimum over rounds",
            self.weakest_round().min(self.collision),
            "",
            "",
        ));
        rows.push(row("sum of all terms", self.sum_bits(), "", ""));
        rows
    }
}

impl fmt::Display for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.rows().join("\n"))
    }
}
