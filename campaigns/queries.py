"""Queries of this installation: its settings, the fields that speak of campaigns, and what a query means in French."""

from collections.abc import Callable, Iterable
from datetime import datetime
from gettext import gettext as _

from sqlalchemy import func, select, true
from sqlalchemy.orm import Session

from audiences import catalogue
from audiences.errors import AudienceError, AudienceInUse, UnknownField, UnknownValue
from audiences.fields import Field, Meaning, Phrase, Store, Subject, Tally, guillemets, only_values
from audiences.models import Audience, Company, Contact
from audiences.segments import AUDIENCE_FIELD, FIELDS, Segment, find_field, read_segment, unknown_field
from audiences.tallies import contact_tallies
from audiences.text import did_you_mean
from audiences.tree import Range, Text
from campaigns.models import Campaign
from campaigns.settings import Settings
from campaigns.targets import got
from sends.models import Delivery
from sends.states import ARRIVED, DeliveryStatus

_RECEIVED = Phrase("qui ont reçu {}", "qui n’ont {pas}reçu {}")
_RECEIVED_ANY = Phrase("qui ont reçu une campagne", "qui n’ont reçu aucune campagne")
_BOUNCED = Phrase("dont l’adresse a rejeté {}", "dont l’adresse n’a {pas}rejeté {}")
_BOUNCED_ANY = Phrase("dont l’adresse a rejeté une campagne", "dont l’adresse n’a rejeté aucune campagne")


def _of_campaign(
    name: str, statuses: tuple[DeliveryStatus, ...], phrase: Phrase, anything: Phrase
) -> Callable[[Store, Text | Range], Meaning]:
    """Build the condition of contacts whose mailbox has a delivery of the campaign that stands so; no rehearsal counts."""

    def build(store: Store, value: Text | Range) -> Meaning:
        text = only_values(value, name)
        if text.is_anything:
            return Meaning(got(true(), statuses), anything)
        slugs = list(store.session.scalars(select(Campaign.slug)))
        if text.text not in slugs:
            hint = did_you_mean(text.text, slugs) if slugs else _("See `relais campaigns list`.")
            cause = _("There is no campaign {slug}. {hint}")
            raise UnknownValue(cause.format(slug=text.text, hint=hint), text.span)
        return Meaning(got(Campaign.slug == text.text, statuses), phrase, guillemets(text.text))

    return build


def _tally(statuses: tuple[DeliveryStatus, ...]) -> Callable[[Store], Iterable[Tally]]:
    def tally(store: Store) -> list[Tally]:
        names: dict[str, str] = dict(store.session.execute(select(Campaign.slug, Campaign.name)).all())
        counted = (
            select(Contact.id)
            .join(Delivery, Delivery.address_key == Contact.address_key)
            .join(Campaign, Campaign.id == Delivery.campaign_id)
            .where(Delivery.status.in_(statuses), Campaign.redirect_to.is_(None))
        )
        found = contact_tallies(store, Campaign.slug, counted, lambda slug: (slug, names[slug]))
        listed = {each.value for each in found}
        return [*found, *(Tally(slug, name, 0, 0) for slug, name in sorted(names.items()) if slug not in listed)]

    return tally


SEND_FIELDS = (
    Field(
        "received",
        ("recu",),
        _("got this campaign"),
        "received:info-fonds-cua",
        _of_campaign("received", ARRIVED, _RECEIVED, _RECEIVED_ANY),
        Subject.CONTACT,
        _tally(ARRIVED),
    ),
    Field(
        "bounced",
        ("rejete", "rebond"),
        _("the address did not take this campaign"),
        "bounced:info-fonds-cua",
        _of_campaign("bounced", (DeliveryStatus.BOUNCED,), _BOUNCED, _BOUNCED_ANY),
        Subject.CONTACT,
        _tally((DeliveryStatus.BOUNCED,)),
    ),
)
"""The fields of the query language that speak of campaigns."""


def store_of(session: Session, settings: Settings, *, now: datetime) -> Store:
    """Give what queries are resolved against; relative dates count from the day that it is in the officer's zone."""
    terms = {"nature": settings.requests.natures, "channel": settings.requests.channels}
    return Store(session, settings.places, settings.sectors, now.astimezone(settings.zone).date(), terms)


def read_query(session: Session, query: str, settings: Settings, *, now: datetime, name: str | None = None) -> Segment:
    """Read a query with every field of the language, against this installation's store and reference.

    `name` is the saved audience whose query it is: it cannot contain itself.
    """
    return read_segment(query, store_of(session, settings, now=now), extra=SEND_FIELDS, name=name)


def describe_past(session: Session, query: str, settings: Settings, *, at: datetime) -> str | None:
    """Say in French whom the query of a launched campaign meant; None where it names what is no longer known."""
    try:
        return read_query(session, query, settings, now=at).in_french
    except AudienceError:
        return None


def tally_values(session: Session, name: str, settings: Settings, *, now: datetime) -> list[Tally]:
    """Count the values of a field; UnknownField where there is none of this name, or its values cannot be listed."""
    fields = [*FIELDS.values(), *SEND_FIELDS, AUDIENCE_FIELD]
    field = find_field(name, fields)
    if field is None:
        error = unknown_field(name, [each.name for each in fields], (0, len(name)))
        error.query = name
        raise error
    store = store_of(session, settings, now=now)
    if field is AUDIENCE_FIELD:
        return _audiences(session, settings, now=now)
    if field.tally is None:
        cause = _("The field {field} takes any value, so there is no list. Write for example {example}.")
        raise UnknownField(cause.format(field=field.name, example=field.example), (0, len(name)), name)
    return list(field.tally(store))


def _audiences(session: Session, settings: Settings, *, now: datetime) -> list[Tally]:
    """Count each saved audience; one that cannot be used any more has no count."""
    found = []
    for audience in catalogue.list_audiences(session):
        tally = Tally(audience.slug, audience.description)
        try:
            condition = read_query(session, audience.query, settings, now=now, name=audience.slug).condition
        except AudienceError:
            found.append(tally)
            continue
        counted = select(func.count(Contact.company_id.distinct()), func.count()).select_from(Contact)
        counted = counted.outerjoin(Company, Company.id == Contact.company_id).where(condition)
        companies, contacts = session.execute(counted).one()
        found.append(tally._replace(companies=companies, contacts=contacts))
    return found


def remove_audience(session: Session, slug: str) -> None:
    """Delete a saved audience; AudienceInUse names the campaigns or audiences that need it."""
    slugs = session.scalars(
        select(Campaign.slug).join(Audience, Audience.id == Campaign.audience_id).where(Audience.slug == slug)
    ).all()
    if slugs:
        cause = _("The audience {slug} is that of campaigns: {names}. Their records need it, so it stays.")
        raise AudienceInUse(cause.format(slug=slug, names=", ".join(sorted(slugs))))
    catalogue.remove_audience(session, slug)
