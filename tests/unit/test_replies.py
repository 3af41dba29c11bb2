import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sends.providers import Reason, advice
from sends.replies import Cause, Outcome, Verdict, classify
from sends.transports.events import Phase
from sends.transports.reply import Reply

with (Path(__file__).parent.parent / "samples" / "replies.csv").open(encoding="utf-8", newline="") as file:
    SAMPLES = list(csv.DictReader(file))


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample["id"])
def test_real_reply(sample: dict[str, str]) -> None:
    reply = Reply(int(sample["code"]), sample["enhanced"] or None, sample["text"])
    expected = Verdict(
        Outcome(sample["outcome"]),
        Cause(sample["cause"]),
        Reason(sample["reason"]),
        suppress=bool(sample["suppress"]),
        slow_down=bool(sample["slow_down"]),
        stop=bool(sample["stop"]),
    )
    assert classify(reply, Phase(sample["phase"]))._replace(provider=None) == expected


def test_each_sample_names_its_source() -> None:
    assert all(sample["source"] for sample in SAMPLES)
    assert len({sample["id"] for sample in SAMPLES}) == len(SAMPLES)


def test_provider_is_named_in_the_advice() -> None:
    verdict = classify(Reply(550, "5.2.0", "Mail rejete. Mail rejected. ofr_506 [506]"), Phase.DOT)
    assert verdict.advice is not None
    assert verdict.advice.startswith("Orange takes this message for spam")


@pytest.mark.parametrize("reason", list(Reason))
def test_refusals_that_are_ours_come_with_advice(reason: Reason) -> None:
    is_ours = classify_reason(reason).cause in {Cause.BLOCK, Cause.CONFIGURATION, Cause.CONTENT, Cause.SLOW_DOWN}
    assert (advice(reason, None) is not None) == is_ours


def classify_reason(reason: Reason) -> Verdict:
    samples = (sample for sample in SAMPLES if sample["reason"] == reason)
    return max(
        (classify(Reply(int(s["code"]), s["enhanced"] or None, s["text"]), Phase(s["phase"])) for s in samples),
        key=lambda verdict: verdict.outcome is not Outcome.DEFERRED,
    )


@given(text=st.text(), phase=st.sampled_from([Phase.MAIL, Phase.RCPT, Phase.DATA, Phase.DOT]))
@pytest.mark.parametrize(
    ("code", "outcomes"),
    [
        (250, {Outcome.SENT}),
        (251, {Outcome.SENT}),
        (252, {Outcome.SENT}),
        (299, {Outcome.SENT}),
        (421, {Outcome.DEFERRED}),
        (450, {Outcome.DEFERRED}),
        (451, {Outcome.DEFERRED}),
        (452, {Outcome.DEFERRED}),
        (455, {Outcome.DEFERRED}),
        (499, {Outcome.DEFERRED}),
        (500, {Outcome.FAILED}),
        (550, {Outcome.FAILED, Outcome.BOUNCED}),  # a mailbox at RCPT, a policy elsewhere
        (551, {Outcome.FAILED, Outcome.BOUNCED}),
        (552, {Outcome.FAILED, Outcome.DEFERRED}),  # too many recipients at RCPT (4.5.3.1.10), too big elsewhere
        (553, {Outcome.FAILED, Outcome.BOUNCED}),
        (554, {Outcome.FAILED}),
        (555, {Outcome.FAILED}),
        (599, {Outcome.FAILED}),
    ],
)
def test_random_text_never_changes_the_outcome(code: int, outcomes: set[Outcome], text: str, phase: Phase) -> None:
    assert classify(Reply(code, None, text), phase).outcome in outcomes


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample["id"])
def test_the_first_digit_decides_whatever_a_provider_writes(sample: dict[str, str]) -> None:
    assert classify(Reply(250, None, sample["text"]), Phase.DOT).outcome is Outcome.SENT
    assert classify(Reply(450, None, sample["text"]), Phase.DOT).outcome is Outcome.DEFERRED
    assert not classify(Reply(450, None, sample["text"]), Phase.DOT).suppress
    assert classify(Reply(550, None, sample["text"]), Phase.DOT).outcome is not Outcome.SENT


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample["id"])
def test_nobody_is_suppressed_before_a_recipient_was_named(sample: dict[str, str]) -> None:
    reply = Reply(int(sample["code"]), sample["enhanced"] or None, sample["text"])
    assert not classify(reply, Phase.MAIL).suppress


def test_a_reply_that_asks_for_more_has_no_verdict() -> None:
    with pytest.raises(ValueError, match="354"):
        classify(Reply(354), Phase.DATA)
