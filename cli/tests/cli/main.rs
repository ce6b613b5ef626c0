//! The real binary, as a script meets it: arguments, exit codes, JSON, files.

mod check;
mod demo;
mod inspect;
#[cfg(unix)]
mod interrupted;
mod key;
mod lineage;
mod operators;
mod prove;
mod run;
mod sign;
mod support;
mod usage;
mod verify;
