//! Runs every attack, and switches every check off in turn.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use winterforge_air::mask::ConstraintId;
use winterforge_forge::attack::{Forgery, Stop};
use winterforge_forge::attacks;
use winterforge_forge::case::Case;
use winterforge_forge::forger::Witness;
use winterforge_forge::stark::Deviation;
use winterforge_forge::survivors::SURVIVORS;
use winterforge_forge::trust::{Trust, verify_trusting};
use winterforge_verifier::stark::CheckId;
use winterforge_verifier::{BundleCheck, Policy};

static ATTACKS: LazyLock<Vec<Forgery>> = LazyLock::new(attacks::all);

#[test]
fn every_attack_is_stopped_for_its_reason_and_passes_without_it() {
    let failures: Vec<String> = ATTACKS
        .iter()
        .filter_map(|attack| attack.check().err())
        .collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    for attack in &*ATTACKS {
        println!(
            "| {} | {} | {:?} | {} |",
            attack.name,
            attack.rule,
            attack.stop,
            if attack.stop == Stop::Nothing {
                "accepted"
            } else {
                &attack.error
            }
        );
    }
}

#[test]
fn attacks_have_names_of_their_own() {
    let mut names: Vec<&str> = ATTACKS.iter().map(|attack| attack.name).collect();
    names.sort_unstable();
    let count = names.len();
    names.dedup();
    assert_eq!(names.len(), count);
}

/// What is switched off, in turn.
fn stops() -> Vec<Stop> {
    ConstraintId::ALL
        .into_iter()
        .map(Stop::Constraint)
        .chain(CheckId::ALL.into_iter().map(Stop::Check))
        .chain(BundleCheck::ALL.into_iter().map(Stop::Bundle))
        .chain(Stop::DERIVED)
        .collect()
}

/// Whether a lookup of its own table alone stops the attack.
fn is_lookup(stop: Stop) -> bool {
    let lookups = [ConstraintId::MaxOperand, ConstraintId::MapTable];
    matches!(stop, Stop::Constraint(id) if lookups.contains(&id))
}

#[test]
fn each_check_switched_off_lets_an_attack_pass() {
    let mut passes = BTreeMap::new();
    for stop in stops() {
        let mut count = 0;
        for attack in ATTACKS.iter().filter(|attack| attack.stop != Stop::Nothing) {
            // A trusting verifier trusts each attack in its own way.
            if stop.is_derived() && attack.stop != stop {
                continue;
            }
            let passed = attack.verdict_without(stop).is_ok();
            count += usize::from(passed);
            // Broken constraints show at the out-of-domain point: without that check all of them pass.
            // Without the reciprocals no lookup holds; where a shard has one family only, its forgery needs no change.
            // And claims that a foreseen challenge would hide show where the claims are compared.
            let surfaces_there = stop == Stop::Check(CheckId::OutOfDomain)
                || stop == Stop::Constraint(ConstraintId::LookupSum) && is_lookup(attack.stop)
                || stop == Stop::Bundle(BundleCheck::PublicColumns) && attack.stop == Stop::Folding;
            assert!(
                !passed || attack.stop == stop || surfaces_there,
                "{attack:?} passes without {stop:?}"
            );
        }
        passes.insert(format!("{stop:?}"), count);
    }
    let survivors: Vec<&str> = passes
        .iter()
        .filter(|&(_, &count)| count == 0)
        .map(|(stop, _)| stop.as_str())
        .collect();
    let mut argued: Vec<&str> = SURVIVORS.iter().map(|&(stop, _)| stop).collect();
    argued.sort_unstable();
    println!("{passes:#?}");
    assert_eq!(
        survivors, argued,
        "checks that stop nothing, and those argued for"
    );
}

#[test]
fn a_verifier_that_trusts_nothing_agrees_with_the_production_verifier() {
    for attack in &*ATTACKS {
        let policy = Policy {
            min_security_bits: 0,
            ..Policy::default()
        };
        let (key, trust) = (attack.key.as_ref(), Trust::default());
        let ours = verify_trusting(&attack.bundle, &attack.graph, key, &policy, &trust);
        let theirs = attack.verdict_without(Stop::Codec);
        match (&attack.stop, ours) {
            // Checks that the bench's verifier leaves to the production one.
            (Stop::Bundle(check), ours) if *check != BundleCheck::PublicColumns => {
                assert!(theirs.is_err() && ours.is_ok(), "{attack:?}")
            }
            (Stop::Codec, ours) => assert_eq!(ours.is_ok(), theirs.is_ok(), "{attack:?}"),
            (_, ours) => {
                // The two readers start at different places: the roots are read apart.
                let reason = |verdict: Result<(), String>| {
                    verdict.map_err(|error| error.split("offset").next().map(str::to_owned))
                };
                assert_eq!(reason(ours), reason(theirs), "{attack:?}");
            }
        }
    }
}

#[test]
fn terms_that_only_the_prover_needs_fail_closed() {
    let case = Case::two_tables();
    {
        let id = ConstraintId::Multiplicity;
        let mut witness = Witness::honest(&case);
        witness.mask = winterforge_air::mask::Mask::of([id]);
        let forged = witness.commit().fill().finish(Deviation::None);
        let mut policy = Policy::default();
        policy.leniency.constraints = winterforge_air::mask::Mask::of([id]);
        let verdict = winterforge_verifier::verify(&forged.bundle(), &case.graph, &policy);
        assert!(verdict.is_err(), "{id:?}");
    }
}
