"""Limits as relais.toml and the presets set them."""

from collections.abc import Callable

import pytest

from campaigns.errors import InvalidSettings
from campaigns.settings import SETTINGS_FILE, Settings, SmtpSection, load_settings
from sends.limits import DomainLimit, RateLimits
from sends.presets import HINTS, Preset
from sends.transports import Security
from tests.factories import EXAMPLE


@pytest.fixture
def settings_of(settings: Settings) -> Callable[..., Settings]:
    """Make settings with these lines under [smtp] and no others."""
    return lambda **smtp: settings.model_copy(update={"smtp": SmtpSection(**smtp)})


@pytest.mark.parametrize("preset", Preset)
def test_a_preset_is_enough_to_reach_its_relay(settings_of, preset):
    settings = settings_of(preset=preset.value, host="")
    hints, relay = HINTS[preset], settings.relay()
    assert (relay.host, relay.port, relay.security) == (hints.host, hints.port, hints.security)
    assert settings.smtp.connections == hints.connections
    assert settings.limits() == RateLimits(hints.per_minute, hints.per_day, None, hints.domains)


def test_what_is_set_wins_over_the_preset(make_settings):
    smtp = {
        "preset": "brevo",
        "host": "smtp.example.org",
        "port": 465,
        "security": "tls",
        "per_day": "",
        "per_minute": 9,
    }
    settings = make_settings(smtp=smtp)
    assert (settings.relay().host, settings.relay().security) == ("smtp.example.org", Security.TLS)
    assert settings.limits() == RateLimits(per_minute=9)


def test_without_a_preset_nothing_is_limited(settings):
    assert settings.limits() == RateLimits()


def test_a_group_of_domains_replaces_those_it_touches(settings_of):
    group = {"names": ["wanadoo.fr"], "per_minute": 5}
    domains = settings_of(preset="postfix", domains=[group]).limits().domains
    assert domains[0] == DomainLimit(("wanadoo.fr",), per_minute=5)
    assert [limit.names[0] for limit in domains[1:]] == ["free.fr", "sfr.fr", "laposte.net"]


def test_the_environment_sets_the_preset_too(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    SETTINGS_FILE.write_text(EXAMPLE.read_text(encoding="utf-8"), encoding="utf-8")
    monkeypatch.setenv("RELAIS_SMTP__PRESET", "ovh")
    monkeypatch.setenv("RELAIS_SMTP__PER_DAY", "500")
    settings = load_settings()
    assert (settings.relay().host, settings.limits().per_day) == ("ssl0.ovh.net", 500)


@pytest.mark.parametrize(
    ("lines", "place"),
    [
        ('preset = "acme"', "smtp.preset"),
        ('preset = ["ovh"]', "smtp.preset"),
        ("per_minute = 0", "smtp.per_minute"),
        ("per_day = 0", "smtp.per_day"),
        ('warm_up_since = "soon"', "smtp.warm_up_since"),
        ("[[smtp.domains]]\nnames = []", "smtp.domains.0.names"),
        ('[[smtp.domains]]\nnames = ["Orange"]', "smtp.domains.0.names.0"),
        ('[[smtp.domains]]\nnames = ["a.fr"]\n[[smtp.domains]]\nnames = ["b.fr", "a.fr"]', "a.fr stands in two groups"),
    ],
    ids=["preset", "preset list", "rate", "quota", "date", "no domain", "no domain name", "twice"],
)
def test_a_wrong_limit_is_named(monkeypatch, tmp_path, lines, place):
    monkeypatch.chdir(tmp_path)
    text = EXAMPLE.read_text(encoding="utf-8").replace("\n[territory]", f"\n{lines}\n[territory]", 1)
    SETTINGS_FILE.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidSettings, match=place.replace(".", r"\.")):
        load_settings()
