"""What a guardrail policy says about a request, compiled once for each version."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

ENTITIES = {
    "email": re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]*\w"),
    "phone": re.compile(r"(?<![\w.])\+?\d[\d ()/-]{6,16}\d(?![\w.])"),
    "iban": re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?\b"),
    "passport": re.compile(r"\b[CFGHJKLMNPRTVWXYZ][0-9CFGHJKLMNPRTVWXYZ]{8}\b"),
}
SECRETS = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----|\bAKIA[0-9A-Z]{16}\b|\bsignet_(?:adm|ci|rt|vw|mt)_\w{8}_\w{49}\b|\b[A-Z_]*API_KEY\b")
# An IBAN has digits that look like a telephone number: the longer one goes first.
ORDER = ("iban", "email", "passport", "phone")


class Refused(Exception):
    """A request that the policy does not allow; the message is the reason, for a machine."""


@dataclass(frozen=True)
class Guardrails:
    """A policy that this program can enforce, all of it."""

    entities: tuple[str, ...]
    blocks_pii: bool
    finds_secrets: bool
    exceptions: frozenset[str]
    tools: frozenset[str] | None
    max_argument: int
    max_input: int

    def apply(self, tool: str | None, text: str) -> str:
        """The text to pass on, without what is to be redacted. Raises Refused."""
        if len(text) > self.max_input:
            raise Refused("input_too_long")
        if tool is not None and self.tools is not None:
            if tool not in self.tools:
                raise Refused("tool_not_allowed")
            if len(text) > self.max_argument:
                raise Refused("argument_too_long")
        if self.finds_secrets and any(found not in self.exceptions for found in SECRETS.findall(text)):
            raise Refused("secret")
        for entity in self.entities:
            redacted = ENTITIES[entity].sub(f"[{entity}]", text)
            if self.blocks_pii and redacted != text:
                raise Refused("personal_data")
            text = redacted
        return text


def compile_guardrails(policies: Mapping[str, Any]) -> Guardrails:
    """Raises ValueError for what this program cannot enforce: half a policy is none."""
    pii, secrets, tools, limits = (policies.get(name, {}) for name in ("pii", "secrets", "tools", "limits"))
    wanted = pii.get("entities", []) if pii.get("enabled") else []
    unknown = [entity for entity in wanted if entity not in ENTITIES]
    if unknown:
        raise ValueError(f"pii.entities: cannot find {', '.join(map(str, unknown))}")
    action = pii.get("action", "REDACT")
    if action not in ("REDACT", "BLOCK"):
        raise ValueError(f"pii.action: {action} is neither REDACT nor BLOCK")
    return Guardrails(
        entities=tuple(entity for entity in ORDER if entity in wanted),
        blocks_pii=action == "BLOCK",
        finds_secrets=bool(secrets.get("enabled")),
        exceptions=frozenset(secrets.get("exceptions", [])),
        tools=frozenset(tools["allowed"]) if tools.get("enabled") else None,
        max_argument=int(tools.get("max_arg_size", 10_000)),
        max_input=int(limits.get("max_input_characters", 100_000)),
    )
