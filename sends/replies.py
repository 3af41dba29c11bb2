"""What a reply of a relay means for the delivery, for its recipient, and for the rest of the run."""

from enum import StrEnum
from typing import NamedTuple

from sends.providers import Finding, Provider, Reason, advice, recognise
from sends.transports.events import Phase
from sends.transports.reply import Reply


class Outcome(StrEnum):
    """Where a delivery goes after a reply."""

    SENT = "sent"  # the relay owns the message now
    DEFERRED = "deferred"  # to be tried again later
    BOUNCED = "bounced"  # it will never reach this mailbox
    FAILED = "failed"  # this message will not be taken; the mailbox may be fine


class Cause(StrEnum):
    """Whose affair a refusal is."""

    ACCEPTED = "accepted"
    HARD = "hard"  # the mailbox does not exist
    DISABLED = "disabled"  # closed by its provider: counts as hard the second time
    MAILBOX_FULL = "mailbox_full"
    SOFT = "soft"  # a passing trouble of the other side
    SLOW_DOWN = "slow_down"
    BLOCK = "block"  # a policy against us: never the recipient's fault
    CONTENT = "content"  # this message, whoever sends it
    CONFIGURATION = "configuration"  # our settings: the next message would fare the same


class Verdict(NamedTuple):
    """What to do after a reply.

    `suppress` asks never to write to the mailbox again, `slow_down` to halve the rate, `stop` to end the run until
    somebody has looked at it. `reason` is stable: reports group by it.
    """

    outcome: Outcome
    cause: Cause
    reason: Reason
    suppress: bool = False
    slow_down: bool = False
    stop: bool = False
    provider: Provider | None = None

    @property
    def is_block(self) -> bool:
        """Whether a policy is against us, which pauses the campaign when it repeats."""
        return self.cause is Cause.BLOCK

    @property
    def advice(self) -> str | None:
        """What the officer can do about it, in plain words; None where nothing is to be done."""
        return advice(self.reason, self.provider)


_VERDICTS = {
    verdict.reason: verdict
    for verdict in (
        Verdict(Outcome.SENT, Cause.ACCEPTED, Reason.ACCEPTED),
        Verdict(Outcome.BOUNCED, Cause.HARD, Reason.NO_SUCH_MAILBOX, suppress=True),
        Verdict(Outcome.BOUNCED, Cause.HARD, Reason.ADDRESS_REFUSED),
        Verdict(Outcome.BOUNCED, Cause.DISABLED, Reason.MAILBOX_DISABLED),
        Verdict(Outcome.DEFERRED, Cause.MAILBOX_FULL, Reason.MAILBOX_FULL),
        Verdict(Outcome.DEFERRED, Cause.SOFT, Reason.GREYLISTED),
        Verdict(Outcome.DEFERRED, Cause.SOFT, Reason.TEMPORARY),
        Verdict(Outcome.DEFERRED, Cause.SLOW_DOWN, Reason.SLOW_DOWN, slow_down=True),
        Verdict(Outcome.DEFERRED, Cause.SLOW_DOWN, Reason.QUOTA, slow_down=True, stop=True),
        Verdict(Outcome.FAILED, Cause.BLOCK, Reason.BLOCKED),
        Verdict(Outcome.FAILED, Cause.BLOCK, Reason.BLOCKED_AUTHENTICATION),
        Verdict(Outcome.FAILED, Cause.BLOCK, Reason.BLOCKED_REPUTATION),
        Verdict(Outcome.FAILED, Cause.BLOCK, Reason.BLOCKED_CONTENT),
        Verdict(Outcome.FAILED, Cause.CONTENT, Reason.TOO_BIG),
        Verdict(Outcome.FAILED, Cause.CONTENT, Reason.CONTENT),
        Verdict(Outcome.FAILED, Cause.SOFT, Reason.SYSTEM),
        Verdict(Outcome.FAILED, Cause.CONFIGURATION, Reason.SENDER_REFUSED, stop=True),
        Verdict(Outcome.FAILED, Cause.CONFIGURATION, Reason.LOGIN_NEEDED, stop=True),
        Verdict(Outcome.FAILED, Cause.CONFIGURATION, Reason.RELAY_DENIED, stop=True),
        Verdict(Outcome.FAILED, Cause.CONFIGURATION, Reason.PROTOCOL, stop=True),
    )
}

# RFC 3463, and the IANA registry of enhanced codes; the longest prefix of the code after its class decides
_OF_ENHANCED = {
    "1": Reason.ADDRESS_REFUSED,
    "1.1": Reason.NO_SUCH_MAILBOX,
    "1.2": Reason.NO_SUCH_MAILBOX,
    "1.3": Reason.NO_SUCH_MAILBOX,
    "1.6": Reason.NO_SUCH_MAILBOX,
    "1.7": Reason.SENDER_REFUSED,
    "1.8": Reason.SENDER_REFUSED,
    "1.9": Reason.TEMPORARY,
    "1.10": Reason.NO_SUCH_MAILBOX,  # null MX, RFC 7505
    "2": Reason.ADDRESS_REFUSED,
    "2.1": Reason.MAILBOX_DISABLED,
    "2.2": Reason.MAILBOX_FULL,
    "2.3": Reason.TOO_BIG,
    "3": Reason.SYSTEM,
    "3.4": Reason.TOO_BIG,
    "4": Reason.PROTOCOL,
    "5": Reason.PROTOCOL,
    "5.3": Reason.TEMPORARY,  # too many recipients
    "6": Reason.CONTENT,
    "7": Reason.BLOCKED,
    **{f"7.{detail}": Reason.BLOCKED_AUTHENTICATION for detail in (*range(20, 28), 29, 30, 32, 40)},  # RFC 7372, Google
}
_TEMPORARY_OF_ENHANCED = {
    "2.2": Reason.MAILBOX_FULL,
    "4": Reason.SLOW_DOWN,
    "7": Reason.SLOW_DOWN,
}
_OF_CODE = {
    501: Reason.PROTOCOL,
    530: Reason.LOGIN_NEEDED,
    534: Reason.LOGIN_NEEDED,
    535: Reason.LOGIN_NEEDED,
    538: Reason.LOGIN_NEEDED,
    552: Reason.TOO_BIG,
    556: Reason.NO_SUCH_MAILBOX,  # RFC 7504: the domain takes no mail
    555: Reason.PROTOCOL,
}
_OF_CODE_AT_RCPT = {
    501: Reason.ADDRESS_REFUSED,
    550: Reason.NO_SUCH_MAILBOX,
    551: Reason.NO_SUCH_MAILBOX,
    552: Reason.TEMPORARY,  # RFC 5321 4.5.3.1.10
    553: Reason.ADDRESS_REFUSED,
}
_LOGIN_CODES = {530, 534, 535, 538}  # RFC 4954 6: they say more than the 5.7.x beside them


def classify(reply: Reply, phase: Phase) -> Verdict:
    """Return what `reply`, read at `phase`, means.

    2yz is sent and 4yz is deferred whatever else stands in the reply (RFC 5321 4.2.1). A 5yz is explained by what its
    provider is known to mean, else by its enhanced code, else by its code and phase. Raise ValueError for 1yz and 3yz.
    """
    if reply.is_positive:
        return _VERDICTS[Reason.ACCEPTED]
    if not reply.is_negative:
        raise ValueError(f"{reply.code} asks for more and decides nothing: a session answers it by itself")
    finding = recognise(str(reply)) or Finding(_reason(reply, phase))
    verdict = _VERDICTS[finding.reason]._replace(provider=finding.provider)
    return _temporary(verdict, reply) if reply.code < 500 else _permanent(verdict, phase)


def _reason(reply: Reply, phase: Phase) -> Reason:
    if reply.code < 500:
        if reply.code == 421:
            return Reason.SLOW_DOWN
        return _by_enhanced(reply.enhanced, _TEMPORARY_OF_ENHANCED) or Reason.TEMPORARY
    if reply.code in _LOGIN_CODES:
        return Reason.LOGIN_NEEDED
    by_enhanced = _by_enhanced(reply.enhanced, _OF_ENHANCED)
    if by_enhanced is not None:
        return by_enhanced
    if phase is Phase.RCPT and reply.code in _OF_CODE_AT_RCPT:
        return _OF_CODE_AT_RCPT[reply.code]
    return _OF_CODE.get(reply.code) or (Reason.PROTOCOL if reply.code < 510 else Reason.BLOCKED)


def _by_enhanced(enhanced: str | None, table: dict[str, Reason]) -> Reason | None:
    if enhanced is None:
        return None
    code = enhanced[2:]
    return table.get(code) or table.get(code.partition(".")[0])


def _temporary(verdict: Verdict, reply: Reply) -> Verdict:
    """Turn a finding into that of a 4yz: nothing is over, nobody is suppressed; who blocks us wants us slower."""
    if verdict.cause in {Cause.HARD, Cause.DISABLED, Cause.CONTENT} or verdict.reason is Reason.SYSTEM:
        verdict = _VERDICTS[Reason.TEMPORARY]._replace(provider=verdict.provider)
    is_pressing = verdict.slow_down or verdict.cause is Cause.BLOCK or reply.code == 421
    return verdict._replace(outcome=Outcome.DEFERRED, slow_down=is_pressing, stop=verdict.reason is Reason.QUOTA)


def _permanent(verdict: Verdict, phase: Phase) -> Verdict:
    """Turn a finding into that of a 5yz, which must not be repeated (RFC 5321 4.2.1).

    A full mailbox, a used-up quota and "too many recipients" are the exceptions: they pass.
    """
    if verdict.reason in {Reason.SLOW_DOWN, Reason.GREYLISTED}:
        return verdict._replace(outcome=Outcome.FAILED, cause=Cause.BLOCK, slow_down=True)
    if phase is Phase.MAIL and verdict.outcome is Outcome.BOUNCED:
        return _VERDICTS[Reason.SENDER_REFUSED]  # the recipient was not named yet
    return verdict
