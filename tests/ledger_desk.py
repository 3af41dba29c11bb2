"""A ledger with one campaign, and its operations with the arguments that a test rarely cares about."""

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import Engine, Select, literal, null, select, update

from audiences.database import reading, writing, writing_rows
from audiences.models import Audience, Contact, ContactKind, Suppression, SuppressionReason, SuppressionScope
from audiences.suppressions import last_suppression, suppress
from campaigns import lifecycle
from campaigns.models import Campaign, CampaignStatus
from sends import ledger
from sends.claims import Claim, Mark, Outcome
from sends.models import Delivery, DeliveryEvent
from sends.states import DeliveryStatus
from sends.transports import Reply
from tests.factories import NOW, Clock

LEASE = timedelta(seconds=90)

OK = Reply(250, "2.0.0", "taken")
GREYLISTED = Reply(450, "4.2.0", "come back later")
UNKNOWN = Reply(550, "5.1.1", "no such user")


def candidates(prefix: str = "") -> Select[Any]:
    """Select every contact whose address begins with `prefix`, as the waterfall does: none is left out."""
    return _select(null()).where(Contact.address.startswith(prefix))


def left_out(prefix: str, rule: str) -> Select[Any]:
    """Select contacts that a rule leaves out."""
    return _select(literal(rule)).where(Contact.address.startswith(prefix))


def _select(reason: Any) -> Select[Any]:
    columns = (Contact.id.label("contact_id"), Contact.company_id, Contact.address, Contact.address_key)
    return select(*columns, literal(0).label("part"), reason.label("reason"))


class Desk:
    """Works on the ledger of one engine; statuses are read from the store each time."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self.engine = engine
        self.clock = clock
        self.campaign_id = 0

    def contacts(self, count: int, prefix: str = "r") -> None:
        """Add so many contacts."""
        with writing(self.engine) as session:
            for number in range(count):
                address = f"{prefix}{number}@example.org"
                contact = Contact(address=address, address_key=address, kind=ContactKind.ROLE)
                contact.created_at = contact.updated_at = NOW
                session.add(contact)

    def campaign(self, slug: str = "info", found: Select[Any] | None = None) -> int:
        """Add a campaign that sends, plan it, and work on it from now on."""
        with writing(self.engine) as session:
            audience = Audience(slug=slug, query="*:*", created_at=NOW, updated_at=NOW)
            campaign = Campaign(
                slug=slug, name=slug, status=CampaignStatus.SENDING, purpose="public_information", audience=audience
            )
            campaign.template, campaign.variables, campaign.attachments = "fonds", {}, []
            campaign.created_at = campaign.launched_at = NOW
            session.add(campaign)
            session.flush()
            self.campaign_id = campaign.id
            ledger.plan(session, campaign.id, candidates() if found is None else found, now=self.clock())
        return self.campaign_id

    def claim(self, limit: int = 100, owner: str = "one", campaign_id: int | None = None) -> list[Claim]:
        """Claim as the outbox does."""
        with writing(self.engine) as session:
            return ledger.claim(
                session,
                campaign_id or self.campaign_id,
                sendable=lifecycle.sendable_campaigns(),
                now=self.clock(),
                limit=limit,
                lease=LEASE,
                owner=owner,
            )

    def checked(self) -> int:
        """Give the last row of the suppression list."""
        with reading(self.engine) as session:
            return last_suppression(session)

    def mark(self, claims: Sequence[Claim], checked: int | None = None) -> list[Claim]:
        """Mark as the sender does; give the claims that may go out."""
        checked = self.checked() if checked is None else checked
        marks = [Mark(each, f"<{each.id}@example.org>", checked) for each in claims]
        with writing_rows(self.engine) as rows:
            marked = ledger.mark(rows, marks, sendable=lifecycle.sendable_campaigns())
        return [each for each in claims if each in marked]

    def settle(self, *outcomes: Outcome) -> int:
        """Settle outcomes in one transaction."""
        with writing_rows(self.engine) as rows:
            return ledger.settle(rows, outcomes, now=self.clock(), slugs={1: "info"})

    def release(self, claims: Sequence[Claim]) -> None:
        """Give claims back."""
        with writing_rows(self.engine) as rows:
            ledger.release(rows, claims)

    def renew(self, owner: str) -> None:
        """Prolong what `owner` holds."""
        with writing_rows(self.engine) as rows:
            ledger.renew(rows, owner, now=self.clock(), lease=LEASE)

    def recover(self) -> Counter[DeliveryStatus]:
        """Take back what dead workers held."""
        with writing(self.engine) as session:
            return ledger.recover(session, now=self.clock())

    def lapse(self) -> Counter[DeliveryStatus]:
        """Let every lease end, and recover."""
        self.clock.advance(LEASE + timedelta(seconds=1))
        return self.recover()

    def requeue(self, only: str | None = None) -> int:
        """Queue again what was refused."""
        with writing(self.engine) as session:
            return ledger.requeue(session, self.campaign_id, only=only, now=self.clock())

    def resolve(self, after: DeliveryStatus, ids: Sequence[int] | None = None) -> int:
        """Settle what is uncertain."""
        with writing(self.engine) as session:
            return ledger.resolve(session, self.campaign_id, after, reason="by hand", now=self.clock(), ids=ids)

    def cancel(self) -> int:
        """Cancel what waits."""
        with writing(self.engine) as session:
            return ledger.cancel(session, self.campaign_id, now=self.clock())

    def suppress(self, address: str, scope: SuppressionScope = SuppressionScope.ALL) -> None:
        """Put a mailbox on the list."""
        with writing(self.engine) as session:
            suppress(session, address, SuppressionReason.UNSUBSCRIBED, evidence="test", now=self.clock(), scope=scope)

    def suppressed(self) -> set[str]:
        """Give the mailboxes on the list."""
        with reading(self.engine) as session:
            return set(session.scalars(select(Suppression.address_key)))

    def set_campaign(self, status: CampaignStatus) -> None:
        """Pause, resume or cancel, as another terminal does."""
        with writing(self.engine) as session:
            session.get_one(Campaign, self.campaign_id).status = status

    def put(self, status: DeliveryStatus, claims: Sequence[Claim]) -> None:
        """Set the status of deliveries past every check."""
        with writing(self.engine) as session:
            ids = [each.id for each in claims]
            session.execute(update(Delivery).where(Delivery.id.in_(ids)).values(status=status))

    def spread(self) -> dict[DeliveryStatus, Claim]:
        """Add and plan as many contacts as there are statuses, claim them, and give each delivery a status of its own."""
        self.contacts(len(DeliveryStatus))
        self.campaign()
        claims = dict(zip(DeliveryStatus, self.claim(), strict=True))
        for status, claim in claims.items():
            self.put(status, [claim])
        return claims

    def changes(self) -> dict[DeliveryStatus, DeliveryStatus]:
        """Give what became of each delivery of `spread` that changed since."""
        found = zip(DeliveryStatus, self.statuses().values(), strict=True)
        return {before: after for before, after in found if before is not after}

    def statuses(self) -> dict[int, DeliveryStatus]:
        """Give the status of each delivery of the campaign."""
        found = select(Delivery.id, Delivery.status).where(Delivery.campaign_id == self.campaign_id)
        with reading(self.engine) as session:
            return {id_: DeliveryStatus(status) for id_, status in session.execute(found.order_by(Delivery.id))}

    def rows(self) -> list[Delivery]:
        """Give the deliveries of the campaign."""
        found = select(Delivery).where(Delivery.campaign_id == self.campaign_id).order_by(Delivery.id)
        with reading(self.engine) as session:
            session.expire_on_commit = False
            rows = list(session.scalars(found))
            session.expunge_all()
            return rows

    def events(self) -> list[tuple[int, str]]:
        """Give the events as (delivery, status)."""
        found = select(DeliveryEvent.delivery_id, DeliveryEvent.status).order_by(DeliveryEvent.id)
        with reading(self.engine) as session:
            return [(id_, str(status)) for id_, status in session.execute(found)]
