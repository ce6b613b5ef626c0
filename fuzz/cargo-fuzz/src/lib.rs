//! What every libFuzzer target is: one of the plain functions of `winterforge_fuzz`, by its name.

pub use libfuzzer_sys::fuzz_target;

/// Feeds the target with this name.
#[macro_export]
macro_rules! feed {
    ($name:literal) => {
        $crate::fuzz_target!(|data: &[u8]| $crate::run($name, data));
    };
}

/// One execution.
pub fn run(name: &str, data: &[u8]) {
    let target = winterforge_fuzz::target(name).expect("a target of this name");
    let _ = (target.run)(data);
}
