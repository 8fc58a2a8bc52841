"""Errors of the client."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


class LogLineError(Exception):
    """An unsuccessful answer, or none (status 0, type "network")."""

    def __init__(
        self,
        message: str,
        *,
        status: int,
        type: str,
        errors: Sequence[Mapping[str, str]] = (),
        problem: Mapping[str, Any] | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        #: ``type`` of the problem document (RFC 9457), such as ``urn:logline:problem:conflict``.
        self.type = type
        #: Every fault that the ledger named, as ``{"pointer", "detail"}``.
        self.errors = list(errors)
        self.problem: Mapping[str, Any] = problem or {}
        self.request_id = request_id


@dataclass(frozen=True)
class Refusal:
    """A span that the ledger refuses; sending it again does not help."""

    draft: Mapping[str, Any]
    #: The pointers of its faults are relative to the span.
    error: LogLineError


class SpansRefusedError(LogLineError):
    """The ledger refused spans of a queue."""

    def __init__(self, refused: Sequence[Refusal]) -> None:
        first = refused[0].error
        super().__init__(
            f"the ledger refused {len(refused)} spans; the first: {first}",
            status=first.status,
            type=first.type,
            errors=first.errors,
        )
        self.refused = list(refused)
