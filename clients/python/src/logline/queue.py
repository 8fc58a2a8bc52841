"""A queue that appends spans in batches from a background thread."""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Protocol, Self

from .errors import LogLineError, Refusal, SpansRefusedError
from .span import identified
from .transport import jittered_delay_s


class QueueStore(Protocol):
    """Stores the spans of a queue by number, so that they outlive the process."""

    def open(self) -> Sequence[tuple[int, str]]:
        """Number and JSON text of each unsettled span of earlier processes, in the order of their addition."""

    def add(self, n: int, text: str) -> None:
        """Returns once the span is stored. Called from several threads."""

    def done(self, numbers: Sequence[int]) -> None:
        """Removes settled spans, which the ledger has stored or refused."""

    def close(self) -> None: ...


Send = Callable[[Sequence[str]], tuple[Sequence[Any], Mapping[int, LogLineError]]]


class SpanQueue:
    """Never drops a span: unsent spans are kept and retried, refused ones are reported, and :meth:`add` waits while the
    queue is full. Spans are in memory, so ``close`` the queue, or use ``with``, before the program ends; or they are in
    a ``store`` (:class:`FileStore`), and the next queue of that store sends what is left.

    A batch is sent when it has ``max_spans`` (500) or ``max_bytes`` (1 MiB), or when its first span has waited for
    ``max_wait_s`` (0.1). :meth:`add` waits while ``max_queued`` spans (10,000) are held. A refused span is passed to
    ``on_refused``, on the queue's thread, or without it raised by :meth:`flush`.
    """

    def __init__(
        self,
        send: Send,
        *,
        max_spans: int = 500,
        max_bytes: int = 2**20,
        max_wait_s: float = 0.1,
        max_queued: int = 10_000,
        on_refused: Callable[[Refusal], None] | None = None,
        store: QueueStore | None = None,
    ) -> None:
        if not 1 <= max_spans <= 1_000 or not 1 <= max_bytes <= 4_000_000 or max_queued < 1:
            raise ValueError("max_spans is 1 to 1000, max_bytes 1 to 4,000,000, max_queued at least 1")
        self._send = send
        self._max_spans, self._max_bytes = max_spans, max_bytes
        self._max_wait_s, self._max_queued = max_wait_s, max_queued
        self._on_refused = on_refused
        self._store = store
        now = time.monotonic()
        left = store.open() if store else ()
        self._held: deque[tuple[int, str, float]] = deque((n, text, now) for n, text in left)
        self._changed = threading.Condition()
        self._last = max((n for n, _ in left), default=0)
        self._added, self._settled = len(left), 0
        self._flush_to = 0
        self._refused: list[Refusal] = []
        self._fault: LogLineError | None = None
        self._closed = False
        # Whether the unsent spans are left to the next queue of the store.
        self._left = False
        self._thread = threading.Thread(target=self._run, name="logline-queue", daemon=True)
        self._thread.start()

    def __len__(self) -> int:
        with self._changed:
            return self._added - self._settled

    def add(self, draft: Mapping[str, Any], timeout_s: float | None = None) -> str:
        """Adds a span and returns its id. Waits while the queue is full (TimeoutError). ValueError after close."""
        span = identified(draft)
        text = json.dumps(span, ensure_ascii=False, allow_nan=False)
        with self._changed:
            has_room = lambda: self._closed or self._added - self._settled < self._max_queued  # noqa: E731
            if not self._changed.wait_for(has_room, timeout_s):
                raise TimeoutError("the queue is full")
            if self._closed:
                raise ValueError("the queue is closed")
            self._last = n = self._last + 1
            self._added += 1
        try:
            if self._store:
                self._store.add(n, text)
        except BaseException:
            with self._changed:
                self._added -= 1
                self._changed.notify_all()
            raise
        with self._changed:
            self._held.append((n, text, time.monotonic()))
            self._changed.notify_all()
        return str(span["id"])

    def flush(self, timeout_s: float | None = None) -> None:
        """Sends all spans added before at once and waits until they are settled. Raises SpansRefusedError for refused
        ones, LogLineError when the ledger cannot be reached (the spans stay in the queue), and TimeoutError."""
        with self._changed:
            target = self._flush_to = self._added
            self._fault = None
            self._changed.notify_all()
            if not self._changed.wait_for(lambda: self._settled >= target or self._fault is not None, timeout_s):
                raise TimeoutError("the queue is not flushed yet")
            if self._settled < target and self._fault is not None:
                raise self._fault
            refused, self._refused = self._refused, []
        if refused:
            raise SpansRefusedError(refused)

    def close(self, timeout_s: float | None = None) -> None:
        """Accepts no more spans and flushes. Spans that cannot be sent stay in the store, if there is one."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        try:
            self.flush(timeout_s)
        finally:
            with self._changed:
                is_settled = self._settled >= self._added
                self._left = not is_settled and self._store is not None
                self._changed.notify_all()
            if is_settled:
                self._thread.join(timeout_s)
            if self._store:
                self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _run(self) -> None:
        attempt = 0
        while (numbered := self._next_batch()) is not None:
            batch = [text for _, text in numbered]
            try:
                _, refused = self._send(batch)
            except LogLineError as error:
                self._stall(error, attempt)
                attempt += 1
                continue
            attempt = 0
            reports = [Refusal(json.loads(batch[at]), error) for at, error in sorted(refused.items())]
            for report in reports if self._on_refused else ():
                assert self._on_refused is not None
                self._on_refused(report)
            with self._changed:
                if self._left:
                    return
                if self._store:
                    self._store.done([n for n, _ in numbered])
                for _ in batch:
                    self._held.popleft()
                self._settled += len(batch)
                if self._on_refused is None:
                    self._refused.extend(reports)
                self._changed.notify_all()

    def _next_batch(self) -> list[tuple[int, str]] | None:
        """Waits for a due batch, whose spans stay held until settled. None when the queue is over."""
        with self._changed:
            while True:
                if self._left:
                    return None
                if not self._held:
                    if self._closed and self._settled >= self._added:
                        return None
                    self._changed.wait()
                    continue
                batch, is_full = self._start_of_held()
                due_in_s = self._held[0][2] + self._max_wait_s - time.monotonic()
                if is_full or self._closed or self._settled < self._flush_to or due_in_s <= 0:
                    return batch
                self._changed.wait(due_in_s)

    def _start_of_held(self) -> tuple[list[tuple[int, str]], bool]:
        batch: list[tuple[int, str]] = []
        total = 0
        for n, text, _ in self._held:
            total += len(text.encode()) + 1
            if batch and (len(batch) == self._max_spans or total > self._max_bytes):
                return batch, True
            batch.append((n, text))
        return batch, len(batch) == self._max_spans

    def _stall(self, error: LogLineError, attempt: int) -> None:
        with self._changed:
            self._fault = error
            self._changed.notify_all()
            # The next flush ends this wait.
            self._changed.wait_for(lambda: self._fault is None or self._left, 1 + jittered_delay_s(attempt))
