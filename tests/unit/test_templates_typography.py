import datetime as dt
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from templates import typography

N, B = "\u202f", "\u00a0"

CASES = {
    "double punctuation": (
        typography.typography("Quoi ? Oui ! Si ; non : fin"),
        f"Quoi{N}? Oui{N}! Si{N}; non{N}: fin",
    ),
    "hours": (typography.typography("de 9 h à 17 h 30"), f"de 9{N}h à 17{N}h{N}30"),
    "quotes": (typography.typography("« Bonjour »"), f"«{N}Bonjour{N}»"),
    "money and percent": (typography.typography("280 000 € à 5 %"), f"280{N}000{N}€ à 5{N}%"),
    "no-break spaces become narrow": (typography.typography("Quoi\u00a0?"), f"Quoi{N}?"),
    "links stay": (typography.typography("https://example.org/?a=1"), "https://example.org/?a=1"),
    "a sign without its space": (
        typography.typography("Attention: lisez! Quoi?!"),
        f"Attention{N}: lisez{N}! Quoi{N}?!",
    ),
    "times and drives stay": (typography.typography("10:30, c:/x, 2:1"), "10:30, c:/x, 2:1"),
    "links stay as they are": (
        typography.typography("Voir https://example.org/l'aide;a=1! et a.b@example.org; oui: non"),
        f"Voir https://example.org/l'aide;a=1! et a.b@example.org; oui{N}: non",
    ),
    "Jinja's tags stay": (
        typography.typography("L'aide {{ a | b('x ?') }} : oui {% if c %} ! {% endif %}«{{ d }}»"),
        f"L’aide {{{{ a | b('x ?') }}}}{N}: oui {{% if c %}}{N}! {{% endif %}}«{N}{{{{ d }}}}{N}»",
    ),
    "entities stay": (typography.typography("R&amp;D; fin;"), f"R&amp;D; fin{N};"),
    "quotes without spaces": (typography.typography("«Oui»"), f"«{N}Oui{N}»"),
    "apostrophe before a quote": (typography.typography("l'« essentiel »"), f"l’«{N}essentiel{N}»"),
    "units": (typography.typography("12 km, 3 ans et 5 salariés"), f"12{B}km, 3{B}ans et 5{B}salariés"),
    "no unit": (typography.typography("12 kmx"), "12 kmx"),
    "money without a space": (typography.typography("1500€, 2M€"), f"1500{N}€, 2{N}M€"),
    "days": (typography.typography("le 14 mai et le 1er juin"), f"le 14{B}mai et le 1er{B}juin"),
    "numbers and titles": (
        typography.typography("n° 12, M. Martin, Mme Durand"),
        f"n°{B}12, M.{B}Martin, Mme{B}Durand",
    ),
    "ellipsis": (typography.typography("etc... mais ...."), "etc… mais ...."),
    "apostrophes": (typography.typography("l'aide d'Arras 'x'"), "l’aide d’Arras 'x'"),
    "amount of a number": (typography.amount(280000), f"280{N}000{N}€"),
    "amount of a decimal": (typography.amount(Decimal("1500.5")), f"1{N}500,5{N}€"),
    "bare amount": (typography.amount("1500"), f"1{N}500{N}€"),
    "bare amount with cents": (typography.amount("1 500,50"), f"1{N}500,50{N}€"),
    "amount as written": (typography.amount("1 M€"), f"1{N}M€"),
    "amount with its sign": (typography.amount("280 000 €"), f"280{N}000{N}€"),
    "amount to be grouped": (typography.amount("1500€"), f"1{N}500{N}€"),
    "amount in millions": (typography.amount("2,5M€"), f"2,5{N}M€"),
    "amount in letters": (typography.amount("1500 EUR"), f"1{N}500{N}€"),
    "amount in words": (typography.amount("1 million d'euros"), f"1{B}million d’euros"),
    "date": (typography.date(dt.date(2020, 5, 14)), "jeudi 14 mai 2020"),
    "first of a month": (typography.date(dt.date(2020, 5, 1)), "vendredi 1er mai 2020"),
    "short date": (typography.date(dt.date(2020, 5, 14), weekday=False, year=False), "14 mai"),
    "date of a datetime": (
        typography.date(dt.datetime.combine(dt.date(2020, 5, 14), dt.time(11))),
        "jeudi 14 mai 2020",
    ),
    "time": (typography.time(dt.time(11)), f"11{N}h"),
    "time with minutes": (typography.time(dt.datetime.combine(dt.date(2020, 5, 14), dt.time(9, 5))), f"9{N}h{N}05"),
    "singular of zero": (typography.plural(0, "salarié"), "0\u00a0salarié"),
    "singular below two": (typography.plural(1.5, "million"), "1,5\u00a0million"),
    "plural": (typography.plural(1227, "entreprise"), f"1{N}227\u00a0entreprises"),
    "irregular plural": (typography.plural(2, "travail", "travaux"), "2\u00a0travaux"),
    "Mme": (typography.honorific("Mme"), "Madame"),
    "M.": (typography.honorific(" M. "), "Monsieur"),
    "no civility": (typography.honorific(""), ""),
    "unknown civility": (typography.honorific("Dr"), ""),
    "capital": (typography.capital("PGE de l'État"), "PGE de l'État"),
    "capital of nothing": (typography.capital(""), ""),
    "paragraphs": (typography.paragraphs("un\nsuite\r\n\r\n \ndeux\n"), ("un\nsuite", "deux")),
    "wrapped": (typography.wrapped("un deux\ntrois", 4), "un\ndeux\ntrois"),
    "wrapped behind a bullet": (typography.wrapped("un deux trois", 7, 2), "un\n  deux\n  trois"),
    "only texts are wrapped": (typography.wrapped(12), 12),
}


@pytest.mark.parametrize(("written", "expected"), CASES.values(), ids=CASES)
def test_french_typography(written, expected):
    assert written == expected


@given(st.text(alphabet="aÀ1 :;!?»«%€'.\u202f\u00a0h@/-\n", max_size=30))
def test_typography_done_twice_changes_nothing_more(text):
    once = typography.typography(text)
    assert typography.typography(once) == once


@given(st.text(max_size=40))
def test_typography_changes_only_spaces_and_signs(text):
    def bare(written):
        return "".join(written.replace("…", "...").replace("’", "'").split())

    assert bare(typography.typography(text)) == bare(text)
