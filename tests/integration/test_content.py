import base64
import json
from collections.abc import Callable
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import dkim
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from sqlalchemy import Engine, inspect, select

from audiences.catalogue import save_audience
from audiences.database import reading, writing
from campaigns.content import compiled_of, freeze, open_mailing, variables_of
from campaigns.errors import UnreadableFile
from campaigns.lifecycle import create_campaign, schedule
from campaigns.models import Campaign
from campaigns.settings import Settings
from sends.claims import Claim
from sends.errors import InvalidAttachment, InvalidKey
from sends.mailing import Mailing, Waiting
from templates import InvalidValue, Purpose, Renderer, bind_variables, load_template, preview_recipient
from tests.factories import NOW

SECRET = b"s" * 32


@pytest.fixture
def draft(sqlite_engine: Engine) -> Callable[..., int]:
    """Write a draft with these attachments and give its id."""

    def create(*attachments: Path) -> int:
        with writing(sqlite_engine) as session:
            save_audience(session, "tous", "*:*", description="Tous", now=NOW)
            return create_campaign(
                session,
                "info",
                name="Info",
                audience="tous",
                template="information",
                variables={"titre": "Masques", "message": "Bonjour"},
                purpose=Purpose.PUBLIC_INFORMATION,
                subject="Masques",
                attachments=[str(path) for path in attachments],
                now=NOW,
            ).id

    return create


def mailing_of(engine: Engine, campaign_id: int, settings: Settings) -> Mailing:
    with reading(engine) as session:
        campaign = session.get_one(Campaign, campaign_id)
        content = campaign.content or freeze(campaign, settings, now=NOW)
        return open_mailing(campaign, settings, secret=SECRET, content=content)


def body_of(mailing: Mailing) -> bytes:
    claim = Claim(1, 1, 1, "x@example.org", "x@example.org", fence=1, attempts=1, first_attempt_at=None)
    [prepared] = mailing.prepare([Waiting(claim, preview_recipient(), checked=0, domain="example.org")], [1], now=NOW)
    return b"".join(prepared.message.body)


def test_a_scheduled_campaign_keeps_its_attachments(
    sqlite_engine: Engine, draft: Callable[..., int], settings: Settings, tmp_path: Path
) -> None:
    note, archive = tmp_path / "é.csv", tmp_path / "mail.eml"
    note.write_bytes(b"a;b\r\n")
    archive.write_bytes(b"\0\xff")
    campaign_id = draft(note, archive)
    with writing(sqlite_engine) as session:
        campaign = session.get_one(Campaign, campaign_id)
        schedule(campaign, NOW, freeze(campaign, settings, now=NOW))
    note.write_bytes(b"changed")
    archive.unlink()

    message = message_from_bytes(body_of(mailing_of(sqlite_engine, campaign_id, settings)), policy=policy.default)
    assert isinstance(message, EmailMessage)
    assert [
        (part.get_filename(), part.get_content_type(), part.get_payload(decode=True))
        for part in message.iter_attachments()
    ] == [("é.csv", "text/csv", b"a;b\r\n"), ("mail.eml", "application/octet-stream", b"\0\xff")]


def test_the_files_are_not_read_with_every_campaign(
    sqlite_engine: Engine, draft: Callable[..., int], settings: Settings
) -> None:
    draft()
    with reading(sqlite_engine) as session:
        [campaign] = session.scalars(select(Campaign))
        assert "content" in inspect(campaign).unloaded


def test_values_of_several_parts_survive_the_freezing(
    sqlite_engine: Engine, draft: Callable[..., int], settings: Settings
) -> None:
    given = {
        "theme": "L'essentiel : le web",
        "date": "jeudi 14 mai 2020",
        "lien": "https://example.org/w",
        "conseiller": "Dominique Martin, 0321000000",
        "programme": "jeudi 28 mai 2020 à 11 h | La cybersécurité | Sacha Petit\n19/05/2020 9:30 | Le courriel",
    }
    campaign_id = draft()
    with writing(sqlite_engine) as session:
        campaign = session.get_one(Campaign, campaign_id)
        campaign.template, campaign.variables, campaign.subject = "webinaire", given, "Un webinaire : {{ theme }} ?"
        frozen = json.loads(json.dumps(freeze(campaign, settings, now=NOW)))
    bound = bind_variables(load_template("webinaire"), given, today=NOW.date())
    assert variables_of(frozen) == bound
    assert isinstance(bound["programme"], tuple)
    rendered = Renderer(compiled_of(frozen), settings.brand, variables_of(frozen)).render(preview_recipient())
    assert rendered.subject == "Un webinaire\u202f: L’essentiel\u202f: le web\u202f?"
    assert rendered.text.index("Mardi 19 mai 2020 à 9\u202fh\u202f30") < rendered.text.index("Jeudi 28 mai 2020")
    assert "Dominique Martin" in rendered.text


@pytest.mark.parametrize(
    ("written", "name"),
    [
        pytest.param("cua", "CUA", id="short name"),
        pytest.param("200033579", "CUA", id="SIREN"),
        pytest.param("campagnes de l'artois", "Campagnes de l’Artois", id="with an apostrophe"),
    ],
)
def test_an_epci_gets_its_name_of_the_territory(
    sqlite_engine: Engine, draft: Callable[..., int], settings: Settings, written: str, name: str
) -> None:
    campaign_id = draft()
    with writing(sqlite_engine) as session:
        campaign = session.get_one(Campaign, campaign_id)
        campaign.template, campaign.variables = "fonds", {"epci": written, "montant": "1 M€"}
        assert variables_of(freeze(campaign, settings, now=NOW))["epci"] == name
        campaign.variables = {"epci": "Atlantis", "montant": "1 M€"}
        with pytest.raises(InvalidValue, match=r"^epci: 'Atlantis' .*CUA"):
            freeze(campaign, settings, now=NOW)


@pytest.mark.parametrize(
    ("name", "content", "error"),
    [
        pytest.param("gone.pdf", None, UnreadableFile, id="missing"),
        pytest.param("aide.exe", b"MZ", InvalidAttachment, id="program"),
        pytest.param("big.pdf", bytes(4_000_000), InvalidAttachment, id="large"),
    ],
)
def test_a_file_that_cannot_go_is_told_before_anything_leaves(
    sqlite_engine: Engine,
    draft: Callable[..., int],
    settings: Settings,
    tmp_path: Path,
    name: str,
    content: bytes | None,
    error: type[Exception],
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(error, match=name):
        mailing_of(sqlite_engine, draft(tmp_path / name), settings)


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "dkim.pem"
    path.touch(0o600)
    path.write_bytes(
        rsa.generate_private_key(65537, 2048).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return path


def signing(key_file: Path, **more: object) -> dict[str, object]:
    return {"domain": "example.org", "selector": "relais", "private_key_file": key_file, **more}


@pytest.fixture
def signed(
    sqlite_engine: Engine,
    draft: Callable[..., int],
    make_settings: Callable[..., Settings],
    key_file: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., bytes]:
    """Build a signed message, with further settings of [dkim]."""
    monkeypatch.setattr(dkim.time, "time", NOW.timestamp)  # the signatures are of 2020

    def build(**more: object) -> bytes:
        settings = make_settings(dkim=signing(key_file, **more))
        return body_of(mailing_of(sqlite_engine, draft(), settings))

    return build


def is_valid(message: bytes, key_file: Path) -> bool:
    key = serialization.load_pem_private_key(key_file.read_bytes(), None).public_key()
    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)

    def dns(name: bytes, timeout: int = 5) -> str:
        assert name == b"relais._domainkey.example.org."
        return f"v=DKIM1; p={base64.b64encode(der).decode()}"

    return dkim.verify(message, dnsfunc=dns)


def test_every_message_is_signed(signed: Callable[..., bytes], key_file: Path) -> None:
    message = signed()
    assert message.isascii()
    assert is_valid(message, key_file)
    assert not is_valid(message.replace(b"\r\nSubject: ", b"\r\nSubject: x\r\nSubject: "), key_file)
    assert not is_valid(message.replace(b"Masques", b"Gants"), key_file)


def test_the_message_id_stays_out_where_the_relay_writes_it(signed: Callable[..., bytes], key_file: Path) -> None:
    message = signed(sign_message_id=False)
    assert is_valid(message.replace(b"\r\nMessage-ID: <", b"\r\nMessage-ID: <relay"), key_file)


def test_a_missing_key_stops_before_the_first_mail(
    sqlite_engine: Engine, draft: Callable[..., int], make_settings: Callable[..., Settings], tmp_path: Path
) -> None:
    with pytest.raises(InvalidKey, match=r"gone\.pem"):
        mailing_of(sqlite_engine, draft(), make_settings(dkim=signing(tmp_path / "gone.pem")))
