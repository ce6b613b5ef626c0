"""Holds statements of `winterforge sign` against the libraries model-signing and securesystemslib.

usage: peer_signing.py digest MODEL           model-signing's digest of the model's files
       peer_signing.py check FILE PUBLIC      an envelope of ours by their code; prints what they read
       peer_signing.py sign PRIVATE PAYLOAD   an envelope of theirs, by Ed25519, over our statement
       peer_signing.py theirs MODEL           a model signed by their tool with an ECDSA key; prints its statement
       peer_signing.py refuses PRIVATE        whether their tool refuses to sign with this key
"""

import base64
import contextlib
import io
import json
import pathlib
import sys
import tempfile

import model_signing
import model_signing.hashing
import model_signing.signing
import model_signing.verifying
from cryptography.hazmat.primitives import serialization
from model_signing._signing import sign_sigstore_pb, signing
from securesystemslib.dsse import Envelope
from securesystemslib.signer import CryptoSigner, SSlibKey


def digest(model):
    payload = signing.Payload(model_signing.hashing.hash(pathlib.Path(model)))
    return json.loads(as_json(payload))


def as_json(payload):
    from google.protobuf import json_format

    return json_format.MessageToJson(payload.statement.pb)


def check(file, public):
    line = pathlib.Path(file).read_text().splitlines()[-1]
    envelope = Envelope.from_dict(json.loads(line))
    key = serialization.load_pem_public_key(pathlib.Path(public).read_bytes())
    keyid = next(iter(envelope.signatures))
    accepted = envelope.verify([SSlibKey.from_crypto(key, keyid)], 1)
    statement = json.loads(envelope.payload)
    # The model's part, as a statement of model-signing: their code checks the digest against the list.
    subject = statement["subject"][1]
    manifest = signing.dsse_payload_to_manifest(
        {
            "predicateType": "https://model_signing/signature/v1.0",
            "subject": [subject],
            "predicate": statement["predicate"]["model"],
        }
    )
    return {
        "accepted": list(accepted),
        "pae": sign_sigstore_pb.pae(envelope.payload) == envelope.pae(),
        "type": envelope.payload_type == signing._IN_TOTO_JSON_PAYLOAD_TYPE,
        "names": [item.identifier for item in manifest.resource_descriptors()],
        "statement": statement,
    }


def sign(private, payload):
    key = serialization.load_pem_private_key(pathlib.Path(private).read_bytes(), None)
    envelope = Envelope(pathlib.Path(payload).read_bytes(), "application/vnd.in-toto+json", {})
    envelope.sign(CryptoSigner(key))
    return envelope.to_dict()


def theirs(model):
    from cryptography.hazmat.primitives.asymmetric import ec

    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        key = ec.generate_private_key(ec.SECP256R1())
        pem, public, signature = folder / "key", folder / "pub", folder / "model.sig"
        pem.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        public.write_bytes(
            key.public_key().public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            )
        )
        model_signing.signing.Config().use_elliptic_key_signer(private_key=pem).sign(
            pathlib.Path(model), signature
        )
        model_signing.verifying.Config().use_elliptic_key_verifier(public_key=public).verify(
            pathlib.Path(model), signature
        )
        envelope = json.loads(signature.read_text())["dsseEnvelope"]
        return json.loads(base64.b64decode(envelope["payload"]))


def refuses(private):
    try:
        model_signing.signing.Config().use_elliptic_key_signer(private_key=pathlib.Path(private))
    except Exception as error:  # Which one is their business.
        return {"refused": True, "error": repr(error)}
    return {"refused": False}


if __name__ == "__main__":
    command = {f.__name__: f for f in [digest, check, sign, theirs, refuses]}[sys.argv[1]]
    with contextlib.redirect_stdout(io.StringIO()):
        result = command(*sys.argv[2:])
    print(json.dumps(result))
