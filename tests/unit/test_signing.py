import base64
import datetime as dt
import os
import re
from pathlib import Path
from types import SimpleNamespace

import dkim
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from sends.errors import InvalidKey
from sends.retries import GIVE_UP_AFTER
from sends.signing import SIGNED, Signer, SigningKey, load_key
from sends.transports.content import to_wire

NOW = dt.datetime.now(dt.UTC)  # dkimpy compares with the clock of the machine
RSA = rsa.generate_private_key(65537, 2048)
SHORT = rsa.generate_private_key(65537, 1024)  # noqa: S505 - is to be refused
ED25519 = ed25519.Ed25519PrivateKey.generate()
KEYS = {"rsa": RSA, "ed25519": ED25519}
HEADER = (
    b"From: CCI <info@example.org>\r\n"
    b"Auto-Submitted: auto-generated\r\n"
    b"List-Id:  =?utf-8?q?Aides?=\t <aides.example.org> \r\n"
    b"To: x@example.org\r\n"
    b"Subject: Aides\r\n aux\r\n\t entreprises\r\n"
    b"Date: Wed, 01 Apr 2020 09:00:05 +0000\r\n"
    b"Message-ID: <1@example.org>\r\n"
    b"List-Unsubscribe:\r\n <mailto:stop@example.org?subject=Desinscription>\r\n"
    b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
    b"MIME-Version: 1.0\r\n"
    b"Content-Type: text/plain; charset=utf-8\r\n"
)
MESSAGE = HEADER + b"\r\nBonjour,  \r\n\r\n  un\t\tmot .\r\n\r\n\r\n"


@pytest.fixture(autouse=True)
def _ed25519(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let dkimpy check Ed25519 with cryptography, as it only knows PyNaCl."""

    def verify_key(written: bytes, encoder: object) -> SimpleNamespace:
        public = ed25519.Ed25519PublicKey.from_public_bytes(base64.b64decode(written))
        return SimpleNamespace(verify=lambda digest, signature: public.verify(signature, digest))

    monkeypatch.setattr(
        dkim,
        "nacl",
        SimpleNamespace(
            signing=SimpleNamespace(VerifyKey=verify_key),
            encoding=SimpleNamespace(Base64Encoder=None),
            exceptions=SimpleNamespace(BadSignatureError=InvalidSignature, ValueError=ValueError),
        ),
        raising=False,
    )


def dns(name: bytes, timeout: int = 5) -> str:
    """Give the public key of a selector, which here is the name of its key."""
    selector, _, domain = name.decode().partition("._domainkey.")
    assert domain == "example.org."
    public = KEYS[selector].public_key()
    if isinstance(public, rsa.RSAPublicKey):
        encoding, form = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    else:
        encoding, form = serialization.Encoding.Raw, serialization.PublicFormat.Raw
    key = base64.b64encode(public.public_bytes(encoding, form)).decode()
    return f"v=DKIM1; k={selector}; p={key}"


def is_valid(message: bytes, which: int = 0) -> bool:
    try:
        return dkim.DKIM(message).verify(idx=which, dnsfunc=dns)
    except dkim.DKIMException:
        return False


def sign(message: bytes, algorithm: str = "rsa", **options: bool) -> bytes:
    return Signer("example.org", algorithm, KEYS[algorithm], **options).sign(message, NOW) + message


def tags(signed: bytes) -> dict[str, str]:
    field = re.match(rb"DKIM-Signature:((?:.|\r\n )*)\r\n", signed)
    assert field is not None
    text = re.sub(r"\s+", "", field[1].decode())
    return dict(part.split("=", 1) for part in text.split(";"))


@pytest.mark.parametrize("algorithm", KEYS)
def test_a_second_implementation_verifies_it(algorithm: str) -> None:
    assert is_valid(sign(MESSAGE, algorithm))


def test_two_signatures_hold_beside_each_other() -> None:
    signed = sign(MESSAGE, "ed25519")[: -len(MESSAGE)] + sign(MESSAGE, "rsa")
    assert is_valid(signed, 0)
    assert is_valid(signed, 1)
    assert not is_valid(signed.replace(b"Bonjour", b"Bonsoir"), 0)


LINES = st.lists(
    st.sampled_from([b"", b" ", b"\t", b"a", b"  b\t", b"=C3=A9=", b".", b"\r\n", b"\r\n\r\n", b"x" * 70]), max_size=30
).map(b"".join)


@pytest.mark.parametrize("algorithm", KEYS)
@given(body=LINES)
@settings(max_examples=60, deadline=None)
def test_any_body_verifies(algorithm: str, body: bytes) -> None:
    assert is_valid(sign(HEADER + b"\r\n" + body + b"\r\n", algorithm))
    signed = sign(HEADER + b"\r\n" + body, algorithm)
    assert is_valid(to_wire(signed).replace(b"\r\n..", b"\r\n.").removesuffix(b".\r\n"))  # which ends the last line


@pytest.mark.parametrize("algorithm", KEYS)
@given(subject=st.lists(st.sampled_from([b"a", b"  ", b"\t", b"\r\n ", b"\r\n\t x", b":", b"b;"])).map(b"".join))
@settings(max_examples=60, deadline=None)
def test_any_header_verifies(algorithm: str, subject: bytes) -> None:
    message = HEADER.replace(b"Aides\r\n aux\r\n\t entreprises", subject + b"z") + b"\r\nx\r\n"
    assert is_valid(sign(message, algorithm))


def test_the_tags() -> None:
    found = tags(sign(MESSAGE))
    assert list(found) == ["v", "a", "c", "d", "s", "t", "x", "h", "bh", "b"]
    assert [found[name] for name in "vacds"] == ["1", "rsa-sha256", "relaxed/relaxed", "example.org", "rsa"]
    assert int(found["t"]) == int(NOW.timestamp())
    assert int(found["x"]) - int(found["t"]) > (GIVE_UP_AFTER + dt.timedelta(days=5)).total_seconds()
    assert tags(sign(MESSAGE, "ed25519"))["a"] == "ed25519-sha256"


def test_each_name_stands_once_more_than_its_field() -> None:
    names = tags(sign(MESSAGE))["h"].split(":")
    absent = {"Reply-To", "List-Help", "List-Owner", "Feedback-ID"}
    assert {name: names.count(name) for name in SIGNED} == {name: 1 if name in absent else 2 for name in SIGNED}
    assert set(names) == set(SIGNED)


@pytest.mark.parametrize("algorithm", KEYS)
@pytest.mark.parametrize("name", SIGNED)
def test_no_field_is_added_on_the_way(name: str, algorithm: str) -> None:
    signed = sign(MESSAGE, algorithm)
    added = f"{name}: <https://evil.test/>\r\n".encode()
    assert not is_valid(added + signed)
    assert not is_valid(signed.replace(b"\r\n\r\n", b"\r\n" + added + b"\r\n", 1))
    assert is_valid(b"Received: from a.test\r\n" + signed)


@pytest.mark.parametrize("field", [line.split(b":")[0].decode() for line in re.split(rb"\r\n(?![ \t])", HEADER)[:-1]])
def test_no_field_is_taken_away_or_changed(field: str) -> None:
    signed = sign(MESSAGE)
    at = re.compile(rf"(?m)^{field}:(?:.|\r\n[ \t])*\r\n".encode())
    assert not is_valid(at.sub(b"", signed, count=1))
    assert not is_valid(at.sub(lambda found: found[0][:-2] + b"x\r\n", signed, count=1))


def test_the_message_id_can_stay_out() -> None:
    signed = sign(MESSAGE, signs_message_id=False)
    assert is_valid(signed.replace(b"<1@example.org>", b"<relay@example.net>"))
    assert not is_valid(sign(MESSAGE).replace(b"<1@example.org>", b"<relay@example.net>"))


def test_its_lines_are_short() -> None:
    header, _, _ = sign(MESSAGE).partition(b"\r\n\r\n")
    assert max(map(len, header.split(b"\r\n"))) <= 78


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "dkim.pem"
    path.touch(0o600)
    return path


def pem(key: SigningKey | ec.EllipticCurvePrivateKey, password: bytes | None = None) -> bytes:
    locked = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, locked)


@pytest.mark.parametrize("algorithm", KEYS)
def test_a_key_is_read(key_file: Path, algorithm: str) -> None:
    key_file.write_bytes(pem(KEYS[algorithm]))
    signed = Signer("example.org", algorithm, load_key(key_file)).sign(MESSAGE, NOW) + MESSAGE
    assert is_valid(signed)


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        pytest.param(pem(SHORT), "1024 bits", id="short"),
        pytest.param(pem(RSA, b"password"), "encrypted", id="encrypted"),
        pytest.param(pem(ec.generate_private_key(ec.SECP256R1())), "neither RSA nor Ed25519", id="elliptic"),
        pytest.param(b"p=MIIB", "no private key", id="not PEM"),
        pytest.param(b"", "no private key", id="empty"),
    ],
)
def test_a_key_of_no_use_is_refused(key_file: Path, content: bytes, cause: str) -> None:
    key_file.write_bytes(content)
    with pytest.raises(InvalidKey, match=cause) as caught:
        load_key(key_file)
    assert "\n" not in str(caught.value)
    assert "PRIVATE" not in str(caught.value)


def test_a_missing_key_is_told(tmp_path: Path) -> None:
    with pytest.raises(InvalidKey, match="No such file"):
        load_key(tmp_path / "dkim.pem")


@pytest.mark.skipif(os.name != "posix", reason="file modes are of POSIX")
@pytest.mark.parametrize(("mode", "is_refused"), [(0o600, False), (0o640, False), (0o644, True)], ids=["rw", "g", "o"])
def test_a_key_that_others_read_is_refused(key_file: Path, mode: int, is_refused: bool) -> None:
    key_file.write_bytes(pem(ED25519))
    key_file.chmod(mode)
    if is_refused:
        with pytest.raises(InvalidKey, match="chmod 600"):
            load_key(key_file)
    else:
        load_key(key_file)


def test_the_key_is_not_shown() -> None:
    assert "PRIVATE" not in repr(Signer("example.org", "rsa", RSA).__dict__)
