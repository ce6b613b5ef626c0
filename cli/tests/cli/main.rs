//! The real binary, as a script meets it: arguments, exit codes, JSON, files.

mod check;
mod demo;
mod inspect;
#[cfg(unix)]
mod interrupted;
mod key;
mod lineage;
mod manual;
mod operators;
mod prove;
mod run;
mod sign;
mod support;
#[cfg(unix)]
mod together;
mod usage;
mod vectors;
mod verify;
