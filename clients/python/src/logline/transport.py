"""HTTP requests to one ledger: token, retries, read-your-writes."""

from __future__ import annotations

import gzip
import http.client
import json
import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, Literal
from urllib.parse import urlsplit

from .errors import LogLineError

Token = str | Callable[[], str]
Retry = Literal["idempotent", "unstarted"]

FIRST_DELAY_S = 0.2
MAX_DELAY_S = 8.0
#: Longer bodies are compressed, because a Lambda function behind API Gateway may not accept them as JSON.
DENSE_BYTES = 2_800 * 1024


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: Any


def jittered_delay_s(attempt: int) -> float:
    """Full jitter: a random delay from 0 to 0.2 s × 2ⁿ, at most 8 s."""
    return random.uniform(0, min(MAX_DELAY_S, FIRST_DELAY_S * 2 ** min(attempt, 30)))


class Transport:
    def __init__(
        self,
        url: str | Mapping[str, str],
        token: Token | None,
        tenant: str | None,
        deadline_s: float,
        try_s: float,
    ) -> None:
        chosen = url if isinstance(url, str) else url.get(tenant or "")
        if chosen is None:
            raise ValueError(f"no url for tenant {tenant}; set tenant, or add it to url")
        parts = urlsplit(chosen)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"url must be like http://127.0.0.1:8787, got {chosen}")
        self._parts = parts
        self._url = chosen.rstrip("/")
        self._source = token
        self._token: str | None = None
        self._deadline_s = deadline_s
        self._try_s = try_s
        self._position: str | None = None
        self._local = threading.local()

    def demand(self, method: str, path: str, **options: Any) -> Any:
        """The body of a 2xx answer. Raises LogLineError for any other answer, or none."""
        answer = self.exchange(method, path, **options)
        if 200 <= answer.status <= 299:
            return answer.body
        raise error_of(answer)

    def exchange(
        self,
        method: str,
        path: str,
        *,
        body: str | None = None,
        headers: Mapping[str, str] | None = None,
        retry: Retry = "idempotent",
        held_s: float = 0,
    ) -> Answer:
        """The answer of any status, after retries. Raises LogLineError when none arrives before the deadline."""
        deadline = time.monotonic() + self._deadline_s
        refreshed = False
        attempt = 0
        while True:
            outcome: Answer | LogLineError
            try:
                left = max(0.001, deadline - time.monotonic())
                outcome = self._try(method, path, body, headers or {}, min(self._try_s, left) + held_s, retry)
            except (OSError, http.client.HTTPException) as error:
                outcome = LogLineError(f"no answer from {self._url} ({error!r})", status=0, type="network")
                outcome.__cause__ = error
            if isinstance(outcome, Answer) and outcome.status == 401 and callable(self._source) and not refreshed:
                refreshed, self._token = True, None
                continue
            delay = _delay_before(retry, outcome, attempt)
            if delay is None or time.monotonic() + delay >= deadline:
                if isinstance(outcome, LogLineError):
                    raise outcome
                if method == "POST":
                    self._position = outcome.headers.get("x-logline-position", self._position)
                return outcome
            time.sleep(delay)
            attempt += 1

    def _try(
        self, method: str, path: str, body: str | None, extra: Mapping[str, str], timeout_s: float, retry: Retry
    ) -> Answer:
        headers = {"accept": "application/json", "accept-encoding": "gzip", **extra}
        if self._source is not None:
            self._token = self._token or (self._source() if callable(self._source) else self._source)
            headers["authorization"] = f"Bearer {self._token}"
        if method == "GET" and self._position is not None:
            headers["x-logline-at-least"] = self._position
        data = None if body is None else body.encode()
        if data is not None and len(data) > DENSE_BYTES:
            data = gzip.compress(data, 6)
            headers["content-encoding"] = "gzip"
        # The server may have closed an idle connection, so a request that must not be sent twice opens a new one.
        connection = self._connection(timeout_s, fresh=retry != "idempotent")
        try:
            connection.request(method, self._parts.path.rstrip("/") + path, body=data, headers=headers)
            response = connection.getresponse()
            content = response.read()
        except BaseException:
            connection.close()
            raise
        if response.getheader("content-encoding") == "gzip":
            content = gzip.decompress(content)
        if 300 <= response.status <= 399:
            raise LogLineError(
                f"{self._url} redirects, which is not followed; use that url",
                status=response.status,
                type="redirect",
            )
        return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, _json(content))

    def _connection(self, timeout_s: float, fresh: bool) -> http.client.HTTPConnection:
        connection: http.client.HTTPConnection | None = getattr(self._local, "connection", None)
        if connection is None or fresh:
            if connection is not None:
                connection.close()
            kind = http.client.HTTPSConnection if self._parts.scheme == "https" else http.client.HTTPConnection
            connection = self._local.connection = kind(self._parts.hostname or "", self._parts.port)
        connection.timeout = timeout_s
        if connection.sock is not None:
            connection.sock.settimeout(timeout_s)
        return connection


def error_of(answer: Answer) -> LogLineError:
    """The error for an unsuccessful answer."""
    problem = answer.body if isinstance(answer.body, dict) else {}
    said = problem.get("detail") or problem.get("title") or problem.get("message") or "no explanation"
    errors = [fault for fault in problem.get("errors") or [] if isinstance(fault, dict) and "pointer" in fault]
    return LogLineError(
        f"{answer.status}: {said}",
        status=answer.status,
        type=str(problem.get("type", "about:blank")),
        errors=errors,
        problem=problem,
        request_id=answer.headers.get("x-request-id"),
    )


def _delay_before(retry: Retry, outcome: Answer | LogLineError, attempt: int) -> float | None:
    if isinstance(outcome, LogLineError):
        return jittered_delay_s(attempt) if retry == "idempotent" and outcome.status == 0 else None
    status, body = outcome.status, outcome.body
    if retry == "idempotent":
        may_pass = status in (408, 429) or status >= 500
    else:
        may_pass = status == 429 or (status == 503 and isinstance(body, dict) and body.get("began") is False)
    if not may_pass:
        return None
    after = _retry_after_s(outcome.headers.get("retry-after"))
    return jittered_delay_s(attempt) if after is None else after


def _retry_after_s(header: str | None) -> float | None:
    """Seconds of a Retry-After header (RFC 9110 section 10.2.3), which holds seconds or a date."""
    if header is None:
        return None
    if header.strip().isdecimal():
        return float(header)
    try:
        return max(0.0, parsedate_to_datetime(header).timestamp() - time.time())
    except ValueError:
        return None


def _json(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return None
