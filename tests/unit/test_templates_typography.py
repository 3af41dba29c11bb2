import datetime as dt
from decimal import Decimal

import pytest

from templates import typography

N = "\u202f"

CASES = {
    "double punctuation": (
        typography.typography("Quoi ? Oui ! Si ; non : fin"),
        f"Quoi{N}? Oui{N}! Si{N}; non{N}: fin",
    ),
    "hours": (typography.typography("de 9 h à 17 h 30"), f"de 9{N}h à 17{N}h 30"),
    "quotes": (typography.typography("« Bonjour »"), f"«{N}Bonjour{N}»"),
    "money and percent": (typography.typography("280 000 € à 5 %"), f"280{N}000{N}€ à 5{N}%"),
    "no-break spaces become narrow": (typography.typography("Quoi\u00a0?"), f"Quoi{N}?"),
    "links stay": (typography.typography("https://example.org/?a=1"), "https://example.org/?a=1"),
    "nothing is added": (typography.typography("Bonjour!"), "Bonjour!"),
    "apostrophes": (typography.typography("l'aide d'Arras 'x'"), "l’aide d’Arras 'x'"),
    "amount of a number": (typography.amount(280000), f"280{N}000{N}€"),
    "amount of a decimal": (typography.amount(Decimal("1500.5")), f"1{N}500,5{N}€"),
    "bare amount": (typography.amount("1500"), f"1{N}500{N}€"),
    "bare amount with cents": (typography.amount("1 500,50"), f"1{N}500,50{N}€"),
    "amount as written": (typography.amount("1 M€"), f"1{N}M€"),
    "amount with its sign": (typography.amount("280 000 €"), f"280{N}000{N}€"),
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
    "only texts are wrapped": (typography.wrapped(12), 12),
}


@pytest.mark.parametrize(("written", "expected"), CASES.values(), ids=CASES)
def test_french_typography(written, expected):
    assert written == expected
