//! Signed statements about bundles and keys: who vouches for these bytes, and for which model files.
//!
//! A statement has the form of [in-toto, version 1](https://github.com/in-toto/attestation/tree/main/spec/v1), in an
//! envelope of [DSSE](https://github.com/secure-systems-lab/dsse/blob/v1.0.2/protocol.md), signed with Ed25519 (RFC 8032).
//! It names the bundle or key by its SHA-256, and the model by the digest that OpenSSF's
//! [model-signing](https://github.com/sigstore/model-transparency), version 1.0 of its predicate, gives a model's files.
//! The layout is specified in docs/attestation.md.
//!
//! This crate knows nothing of proofs: what a signer has checked before signing is up to the caller.

mod digest;
mod envelope;
mod keys;
mod model;
mod statement;

pub use digest::Sha256Digest;
pub use envelope::{
    Envelope, EnvelopeError, MAX_ENVELOPES, MAX_SIGNATURES_BYTES, PAYLOAD_TYPE, decode_envelopes,
    encode_envelopes, pre_authentication_encoding,
};
pub use keys::{PrivateKey, PublicKey, SigningKeyError};
pub use model::{ModelFiles, ModelFilesError, Resource, Serialization};
pub use statement::{
    Artifact, Checked, Kind, PREDICATE_TYPE, Predicate, STATEMENT_TYPE, Statement, StatementError,
    Subject, Unsigned, find_signed,
};
