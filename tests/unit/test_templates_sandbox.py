"""Attacks on the machine that runs a template: each ends with an error of the templates' own, soon and in little memory."""

from pathlib import Path

import pytest

from sends.bodies import Body
from templates import RENDERING_ERRORS, Brand, Purpose, Renderer, Template, TemplateError, compile_template
from templates.previews import preview_recipient

BRAND = Brand("Chambre", "CCI", ("1 rue",), "https://example.org", "a@example.org", "", None, "#12467f", "#e3a008")


def write(body: str, **given: str) -> str:
    """Render a body with these values for the invented recipient, and give its HTML."""
    template = Template("essai", "Essai", "Essai", Purpose.SERVICE, {}, Path("/dev/null/essai"), "Bonjour", body, None)
    recipient = preview_recipient()
    recipient["contact"] |= given
    return Renderer(compile_template(template), BRAND, {}).render(recipient).html


ESCAPES = {
    "class of a text": "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "class by subscript": "{{ ''['__class__'] }}",
    "class of the fields": "{{ contact.__class__.__mro__ }}",
    "globals of cycler": "{{ cycler.__init__.__globals__ }}",
    "globals of a cycler": "{{ cycler('a').__init__.__globals__['os'].popen('id') }}",
    "globals of joiner": "{{ joiner.__init__.__globals__ }}",
    "globals of namespace": "{{ namespace.__init__.__globals__ }}",
    "globals of a namespace": "{% set ns = namespace() %}{{ ns.__init__.__globals__ }}",
    "globals of lipsum": "{{ lipsum.__globals__ }}",
    "self": "{{ self.__init__.__globals__ }}",
    "the loop": "{% for a in [1] %}{{ loop.__init__.__globals__ }}{% endfor %}",
    "a macro's function": "{% macro m() %}x{% endmacro %}{{ m._func.__globals__ }}",
    "a macro's environment": "{% macro m() %}x{% endmacro %}{{ m._environment }}",
    "the method format": "{{ '{0.__class__}'.format(1) }}",
    "the method format of markup": "{{ ('{0.__class__}' | e).format(1) }}",
    "the method format as a value": "{% set f = '{0.__class__}'.format %}{{ f(1) }}",
    "format_map": "{{ '{a.__class__}'.format_map({'a': 1}) }}",
    "the filter format": "{{ '%s' | format(1) }}",
    "the filter attr": "{{ '' | attr('__class__') }}",
    "attr by map": "{{ ['x'] | map('attr', '__class__') | list }}",
    "an attribute by map": "{{ ['x'] | map(attribute='__class__.__mro__') | list }}",
    "an attribute by sort": "{{ ['a', 'b'] | sort(attribute='__class__.__name__') | join }}",
    "an attribute by groupby": "{{ [''] | groupby('__class__') }}",
    "a missing value": "{{ ({}).x.__init__.__globals__ }}",
    "an asynchronous loop": "{% for x in (y async for y in z) %}{% endfor %}",
    "a generator": "{{ range(3).__iter__() }}",
    "a function": "{{ (lambda: 1)() }}",
    "a module": "{% import 'os' as os %}{{ os }}",
    "the fields changed": "{{ contact.update({'a': 1}) }}",
    "the brand changed": "{{ brand.clear() }}",
    "translate": "{{ 'aaaa'.translate({97: 'b'}) }}",
}


@pytest.mark.parametrize("body", ESCAPES.values(), ids=ESCAPES)
def test_nothing_of_python_is_reachable(body: str) -> None:
    with pytest.raises(TemplateError):
        write(f"<p>{body}</p>")


def doubling(what: str, show: str) -> str:
    return f"{{% set ns = namespace(a={what[0]}) %}}{{% for i in range(60) %}}{{% set ns.a = {what[1:]} %}}{{% endfor %}}{show}"


def nested(count: int, inner: str) -> str:
    return "".join(f"{{% for a{n} in {inner} %}}" for n in range(count)) + "x" + "{% endfor %}" * count


BOMBS = {
    "a huge range": "{{ range(10 ** 12) }}",
    "a power": "{{ 9 ** 9 ** 9 ** 9 }}",
    "a power of powers": "{{ (9999 ** 19) ** 19 }}",
    "squares of squares": "{% set ns = namespace(a=99) %}{% for i in range(60) %}{% set ns.a = ns.a * ns.a %}{% endfor %}{{ ns.a }}",
    "a long text": "{{ 'a' * 10 ** 9 }}",
    "a long list": "{{ [1] * 10 ** 9 }}",
    "a list of long texts": "{% set a = 'a' * 90000 %}{{ [a] * 90000 }}",
    "a text put to itself": "{% set ns = namespace(a='x') %}{% for i in range(60) %}{% set ns.a = ns.a ~ ns.a %}{% endfor %}{{ ns.a }}",
    "a list added to itself": "{% set ns = namespace(a=[1]) %}{% for i in range(60) %}{% set ns.a = ns.a + ns.a %}{% endfor %}{{ ns.a | length }}",
    "lists in lists": "{% set ns = namespace(a=[1]) %}{% for i in range(60) %}{% set ns.a = [ns.a, ns.a] %}{% endfor %}{{ ns.a == ns.a }}",
    "lists in lists, without a name": "".join(
        f"{{% for a{n} in [[a{n - 1}, a{n - 1}]] %}}" for n in range(1, 60)
    ).replace("a0", "1")
    + "{{ a59 }}"
    + "{% endfor %}" * 59,
    "tables in tables": "{% set ns = namespace(a={}) %}{% for i in range(60) %}{% set ns.a = {'a': ns.a, 'b': ns.a} %}{% endfor %}{{ ns.a }}",
    "namespaces in namespaces": "".join(
        f"{{% set n{n} = namespace(a=n{n - 1}, b=n{n - 1}) %}}" for n in range(1, 60)
    ).replace("n0", "1")
    + "{{ n59 }}",
    "loops in loops": nested(3, "range(9999)"),
    "loops over literals": nested(9, "[1, 2, 3, 4, 5, 6, 7, 8, 9, 0]"),
    "loops over the letters": nested(2, "'a' * 90000"),
    "a macro without end": "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "a macro that calls itself twice": "{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(60) }}",
    "macros in macros": "{% macro m0() %}x{% endmacro %}"
    + "".join(f"{{% macro m{n}() %}}{f'{{{{ m{n - 1}() }}}}' * 10}{{% endmacro %}}" for n in range(1, 9))
    + "{{ m8() }}",
    "indent": "{{ 'a' | indent(10 ** 9, true) }}",
    "indent by a text": "{{ ('\n' * 90000) | indent('x' * 90000) }}",
    "center": "{{ 'a' | center(10 ** 9) }}",
    "ljust": "{{ 'a'.ljust(10 ** 9) }}",
    "expandtabs": "{{ '\t'.expandtabs(10 ** 9) }}",
    "round": "{{ 1.5 | round(10 ** 9, 'floor') }}",
    "batch": "{{ [1] | batch(10 ** 9, 'x') | list }}",
    "slice": "{{ [1] | slice(10 ** 9) | list }}",
    "wordwrap": "{{ ('ab' * 40000) | wordwrap(1, wrapstring='x' * 50000) }}",
    "replace": "{{ ('a' * 90000) | replace('a', 'a' * 90000) }}",
    "replace, the method": "{{ ('a' * 90000).replace('', 'a' * 90000) }}",
    "join": "{{ range(9999) | join('a' * 90000) }}",
    "join, the method": "{{ ('a' * 9000).join(range(9999) | map('string') | list) }}",
    "map": "{{ range(9999) | map('string') | map('replace', '1', 'x' * 90000) | sort | length }}",
    "tojson": "{{ [1] | tojson(indent=10 ** 9) }}",
    "urlize": "{{ ('www.a.com ' * 9000) | urlize(target='x' * 90000) }}",
    "many parts": "{{ " + " ~ ".join(["'a' * 99999"] * 900) + " }}",
    "many sums": "{{ " + " + ".join(["'a' * 99999"] * 400) + " }}",
    "many parentheses": "{{ " + "(" * 3000 + "1" + ")" * 3000 + " }}",
    "many brackets": "{{ " + "[" * 2000 + "1" + "]" * 2000 + " }}",
}


@pytest.mark.parametrize("body", BOMBS.values(), ids=BOMBS)
def test_nothing_grows_or_turns_without_bound(body: str) -> None:
    with pytest.raises(TemplateError) as refused:
        write(f"<p>{body}</p>")
    assert len(str(refused.value)) < 400


@pytest.mark.parametrize("name", ["lists in lists", "loops in loops", "map"])
def test_the_sender_s_own_way_of_rendering_is_bounded_too(name: str) -> None:
    with pytest.raises(RENDERING_ERRORS):
        Body(BOMBS[name], autoescape=True).render(dict(preview_recipient()))


USUAL = {
    "rows": ("{% for a in [1, 2] %}{% for b in ['x', 'y'] %}{{ a }}{{ b }} {% endfor %}{% endfor %}", "1x 1y 2x 2y"),
    "a table of words": ("{% set words = {'CUA': 'Arras'} %}{{ words[company.epci] }}", "Arras"),
    "numbers": ("{{ (3 * 4 + 2 ** 3) | round(1) }} {{ 7 % 4 }}", "20 3"),
    "texts": ("{{ 'a' + 'b' ~ 1 }} {{ ['a', 'b'] | join(', ') }} {{ 'ab' | indent(2, true) }}", "ab1 a, b   ab"),
    "columns": ("{% for row in range(5) | batch(2, '–') %}{{ row | join(' ') }}; {% endfor %}", "0 1; 2 3; 4 –;"),
    "maps": ("{{ ['a', 'b'] | map('upper') | list | join }}", "AB"),
    "a namespace": (
        "{% set ns = namespace(n=0) %}{% for a in range(9) %}{% set ns.n = ns.n + a %}{% endfor %}{{ ns.n }}",
        "36",
    ),
}


@pytest.mark.parametrize(("body", "shown"), USUAL.values(), ids=USUAL)
def test_what_a_mail_needs_is_no_attack(body: str, shown: str) -> None:
    assert shown in write(f"<p>{body}</p>")


def test_a_value_stays_a_value_wherever_it_stands() -> None:
    evil = "\"'><script>x</script>{{ 7 * 7 }}"
    html = write(
        "<p title=\"{{ contact.role }}\" lang='{{ contact.role }}'>{{ contact.role }}</p>"
        "<a href='https://example.org/{{ contact.role }}?q={{ contact.role }}'>x</a>",
        role=evil,
    )
    assert "<script" not in html
    assert "49" not in html
    assert html.count("'") + html.count('"') == html.count("='") * 2 + html.count('="') * 2


@pytest.mark.parametrize(
    "link", ["javascript:alert(1)", "JavaScript:x", "data:text/html,x", "vbscript:x", " javascript:x"]
)
def test_a_link_opens_no_code(link: str) -> None:
    with pytest.raises(TemplateError):
        write("<a href='{{ contact.role }}'>x</a>", role=link)
