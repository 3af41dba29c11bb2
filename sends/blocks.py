"""Policy refusals in a row, after which a campaign has to pause."""

from collections import Counter
from gettext import gettext as _

from sends.claims import Claim
from sends.replies import Verdict
from sends.transports import Reply

BLOCKS_BEFORE_PAUSE = 5
"""Policy refusals in a row, of all recipients or of one provider's, after which the campaign pauses.

Going on would harm the sender's reputation, however well the others take the mail.
"""


class Blocks:
    """Counts the blocks of one run, by campaign, and by campaign and recipient domain."""

    def __init__(self) -> None:
        self._in_a_row: Counter[tuple[int, str | None]] = Counter()

    def note(self, claim: Claim, verdict: Verdict, reply: Reply) -> str | None:
        """Count a block; give what the officer has to know when the campaign must pause for it, else None.

        At a domain only the words of a known provider count: a small company's own rule says nothing of the rest.
        """
        keys: list[tuple[int, str | None]] = [(claim.campaign_id, None)]
        if verdict.provider is not None:
            keys.append((claim.campaign_id, _domain(claim)))
        self._in_a_row.update(keys)
        if all(self._in_a_row[key] < BLOCKS_BEFORE_PAUSE for key in keys):
            return None
        advice = verdict.advice or str(verdict.reason)
        return _("{advice} Its reply: {reply}").format(advice=advice, reply=reply)

    def forget(self, claim: Claim) -> None:
        """Begin to count anew, for all together and for the provider that has just taken this message."""
        if self._in_a_row:
            for key in [key for key in self._in_a_row if key[1] in (None, _domain(claim))]:
                del self._in_a_row[key]


def _domain(claim: Claim) -> str:
    return claim.address_key.rpartition("@")[2]
