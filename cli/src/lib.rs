//! winterforge-cli
