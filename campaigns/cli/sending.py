"""Runs the worker with a progress bar, and says what it did."""

import time
from contextlib import suppress
from datetime import datetime, timedelta
from gettext import gettext as _
from typing import TYPE_CHECKING

from campaigns.cli.output import Bar, note, progress_bar, say

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from campaigns.cli.context import Context
    from campaigns.worker import Round, Worker
    from sends.sender import Progress


def send_now(context: "Context", slugs: "Sequence[str]") -> "Round":
    """Send what is due of these campaigns, with a bar; say what waits and why."""
    from campaigns.worker import Worker

    with progress_bar(_("Sending")) as bar:
        worker = Worker(
            context.engine, context.settings, context.clock, on_progress=_follow(bar, _waiting(context, slugs))
        )
        done = worker.round(slugs)
    tell(done)
    _end_if_interrupted(worker)
    due = worker.next_event()
    if due is not None and not done.finished:
        tell_next(context, due)
    return done


def _waiting(context: "Context", slugs: "Sequence[str]") -> int:
    from audiences.database import reading
    from campaigns.lifecycle import get_campaign
    from campaigns.reports import figures_of

    with reading(context.engine) as session:
        campaigns = [get_campaign(session, slug) for slug in slugs]
        return sum(each.waiting + each.deferred for each in figures_of(session, campaigns).values())


def _follow(bar: Bar, total: int) -> "Callable[[Progress], None]":
    shown = 0
    bar.start(total)

    def update(progress: "Progress") -> None:
        nonlocal shown
        done = progress.done.total()
        bar.advance(done - shown)
        shown = done

    return update


def work(context: "Context", *, once: bool) -> None:
    """Launch and send what is due, again and again, until Ctrl-C; with `once`, one time."""
    from campaigns.worker import Worker

    worker = Worker(context.engine, context.settings, context.clock)
    context.settings.relay()  # a setting that is missing is told now, not at the first launch
    if once:
        tell(worker.round())
        _end_if_interrupted(worker)
        tell_next(context, worker.next_event())
        return
    say(_("The worker is running. Ctrl-C ends it."))
    with suppress(KeyboardInterrupt):  # the usual end of a worker that waits, hence no error
        _work_on(worker, context)
    say(_("The worker has ended. What waits is in the database."))


def _end_if_interrupted(worker: "Worker") -> None:
    """Let the shell know of a Ctrl-C after which the worker ended gently: what waits was not sent."""
    if worker.is_stopping:
        raise KeyboardInterrupt


def _work_on(worker: "Worker", context: "Context") -> None:
    from audiences.errors import DatabaseUnavailable
    from campaigns.worker import COOL_OFF, POLL
    from sends.errors import SendError

    announced: datetime | None = None
    while not worker.is_stopping:
        pause = POLL
        try:
            tell(worker.round())
        except (SendError, DatabaseUnavailable) as error:
            note(_("{error} Trying again in {seconds} s.").format(error=error, seconds=int(COOL_OFF.total_seconds())))
            pause = COOL_OFF
        due = worker.next_event()
        if due != announced:
            announced = due
            tell_next(context, due)
        if due is not None and pause is POLL:
            pause = min(pause, max(due - context.now(), timedelta(seconds=1)))
        time.sleep(pause.total_seconds())


def tell(done: "Round") -> None:
    """Say what one round did; nothing when it did nothing."""
    for slug in done.launched:
        say(_("Launched: {slug}").format(slug=slug))
    for slug, cause in done.failed_to_launch.items():
        note(_("Not launched, a draft again: {slug}. {cause}").format(slug=slug, cause=cause))
    counts = {str(status): count for status, count in done.progress.done.items() if count}
    if counts:
        say(", ".join(f"{count} {_(status)}" for status, count in counts.items()))
    for slug, cause in done.paused.items():
        note(_("Paused: {slug}. {cause}").format(slug=slug, cause=cause))
    if done.uncertain:
        note(
            _("{count} message(s) are uncertain: a worker died while they were on the wire.").format(
                count=done.uncertain
            )
        )
    for slug in done.finished:
        say(_("Finished: {slug}").format(slug=slug))


def tell_next(context: "Context", due: "datetime | None") -> None:
    """Say when the next thing is due."""
    from campaigns.calendar import show_instant

    if due is None:
        say(_("Nothing is waiting."))
        return
    when = show_instant(due, context.settings.zone)
    say(_("Next: {when}, by a running `relais sends work`, or run this again.").format(when=when))
