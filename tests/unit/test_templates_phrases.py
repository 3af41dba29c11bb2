import datetime as dt

import pytest

from templates import make_environment, phrases

N, B = "\u202f", "\u00a0"
D = dt.date

CASES = {
    "day and time": (
        phrases.datetime(dt.datetime.combine(D(2020, 4, 23), dt.time(9, 30))),
        f"jeudi 23 avril 2020 à 9{N}h{N}30",
    ),
    "days of a month": (phrases.period(D(2020, 4, 12), D(2020, 4, 14)), f"du 12 au 14{B}avril 2020"),
    "days of two months": (phrases.period(D(2020, 4, 30), D(2020, 5, 1)), f"du 30{B}avril au 1er{B}mai 2020"),
    "from the first": (phrases.period(D(2020, 5, 1), D(2020, 5, 3)), f"du 1er au 3{B}mai 2020"),
    "days of two years": (
        phrases.period(D(2019, 12, 30), D(2020, 1, 2)),
        f"du 30{B}décembre 2019 au 2{B}janvier 2020",
    ),
    "same month of two years": (
        phrases.period(D(2019, 4, 1), D(2020, 4, 2)),
        f"du 1er{B}avril 2019 au 2{B}avril 2020",
    ),
    "one day": (phrases.period(D(2020, 4, 12), D(2020, 4, 12)), f"le 12{B}avril 2020"),
    "without the year": (phrases.period(D(2020, 4, 12), D(2020, 4, 14), year=False), f"du 12 au 14{B}avril"),
    "hours": (phrases.hours(dt.time(9, 30), dt.time(11)), f"de 9{N}h{N}30 à 11{N}h"),
    "phone": (phrases.phone("0321000000"), B.join(["03", "21", "00", "00", "00"])),
    "phone with dots": (phrases.phone("03.21.00.00.00"), B.join(["03", "21", "00", "00", "00"])),
    "phone from abroad": (phrases.phone("+33 (0)3 21 00 00 00"), B.join(["03", "21", "00", "00", "00"])),
    "short number": (phrases.phone("3949"), "3949"),
    "Belgian number": (phrases.phone("+32 2 000 00 00"), "+32 2 000 00 00"),
    "dialled": (phrases.dial(f"03{B}21 00.00 00"), "0321000000"),
    "dialled from abroad": (phrases.dial("+32 2 000"), "+322000"),
    "number": (phrases.number(1250), f"1{N}250"),
    "percent": (phrases.percent(5.5), f"5,5{N}%"),
    "percent as written": (phrases.percent("12,5%"), f"12,5{N}%"),
    "first": (phrases.ordinal(1), "1er"),
    "first, feminine": (phrases.ordinal(1, feminine=True), "1re"),
    "second": (phrases.ordinal(2), "2e"),
    "three": (phrases.listing(["A", "B", "C"]), "A, B et C"),
    "two, or": (phrases.listing(["A", "B"], "ou"), "A ou B"),
    "one": (phrases.listing(["A"]), "A"),
    "none": (phrases.listing([]), ""),
    "d’Arras": (phrases.elide("Arras"), "d’Arras"),
    "de Lens": (phrases.elide("Lens"), "de Lens"),
    "d’Hénin": (phrases.elide("Hénin-Beaumont"), "d’Hénin-Beaumont"),
    "d’Étaples": (phrases.elide("Étaples"), "d’Étaples"),
    "de la CUA": (phrases.elide("la CUA"), "de la CUA"),
    "de Hauts-de-France": (phrases.elide("Hauts-de-France"), "de Hauts-de-France"),
    "de Yonne": (phrases.elide("Yonne"), "de Yonne"),
    "d’Ypres": (phrases.elide("Ypres"), "d’Ypres"),
    "qu’Arras": (phrases.elide("Arras", "que"), "qu’Arras"),
    "nothing to elide": (phrases.elide("Arras", "pour"), "pour Arras"),
    "de nothing": (phrases.elide(""), "de "),
}


@pytest.mark.parametrize(("written", "expected"), CASES.values(), ids=CASES)
def test_french_phrases(written, expected):
    assert written == expected


def test_a_period_does_not_end_before_it_begins():
    with pytest.raises(ValueError, match="2020-04-14"):
        phrases.period(D(2020, 4, 14), D(2020, 4, 12))


@pytest.mark.parametrize(("french", "english"), phrases.FRENCH_NAMES.items(), ids=phrases.FRENCH_NAMES)
def test_every_filter_has_its_french_name(french, english):
    filters = make_environment(autoescape=True).filters
    assert filters[french] is filters[english]


def test_a_template_calls_them_in_french():
    source = '{{ n | pluriel("entreprise") }} {{ "Arras" | elision }}'
    assert make_environment(autoescape=True).from_string(source).render(n=2) == f"2{B}entreprises d’Arras"
