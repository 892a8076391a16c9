"""JSON without what a parser would lose silently: duplicate keys, half surrogates, digits of numbers."""

from __future__ import annotations

import json
from typing import Any, NoReturn

#: Integers of at most this many characters are below 2**53.
_ALWAYS_EXACT = 15


class NotStrictJson(ValueError):
    """The text is not JSON, or a parser would lose something of it."""


def parse_strict(text: str, *, max_depth: int = 64, integers_only: bool = False) -> Any:
    """The value of a JSON text (RFC 8259).

    Refuses duplicate keys, the key ``__proto__``, half surrogates, numbers that a double does not hold, more than ``max_depth``
    levels (a scalar has level 0, ``{}`` level 1), and with ``integers_only`` fractions and exponents.

    :raises NotStrictJson: for any other text
    """
    try:
        value = json.loads(
            text,
            object_pairs_hook=_object,
            parse_int=_integer,
            parse_float=_refused if integers_only else _decimal,
            parse_constant=_refused,
        )
    except RecursionError:
        raise NotStrictJson(f"more than {max_depth} levels") from None
    except ValueError as cause:
        raise NotStrictJson(str(cause)) from cause
    check_shape(value, max_depth)
    return value


def spans_of(text: str) -> dict[str, str]:
    """The exact texts of the values of a JSON object by key; ``text`` is one that :func:`parse_strict` takes."""
    decoder = json.JSONDecoder()
    spans: dict[str, str] = {}
    at = _skip_space(text, _skip_space(text, 0) + 1)
    while text[at] != "}":
        key, at = decoder.raw_decode(text, at)
        start = _skip_space(text, _skip_space(text, at) + 1)
        _, end = decoder.raw_decode(text, start)
        spans[key] = text[start:end]
        at = _skip_space(text, end)
        if text[at] == ",":
            at = _skip_space(text, at + 1)
    return spans


def _skip_space(text: str, at: int) -> int:
    while text[at] in " \t\n\r":
        at += 1
    return at


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise NotStrictJson("duplicate key")
    if "__proto__" in value:
        raise NotStrictJson("the key __proto__ is not allowed")
    return value


def _integer(literal: str) -> int:
    if len(literal) > _ALWAYS_EXACT and _digits(literal) != _digits(repr(float(literal))):
        raise NotStrictJson("an integer that a double cannot represent")
    return int(literal)


def _decimal(literal: str) -> float:
    value = float(literal)
    if value in (float("inf"), float("-inf")):
        raise NotStrictJson("a number too large for a double")
    if value == 0 and _digits(literal) != "":
        raise NotStrictJson("a number so small that it would become 0")
    return value


def _digits(literal: str) -> str:
    """The digits without sign, point, exponent, leading and trailing zeros."""
    return literal.lower().split("e")[0].replace("-", "").replace(".", "").strip("0")


def _refused(literal: str) -> NoReturn:
    raise NotStrictJson(f"{literal[:40]} is not allowed")


def check_shape(root: Any, max_depth: int) -> None:
    """Refuses half surrogates and more than ``max_depth`` levels, without recursion.

    :raises NotStrictJson: for those
    """
    waiting: list[tuple[Any, int]] = [(root, 1)]
    while waiting:
        value, level = waiting.pop()
        if isinstance(value, str):
            _check_text(value)
        elif isinstance(value, (dict, list)):
            if level > max_depth:
                raise NotStrictJson(f"more than {max_depth} levels")
            if isinstance(value, dict):
                for key in value:
                    _check_text(key)
            parts = value.values() if isinstance(value, dict) else value
            waiting.extend((part, level + 1) for part in parts)


def _check_text(text: str) -> None:
    if text.isascii():
        return
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise NotStrictJson("half of a surrogate pair") from None
