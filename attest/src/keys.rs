//! Ed25519 keys in PEM: PKCS #8 (RFC 8410) for the private key, SubjectPublicKeyInfo for the public one, as
//! `openssl genpkey -algorithm ed25519` and `openssl pkey -pubout` write them.

use std::fmt;

use ed25519_dalek::pkcs8::{DecodePrivateKey, DecodePublicKey, EncodePublicKey};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};

use crate::digest::Sha256Digest;

/// Why a file holds no key that can be used here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SigningKeyError {
    /// No PEM block at all.
    #[error("it is no PEM file")]
    NoPem,
    /// The private key is encrypted.
    #[error("the private key is encrypted; decrypt it first: openssl pkey -in KEY -out DECRYPTED")]
    Encrypted,
    /// Another kind of PEM block.
    #[error("it holds a {found} where a {expected} is needed")]
    OtherLabel {
        /// The block's label.
        found: String,
        /// The label needed.
        expected: &'static str,
    },
    /// A key of another algorithm, or a damaged one.
    #[error("its {0} is damaged or not of Ed25519")]
    NoEd25519(&'static str),
    /// A public key of small order: signatures by it say nothing.
    #[error("its public key is of small order, so that anyone can sign for it")]
    Weak,
}

const PRIVATE: &str = "PRIVATE KEY";
const PUBLIC: &str = "PUBLIC KEY";

/// A private key. It is erased from memory when dropped, and never printed.
pub struct PrivateKey(SigningKey);

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey of {:?}", self.public())
    }
}

impl PrivateKey {
    /// Reads a private key.
    ///
    /// # Errors
    /// [`SigningKeyError`].
    pub fn from_pem(pem: &str) -> Result<Self, SigningKeyError> {
        expect_label(pem, PRIVATE)?;
        let key = SigningKey::from_pkcs8_pem(pem.trim_ascii());
        key.map(Self)
            .map_err(|_| SigningKeyError::NoEd25519(PRIVATE))
    }

    /// The public key that belongs to it.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }

    /// Signs `message`. The same message gives the same signature.
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }
}

/// A public key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.id())
    }
}

impl PublicKey {
    /// Reads a public key.
    ///
    /// # Errors
    /// [`SigningKeyError`].
    pub fn from_pem(pem: &str) -> Result<Self, SigningKeyError> {
        expect_label(pem, PUBLIC)?;
        let key = VerifyingKey::from_public_key_pem(pem.trim_ascii())
            .map_err(|_| SigningKeyError::NoEd25519(PUBLIC))?;
        if key.is_weak() {
            return Err(SigningKeyError::Weak);
        }
        Ok(Self(key))
    }

    /// What the key is called in envelopes and reports: SHA-256 of its SubjectPublicKeyInfo in DER, in hexadecimal.
    pub fn id(&self) -> String {
        let der = self.0.to_public_key_der();
        // The encoding of 32 bytes under a fixed prefix does not fail.
        der.map(|der| Sha256Digest::of(der.as_bytes()).to_string())
            .unwrap_or_default()
    }

    /// Whether `signature` is one of this key on `message`, by the strict rule: the point of the signature is not of small
    /// order, and its scalar is reduced.
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        Signature::from_slice(signature)
            .is_ok_and(|signature| self.0.verify_strict(message, &signature).is_ok())
    }
}

/// The first PEM block must have this label, so that a wrong file is named for what it is.
fn expect_label(pem: &str, expected: &'static str) -> Result<(), SigningKeyError> {
    let label = pem
        .trim_ascii()
        .strip_prefix("-----BEGIN ")
        .and_then(|rest| rest.split_once("-----"))
        .map(|(label, _)| label);
    match label {
        None => Err(SigningKeyError::NoPem),
        Some("ENCRYPTED PRIVATE KEY") => Err(SigningKeyError::Encrypted),
        Some(label) if label == expected => Ok(()),
        Some(label) => Err(SigningKeyError::OtherLabel {
            found: label.chars().take(40).collect(),
            expected,
        }),
    }
}
