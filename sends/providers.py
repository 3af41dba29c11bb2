"""What the mailbox providers write in their refusals, and what each of them wants then."""

import re
from enum import StrEnum
from gettext import gettext as _
from typing import NamedTuple


class Provider(StrEnum):
    """Who wrote a reply that only its author's table explains."""

    ORANGE = "Orange"
    LAPOSTE = "La Poste"
    SFR = "SFR"
    FREE = "Free"
    GMAIL = "Gmail"
    MICROSOFT = "Microsoft"
    YAHOO = "Yahoo"


class Reason(StrEnum):
    """What a reply says, in stable words that reports and `sends retry --only` use."""

    ACCEPTED = "accepted"
    NO_SUCH_MAILBOX = "no-such-mailbox"
    ADDRESS_REFUSED = "address-refused"  # at RCPT, without saying that the mailbox does not exist
    MAILBOX_DISABLED = "mailbox-disabled"
    MAILBOX_FULL = "mailbox-full"
    GREYLISTED = "greylisted"
    TEMPORARY = "temporary"
    SLOW_DOWN = "slow-down"
    QUOTA = "quota"  # the relay's own sending limit for us
    BLOCKED = "blocked"
    BLOCKED_AUTHENTICATION = "blocked-authentication"  # SPF, DKIM, DMARC, reverse DNS, TLS
    BLOCKED_REPUTATION = "blocked-reputation"  # the IP address or domain is on a block list
    BLOCKED_CONTENT = "blocked-content"  # taken for spam
    TOO_BIG = "too-big"
    CONTENT = "content"
    SYSTEM = "system"  # the other side is broken, for good by its own word
    SENDER_REFUSED = "sender-refused"
    LOGIN_NEEDED = "login-needed"
    RELAY_DENIED = "relay-denied"
    PROTOCOL = "protocol"


class Finding(NamedTuple):
    """A reason, and the provider whose words gave it (None: anybody's)."""

    reason: Reason
    provider: Provider | None = None


# Orange and La Poste share one table: the last three digits of OFR_506, OFR004_104, LPN007_510 count.
# Sources: postmaster.orange.fr, postmastery.com (OFR and LPN pages), sisimai/p5-sisimai issues 241 and 243.
_FRENCH_CODE = re.compile(r"\b(OFR|LPN)[0-9A]{0,3}[_ -]?(\d{3})\b", re.IGNORECASE)
_FRENCH = {
    Reason.NO_SUCH_MAILBOX: "416",
    Reason.MAILBOX_FULL: "417",
    Reason.MAILBOX_DISABLED: "420 426",
    Reason.SLOW_DOWN: "104 105 108 109 503 505 988 989 990 999",
    # with a sender whose domain has no valid DNS records: the others of the run are not concerned
    Reason.BLOCKED_AUTHENTICATION: "107 201 305 397 398 401 403 405 415 421 515 517 519 535",
    Reason.BLOCKED_REPUTATION: "100 101 102 103 425 510 630",
    Reason.BLOCKED_CONTENT: "506 536",
    Reason.TOO_BIG: "514",
    Reason.LOGIN_NEEDED: "402",
}
_OF_FRENCH_CODE = {code: reason for reason, codes in _FRENCH.items() for code in codes.split()}

_SIGNS: tuple[tuple[str, Reason, Provider | None], ...] = (
    # the codes of non-delivery reports at learn.microsoft.com, and the Outlook.com postmaster pages
    (r"submissionquotaexceeded|reached your daily limit|\b5\.1\.90\b", Reason.QUOTA, Provider.MICROSOFT),
    (r"\b5\.7\.(515|509)\b", Reason.BLOCKED_AUTHENTICATION, Provider.MICROSOFT),
    (r"\(S775\)|\bRP-00\d\b", Reason.SLOW_DOWN, Provider.MICROSOFT),
    (r"\((S3140|S3150)\)|\b(SC|DY)-00\d\b|on our block list", Reason.BLOCKED_REPUTATION, Provider.MICROSOFT),
    (r"recipient address rejected: access denied", Reason.ADDRESS_REFUSED, Provider.MICROSOFT),
    (r"requested action not taken: mailbox unavailable", Reason.NO_SUCH_MAILBOX, Provider.MICROSOFT),
    (r"sendasdenied|\b5\.2\.252\b|5\.7\.60\b", Reason.SENDER_REFUSED, Provider.MICROSOFT),
    (r"\b5\.7\.(57|139)\b|client was not authenticated", Reason.LOGIN_NEEDED, Provider.MICROSOFT),
    # the list at support.google.com/a/answer/3726730
    (r"\b[45]\.7\.(26|25|27|29|30|32|40)\b.*gsmtp", Reason.BLOCKED_AUTHENTICATION, Provider.GMAIL),
    (r"(daily|user) .*sending (limit|quota) exceeded|peak smtp relay limit", Reason.QUOTA, Provider.GMAIL),
    (r"unusual rate of unsolicited", Reason.SLOW_DOWN, Provider.GMAIL),
    (r"\blow reputation", Reason.BLOCKED_REPUTATION, Provider.GMAIL),
    (r"likely (unsolicited|suspicious)|suspicious due to the nature", Reason.BLOCKED_CONTENT, Provider.GMAIL),
    # the error codes at senders.yahooinc.com (Yahoo, AOL)
    (r"\[TSS?\d\d\]", Reason.SLOW_DOWN, Provider.YAHOO),
    (r"\[BL\d\d\]", Reason.BLOCKED_REPUTATION, Provider.YAHOO),
    (r"\[PH\d\d\]|message not accepted for policy reasons", Reason.BLOCKED_CONTENT, Provider.YAHOO),
    (r"user doesn'?t have a .* account", Reason.NO_SUCH_MAILBOX, Provider.YAHOO),
    # the SFR_IN page of postmastery.com; each of its blocks lasts two hours
    (r"\bSFR_IN_\d(01|02)\b", Reason.BLOCKED_CONTENT, Provider.SFR),
    (r"\bSFR_IN_\d(03|05)\b|sfr\.fr .*too many errors", Reason.SLOW_DOWN, Provider.SFR),
    (r"\bSFR_IN_\d04\b", Reason.BLOCKED_REPUTATION, Provider.SFR),
    # the list at postmaster.free.fr
    (r"\bspam detected$", Reason.BLOCKED_CONTENT, Provider.FREE),
    (r"too many (errors|spam|connections) from (your|this) ip", Reason.SLOW_DOWN, Provider.FREE),
    # words that many servers share
    (r"gr[ae]y-?list|postgrey", Reason.GREYLISTED, None),
    (r"relay(ing)? (access )?(is )?(denied|not (permitted|allowed))|unable to relay", Reason.RELAY_DENIED, None),
    (r"(authentication|login) (is )?required|must (authenticate|log ?in)", Reason.LOGIN_NEEDED, None),
    (r"sender address rejected: not (owned|logged)", Reason.SENDER_REFUSED, None),
    (
        r"\bdmarc\b|\bspf\b.*\b(fail|not allowed|not authori[sz]ed)|\bdkim\b.*\bfail",
        Reason.BLOCKED_AUTHENTICATION,
        None,
    ),
    (r"spamhaus|abusix|barracuda|blacklist|block ?list|dnsbl|\brbl\b", Reason.BLOCKED_REPUTATION, None),
)
_ANY_SIGN = re.compile(
    "|".join(f"(?P<s{number}>{sign})" for number, (sign, _r, _p) in enumerate(_SIGNS)), re.IGNORECASE
)


def recognise(text: str) -> Finding | None:
    """Return what the words of a refusal mean where a provider's table explains them; `text` holds the codes too."""
    french = _FRENCH_CODE.search(text)
    if french:
        provider = Provider.ORANGE if french[1].upper() == "OFR" else Provider.LAPOSTE
        reason = _OF_FRENCH_CODE.get(french[2])
        return Finding(reason, provider) if reason else None
    found = _ANY_SIGN.search(text)
    if found is None or found.lastgroup is None:
        return None
    return Finding(*_SIGNS[int(found.lastgroup[1:])][1:])


def advice(reason: Reason, provider: Provider | None) -> str | None:
    """Return in plain words what to do about a refusal; None where nothing is to be done."""
    who = str(provider) if provider else _("The recipient's provider")
    texts = {
        Reason.BLOCKED: _(
            "{who} refuses this message by its own rules; read its reply, and do not send it again as it is."
        ),
        Reason.BLOCKED_AUTHENTICATION: _(
            "{who} wants proof that the message is yours: SPF, DKIM and DMARC of the sender's domain must pass, "
            "and the relay needs a name that leads back to its address. Give the reply to whoever runs your domain."
        ),
        Reason.BLOCKED_REPUTATION: _(
            "{who} holds the relay's address or your domain for a source of spam. Stop sending there, look it up in "
            "the block list that the reply names, and ask for its removal once the cause is gone."
        ),
        Reason.BLOCKED_CONTENT: _(
            "{who} takes this message for spam. Make it plainer (fewer links and pictures, a clear subject), "
            "and write only to people who expect it."
        ),
        Reason.SLOW_DOWN: _("{who} finds us too fast. Relais slows down by itself; spread large campaigns over days."),
        Reason.QUOTA: _(
            "The relay's sending limit for your account is used up. Go on tomorrow, or ask for a higher one."
        ),
        Reason.TOO_BIG: _("The message is larger than {who} takes. Put attachments online and link to them."),
        Reason.CONTENT: _("The relay cannot pass on this kind of message or address; read its reply."),
        Reason.SENDER_REFUSED: _(
            "The relay does not let this account send as this sender. Use an address that is yours there."
        ),
        Reason.LOGIN_NEEDED: _("The relay wants a login. Set username and password, or auth = xoauth2 with a token."),
        Reason.RELAY_DENIED: _(
            "The relay passes on no mail from here. Log in to it, or have its operator allow this machine."
        ),
        Reason.PROTOCOL: _(
            "The relay does not understand Relais. Check host and port; switch pipelining off and try again."
        ),
    }
    text = texts.get(reason)
    return None if text is None else text.format(who=who)
