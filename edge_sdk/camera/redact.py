"""Credentials stay where they were given: what is said, logged or reported goes through here first.

Cameras carry them in every place an address has: before the host, in the query, in the path (`/user=admin&password=...`), in properties
of a GStreamer pipeline. What cannot be told from a credential is taken for one: of a query only short plain numbers are kept.
"""

import base64
import re
from urllib.parse import quote, unquote

MASK = "***"
MIN_SECRET = 4  # a shorter one stands in too many innocent words to be replaced by its letters alone

_SECRET_KEY = re.compile(r"pass|pwd|psw|pw$|token|secret|key|auth|cred|sig|user|usr|login|account|session|sid$|pin$|cookie|header", re.I)
_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*://)(\S*)")
_PROPERTY = re.compile(r"""([A-Za-z0-9_.%\-]+)(\s*=\s*)("(?:\\.|[^"\\])*"?|'(?:\\.|[^'\\])*'?|\S+)""")
_PATH_PAIR = re.compile(r"([A-Za-z0-9.%\-]+)(=)([^&;?#]*?)(?=_[A-Za-z]+=|[&;?#]|$)")  # some cameras join pairs by _
_QUERY_PART = re.compile(r"([?&;#])([^=&;?#]*)(=?)([^&;?#]*)")
_HOST = re.compile(r"(\[[0-9A-Fa-f:.%]+\]|[^@:\[\]]*)(:\d*)?")
# user:password@host without the // that would make it an address
_MISTYPED = re.compile(r"(?!([A-Za-z][A-Za-z0-9+.\-]*:/?)?\*\*\*@)([A-Za-z][A-Za-z0-9+.\-]*:/?)?\S*:\S*@")
_HARMLESS = re.compile(r"\d{1,4}(x\d{1,4})?")


def redacted(uri: object) -> str:
    """An address or pipeline as it may be said: credentials replaced by `***`, in one line of printable characters."""
    line = _printable(str(uri))
    if match := re.match(r"([A-Za-z][A-Za-z0-9+.\-]*://)(.*)", line):
        return match[1] + _redacted_rest(match[2])  # to the end: a password may hold a space
    if match := _MISTYPED.match(line):
        return f"{match[2] or ''}{MASK}@{line[match.end() :]}"
    return _redacted_words(line)


def scrubbed(text: str, uri: object) -> str:
    """What a library says about `uri`, without any of its credentials; nothing at all where one is too short to be told from a word."""
    secrets = secrets_of(str(uri))
    if any(len(secret) < MIN_SECRET and secret in text for secret in secrets):
        return ""
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, MASK)
    return _redacted_words(_printable(text))


def secrets_of(uri: str) -> frozenset[str]:
    """Every credential in an address: as written, percent-decoded, percent-encoded, and as HTTP's basic authentication sends it."""
    found: set[str] = set()
    for match in _URL.finditer(uri):
        user, at, _ = match[2].rpartition("@")
        if at and _redacted_rest(match[2]).startswith(MASK):
            found |= {user, *user.split(":", 1), base64.b64encode(unquote(user).encode()).decode()}
        found |= {part[4] for part in _QUERY_PART.finditer(match[2]) if _part(part) != part[0]}
        found |= {pair[3] for pair in _PATH_PAIR.finditer(match[2]) if _SECRET_KEY.search(unquote(pair[1]))}
    found |= {pair[3].strip("\"'") for pair in _PROPERTY.finditer(_URL.sub("", uri)) if _SECRET_KEY.search(unquote(pair[1]))}
    forms = {form for secret in found for form in (secret, unquote(secret), quote(unquote(secret), safe=""))}
    return frozenset(form for form in forms if form)


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def _redacted_words(text: str) -> str:
    """A sentence or a pipeline: URLs in it, and properties with a secret's name."""
    pieces, end = [], 0
    for match in _URL.finditer(text):
        pieces += [_PROPERTY.sub(_pair, text[end : match.start()]), match[1] + _redacted_rest(match[2])]
        end = match.end()
    return "".join([*pieces, _PROPERTY.sub(_pair, text[end:])])


def _redacted_rest(rest: str) -> str:
    """What stands behind `scheme://`. The last @ ends the credentials: one before it, or a /, may be a password's that was not encoded."""
    _, at, rest = rest.rpartition("@")
    split = re.search(r"[/?#]", rest)
    authority, tail = (rest[: split.start()], rest[split.start() :]) if split else (rest, "")
    if not at and not _HOST.fullmatch(authority):
        return MASK  # what looks like a port may be a password whose host is missing
    authority = MASK + at + authority if at else authority
    split = re.search(r"[?#]", tail)
    path, query = (tail[: split.start()], tail[split.start() :]) if split else (tail, "")
    return authority + _PATH_PAIR.sub(_pair, path) + _QUERY_PART.sub(_part, query)


def _pair(match: re.Match[str]) -> str:
    return f"{match[1]}{match[2]}{MASK}" if match[3] and _SECRET_KEY.search(unquote(match[1])) else match[0]


def _part(match: re.Match[str]) -> str:
    lead, key, equals, value = match[1], match[2], match[3], match[4]
    if not equals:
        return lead + (MASK if key else "")  # a bare word may be a token
    kept = not value or (_HARMLESS.fullmatch(value) and "%" not in key and not _SECRET_KEY.search(key))
    return f"{lead}{key}={value if kept else MASK}"
