"""A page that shows messages as their readers will see them: on a desktop, a phone, in the dark, and as plain text."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from gettext import gettext as _
from html import escape, unescape

from templates.renderer import Rendered

DESKTOP, PHONE = 700, 320
"""Widths of the views, in CSS pixels."""

_DARK = re.compile(r"\(\s*prefers-color-scheme\s*:\s*dark\s*\)", re.IGNORECASE)
_LIGHT = re.compile(r"\(\s*prefers-color-scheme\s*:\s*light\s*\)", re.IGNORECASE)
_SCHEMES = re.compile(r"(<meta\s+name=[\"'](?:supported-)?color-schemes?[\"']\s+content=[\"'])[^\"']*", re.IGNORECASE)
_HOLDS, _FAILS = "(min-width: 0px)", "(max-width: 0px)"
_HIDDEN = re.compile(r"<(div|span)\b[^>]*display:\s*none[^>]*>(.*?)</\1>", re.DOTALL | re.IGNORECASE)
_TAG = re.compile(r"<[^>]*>")
_PADDING = re.compile("[\u034f\u200c\u200b\u00ad\ufeff\u00a0\\s]+")
_CSS = """
body { margin: 0; padding: 24px; font: 15px/22px system-ui, sans-serif; background: #e6e9ee; color: #1d2733; }
h1 { font-size: 22px; margin: 0 0 4px; } h2 { font-size: 18px; margin: 40px 0 4px; } h3 { font-size: 14px; margin: 0 0 6px; }
p, ul { margin: 0 0 10px; } .views { display: flex; flex-wrap: wrap; gap: 24px; align-items: flex-start; }
iframe { border: 1px solid #b9c1cc; background: #fff; display: block; } .dark iframe { background: #12161c; }
pre { width: 640px; max-height: 1000px; overflow: auto; margin: 0; padding: 16px; border: 1px solid #b9c1cc; background: #fff;
  white-space: pre-wrap; font: 13px/18px ui-monospace, monospace; box-sizing: border-box; }
.inbox { max-width: 900px; padding: 10px 14px; margin: 0 0 18px; background: #fff; border: 1px solid #b9c1cc; overflow: hidden;
  white-space: nowrap; text-overflow: ellipsis; }
.inbox b { margin-right: 10px; } .inbox span { color: #5a6675; }
"""


@dataclass(frozen=True)
class Card:
    """One message in a gallery: a title, sentences about it, and what it looks like."""

    title: str
    remarks: Sequence[str]
    message: Rendered


def inbox_line(message: Rendered) -> tuple[str, str]:
    """Give a message's subject and the words that a mail program shows behind it: the preheader, or how it begins."""
    hidden = _HIDDEN.search(message.html)
    words = _PADDING.sub(" ", unescape(_TAG.sub("", hidden[2]))).strip() if hidden else ""
    return message.subject, words or " ".join(message.text.split())[:120]


def in_scheme(html: str, *, is_dark: bool) -> str:
    """Give a page as a reader with light or dark colours sees it, whatever the browser's own are."""
    page = _DARK.sub(_HOLDS if is_dark else _FAILS, html)
    page = _LIGHT.sub(_FAILS if is_dark else _HOLDS, page)
    return _SCHEMES.sub(rf"\g<1>{'dark' if is_dark else 'light'}", page)


def show_template(title: str, sender: str, message: Rendered) -> str:
    """Write the page of one template: its four views side by side under its line in the inbox."""
    views = (
        _frame(_("Desktop, {width} px").format(width=DESKTOP), in_scheme(message.html, is_dark=False), DESKTOP),
        _frame(_("Phone, {width} px").format(width=PHONE), in_scheme(message.html, is_dark=False), PHONE),
        _frame(_("Dark colours"), in_scheme(message.html, is_dark=True), DESKTOP, "dark"),
        _text(message.text),
    )
    return _page(title, [f"<h1>{escape(title)}</h1>", _inbox(sender, message), *_views(views)])


def show_cards(title: str, remark: str, sender: str, cards: Iterable[Card]) -> str:
    """Write a gallery of messages, each with why it stands there, its inbox line, its page and its text."""
    parts = [f"<h1>{escape(title)}</h1><p>{escape(remark)}</p>"]
    for card in cards:
        reasons = "".join(f"<li>{escape(remark)}</li>" for remark in card.remarks)
        views = (
            _frame(
                _("Desktop, {width} px").format(width=DESKTOP), in_scheme(card.message.html, is_dark=False), DESKTOP
            ),
            _text(card.message.text),
        )
        parts += [f"<h2>{escape(card.title)}</h2><ul>{reasons}</ul>", _inbox(sender, card.message), *_views(views)]
    return _page(title, parts)


def _page(title: str, parts: Iterable[str]) -> str:
    head = f'<!doctype html>\n<meta charset="utf-8">\n<title>{escape(title)}</title>\n<style>{_CSS}</style>\n'
    return head + "\n".join(parts) + "\n"


def _views(views: Iterable[str]) -> tuple[str, ...]:
    return ('<div class="views">', *views, "</div>")


def _inbox(sender: str, message: Rendered) -> str:
    subject, preheader = inbox_line(message)
    return f'<p class="inbox"><b>{escape(sender)}</b><b>{escape(subject)}</b><span>{escape(preheader)}</span></p>'


def _frame(label: str, html: str, width: int, kind: str = "light") -> str:
    # Without any right: no script of the page's runs, and no link of it replaces the gallery.
    frame = (
        f'<iframe sandbox="" width="{width}" height="1000" title="{escape(label)}" srcdoc="{escape(html)}"></iframe>'
    )
    return f'<section class="{kind}"><h3>{escape(label)}</h3>{frame}</section>'


def _text(text: str) -> str:
    return f"<section><h3>{escape(_('Plain text'))}</h3><pre>{escape(text)}</pre></section>"
