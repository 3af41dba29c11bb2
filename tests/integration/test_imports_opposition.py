"""Opposition that imports bring: it is kept, and no import takes it back."""

from sqlalchemy import Engine

from audiences.database import reading, writing
from audiences.models import (
    Suppression,
    SuppressionReason,
    SuppressionScope,
)
from audiences.suppressions import find_suppressed
from tests.factories import NOW, Factory
from tests.store import number_of


class TestOpposition:
    """Opposition is kept, and no import takes it back."""

    SHEET = "Entreprise;Courriel;Opposition\nCafé;a@example.org;{}\n"

    def suppressed(self, engine: Engine) -> dict[str, SuppressionReason]:
        with reading(engine) as session:
            return find_suppressed(session, ["a@example.org"], is_marketing=False)

    def test_it_is_never_undone(self, engine: Engine, factory: Factory):
        factory.import_csv(self.SHEET.format("oui"))
        for answer in ("non", "", "oui"):
            factory.import_csv(self.SHEET.format(answer))
        assert self.suppressed(engine) == {"a@example.org": SuppressionReason.UNSUBSCRIBED}
        assert number_of(engine, Suppression) == 1

    def test_it_goes_for_every_row_of_the_mailbox(self, engine: Engine, factory: Factory):
        factory.import_csv(
            "Entreprise;Courriel;Opposition\nCafé;a@example.org;\nGarage;A@example.org;x\nBar;a@example.org;x\n"
        )
        assert self.suppressed(engine) == {"a@example.org": SuppressionReason.UNSUBSCRIBED}
        assert number_of(engine, Suppression) == 1

    def test_it_adds_to_an_opposition_to_marketing_alone(self, engine: Engine, factory: Factory):
        factory.import_csv(self.SHEET.format(""))
        with writing(engine) as session:
            marketing = SuppressionScope.MARKETING
            values = {"reason": SuppressionReason.UNSUBSCRIBED, "scope": marketing, "evidence": "", "created_at": NOW}
            session.add(Suppression(address_key="a@example.org", **values))
        factory.import_csv(self.SHEET.format("oui"))
        assert self.suppressed(engine) == {"a@example.org": SuppressionReason.UNSUBSCRIBED}

    def test_a_request_sheet_can_tell_it_too(self, engine: Engine, factory: Factory):
        factory.import_csv(
            "Date;Canal;Nature;Courriel;Opposition\n17/03/2020;Appel CCI;Autre;a@example.org;oui\n", "requests"
        )
        assert self.suppressed(engine) == {"a@example.org": SuppressionReason.UNSUBSCRIBED}
