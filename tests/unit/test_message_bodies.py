import datetime as dt
import re
from collections.abc import Iterator, Mapping
from email import message_from_bytes, policy
from email.message import EmailMessage
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sends.bodies import Body
from sends.message import Addressee, Identity, MessageBuilder
from templates import (
    Brand,
    CompiledTemplate,
    Renderer,
    bind_variables,
    compile_template,
    example_variables,
    find_templates,
    preview_recipient,
)

NOW = dt.datetime(2020, 4, 1, 9, 0, tzinfo=dt.UTC)
BRAND = Brand(
    name="CCI d'Exemple",
    short_name="CCI",
    address=("1 rue de l'Été", "62000 Arras"),
    website="https://www.example.org",
    email="contact@example.org",
    phone="03 00 00 00 00",
    logo_url="https://www.example.org/logo.png",
    primary_colour="#112233",
    accent_colour="#445566",
)
IDENTITY = Identity(
    from_name="CCI",
    from_address="info@example.org",
    reply_to=None,
    unsubscribe_address="stop@example.org",
    list_name="Aides",
    list_label="aides",
)
SHIPPED = find_templates()
VALUES = st.one_of(
    st.text(max_size=120),
    st.sampled_from(
        [
            "",
            ".",
            ".a",
            "\n.b",
            "a ",
            "a\t\n",
            "<b>&\"'",
            "l'été",
            "=",
            "=3D",
            "😀" * 40,
            "m" * 300,
            "é" * 120,
            "{{ x }}",
        ]
    ),
    st.lists(st.sampled_from(["a b", "é", "=", ".", " ", "\n", "\r\n", "\r", "<", "'", "x" * 74]), max_size=12).map(
        "".join
    ),
)

DIRECT = {
    "side by side": "{{ contact.a }}{{ contact.b }}{{ contact.a }}",
    "dots": ".{{ contact.a }}.\n.{{ contact.b }}\n.",
    "spaces": " {{ contact.a }} \n {{ contact.b }} \n\t",
    "long static": "<td style=\"a:b\" class='é'>" * 30 + "{{ contact.a }}" + "=" * 200 + "{{ contact.b }}" + "x" * 75,
    "condition": "{% if contact.a %}A {{ contact.a }}{% elif contact.b %}.B{% else %}\n{% endif %}.",
    "loop": "{% for line in contact.lines %}{{ loop.index }}. {{ line }}{% if not loop.last %}, {% endif %}{% endfor %}",
    "empty loop": "{% for line in contact.none %}{{ line }}{% else %}= {% endfor %}",
    "filters": "{{ contact.a | upper }} {{ contact.b | replace('<', '&') | e }} {{ contact.a ~ '<' ~ contact.b }}",
    "markup": "{{ contact.a | e }}{{ contact.a }}{{ contact.b | e | upper }}",
    "not strings": "{{ contact.lines }} {{ contact.lines | length }} {{ 1.0 }} {{ 1 }} {{ true }} {{ contact.lines | length == 1 }}",
    "set": "{% set x = contact.a ~ 'é' %}{{ x }}{% set y = x | upper %}{{ y | length }}",
    "constants": "{{ brand.name }}{{ '<é>' }}{% for line in brand.address %}{{ line }}\n{% endfor %}{{ brand.email }}",
    "line ends": "{% if contact.a %}{{ breaks }}{% endif %}{{ breaks }}{% if contact.b %}.{% endif %}\n{{ breaks }}",
    "inline": "{{ contact.a if contact.b else '.' }}{# note #} {{- contact.b }}",
    "nothing": "",
}
FALLBACK = {
    "filter block": "{% filter upper %}a {{ contact.a }}{% endfilter %}{{ contact.b }}",
    "set block": "{% set x %}<b>{{ contact.a }}</b>{% endset %}{{ x }}{{ contact.b }} .{{ x }}",
    "macro": "{% macro f(v) %}.{{ v }} = {% endmacro %}{{ f(contact.a) }}{{ f(contact.b) | upper }}",
    "recursive loop": "{% for l in contact.tree recursive %}{{ l.a }}{{ loop(l.rest) }}{% endfor %}",
    "call": "{% macro f() %}({{ caller() }}){% endmacro %}{% call f() %}{{ contact.a }}{% endcall %}",
}


def normal(text: str) -> str:
    """Every line end as a line feed: how it arrives is up to the reader."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def decoded(written: str) -> str:
    """Read a part as a mail program does."""
    lines = written.split("\r\n")
    assert all(len(line) <= 76 and not line.startswith(".") for line in lines)
    assert written.isascii()
    assert not any("\r" in line or "\n" in line for line in lines)
    head = "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
    part = message_from_bytes((head + written).encode("ascii"), policy=policy.default)
    octets = part.get_payload(decode=True)
    assert isinstance(octets, bytes)
    return normal(octets.decode())


def make_contact(a: str, b: str) -> dict[str, object]:
    return {"a": a, "b": b, "lines": [a, b, a], "none": [], "tree": [{"a": a, "rest": [{"a": b, "rest": []}]}]}


@cache
def compile_parts(source: str) -> tuple[Renderer, Body, Body]:
    renderer = Renderer(
        CompiledTemplate(name="t", version="1", subject="", html=source, text=source), BRAND, {"breaks": "\nx\n  "}
    )
    html, text = (Body(source, renderer.constants, autoescape=autoescape) for autoescape in (True, False))
    return renderer, html, text


def render_both(source: str, contact: dict[str, object]) -> Iterator[tuple[str, str]]:
    """Give what we encode, read back, and what the renderer writes, of the HTML and of the text."""
    renderer, html, text = compile_parts(source)
    recipient = {"contact": contact, "company": {}, "links": {}, "campaign": {}}
    rendered = renderer.render(recipient)
    for body, expected in ((html, rendered.html), (text, rendered.text)):
        yield decoded(b"".join(body.write(renderer.names(recipient))).decode("ascii")), normal(expected)


@pytest.mark.parametrize("source", [pytest.param(source, id=name) for name, source in (DIRECT | FALLBACK).items()])
@given(a=VALUES, b=VALUES)
@settings(deadline=None)
def test_a_part_decodes_to_what_the_renderer_writes(source: str, a: str, b: str) -> None:
    for ours, expected in render_both(source, make_contact(normal(a), normal(b))):
        assert ours == expected
    # A lone CR is a line end by itself, also where a line feed comes next: the number of empty lines may differ.
    for ours, expected in render_both(source, make_contact(a, b)):
        assert re.sub("\n+", "\n", ours) == re.sub("\n+", "\n", expected)


@pytest.mark.parametrize("name", DIRECT)
def test_what_is_encoded_at_once(name: str) -> None:
    assert Body(DIRECT[name], autoescape=True).is_direct


@pytest.mark.parametrize("name", FALLBACK)
def test_what_is_rendered_first(name: str) -> None:
    assert not Body(FALLBACK[name], autoescape=True).is_direct


@cache
def compile_shipped(name: str) -> CompiledTemplate:
    return compile_template(SHIPPED[name])


def build_both(name: str, recipient: Mapping[str, Mapping[str, str]]) -> tuple[EmailMessage, EmailMessage]:
    """Give our message, read back, and the one that the standard library makes of the same rendering."""
    template = SHIPPED[name]
    variables = bind_variables(template, example_variables(template), today=NOW.date())
    compiled = compile_shipped(name)
    builder = MessageBuilder(compiled, BRAND, variables, IDENTITY, campaign_name="Été", secret=b"s" * 32)
    ours = message_from_bytes(
        builder.build(recipient, delivery_id=3, to_address="x@example.org", now=NOW).content, policy=policy.default
    )
    assert isinstance(ours, EmailMessage)
    link = ours["List-Unsubscribe"].strip()[1:-1]
    rendered = Renderer(compiled, BRAND, variables).render(
        {**recipient, "links": {"unsubscribe": link}, "campaign": {"name": "Été"}}
    )
    theirs = EmailMessage(policy=policy.SMTP)
    theirs["Subject"] = rendered.subject
    theirs.set_content(rendered.text, cte="quoted-printable")
    theirs.add_alternative(rendered.html, subtype="html", cte="quoted-printable")
    read = message_from_bytes(theirs.as_bytes(), policy=policy.default)
    assert isinstance(read, EmailMessage)
    return ours, read


@pytest.mark.parametrize("name", SHIPPED)
@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="complete"),
        pytest.param({"civility": "", "given_name": "", "family_name": "", "name": "", "siret": ""}, id="empty"),
        pytest.param({"family_name": "<b>O'Été & 😀</b> .", "name": "= " * 60 + "\n.Éts " + "x" * 300}, id="hostile"),
    ],
)
def test_the_shipped_templates_arrive_as_the_standard_library_would_send_them(
    name: str, changes: dict[str, str]
) -> None:
    preview = preview_recipient()
    recipient = {
        group: {field: changes.get(field, value) for field, value in preview[group].items()}
        for group in ("contact", "company")
    }
    ours, theirs = build_both(name, recipient)

    assert ours["Subject"] == theirs["Subject"]
    assert ours.get_content_type() == theirs.get_content_type()
    for part, expected in zip(ours.iter_parts(), theirs.iter_parts(), strict=True):
        assert part.get_content_type() == expected.get_content_type()
        assert part.get_content_charset() == expected.get_content_charset()
        # EmailMessage ends every part with a line end
        assert normal(part.get_content()).removesuffix("\n") == normal(expected.get_content()).removesuffix("\n")


@pytest.mark.parametrize("name", SHIPPED)
def test_the_shipped_templates_are_encoded_at_once(name: str) -> None:
    compiled = compile_shipped(name)
    assert Body(compiled.html, autoescape=True).is_direct
    assert Body(compiled.text, autoescape=False).is_direct


@pytest.mark.parametrize("source", [pytest.param(source, id=name) for name, source in (DIRECT | FALLBACK).items()])
@given(people=st.lists(st.tuples(VALUES, VALUES), min_size=2, max_size=25), start=st.integers(1, 10**9))
@settings(deadline=None, max_examples=25)
def test_messages_that_are_built_together_are_what_each_is_alone(
    source: str, people: list[tuple[str, str]], start: int
) -> None:
    """Nothing of one recipient gets into the message of another, in whatever company it is built."""
    compiled = CompiledTemplate(name="t", version="1", subject="{{ contact.a | length }}", html=source, text=source)
    values = {"breaks": "\nx\n  "}
    together, alone = (
        MessageBuilder(compiled, BRAND, values, IDENTITY, campaign_name="Été", secret=b"s" * 32) for _ in range(2)
    )
    addressees = [
        Addressee({"contact": make_contact(a, b), "company": {}}, start + at, f"r{at}@example.org", f"R {at}")
        for at, (a, b) in enumerate(people)
    ]
    built = together.build_all(addressees, now=NOW)
    for ours, each in zip(built, addressees, strict=True):
        [expected] = alone.build_all([each], now=NOW)
        assert ours == expected
        assert f"r{each.delivery_id - start}@example.org" in ours.content.decode("ascii")
    assert together.build_all(addressees[::-1], now=NOW) == built[::-1]
