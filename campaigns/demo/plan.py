"""The combinatorics of the demo: how many households of which kind make the published figures come out, and who asks what.

What is odd about addresses is laid out first, by fixed mixes; ordinary companies then fill every figure up to what was
published. Nothing is drawn that a figure depends on.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from gettext import gettext as _
from random import Random
from typing import TypeVar

from campaigns.demo.facts import OUTSIDE, UNPLACED, Facts
from campaigns.demo.households import COMPANIES, RECIPIENTS, Activity, Ask, Household, Standing

_K = TypeVar("_K")

FIRST_DAY = date(2020, 3, 17)
EASTER_MONDAY = date(2020, 4, 13)

AID = "Aides financières"
FUNDS = {"CALL": "info-fonds-call", "CUA": "info-fonds-cua", "CABBALR": "info-fonds-cabbalr"}

FIRST_ASKERS = {
    Standing.ACCOUNTANT: 3,
    Standing.ONE_OWNER: 6,
    Standing.OPPOSED_TWIN: 1,
    Standing.TWO_CONTACTS: 12,
    Standing.OPPOSED: 6,
    Standing.INVALID: 4,
    Standing.DEAD: 9,
    Standing.LATE_DEAD: 2,
}
SECOND_ASKERS = {Standing.TWO_CONTACTS: 2, Standing.OPPOSED: 1, Standing.DEAD: 1, Standing.NO_ADDRESS: 4}
FUND_ASKERS = {
    Standing.ONE_OWNER: 1,
    Standing.TWO_CONTACTS: 2,
    Standing.OPPOSED: 1,
    Standing.DEAD: 1,
    Standing.LATE_DEAD: 1,
    Standing.NO_ADDRESS: 3,
}
SINGLE_ASKERS = {  # weights
    Standing.REACHED: 86,
    Standing.NO_ADDRESS: 7,
    Standing.TWO_CONTACTS: 3,
    Standing.OPPOSED: 2,
    Standing.DEAD: 1,
    Standing.INVALID: 1,
}
REST_OF_BASE = {
    Standing.NO_ADDRESS: 380,
    Standing.TWO_CONTACTS: 120,
    Standing.OPPOSED: 58,
    Standing.ONE_OWNER: 55,
    Standing.DEAD: 44,
    Standing.INVALID: 22,
    Standing.ACCOUNTANT: 14,
    Standing.OPPOSED_TWIN: 2,
}
ASKERS_DO = {Activity.TARGETED: 4, Activity.EMPLOYER: 45, Activity.ALONE: 51}  # weights
OTHERS_DO = {Activity.TARGETED: 2, Activity.EMPLOYER: 30, Activity.ALONE: 58, Activity.ELSEWHERE: 10}  # weights

REPEATED_AID = {"CALL": 4, "CUA": 6, "CABBALR": 3}
"""Further requests for aid in the EPCIs with a fund, of companies that had asked already: its audience stays as it is."""

ASKS_AGAIN = 0.22
"""Share of the other requests that come from a company that had asked before."""

LISTED = {True: 0.75, False: 0.25}
"""Share of the ordinary askers that stand in the contact sheet, in the territory and elsewhere."""

NEVER_LISTED = frozenset({Standing.LATE_DEAD})
MAYBE_LISTED = frozenset({Standing.REACHED, Standing.NO_ADDRESS})


class ImpossiblePlan(ValueError):
    """The facts leave less room than the fixed mixes need."""


def plan_month(facts: Facts, rng: Random) -> list[Household]:
    """Lay out every household of the demo and what it asks; raise ImpossiblePlan if the facts cannot be met."""
    planner = _Planner(facts, rng)
    planner.ask_for_solidarity()
    planner.ask_again_for_solidarity()
    for epci, slug in FUNDS.items():
        planner.ask_for_fund(epci, slug)
    planner.ask_for_other_aid()
    planner.ask_for_the_rest()
    planner.fill_base()
    return planner.households


def apportion(total: int, weights: Mapping[str, int]) -> dict[str, int]:
    """Split a total by weights into whole numbers (largest remainders)."""
    whole = sum(weights.values())
    parts = {name: total * weight // whole for name, weight in weights.items()}
    by_remainder = sorted(weights, key=lambda name: total * weights[name] % whole, reverse=True)
    for name in by_remainder[: total - sum(parts.values())]:
        parts[name] += 1
    return parts


class _Planner:
    """Adds household after household, each step up to the figure that it is about."""

    def __init__(self, facts: Facts, rng: Random) -> None:
        self._facts = facts
        self._rng = rng
        self._last_day = facts.exports[-1]
        self._fund_days = {epci: facts.campaign(slug).export for epci, slug in FUNDS.items()}
        self._asked: Counter[tuple[str, str]] = Counter()  # requests by EPCI and nature
        self.households: list[Household] = []

    def ask_for_solidarity(self) -> None:
        """Let the companies of the first volume ask: `matched` of them, with `recipients` mailboxes."""
        campaign = self._facts.campaign("fonds-solidarite-1")
        matched, recipients = campaign.matched or 0, campaign.recipients or 0
        quotas = {epci: plan.asked for epci, plan in self._facts.epcis.items()}
        quotas[UNPLACED] = 6
        quotas[OUTSIDE] = matched - sum(quotas.values())
        odd = _expand(FIRST_ASKERS)
        reached = sum(RECIPIENTS.get(standing, 0) for standing in odd) + FIRST_ASKERS[Standing.LATE_DEAD]
        companies = sum(COMPANIES.get(standing, 1) for standing in odd)
        odd += [Standing.NO_ADDRESS] * _room(matched - recipients - companies + reached)
        topic = self._facts.topics[AID][0]
        for standing, epci in _spread(odd, quotas):
            since = campaign.export if standing is Standing.LATE_DEAD else FIRST_DAY
            self._add(standing, epci, Ask(self._day(since, campaign.export), AID, topic))

    def ask_again_for_solidarity(self) -> None:
        """Let more companies ask, up to the recipients of the second volume."""
        first, second = self._facts.campaign("fonds-solidarite-1"), self._facts.campaign("fonds-solidarite-2")
        still_reached = sum(household.recipients for household in self.households)
        odd = _expand(SECOND_ASKERS)
        missing = (second.recipients or 0) - still_reached - sum(RECIPIENTS.get(standing, 0) for standing in odd)
        standings = odd + [Standing.REACHED] * _room(missing)
        quotas = apportion(len(standings), {epci: plan.asked for epci, plan in self._facts.epcis.items()})
        topic = self._facts.topics[AID][0]
        for standing, epci in _spread(standings, quotas):
            until = min(second.export, self._fund_days.get(epci, second.export))
            self._add(standing, epci, Ask(self._day(first.export + timedelta(days=1), until), AID, topic))

    def ask_for_fund(self, epci: str, slug: str) -> None:
        """Let companies of an EPCI ask for other aid, up to the recipients of its fund's mailing."""
        campaign = self._facts.campaign(slug)
        odd = _expand(FUND_ASKERS)
        reached = sum(household.recipients for household in self.households if household.epci == epci)
        reached += sum(RECIPIENTS.get(standing, 0) for standing in odd) + FUND_ASKERS[Standing.LATE_DEAD]
        for standing in odd + [Standing.REACHED] * _room((campaign.recipients or 0) - reached):
            first_mailing = self._facts.exports[1] + timedelta(days=1)
            since = first_mailing if standing is Standing.LATE_DEAD else FIRST_DAY
            self._add(standing, epci, Ask(self._day(since, campaign.export), AID, self._topic(AID)))

    def ask_for_other_aid(self) -> None:
        """Give out the rest of the requests for aid where they change no audience."""
        rest = self._facts.by_nature[AID] - self._asked.total() - sum(REPEATED_AID.values())
        free = {
            epci: total - self._asked[epci, AID] for epci, total in self._facts.by_epci.items() if epci not in FUNDS
        }
        for epci, count in (REPEATED_AID | apportion(_room(rest), free)).items():
            for _n in range(count):
                self._ask(epci, AID, again=1 if epci in FUNDS else ASKS_AGAIN)

    def ask_for_the_rest(self) -> None:
        """Give out the requests of every other nature: each EPCI gets what its total leaves."""
        natures = [nature for nature, count in self._facts.by_nature.items() if nature != AID for _n in range(count)]
        self._rng.shuffle(natures)
        for epci, total in self._facts.by_epci.items():
            for _n in range(_room(total - self._asked[epci, AID])):
                self._ask(epci, natures.pop(), again=ASKS_AGAIN)

    def fill_base(self) -> None:
        """Fill the contact sheet with companies that ask nothing, up to the recipients of the sector and whole-base mailings."""
        for standing in _expand(REST_OF_BASE):
            self._add_silent(standing, self._draw(OTHERS_DO))
        targeted = self._facts.campaign("masques-transp-log").recipients or 0
        employers = (self._facts.campaign("masques-toutes-activites").recipients or 0) - targeted
        for activity, figure in ((Activity.TARGETED, targeted), (Activity.EMPLOYER, employers)):
            known = sum(household.recipients for household in self.households if household.activity is activity)
            for _n in range(_room(figure - known)):
                self._add_silent(Standing.REACHED, activity)
        whole = self._facts.campaigns[0]
        known = sum(household.recipients for household in self.households if household.is_known(whole.export))
        for _n in range(_room((whole.delivered or 0) - known)):
            rest = {activity: OTHERS_DO[activity] for activity in (Activity.ALONE, Activity.ELSEWHERE)}
            self._add_silent(Standing.REACHED, self._draw(rest))

    def _ask(self, epci: str, nature: str, *, again: float) -> None:
        """Add one request: of a company that asked before, with probability `again`, else of a new one."""
        before = [household for household in self.households if household.epci == epci and epci != UNPLACED]
        if before and self._rng.random() < again:
            household = self._rng.choice(before)
            company, first = household.asks[self._rng.randrange(household.companies)]
            ask = Ask(self._day(first.on, self._last_day), nature, self._topic(nature))
            household.asks.append((company, ask))
            self._asked[epci, nature] += 1
        else:
            standing = self._draw(SINGLE_ASKERS)
            if epci == UNPLACED and standing is not Standing.NO_ADDRESS:
                standing = Standing.REACHED
            self._add(standing, epci, Ask(self._day(FIRST_DAY, self._last_day), nature, self._topic(nature)))

    def _add(self, standing: Standing, epci: str, ask: Ask) -> None:
        """Add a household of which every company asks the same."""
        activity = None
        if epci != UNPLACED and standing not in NEVER_LISTED:
            is_listed = standing not in MAYBE_LISTED or self._rng.random() < LISTED[epci != OUTSIDE]
            if is_listed:
                activity = Activity.ELSEWHERE if epci == OUTSIDE else self._draw(ASKERS_DO)
        household = Household(standing, epci, activity)
        household.asks = [(company, ask) for company in range(household.companies)]
        self._asked[epci, ask.nature] += household.companies
        self.households.append(household)

    def _add_silent(self, standing: Standing, activity: Activity) -> None:
        """Add a household that stands in the contact sheet and asks nothing."""
        shares = {epci: plan.share for epci, plan in self._facts.epcis.items()}
        epci = OUTSIDE if activity is Activity.ELSEWHERE else self._draw(shares)
        self.households.append(Household(standing, epci, activity))

    def _draw(self, weights: Mapping[_K, int]) -> _K:
        return self._rng.choices(list(weights), weights=list(weights.values()))[0]

    def _topic(self, nature: str) -> str:
        """Draw a topic, but never the solidarity fund: who asked for that is settled."""
        topics = self._facts.topics[nature]
        return self._rng.choice(topics[1:] if nature == AID else topics)

    def _day(self, since: date, until: date) -> date:
        """Draw a working day; the later in the month, the fewer requests."""
        days = [since + timedelta(days=n) for n in range((until - since).days + 1)]
        open_days = [day for day in days if day.weekday() < 5 and day != EASTER_MONDAY] or [since]
        return self._rng.choices(open_days, weights=[60 - (day - FIRST_DAY).days for day in open_days])[0]


def _expand(mix: Mapping[Standing, int]) -> list[Standing]:
    return [standing for standing, count in mix.items() for _n in range(count)]


def _room(count: int) -> int:
    if count < 0:
        raise ImpossiblePlan(
            _("the published figures leave no room for the demo's mixes ({count}): make these smaller").format(
                count=count
            )
        )
    return count


def _spread(standings: Sequence[Standing], quotas: Mapping[str, int]) -> list[tuple[Standing, str]]:
    """Place households where the most room is left for their companies; ordinary ones fill every quota up."""
    left = dict(quotas)
    placed = []
    for standing in standings:
        size = COMPANIES.get(standing, 1)
        fitting = [epci for epci in left if left[epci] >= size and (epci != UNPLACED or standing in MAYBE_LISTED)]
        epci = max(fitting, key=lambda name: left[name] / quotas[name])
        left[epci] -= size
        placed.append((standing, epci))
    placed += [(Standing.REACHED, epci) for epci, count in left.items() for _n in range(count)]
    return placed
