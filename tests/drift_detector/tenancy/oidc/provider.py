"""Starts the provider, and makes tokens by hand: with `cryptography`, by RFC 7515, 7517 and 7518."""

import hmac
import json
import subprocess
import sys
import time
from base64 import urlsafe_b64encode
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

AUDIENCE = "https://drift.example.com/api"


def b64(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def number(value: int, size: int = 0) -> str:
    return b64(value.to_bytes(size or (value.bit_length() + 7) // 8))


class RsaSigner:
    def __init__(self, kid: str, bits: int = 2048, alg: str = "RS256") -> None:
        self.kid, self.alg = kid, alg
        self.key = rsa.generate_private_key(65537, bits)

    @property
    def jwk(self) -> dict[str, str]:
        numbers = self.key.public_key().public_numbers()
        return {"kty": "RSA", "kid": self.kid, "use": "sig", "n": number(numbers.n), "e": "AQAB"}

    @property
    def public_pem(self) -> bytes:
        return self.key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    def sign(self, data: bytes) -> bytes:
        return self.key.sign(data, padding.PKCS1v15(), hashes.SHA256())


class EcSigner:
    alg = "ES256"

    def __init__(self, kid: str) -> None:
        self.kid = kid
        self.key = ec.generate_private_key(ec.SECP256R1())

    @property
    def jwk(self) -> dict[str, str]:
        numbers = self.key.public_key().public_numbers()
        point = {"x": number(numbers.x, 32), "y": number(numbers.y, 32)}
        return {"kty": "EC", "crv": "P-256", "kid": self.kid, **point}

    def sign(self, data: bytes) -> bytes:
        r, s = decode_dss_signature(self.key.sign(data, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32) + s.to_bytes(32)


class HmacSigner:
    alg = "HS256"

    def __init__(self, kid: str, secret: bytes) -> None:
        self.kid, self.secret = kid, secret

    def sign(self, data: bytes) -> bytes:
        return hmac.digest(self.secret, data, sha256)


type Signer = RsaSigner | EcSigner


def signed(signer: Signer | HmacSigner, payload: str, header: dict[str, Any] | None = None) -> str:
    """A token with exactly this payload; a header with null is left out."""
    full = {"alg": signer.alg, "typ": "at+jwt", "kid": signer.kid} | (header or {})
    kept = {name: value for name, value in full.items() if value is not None}
    content = f"{b64(json.dumps(kept).encode())}.{b64(payload.encode())}"
    return f"{content}.{b64(signer.sign(content.encode()))}"


class Provider:
    """The process of the provider, and its keys."""

    def __init__(self, folder: Path) -> None:
        self.state_file = folder / "provider.json"
        self.state: dict[str, Any] = {"answers": {}}
        self._save()
        self.process = self._start()
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline())
        self.issuer = f"http://127.0.0.1:{self.port}"
        self.signer: Signer = RsaSigner("one")
        self.publish(self.signer.jwk)

    def _start(self) -> subprocess.Popen[str]:
        program = Path(__file__).with_name("provider_process.py")
        command = [sys.executable, str(program), str(self.state_file)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def publish(self, *keys: dict[str, str]) -> None:
        self.state["answers"] = {
            "/.well-known/openid-configuration": {
                "issuer": self.issuer,
                "jwks_uri": f"{self.issuer}/keys",
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
            },
            "/keys": {"keys": keys},
        }
        self._save()

    def behave(self, **changes: Any) -> None:
        self.state |= changes
        self._save()

    def _save(self) -> None:
        draft = self.state_file.with_suffix(".new")
        draft.write_text(json.dumps(self.state))
        draft.replace(self.state_file)

    @property
    def asked(self) -> int:
        """The number of times that the keys were asked for."""
        log = self.state_file.with_suffix(".log")
        return log.read_text().count("/keys\n") if log.exists() else 0

    def claims(self, **changes: Any) -> dict[str, Any]:
        now = int(time.time())
        usual = {
            "iss": self.issuer,
            "aud": AUDIENCE,
            "sub": "robot-1",
            "iat": now,
            "exp": now + 300,
            "groups": ["ml"],
        }
        full = usual | changes
        return {name: value for name, value in full.items() if value is not None}

    def token(self, header: dict[str, Any] | None = None, **changes: Any) -> str:
        return signed(self.signer, json.dumps(self.claims(**changes)), header)

    def stop(self) -> None:
        self.process.kill()
        self.process.communicate()
