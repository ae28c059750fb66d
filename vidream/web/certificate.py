"""A self-signed certificate: browsers give the camera to https pages and to localhost only."""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import os
import socket
from pathlib import Path

from platformdirs import user_cache_path

from vidream.errors import VidreamError

__all__ = ["outer_address", "own_certificate"]

VALID_DAYS = 390  # Apple's browsers refuse more than 398
RENEW_DAYS = 30


def own_certificate(folder: Path | None = None) -> tuple[Path, Path]:
    """A self-signed certificate for this machine's names and addresses, kept so that a browser asks only once.

    Args:
        folder: where it is kept; by default vidream's folder in the user's cache.

    Returns:
        (certificate, key): two PEM files.

    Raises:
        VidreamError: the folder cannot be written, or the package cryptography is missing.
    """
    folder = folder or user_cache_path("vidream", appauthor=False)
    certificate, key = folder / "web-certificate.pem", folder / "web-key.pem"
    names, addresses = _names()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not _is_good(certificate, key, names, addresses):
            _make(certificate, key, names, addresses)
    except ImportError:
        raise VidreamError(
            "a certificate for https needs the package cryptography: pip install 'vidream[web]'; "
            "or give --certificate and --key, or --http behind a reverse proxy"
        ) from None
    except OSError as error:
        raise VidreamError(f'cannot keep a certificate in "{folder}": {error.strerror}; give --certificate') from None
    return certificate, key


def outer_address() -> str:
    """The address by which other machines of the network reach this one, or "" where there is none."""
    # The host name may not resolve to it. Nothing is sent: connecting a datagram socket only looks up the route.
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
            return str(probe.getsockname()[0])
        except OSError:
            return ""


def _names() -> tuple[set[str], set[str]]:
    """Names and addresses by which this machine may be called."""
    own = socket.gethostname()
    addresses = {"127.0.0.1", "::1"}
    with contextlib.suppress(OSError):
        addresses |= {str(info[4][0]).partition("%")[0] for info in socket.getaddrinfo(own, None)}
    return {"localhost", own, f"{own}.local"}, addresses | ({outer_address()} - {""})


def _is_good(path: Path, key: Path, names: set[str], addresses: set[str]) -> bool:
    from cryptography import x509

    if not path.is_file() or not key.is_file():
        return False
    try:
        found = x509.load_pem_x509_certificate(path.read_bytes())
        known = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, x509.ExtensionNotFound):
        return False
    soon = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=RENEW_DAYS)
    covered = {str(address) for address in known.get_values_for_type(x509.IPAddress)} >= addresses
    return covered and set(known.get_values_for_type(x509.DNSName)) >= names and found.not_valid_after_utc > soon


def _make(path: Path, key_path: Path, names: set[str], addresses: set[str]) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "vidream web")])
    now = datetime.datetime.now(datetime.timezone.utc)
    called: list[x509.GeneralName] = [x509.DNSName(each) for each in sorted(names)]
    called += [x509.IPAddress(ipaddress.ip_address(each)) for each in sorted(addresses)]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=VALID_DAYS))
        .add_extension(x509.SubjectAlternativeName(called), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    key_path.unlink(missing_ok=True)
    with os.fdopen(os.open(key_path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(private)
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
