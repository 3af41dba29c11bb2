"""From what happened to a message on the wire to what that means for its delivery."""

from datetime import datetime

from sends.bounces import EXPIRED
from sends.claims import Claim, Outcome
from sends.mailing import Mailing
from sends.replies import Verdict, classify
from sends.retries import next_attempt
from sends.states import DeliveryStatus
from sends.transports import Lost, Refused


def judge_refusal(
    claim: Claim, event: Refused, mailing: Mailing, *, is_marked: bool, now: datetime
) -> tuple[Outcome, Verdict]:
    """Turn a reply of 4yz or 5yz into the delivery's next status, and the verdict for campaign and run."""
    verdict = classify(event.reply, event.phase)
    after, not_before = DeliveryStatus(verdict.outcome), None
    reason: str = verdict.reason
    if after is DeliveryStatus.DEFERRED:
        not_before = _next(claim, mailing, now)
        if not_before is None:
            after, reason = DeliveryStatus.FAILED, EXPIRED
    outcome = Outcome(
        claim,
        DeliveryStatus.SENDING if is_marked else DeliveryStatus.CLAIMED,
        after,
        reason=reason,
        reply=event.reply,
        not_before=not_before,
        is_hard_bounce=verdict.suppress and not mailing.redirect_to,
        is_about_mailbox=not mailing.redirect_to,
    )
    return outcome, verdict


def judge_loss(
    claim: Claim, event: Lost, mailing: Mailing, *, is_marked: bool, is_first: bool, now: datetime
) -> Outcome:
    """A lost connection is as a 451 (RFC 5321 3.8) before the final dot, and a doubt after it (6.1).

    The first loss before the body goes back to the queue at once (one whose intent was committed is due at once); a
    second one waits, lest one message kill connection after connection.
    """
    if event.is_in_doubt:
        return Outcome(claim, DeliveryStatus.SENDING, DeliveryStatus.UNCERTAIN, reason=event.error)
    before = DeliveryStatus.SENDING if is_marked else DeliveryStatus.CLAIMED
    if is_first:
        again, due = (DeliveryStatus.DEFERRED, now) if is_marked else (DeliveryStatus.QUEUED, None)
        return Outcome(claim, before, again, reason=event.error, not_before=due, is_attempt=False)
    due = _next(claim, mailing, now)
    after = DeliveryStatus.FAILED if due is None else DeliveryStatus.DEFERRED
    return Outcome(claim, before, after, reason=event.error, not_before=due)


def _next(claim: Claim, mailing: Mailing, now: datetime) -> datetime | None:
    first = claim.first_attempt_at or now
    return next_attempt(claim.attempts + 1, first_attempt=first, now=now, give_up_after=mailing.give_up_after)
