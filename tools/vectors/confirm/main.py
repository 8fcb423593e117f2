"""Confirms vectors with PyCA cryptography.

Reads a JSON list of tasks from the standard input and prints a JSON list: true, false, or null for a kind of task
that it does not judge. With the argument "version" it prints what it is.
"""

import json
import sys

import cryptography
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.backends.openssl import backend
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

HASHES = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}
REFUSALS = (InvalidSignature, UnsupportedAlgorithm, ValueError, TypeError)


def verify_ecdsa(task, key, message, signature):
    if task.get("form") == "p1363":
        size = (key.curve.key_size + 7) // 8
        if len(signature) != 2 * size:
            raise InvalidSignature
        numbers = signature[:size], signature[size:]
        signature = encode_dss_signature(*(int.from_bytes(number, "big") for number in numbers))
    key.verify(signature, message, ec.ECDSA(HASHES[task["algorithm"][2:]]))


def signature(task):
    algorithm = task["algorithm"]
    key = serialization.load_der_public_key(bytes.fromhex(task["spki"]))
    message = bytes.fromhex(task["message"])
    sig = bytes.fromhex(task["signature"])
    if algorithm.startswith("ES"):
        verify_ecdsa(task, key, message, sig)
    elif algorithm.startswith("RS"):
        key.verify(sig, message, padding.PKCS1v15(), HASHES[algorithm[2:]])
    elif algorithm.startswith("PS"):
        chosen = HASHES[algorithm[2:]]
        mgf = padding.MGF1(chosen)
        key.verify(sig, message, padding.PSS(mgf, padding.PSS.DIGEST_LENGTH), chosen)
    else:
        key.verify(sig, message)
    return True


def public_key(task):
    """Whether it is read as a key at all; how strong it must be is for each verifier to say."""
    form, data = task["form"], task["data"]
    if form == "der":
        key = serialization.load_der_public_key(bytes.fromhex(data))
    elif form == "pem":
        key = serialization.load_pem_public_key(data.encode())
    elif form == "certificate":
        key = x509.load_der_x509_certificate(bytes.fromhex(data)).public_key()
    else:
        return None
    supported = rsa.RSAPublicKey, ec.EllipticCurvePublicKey, ed25519.Ed25519PublicKey
    return isinstance(key, supported)


KINDS = {"signature": signature, "public-key": public_key}


def answer(task):
    judge = KINDS.get(task["kind"])
    if judge is None:
        return None
    try:
        return judge(task)
    except REFUSALS:
        return False


if sys.argv[1:] == ["version"]:
    print(f"PyCA cryptography {cryptography.__version__} ({backend.openssl_version_text()})")
else:
    print(json.dumps([answer(task) for task in json.load(sys.stdin)]))
