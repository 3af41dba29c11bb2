"""A webinar from its invitation to its cancellation, as the calendars of its recipients see it."""

from email import message_from_bytes, policy
from email.message import EmailMessage

from icalendar import Calendar

from tests.acceptance.office import Office
from tests.smtpd import SmtpServer

REFUSED = 2
SETS = ("--set", "theme=Bien démarrer", "--set", "date=14/05/2027", "--set", "lien=https://w.example.org/x")


def sent(server: SmtpServer) -> tuple[str, dict[str, object]]:
    """Give the method and the event of the newest message."""
    message = message_from_bytes(server.messages[-1].body, policy=policy.default)
    assert isinstance(message, EmailMessage)
    [part] = [part for part in message.walk() if part.get_content_type() == "text/calendar"]
    assert part.get_filename() == "invitation.ics"
    calendar = Calendar.from_ical(part.get_payload(decode=True))
    assert part["Content-Type"].params["method"] == str(calendar["METHOD"])
    [event] = calendar.walk("VEVENT")
    return str(calendar["METHOD"]), dict(event)


def create(office: Office, slug: str, *words: str, template: str = "webinaire", code: int = 0) -> str:
    run = office("campaigns", "create", slug, "--audience", "cua-aides", "--template", template, *words, code=code)
    return run.stderr


def test_a_webinar_is_announced_moved_and_cancelled(office: Office) -> None:
    create(office, "webinaire", *SETS, "--set", "heure=11 h")
    with SmtpServer() as server:
        office.use(server)
        assert "has not left yet" in create(office, "bouge", "--update-of", "webinaire", code=REFUSED)
        office("campaigns", "send", "webinaire", "--yes")
        method, first = sent(server)
        assert (method, first["SEQUENCE"]) == ("PUBLISH", 0)

        create(office, "bouge", "--update-of", "webinaire", "--set", "heure=14 h 30")  # the rest is inherited
        office("campaigns", "send", "bouge", "--yes")
        method, moved = sent(server)
        assert (method, moved["SEQUENCE"], moved["UID"]) == ("PUBLISH", 1, first["UID"])
        assert moved["DTSTART"].dt - first["DTSTART"].dt == moved["DTEND"].dt - first["DTEND"].dt
        assert f"{moved['DTSTART'].dt:%H:%M}" == "14:30"

        note = ("--set", "titre=Webinaire annulé", "--set", "message=Nous reviendrons vers vous.")
        create(office, "annule", "--cancel-of", "bouge", *note, template="information")
        office("campaigns", "send", "annule", "--yes")
        method, gone = sent(server)
        assert (method, gone["SEQUENCE"], gone["UID"]) == ("CANCEL", 2, first["UID"])
        assert gone["DTSTART"].dt == moved["DTSTART"].dt
        assert str(gone["STATUS"]) == "CANCELLED"


def test_what_cannot_change_a_webinar_is_refused_and_leaves_nothing(office: Office) -> None:
    with SmtpServer() as server:
        office.use(server)
        office("campaigns", "send", "info", "--yes")
        before = office.state()
        assert "no invitation" in create(office, "x", *SETS, "--update-of", "info", code=REFUSED)
        assert "Leave" in create(office, "x", *SETS, "--update-of", "info", "--cancel-of", "info", code=REFUSED)
        assert "there is no campaign" in create(office, "x", "--cancel-of", "rien", code=REFUSED).lower()
        assert office.state() == before
