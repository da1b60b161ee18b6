"""HTML from small functions: what is not known to be markup is escaped, always.

`tag` escapes every plain string it is given, as content and as attribute. Only `Html`, which `tag` and `join` return, passes unchanged;
a plain f-string of `Html` is a plain string again and is escaped, so that a mistake shows on the page and opens nothing.
"""

import re
from collections.abc import Iterable
from html import escape

VOID = frozenset({"meta", "img", "br", "hr", "wbr"})

# C0 and C1 controls, non-characters and lone surrogates (undecodable file names) have no place in HTML, nor can all of them be written
_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")


class Html(str):
    """Markup that is already safe."""

    __slots__ = ()


def printable(text: str) -> str:
    """The text with what no file or page can hold replaced by U+FFFD."""
    return _UNWRITABLE.sub("\ufffd", text)


def tag(name: str, /, *children: str, **attributes: str | float | None) -> Html:
    """One element.

    Args:
        name: Element name.
        children: `Html` as it is, everything else escaped.
        attributes: By name, `_` for `-` and a trailing `_` dropped (`class_`); None leaves the attribute out.
    """
    written = "".join(f' {_attribute(key)}="{_value(value)}"' for key, value in attributes.items() if value is not None)
    if name in VOID:
        return Html(f"<{name}{written}>")
    return Html(f"<{name}{written}>{join(children)}</{name}>")


def join(parts: Iterable[str], separator: str = "") -> Html:
    """Parts one after the other, plain strings escaped."""
    return Html(_safe(separator).join(_safe(part) for part in parts))


def own_words(text: str, name: str = "span", **attributes: str | float | None) -> Html:
    """Text that others wrote (file names, remarks): isolated, so that right-to-left marks in it cannot reorder the page."""
    return tag(name, tag("bdi", text), **attributes)


def _safe(part: str) -> str:
    return part if isinstance(part, Html) else escape(printable(part), quote=True)


def _attribute(key: str) -> str:
    return key.rstrip("_").replace("_", "-")


def _value(value: str | float) -> str:
    return _safe(value) if isinstance(value, str) else f"{value:.6g}"
