"""Spans as sent and as stored."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal, Required, TypedDict

Visibility = Literal["private", "tenant", "public"]


class SpanDraft(TypedDict, total=False):
    """A span to append. Missing ``id`` and ``at`` are filled by the client, a missing ``seq`` (0) by the ledger."""

    id: str
    seq: int
    entity_type: Required[str]
    who: Required[str]
    did: str
    this: Required[str]
    at: str
    parent_id: str
    related_to: list[str]
    owner_id: str
    tenant_id: str
    visibility: Visibility
    status: str
    is_deleted: bool
    name: str
    description: str
    code: str
    language: str
    runtime: str
    input: Any
    output: Any
    error: Any
    metadata: Any
    duration_ms: int
    trace_id: str
    prev_hash: str
    curr_hash: str
    signature: str
    public_key: str


class Span(SpanDraft):
    """A span as the ledger returns it."""

    id: Required[str]  # type: ignore[misc]
    seq: Required[int]  # type: ignore[misc]
    at: Required[str]  # type: ignore[misc]
    owner_id: Required[str]  # type: ignore[misc]
    tenant_id: Required[str]  # type: ignore[misc]
    visibility: Required[Visibility]  # type: ignore[misc]
    is_deleted: Required[bool]  # type: ignore[misc]
    curr_hash: Required[str]  # type: ignore[misc]
    signature: Required[str]  # type: ignore[misc]
    public_key: Required[str]  # type: ignore[misc]


def identified(draft: Mapping[str, Any]) -> dict[str, Any]:
    """The draft with ``id`` and ``at``, so that sending it again stores it only once; without members that are None."""
    span = {name: value for name, value in draft.items() if value is not None}
    span.setdefault("id", uuid7())
    span.setdefault("at", now())
    return span


def uuid7() -> str:
    """A UUID of version 7 (RFC 9562 section 5.7): 48 bits of milliseconds, the rest random."""
    value = (time.time_ns() // 1_000_000) << 80 | int.from_bytes(os.urandom(10))
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def now() -> str:
    """The current time in the ledger's format: RFC 3339 in UTC with milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
