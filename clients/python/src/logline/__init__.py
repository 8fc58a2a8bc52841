"""Append, follow and verify the spans of a LogLine ledger.

>>> from logline import LogLine, verify_span
>>> ledger = LogLine("http://127.0.0.1:8787", token)
>>> span = ledger.append({"entity_type": "note", "who": "me", "this": "hello"})
>>> verify_span(span).ok
True
"""

from .canonical_json import canonical_json
from .client import Appended, Delivery, LogLine
from .errors import LogLineError, Refusal, SpansRefusedError
from .file_store import FileStore
from .queue import QueueStore, SpanQueue
from .span import Span, SpanDraft, uuid7
from .verify import Verdict, hash_span, verify_span

__all__ = [
    "Appended",
    "Delivery",
    "FileStore",
    "LogLine",
    "LogLineError",
    "QueueStore",
    "Refusal",
    "Span",
    "SpanDraft",
    "SpanQueue",
    "SpansRefusedError",
    "Verdict",
    "canonical_json",
    "hash_span",
    "uuid7",
    "verify_span",
]
