//! The DSSE envelope (Dead Simple Signing Envelope, version 1.0) around a statement: what lies in
//! `events/<index>.json`.

use crate::{
    error::RegistryError,
    signer::{Signer, VerifierKey},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde::{Deserialize, Serialize};

/// What in-toto statements are sent as.
pub const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";

/// A signed payload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Envelope {
    payload: String,
    payload_type: String,
    signatures: Vec<Signature>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Signature {
    keyid: String,
    sig: String,
}

/// What is wrong with an envelope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// Not the JSON of an envelope.
    #[error("it is not an envelope: {0}")]
    Json(String),
    /// Holds something else.
    #[error("it holds `{0}`, not a statement")]
    Type(String),
    /// The payload is not base64.
    #[error("its payload is not base64")]
    Base64,
    /// The key's signature is absent or wrong.
    #[error("it is not signed by `{0}`")]
    Signature(String),
}

impl Envelope {
    /// Signs `payload`.
    pub(crate) fn seal(payload: &[u8], signer: &Signer) -> Result<Self, RegistryError> {
        let sig = signer.sign(&pre_authentication(PAYLOAD_TYPE, payload))?;
        Ok(Self {
            payload: BASE64_STANDARD.encode(payload),
            payload_type: PAYLOAD_TYPE.into(),
            signatures: vec![Signature { keyid: signer.verifier().name().into(), sig: BASE64_STANDARD.encode(sig) }],
        })
    }

    /// Reads an envelope; nothing is checked yet.
    pub fn parse(bytes: &[u8]) -> Result<Self, EnvelopeError> {
        serde_json::from_slice(bytes).map_err(|error| EnvelopeError::Json(error.to_string()))
    }

    /// The file's bytes: one line of JSON.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec(self).expect("strings always serialise");
        bytes.push(b'\n');
        bytes
    }

    /// The payload, without looking at the signature.
    pub fn payload(&self) -> Result<Vec<u8>, EnvelopeError> {
        if self.payload_type != PAYLOAD_TYPE {
            return Err(EnvelopeError::Type(self.payload_type.clone()));
        }
        BASE64_STANDARD.decode(&self.payload).map_err(|_| EnvelopeError::Base64)
    }

    /// The payload, if `key` signed it.
    pub fn open(&self, key: &VerifierKey) -> Result<Vec<u8>, EnvelopeError> {
        let payload = self.payload()?;
        let message = pre_authentication(&self.payload_type, &payload);
        let valid = |sig: &str| BASE64_STANDARD.decode(sig).is_ok_and(|sig| key.verify(&message, &sig));
        if self.signatures.iter().any(|signature| valid(&signature.sig)) {
            Ok(payload)
        } else {
            Err(EnvelopeError::Signature(key.name().into()))
        }
    }
}

/// DSSE's PAE: what is really signed, so that type and payload cannot be shifted against each other.
fn pre_authentication(kind: &str, payload: &[u8]) -> Vec<u8> {
    let mut message = format!("DSSEv1 {} {kind} {} ", kind.len(), payload.len()).into_bytes();
    message.extend_from_slice(payload);
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the protocol's own text.
    #[test]
    fn pre_authentication_is_the_specifications() {
        assert_eq!(
            pre_authentication("http://example.com/HelloWorld", b"hello world"),
            b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
        );
    }

    #[test]
    fn only_the_signed_payload_opens() {
        let dir = tempfile::tempdir().unwrap();
        let signer = Signer::load_or_create(&dir.path().join("key"), "local").unwrap();
        let sealed = Envelope::seal(b"{}", &signer).unwrap();
        let envelope = Envelope::parse(&sealed.to_bytes()).unwrap();
        assert_eq!(envelope.open(signer.verifier()).unwrap(), b"{}");
        let forged = Envelope { payload: BASE64_STANDARD.encode(b"[]"), ..envelope.clone() };
        assert!(matches!(forged.open(signer.verifier()), Err(EnvelopeError::Signature(_))));
        let other = Envelope { payload_type: "text/plain".into(), ..envelope };
        assert_eq!(other.open(signer.verifier()), Err(EnvelopeError::Type("text/plain".into())));
    }
}
