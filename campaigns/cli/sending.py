"""Runs the worker with a progress bar, and says what it did."""

import time
from contextlib import suppress
from datetime import datetime, timedelta
from gettext import gettext as _
from gettext import ngettext
from math import ceil
from typing import TYPE_CHECKING

from campaigns.cli import changes
from campaigns.cli.output import Bar, note, progress_bar, say

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from campaigns.cli.context import Context
    from campaigns.worker import Round, Worker
    from sends.flights import Progress


def send_now(context: "Context", slugs: "Sequence[str]") -> "Round":
    """Send what is due of these campaigns, with a bar; say what waits and why."""
    from campaigns.worker import Worker

    with progress_bar(_("Sending")) as bar:
        worker = Worker(
            context.engine, context.settings, context.clock, on_progress=_follow(bar, _waiting(context, slugs))
        )
        done = worker.round(slugs)
    tell(context, done)
    _end_if_interrupted(worker)
    if not done.finished:
        _tell_held(context, worker)
        if due := worker.next_event():
            _tell_due(context, due)
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
    announce = _announcing(bar.tell)

    def update(progress: "Progress") -> None:
        nonlocal shown
        announce(progress)
        done = progress.done.total()
        bar.advance(done - shown)
        shown = done

    return update


def _announcing(tell: "Callable[[str], None]") -> "Callable[[Progress], None]":
    """Say once that other workers use all the connections, each time it comes to that."""
    was_held_up = False

    def announce(progress: "Progress") -> None:
        nonlocal was_held_up
        if progress.is_held_up and not was_held_up:
            tell(_("Other workers use all the connections that [smtp] allows: waiting until one is free."))
        was_held_up = progress.is_held_up

    return announce


def work(context: "Context", *, once: bool) -> None:
    """Launch and send what is due, again and again, until Ctrl-C; with `once`, one time."""
    from campaigns.worker import Worker

    worker = Worker(context.engine, context.settings, context.clock, on_progress=_announcing(say))
    context.settings.relay()  # a setting that is missing is told now, not at the first launch
    if once:
        tell(context, worker.round())
        _end_if_interrupted(worker)
        is_held, due = _tell_held(context, worker), worker.next_event()
        if due:
            _tell_due(context, due)
        elif not is_held:
            say(_("Nothing is waiting."))
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
    from campaigns.worker import POLL, cool_off
    from sends.errors import SendError

    announced: datetime | None = None
    failures = 0
    while not worker.is_stopping:
        try:
            tell(context, worker.round())
            failures = 0
        except (SendError, DatabaseUnavailable) as error:
            failures += 1
            minutes = round(cool_off(failures).total_seconds() / 60)
            note(
                ngettext(
                    "{error} Trying again in {minutes} minute.", "{error} Trying again in {minutes} minutes.", minutes
                ).format(error=error, minutes=minutes)
            )
        due = worker.next_event()
        if due is not None and due != announced:
            _tell_due(context, due)
        announced = due
        pause = cool_off(failures) if failures else POLL
        if due is not None and not failures:
            pause = min(pause, max(due - context.now(), timedelta(seconds=1)))
        time.sleep(pause.total_seconds())


def tell(context: "Context", done: "Round") -> None:
    """Say what one round did; nothing when it did nothing."""
    for slug in done.launched:
        say(_("Launched: {slug}").format(slug=slug))
        if slug in done.changed:
            say(f"  {changes.sentence(context, done.changed[slug])}")
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


def _tell_held(context: "Context", worker: "Worker") -> bool:
    """Say what other workers hold, and when it comes free if they have vanished; tell whether there is any."""
    count, until = worker.held()
    if until is None:
        return False
    seconds = max(1, ceil((until - context.now()).total_seconds()))
    say(
        ngettext(
            "{count} message is in the hands of another worker. If that one has vanished, run this again in {seconds} s.",
            "{count} messages are in the hands of another worker. If that one has vanished, run this again in {seconds} s.",
            count,
        ).format(count=count, seconds=seconds)
    )
    return True


def _tell_due(context: "Context", due: datetime) -> None:
    """Say when the next thing is due."""
    from campaigns.calendar import show_instant

    when = show_instant(due, context.settings.zone)
    say(_("Next: {when}, by a running `relais sends work`, or run this again.").format(when=when))
