"""Invitations, read back as a calendar reads them."""

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from icalendar import Calendar

from templates import InvalidValue
from templates.invites import Method, Organiser, Webinar, read_webinar, write_invitation

PARIS = ZoneInfo("Europe/Paris")
NOW = dt.datetime(2020, 4, 1, 8, 0, tzinfo=dt.UTC)
INVITE = {"start": "date", "time": "heure", "duration": "duree", "title": "theme", "link": "lien"}
VALUES = {
    "date": dt.date(2020, 5, 14),
    "heure": dt.time(11),
    "duree": 60,
    "theme": "Bien démarrer",
    "lien": "https://webinaires.example.org/x",
}


def write(webinar: Webinar, method: Method = Method.PUBLISH, sequence: int = 0) -> bytes:
    who = Organiser("CCI “Été”; Artois", "contact@example.org")
    return write_invitation(webinar, uid="w@example.org", sequence=sequence, method=method, organiser=who, now=NOW)


def test_a_session_of_a_template_s_variables() -> None:
    webinar = read_webinar(INVITE, VALUES, PARIS)
    calendar = Calendar.from_ical(write(webinar))
    assert str(calendar["METHOD"]) == "PUBLISH"
    [event] = calendar.walk("VEVENT")
    assert event["DTSTART"].dt == dt.datetime(2020, 5, 14, 9, 0, tzinfo=dt.UTC)
    assert event["DTEND"].dt - event["DTSTART"].dt == dt.timedelta(hours=1)
    assert event["DTSTART"].params["TZID"] == "Europe/Paris"
    assert event["DTSTAMP"].dt == NOW
    assert (str(event["UID"]), event["SEQUENCE"], str(event["STATUS"])) == ("w@example.org", 0, "CONFIRMED")
    assert str(event["ORGANIZER"]) == "mailto:contact@example.org"
    assert "ATTENDEE" not in event
    assert VALUES["lien"] in str(event["DESCRIPTION"])
    assert Webinar.from_dict(webinar.to_dict(), PARIS) == webinar


def test_a_cancelled_session_keeps_its_uid() -> None:
    calendar = Calendar.from_ical(write(read_webinar(INVITE, VALUES, PARIS), Method.CANCEL, sequence=2))
    [event] = calendar.walk("VEVENT")
    assert (str(calendar["METHOD"]), str(event["STATUS"]), event["SEQUENCE"]) == ("CANCEL", "CANCELLED", 2)
    assert str(event["UID"]) == "w@example.org"


@pytest.mark.parametrize(
    ("day", "utc_hour"),
    [((2020, 3, 26), 10), ((2020, 3, 29), 9), ((2020, 10, 24), 9), ((2020, 10, 25), 10)],
    ids=["before spring", "the day it springs", "before autumn", "the day it falls"],
)
def test_times_hold_over_the_clock_changes(day: tuple[int, int, int], utc_hour: int) -> None:
    webinar = read_webinar(INVITE, {**VALUES, "date": dt.date(*day)}, PARIS)
    calendar = Calendar.from_ical(write(webinar))
    [event] = calendar.walk("VEVENT")
    assert event["DTSTART"].dt.astimezone(dt.UTC).hour == utc_hour
    [zone] = calendar.walk("VTIMEZONE")
    built = zone.to_tz(lookup_tzid=False)  # by the file's own description alone
    naive = event["DTSTART"].dt.replace(tzinfo=None)
    assert naive.replace(tzinfo=built).astimezone(dt.UTC).hour == utc_hour
    onsets = {part["DTSTART"].dt for part in zone.subcomponents}
    assert {dt.datetime.fromisoformat("2020-03-29T02:00"), dt.datetime.fromisoformat("2020-10-25T03:00")} <= onsets


def test_an_hour_in_the_night_of_the_change_is_an_hour() -> None:
    webinar = read_webinar(INVITE, {**VALUES, "date": dt.date(2020, 10, 25), "heure": dt.time(2, 30)}, PARIS)
    assert webinar.end.astimezone(dt.UTC) - webinar.start.astimezone(dt.UTC) == dt.timedelta(hours=1)


def test_a_zone_without_summer_time() -> None:
    calendar = Calendar.from_ical(write(read_webinar(INVITE, VALUES, ZoneInfo("Indian/Reunion"))))
    [event] = calendar.walk("VEVENT")
    assert event["DTSTART"].dt == dt.datetime(2020, 5, 14, 7, 0, tzinfo=dt.UTC)


def test_a_start_and_an_end_in_one_variable_each() -> None:
    values = {
        "d": dt.datetime.fromisoformat("2020-05-14T09:30"),
        "f": dt.time(10, 15),
        "t": "T",
        "ou": "Arras",
        "quoi": "a\nb",
    }
    invite = {"start": "d", "end": "f", "title": "t", "place": "ou", "description": "quoi"}
    webinar = read_webinar(invite, values, PARIS)
    assert webinar.end - webinar.start == dt.timedelta(minutes=45)
    [event] = Calendar.from_ical(write(webinar)).walk("VEVENT")
    assert (str(event["LOCATION"]), str(event["DESCRIPTION"])) == ("Arras", "a\nb")


@pytest.mark.parametrize(
    ("changes", "hint"),
    [
        ({"theme": ""}, "theme"),
        ({"duree": 0}, "ends before"),
        ({"duree": 99999}, "lasts weeks"),
        ({"date": dt.date(2020, 3, 29), "heure": dt.time(2, 30)}, "does not exist"),
    ],
    ids=["no title", "no time", "weeks", "skipped by the clock"],
)
def test_what_is_no_session_is_refused(changes: dict[str, object], hint: str) -> None:
    with pytest.raises(InvalidValue, match=hint):
        read_webinar(INVITE, {**VALUES, **changes}, PARIS)


@settings(deadline=None)
@given(title=st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), min_size=1, max_size=200))
def test_any_title_arrives_in_lines_of_75_octets(title: str) -> None:
    stream = write(read_webinar(INVITE, {**VALUES, "theme": title}, PARIS))
    assert all(len(line) <= 75 for line in stream.split(b"\r\n"))
    assert b"\n" not in stream.replace(b"\r\n", b"")
    stream.decode()
    [event] = Calendar.from_ical(stream).walk("VEVENT")
    assert str(event["SUMMARY"]) == title
