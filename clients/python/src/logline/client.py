"""The client of a ledger."""

from __future__ import annotations

import json
import random
import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, cast
from urllib.parse import quote, urlencode

from .errors import LogLineError, Refusal
from .queue import SpanQueue
from .span import Span, SpanDraft, identified
from .transport import Token, Transport, error_of

MAX_SPANS = 1_000
#: Slightly below the ledger's limit of 4 MiB.
MAX_BYTES = 4 * 2**20 - 4_096
_FINAL = {400, 403, 409, 413, 422}
_WAIT_S = 20
_MARK = "#"


@dataclass(frozen=True)
class Appended:
    """The outcome of :meth:`LogLine.append_all`."""

    #: Stored spans in the order given; only ``id``, ``seq`` and ``curr_hash`` when the answer would be too large.
    spans: list[Span] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)


@dataclass(frozen=True)
class Delivery:
    """A span of the feed and the cursor after it, from which to resume once the span is processed."""

    span: Span
    cursor: str


class LogLine:
    """Appends to, reads and follows a ledger. Safe to use from several threads.

    ``url`` is that of the ledger, or maps tenants to URLs; redirects are not followed. ``token`` is a token, or a
    function that returns one, which is called again once after a 401. Network errors, 408, 429 and 5xx are retried
    until ``deadline_s`` has passed; an attempt takes at most ``try_s``. Methods raise :class:`LogLineError` when the
    ledger refuses a request or does not answer in time.
    """

    def __init__(
        self,
        url: str | Mapping[str, str],
        token: Token | None = None,
        *,
        tenant: str | None = None,
        deadline_s: float = 60,
        try_s: float = 30,
    ) -> None:
        self._transport = Transport(url, token, tenant, deadline_s, try_s)

    def append(self, draft: SpanDraft | Mapping[str, Any]) -> Span:
        """Appends one span. Missing ``id`` and ``at`` are filled first, so that retries store it only once."""
        body = self._transport.demand(
            "POST",
            "/api/spans",
            body=json.dumps(identified(draft), ensure_ascii=False, allow_nan=False),
            headers={"content-type": "application/json"},
        )
        return cast(Span, body["span"])

    def append_all(self, drafts: Iterable[SpanDraft | Mapping[str, Any]]) -> Appended:
        """Appends spans in requests of up to 1000, each stored whole or not at all. Refused spans do not raise."""
        outcome = Appended()
        given = [identified(draft) for draft in drafts]
        texts = [json.dumps(draft, ensure_ascii=False, allow_nan=False) for draft in given]
        start = 0
        while start < len(texts):
            end = start + batch_length(texts[start : start + MAX_SPANS], MAX_SPANS, MAX_BYTES)
            stored, refused = self.send_batch(texts[start:end])
            outcome.spans.extend(span for span in stored if span is not None)
            outcome.refused.extend(Refusal(given[start + at], error) for at, error in sorted(refused.items()))
            start = end
        return outcome

    def queue(self, **options: Any) -> SpanQueue:
        """A queue that appends in batches; see :class:`SpanQueue` for the options."""
        return SpanQueue(self.send_batch, **options)

    def timeline(self, *, order: Literal["desc", "asc"] = "desc", limit: int = 100, **filters: Any) -> Iterator[Span]:
        """Lists spans by time, page by page, all from one snapshot."""
        query: dict[str, Any] = {**filters, "order": order, "limit": limit}
        while True:
            page = self._page(query)
            yield from page["spans"]
            if not page["has_more"]:
                return
            query["cursor"] = page["next_cursor"]

    def subscribe(self, *, from_: str = "start", limit: int = 500, **filters: Any) -> Iterator[Delivery]:
        """Follows the feed without end. ``from_`` is "start", "end" or the cursor of the last processed span."""
        place, _, last = from_.partition(_MARK)
        poll_s = 0.1
        while True:
            asked = time.monotonic()
            query: dict[str, Any] = {**filters, "order": "feed", "limit": MAX_SPANS if last else limit}
            if place == "end":
                query["from"] = "end"
            elif place != "start":
                query["cursor"] = place
            page = self._page(query, wait_s=0 if last or place == "end" else _WAIT_S)
            spans, after = page["spans"], page["next_cursor"] or place
            names = [_name(span) for span in spans]
            known = names.index(last) + 1 if last in names else 0
            for at in range(known, len(spans)):
                yield Delivery(spans[at], after if at == len(spans) - 1 else f"{place}{_MARK}{names[at]}")
            is_new = len(spans) > known
            place, last = after, ""
            if page["has_more"]:
                continue
            poll_s = 0.1 if is_new else min(5.0, poll_s * 2)
            if time.monotonic() - asked < 1:
                time.sleep(random.uniform(poll_s / 2, poll_s))

    def entity(self, id: str) -> Iterator[Span]:
        """The versions of an entity, newest first."""
        path = f"/api/spans/{quote(id, safe='')}"
        query: dict[str, Any] = {}
        while True:
            body = self._transport.demand("GET", f"{path}?{urlencode(query)}" if query else path)
            yield from reversed(body["versions"])
            if not body.get("has_more"):
                return
            query["cursor"] = body["next_cursor"]

    def append_version(self, id: str, draft: SpanDraft | Mapping[str, Any], *, tries: int = 10) -> Span:
        """Appends the next version of an entity; after a conflict it reads the newest version and tries again."""
        for attempt in range(1, tries + 1):
            latest = self._transport.demand("GET", f"/api/spans/{quote(id, safe='')}")["span"]
            try:
                return self.append({**draft, "id": id, "seq": latest["seq"] + 1, "prev_hash": latest["curr_hash"]})
            except LogLineError as error:
                if error.status != 409 or attempt == tries:
                    raise
        raise ValueError("tries must be at least 1")

    def execute(self, function_id: str, input: Any = None) -> dict[str, Any]:
        """Runs a function and waits for it; retries only when the ledger says that the run did not begin."""
        body = self._transport.demand(
            "POST",
            f"/api/execute/{quote(function_id, safe='')}",
            body=json.dumps({} if input is None else {"input": input}, ensure_ascii=False, allow_nan=False),
            headers={"content-type": "application/json"},
            retry="unstarted",
        )
        return cast(dict[str, Any], body)

    def send_batch(self, texts: Sequence[str]) -> tuple[list[Span | None], dict[int, LogLineError]]:
        """Sends one batch of spans (JSON texts). Faulty spans are taken out and the rest is sent again; a refusal that
        names no span is bisected. Returns stored spans by place (None for a refused one) and errors by place."""
        stored: list[Span | None] = [None] * len(texts)
        refused: dict[int, LogLineError] = {}
        waiting = [list(range(len(texts)))]
        while waiting:
            indices = waiting.pop()
            if not indices:
                continue
            answer = self._transport.exchange(
                "POST",
                "/api/spans",
                body="[" + ",".join(texts[index] for index in indices) + "]",
                headers={"content-type": "application/json"},
            )
            if 200 <= answer.status <= 299:
                for index, span in zip(indices, answer.body["spans"], strict=True):
                    stored[index] = span
                continue
            error = error_of(answer)
            if error.status not in _FINAL or "scope" in error.problem:
                raise error
            waiting.extend(_settle(indices, error, refused))
        return stored, refused

    def _page(self, query: Mapping[str, Any], wait_s: int = 0) -> dict[str, Any]:
        headers = {"prefer": f"wait={wait_s}"} if wait_s else {}
        path = f"/api/timeline?{urlencode(query, doseq=True)}"
        return cast(dict[str, Any], self._transport.demand("GET", path, headers=headers, held_s=wait_s))


def batch_length(texts: Sequence[str], max_spans: int, max_bytes: int) -> int:
    """How many of the first texts fit into one request; at least 1."""
    total = 0
    for length, text in enumerate(texts):
        total += len(text.encode()) + 1
        if length > 0 and (length >= max_spans or total > max_bytes):
            return length
    return len(texts)


def _settle(indices: list[int], error: LogLineError, refused: dict[int, LogLineError]) -> list[list[int]]:
    """Records the faulty spans and returns the batches to send next, the first one last."""
    if len(indices) == 1:
        refused[indices[0]] = _about(error, 0)
        return []
    faulty = {place for fault in error.errors if (place := _place_of(fault["pointer"])) is not None}
    rest = [index for place, index in enumerate(indices) if place not in faulty]
    if len(rest) == len(indices):
        half = len(indices) // 2
        return [indices[half:], indices[:half]]
    for place in faulty:
        if place < len(indices):
            refused[indices[place]] = _about(error, place)
    return [rest]


def _place_of(pointer: str) -> int | None:
    found = re.match(r"/(\d+)(?=/|$)", pointer)
    return int(found[1]) if found else None


def _about(error: LogLineError, place: int) -> LogLineError:
    own = [fault for fault in error.errors if _place_of(fault["pointer"]) in (None, place)]
    errors = [{**fault, "pointer": re.sub(r"^/\d+(?=/|$)", "", fault["pointer"])} for fault in own]
    said = "; ".join(fault["detail"] for fault in errors)
    return LogLineError(
        f"{error.status}: {said}" if said else str(error),
        status=error.status,
        type=error.type,
        errors=errors,
        problem=error.problem,
        request_id=error.request_id,
    )


def _name(span: Mapping[str, Any]) -> str:
    return f"{span['id']}/{span['seq']}"
