//! What an attack is, and what is asked of it.

use std::fmt;
use std::sync::Arc;

use winterforge_air::mask::{ConstraintId, Mask};
use winterforge_model::{Graph, execute};
use winterforge_verifier::bundle::{Header, Values};
use winterforge_verifier::key::Key;
use winterforge_verifier::stark::{CheckId, CheckMask};
use winterforge_verifier::{BundleCheck, Policy, verify, verify_with_key};

use crate::trust::{Trust, verify_trusting};

/// What alone stops an attack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stop {
    /// A family of constraints.
    Constraint(ConstraintId),
    /// A check of the verification loop.
    Check(CheckId),
    /// A check on the bundle.
    Bundle(BundleCheck),
    /// That the verifier derives the joint seed itself.
    Seed,
    /// That the verifier derives plan, options and geometry itself.
    Plan,
    /// That the verifier derives the folding challenge from everything that is proven and claimed.
    Folding,
    /// That the verifier derives from the folded claims what the sum over the parameters must be.
    ParameterClaim,
    /// That the verifier derives the powers of the joint challenge that stand between the lanes of a row.
    Powers,
    /// The codec or the comparison with the model's shapes: the bytes have no other reading, so there is nothing to
    /// switch off.
    Codec,
    /// Nothing, and nothing needs to: the statement is true and its proof as good as another.
    Nothing,
}

impl Stop {
    /// What verifiers derive, and so cannot be switched off but only trusted.
    pub const DERIVED: [Self; 5] = [
        Self::Seed,
        Self::Plan,
        Self::Folding,
        Self::ParameterClaim,
        Self::Powers,
    ];

    /// Whether it is something derived.
    pub fn is_derived(self) -> bool {
        Self::DERIVED.contains(&self)
    }
}

/// What an attack would win.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prize {
    /// A false output.
    FalseStatement,
    /// A second encoding of a proof, or one with other bytes around it.
    Malleability,
    /// Less security than claimed.
    WeakProof,
    /// Nothing false: shows a freedom that does no harm.
    Freedom,
}

/// A forgery, ready to be verified.
#[derive(Clone)]
pub struct Forgery {
    /// What it does.
    pub name: &'static str,
    /// The soundness rule it tests, or what part of the statement.
    pub rule: &'static str,
    /// What stops it.
    pub stop: Stop,
    /// What it would win.
    pub prize: Prize,
    /// The verifier's model.
    pub graph: Arc<Graph>,
    /// The verifier's key, where it holds one in place of the model.
    pub key: Option<Key>,
    /// The verifier's policy.
    pub min_security_bits: u32,
    /// The bytes.
    pub bundle: Vec<u8>,
    /// The verifier's error, in its `Debug` form: reason and place. An ellipsis at the end leaves offsets open.
    pub error: String,
    /// What the verifier that lets it pass takes from the prover.
    pub trust: Trust,
}

impl fmt::Debug for Forgery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} ({}, stopped by {:?})",
            self.name, self.rule, self.stop
        )
    }
}

impl Forgery {
    /// The verdict of the production verifier with one check left out, or with all of them.
    pub fn verdict_without(&self, stop: Stop) -> Result<(), String> {
        let mut policy = Policy {
            min_security_bits: self.min_security_bits,
            ..Policy::default()
        };
        match stop {
            Stop::Constraint(id) => policy.leniency.constraints = Mask::of([id]),
            Stop::Check(check) => policy.leniency.stark = CheckMask::NONE.skip(check),
            Stop::Bundle(check) => policy.leniency.bundle = vec![check],
            stop if stop.is_derived() => {
                let key = self.key.as_ref();
                return verify_trusting(&self.bundle, &self.graph, key, &policy, &self.trust);
            }
            _ => {}
        }
        let verdict = match &self.key {
            None => verify(&self.bundle, &self.graph, &policy),
            Some(key) => verify_with_key(&self.bundle, key, &policy),
        };
        verdict.map(drop).map_err(|error| format!("{error:?}"))
    }

    /// Asks everything of the attack that the bench asks.
    ///
    /// # Errors
    /// What does not hold.
    pub fn check(&self) -> Result<(), String> {
        let verdict = self.verdict_without(Stop::Codec);
        if self.stop == Stop::Nothing {
            return verdict.map_err(|error| format!("{self:?}: not accepted: {error}"));
        }
        match verdict {
            Ok(()) => return Err(format!("{self:?}: ACCEPTED")),
            Err(error) if !self.is_expected(&error) => {
                return Err(format!("{self:?}: rejected by {error}, not {}", self.error));
            }
            Err(_) => {}
        }
        if self.stop != Stop::Codec {
            self.verdict_without(self.stop)
                .map_err(|error| format!("{self:?}: still rejected without: {error}"))?;
        }
        if self.prize == Prize::FalseStatement && self.is_true() {
            return Err(format!("{self:?}: what it states is true"));
        }
        Ok(())
    }

    /// An expected error that ends in an ellipsis leaves offsets open.
    fn is_expected(&self, error: &str) -> bool {
        match self.error.strip_suffix('…') {
            Some(start) => error.starts_with(start),
            None => error == self.error,
        }
    }

    /// Whether the stated output is the model's on the stated input.
    fn is_true(&self) -> bool {
        let Ok((header, _)) = Header::decode(&self.bundle) else {
            return false;
        };
        let (Values::Float(x), Values::Quantized(_, y)) =
            (&header.input.values, &header.output.values)
        else {
            return false;
        };
        let outputs = x.chunks_exact(self.graph.input_len()).flat_map(|sample| {
            let execution = execute(&self.graph, &self.graph.quantize_input(sample));
            execution.expect("a sample").tensors[self.graph.output.0].clone()
        });
        header.model_id == self.graph.id() && outputs.eq(y.iter().copied())
    }
}
