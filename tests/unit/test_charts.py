"""Charts for the terminal: true to their figures, and never wider than the screen."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.cli.charts import HEIGHT, WIDEST, bars, columns

LABELS = st.text(st.characters(max_codepoint=0x17F, exclude_categories=("Cc", "Cf")), min_size=1, max_size=50)
COUNTS = st.dictionaries(LABELS, st.integers(0, 10**6), max_size=12)


def test_bars_are_as_long_as_their_figures():
    drawn = bars({"CUA": 200, "CALL": 100, "Ternois": 0}, width=80)
    assert [line.split()[:2] for line in drawn] == [["CUA", "200"], ["CALL", "100"], ["Ternois", "0"]]
    lengths = [line.count("█") for line in drawn]
    assert lengths[0] > 40
    assert abs(lengths[0] - 2 * lengths[1]) <= 1
    assert lengths[2] == 0


def test_a_long_label_is_cut():
    [line] = bars({"Autres sources (dont réseaux sociaux)": 3}, width=40)
    assert "…" in line
    assert len(line) <= 40


@pytest.mark.parametrize("width", [40, 80, 120, 1000])
@given(counts=COUNTS)
def test_no_line_is_wider_than_the_screen(width: int, counts: dict[str, int]):
    days = {f"2020-04-{day:02}": count for day, count in enumerate(counts.values(), start=1)}
    for drawn in (bars(counts, width=width), columns(days, width=width)):
        assert all(len(line) <= min(width, WIDEST) for line in drawn)


def test_columns_show_each_day_between_the_first_and_the_last():
    drawn = columns({f"2020-04-{day:02}": day for day in range(1, 31)}, width=80)
    assert len(drawn) == HEIGHT + 2
    assert drawn[0].startswith("30 │")
    assert drawn[-2].startswith(" 0 └─")
    assert drawn[-1].split() == ["2020-04-01", "2020-04-30"]
    heights = [sum(line[4 + 2 * at] != " " for line in (each.ljust(80) for each in drawn[:HEIGHT])) for at in range(30)]
    assert heights == sorted(heights)
    assert (heights[0], heights[-1]) == (1, HEIGHT)


def test_many_days_are_taken_together_and_the_axis_says_what_they_sum_to():
    drawn = columns({f"d{day:04}": 1 for day in range(365)}, width=80)
    assert drawn[0].startswith("5 │")
    assert max(map(len, drawn)) <= 80


def test_nothing_draws_nothing_and_zeros_draw_an_axis():
    assert bars({}, width=80) == columns({}, width=80) == []
    assert len(columns({"2020-04-01": 0, "2020-04-02": 0}, width=80)) == HEIGHT + 2
    assert bars({"CUA": 0}, width=80) == ["CUA 0"]
