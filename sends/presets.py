"""What the relays that chambers use are known to want: where they listen, and how much they take."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from sends.limits import DomainLimit
from sends.transports.settings import Security


class Preset(StrEnum):
    """A relay whose settings need not be looked up."""

    MICROSOFT365 = "microsoft365"
    GOOGLE = "google"
    OVH = "ovh"
    BREVO = "brevo"
    MAILJET = "mailjet"
    POSTFIX = "postfix"  # an own server, which delivers to the recipients' providers itself


@dataclass(frozen=True, slots=True)
class Hints:
    """What a preset stands for, under the names of the settings that win over it; None is no known limit.

    `domains` are limits of the recipients' providers: only an own server meets them. A provider's relay queues by
    itself and knows better.
    """

    host: str
    port: int
    security: Security
    connections: int = 2
    per_minute: float | None = None
    per_day: int | None = None
    domains: tuple[DomainLimit, ...] = ()


# A mailbox provider counts all its domains as one. None of them publishes a rate. Orange's own advice, as agencies pass
# it on (groork.com): three connections a server, 1000 connections an hour; senders report 50 to 100 messages a minute
# as safe (suped.com, "recommended connection and message rate limits for wanadoo.fr and orange.fr"). One a second is
# at the careful end, and brings 3600 an hour to each.
FRENCH_PROVIDERS = (
    DomainLimit(("orange.fr", "wanadoo.fr"), per_minute=60, connections=2),
    DomainLimit(("free.fr", "aliceadsl.fr", "libertysurf.fr", "freesbee.fr"), per_minute=60, connections=2),
    DomainLimit(
        ("sfr.fr", "neuf.fr", "cegetel.net", "club-internet.fr", "numericable.fr"), per_minute=60, connections=2
    ),
    DomainLimit(("laposte.net",), per_minute=60, connections=2),
)

HINTS: Mapping[Preset, Hints] = MappingProxyType(
    {
        # learn.microsoft.com/exchange/troubleshoot/send-emails/smtp-submission-improvements: a mailbox has three
        # connections, 30 messages a minute and 10 000 recipients a day.
        Preset.MICROSOFT365: Hints(
            "smtp.office365.com", 587, Security.STARTTLS, connections=3, per_minute=30, per_day=10_000
        ),
        # support.google.com/a/answer/166852: 2000 messages a day and user (500 on a trial), over 24 hours. The relay
        # service (smtp-relay.gmail.com, answer/2956491) takes 10 000 a day and user: set host and per_day.
        Preset.GOOGLE: Hints("smtp.gmail.com", 587, Security.STARTTLS, per_day=2_000),
        # Host and port: help.ovhcloud.com, "Getting started with the MX Plan solution". The guides name no limit; the
        # 200 messages an hour and account are what customers report.
        Preset.OVH: Hints("ssl0.ovh.net", 465, Security.TLS, per_minute=200 / 60),
        # developers.brevo.com/docs/smtp-integration; help.brevo.com/hc/articles/8292912279954: 300 a day is the free
        # plan, paid plans have no daily limit.
        Preset.BREVO: Hints("smtp-relay.brevo.com", 587, Security.STARTTLS, per_day=300),
        # mailjet.com, pricing FAQ: 200 a day (6000 a month) is the free plan.
        Preset.MAILJET: Hints("in-v3.mailjet.com", 587, Security.STARTTLS, per_day=200),
        # Postfix admits 50 connections of one client (postconf(5), smtpd_client_connection_count_limit).
        Preset.POSTFIX: Hints("localhost", 25, Security.NONE, connections=8, domains=FRENCH_PROVIDERS),
    }
)
