"""Certificates for tests: an authority, and what it signs."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID


@dataclass(frozen=True)
class Authority:
    """Signs certificates for 127.0.0.1."""

    folder: Path
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @classmethod
    def create(cls, folder: Path) -> "Authority":
        folder.mkdir(exist_ok=True)
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = _certificate("authority", key, "authority", key, days=365, is_authority=True)
        authority = cls(folder, key, certificate)
        authority.file.write_bytes(certificate.public_bytes(Encoding.PEM))
        return authority

    @property
    def file(self) -> Path:
        return self.folder / "ca.pem"

    def sign(self, name: str, *, days: float = 100) -> tuple[Path, Path]:
        """The files of a certificate and of its key; it ends in this number of days, before now if negative."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = _certificate(name, key, "authority", self.key, days=days)
        files = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        files[0].write_bytes(certificate.public_bytes(Encoding.PEM))
        files[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return files


def _certificate(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    issuer: str,
    issuer_key: ec.EllipticCurvePrivateKey,
    *,
    days: float,
    is_authority: bool = False,
) -> x509.Certificate:
    now = datetime.now(UTC)
    alternative = x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))])
    return (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(_name(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1000))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.BasicConstraints(is_authority, path_length=None), critical=True)
        .add_extension(alternative, critical=False)
        .sign(issuer_key, hashes.SHA256())
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])
