"""A mail server for tests: PORT DIRECTORY [USER:PASSWORD].

Stores each mail as DIRECTORY/N.eml. With a password, the server requires STARTTLS and authentication. Its certificate is signed
by the CA in DIRECTORY/ca.pem, and not by the one in DIRECTORY/other-ca.pem.
"""

import datetime
import ipaddress
import itertools
import pathlib
import signal
import ssl
import sys

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class Mailbox:
    def __init__(self, directory):
        self.directory = directory
        self.numbers = itertools.count(len(list(directory.glob("*.eml"))))

    async def handle_DATA(self, server, session, envelope):
        name = f"{next(self.numbers)}.eml"
        beside = self.directory / f"{name}.part"
        beside.write_bytes(envelope.content)
        beside.rename(self.directory / name)
        return "250 OK"


def name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def authority(directory, file, text):
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = signed(name(text), key.public_key(), name(text), key, True)
    (directory / file).write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return key


def signed(subject, public_key, issuer, issuer_key, is_authority):
    now = datetime.datetime.now(datetime.timezone.utc)
    day = datetime.timedelta(days=1)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - day)
        .not_valid_after(now + day)
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
    )
    if not is_authority:
        names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(issuer_key, hashes.SHA256())


def encryption(directory):
    authority(directory, "other-ca.pem", "Somebody else")
    ca_key = authority(directory, "ca.pem", "Test authority")
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = signed(name("localhost"), key.public_key(), name("Test authority"), ca_key, False)
    plain = serialization.NoEncryption()
    secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    (directory / "server.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (directory / "server.key").write_bytes(secret)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "server.pem", directory / "server.key")
    return context


def main():
    port, directory = int(sys.argv[1]), pathlib.Path(sys.argv[2])
    more = {}
    if len(sys.argv) > 3:
        user, _, password = sys.argv[3].partition(":")

        def authenticate(server, session, envelope, mechanism, data):
            good = data.login == user.encode() and data.password == password.encode()
            return AuthResult(success=good, handled=False) if not good else AuthResult(success=True)

        more = {
            "tls_context": encryption(directory),
            "require_starttls": True,
            "auth_required": True,
            "auth_require_tls": True,
            "authenticator": authenticate,
        }
    Controller(Mailbox(directory), hostname="127.0.0.1", port=port, **more).start()
    signal.pause()


main()
