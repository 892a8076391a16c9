"""Payloads of envelopes: strict JSON in UTF-8, read field by field."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from ..errors import TrustError
from .envelope import malformed, strict_object

DIGEST = re.compile(r"[0-9a-f]{64}")
ENVIRONMENT = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def seconds(time: str) -> float:
    """A time of a payload in seconds since the epoch."""
    return datetime.strptime(time, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc).timestamp()


# The first use imports a module: not in a thread, while the process may fork.
seconds("1970-01-01T00:00:00Z")


class Fields:
    """Typed access to the fields of a signed payload. Unknown fields are ignored. Raises TrustError ``malformed``."""

    def __init__(self, values: Mapping[str, Any], name: str) -> None:
        self.values, self.name = values, name

    @classmethod
    def of(cls, payload: bytes, name: str) -> Fields:
        try:
            text = payload.decode("utf-8")
        except UnicodeDecodeError as cause:
            raise malformed(f"the {name} is not UTF-8") from cause
        return cls(strict_object(text, 8, name, integers_only=True), name)

    def has(self, key: str) -> bool:
        return self.values.get(key) is not None

    def text(self, key: str, limit: int) -> str:
        value = self.values.get(key)
        if not (isinstance(value, str) and is_text(value, limit)):
            raise self._not(key, f"a text of at most {limit} characters")
        return value

    def matching(self, key: str, pattern: re.Pattern[str]) -> str:
        value = self.values.get(key)
        if not (isinstance(value, str) and pattern.fullmatch(value)):
            raise self._not(key, f"like {pattern.pattern}")
        return value

    def matching_or_none(self, key: str, pattern: re.Pattern[str]) -> str | None:
        return self.matching(key, pattern) if self.has(key) else None

    def matching_list(self, key: str, limit: int, pattern: re.Pattern[str]) -> tuple[str, ...]:
        value = self.values.get(key)
        if not isinstance(value, list) or len(value) > limit:
            raise self._not(key, f"a list of at most {limit}")
        if not all(isinstance(item, str) and pattern.fullmatch(item) for item in value):
            raise self._not(key, f"a list of texts like {pattern.pattern}")
        return tuple(value)

    def integer(self, key: str, least: int = 0) -> int:
        value = self.values.get(key)
        # A bool is an int in Python.
        if type(value) is not int or not least <= value < 2**53:
            raise self._not(key, f"an integer from {least}")
        return value

    def time(self, key: str) -> str:
        value = self.matching(key, _TIME)
        try:
            seconds(value)
        except ValueError:
            raise malformed(f"{key} {value} does not exist") from None
        return value

    def nested(self, key: str) -> Fields:
        return self._object(self.values.get(key), f"{self.name}.{key}")

    def objects(self, key: str, limit: int) -> list[Fields]:
        value = self.values.get(key)
        if not isinstance(value, list) or len(value) > limit:
            raise self._not(key, f"a list of at most {limit}")
        return [self._object(item, f"{self.name}.{key}.{index}") for index, item in enumerate(value)]

    def objects_by_key(self, key: str, limit: int, pattern: re.Pattern[str]) -> dict[str, Fields]:
        fields = self.nested(key)
        if len(fields.values) > limit or not all(pattern.fullmatch(name) for name in fields.values):
            raise self._not(key, f"at most {limit} objects by keys like {pattern.pattern}")
        return {name: self._object(value, f"{fields.name}.{name}") for name, value in fields.values.items()}

    def texts(self, key: str, limit: int, max_key: int, max_value: int) -> dict[str, str]:
        values = dict(self.nested(key).values)
        good = all(
            name != "" and is_text(name, max_key) and isinstance(it, str) and is_text(it, max_value)
            for name, it in values.items()
        )
        if not good or len(values) > limit:
            raise self._not(key, f"at most {limit} short texts")
        return values

    def _object(self, value: object, name: str) -> Fields:
        if not isinstance(value, dict):
            raise malformed(f"{name} must be an object")
        return Fields(value, name)

    def _not(self, key: str, wanted: str) -> TrustError:
        return malformed(f"{self.name}.{key} must be {wanted}")


def is_text(value: str, limit: int) -> bool:
    return len(value) <= limit and _CONTROLS.search(value) is None
