"""Dictionaries and lists that do not change, and are what ``dict`` and ``list`` are to everybody else: ``json.dumps``, ``match``
and validators take them. ``copy.deepcopy`` makes plain ones that may be changed."""

from __future__ import annotations

import copy
import json
from typing import Any, NoReturn

from .strict_json import check_shape

#: Above the nesting that a server takes.
_MAX_DEPTH = 128


def _refuse(self: object, *_args: object, **_named: object) -> NoReturn:
    raise TypeError("policies cannot be changed; copy.deepcopy() makes a copy that can")


class FrozenDict(dict[str, Any]):
    """A dictionary that refuses changes."""

    __slots__ = ()
    __setitem__ = __delitem__ = __ior__ = clear = pop = popitem = setdefault = update = _refuse

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(frozenset(self.items()))

    def __copy__(self) -> FrozenDict:
        return self

    def __deepcopy__(self, memo: dict[int, object]) -> dict[str, Any]:
        return {key: copy.deepcopy(value, memo) for key, value in self.items()}

    def __reduce__(self) -> tuple[object, ...]:
        return (FrozenDict, (dict(self),))


class FrozenList(list[Any]):
    """A list that refuses changes."""

    __slots__ = ()
    __setitem__ = __delitem__ = __iadd__ = __imul__ = _refuse
    append = clear = extend = insert = pop = remove = reverse = sort = _refuse

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(tuple(self))

    def __copy__(self) -> FrozenList:
        return self

    def __deepcopy__(self, memo: dict[int, object]) -> list[Any]:
        return [copy.deepcopy(value, memo) for value in self]

    def __reduce__(self) -> tuple[object, ...]:
        return (FrozenList, (list(self),))


def freeze(value: Any) -> Any:
    """A frozen copy of what ``json.loads`` returns."""
    if isinstance(value, (FrozenDict, FrozenList)):
        return value
    if isinstance(value, dict):
        return FrozenDict((key, freeze(part)) for key, part in value.items())
    if isinstance(value, list):
        return FrozenList(freeze(part) for part in value)
    return value


def parse_frozen(text: str) -> Any:
    """The value of a JSON text, frozen. Raises ValueError for what is not JSON, NaN, duplicate keys, the key ``__proto__``, half
    surrogates and more than 128 levels included; numbers may be of any size and precision."""

    def pairs(items: list[tuple[str, Any]]) -> FrozenDict:
        value = FrozenDict((key, freeze(part) if isinstance(part, list) else part) for key, part in items)
        if len(value) != len(items):
            raise ValueError("duplicate key")
        if "__proto__" in value:
            raise ValueError("the key __proto__ is not allowed")
        return value

    def constant(name: str) -> NoReturn:
        raise ValueError(f"{name} is not JSON")

    try:
        value = json.loads(text, object_pairs_hook=pairs, parse_constant=constant, parse_int=_integer)
        check_shape(value, _MAX_DEPTH)
        return freeze(value)
    except RecursionError:
        raise ValueError("too deeply nested") from None


def _integer(literal: str) -> int | float:
    """One that is too long for Python to read, which takes the square of the time, is the nearest double, as elsewhere."""
    return int(literal) if len(literal) <= 4_300 else float(literal)
