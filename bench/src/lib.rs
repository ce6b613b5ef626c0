//! winterforge-bench
