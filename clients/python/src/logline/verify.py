"""Verifies a span from its JSON alone."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from blake3 import blake3
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from .canonical_json import canonical_json

Fault = Literal["malformed", "hash", "signature", "untrusted"]

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_AT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", re.ASCII)
_FIELD_PRIME = 2**255 - 19
#: y coordinates of the points of small order, under which a signature proves nothing.
_SMALL_ORDER_Y = {
    0,
    1,
    _FIELD_PRIME - 1,
    int.from_bytes(bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"), "little"),
    int.from_bytes(bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"), "little"),
}


@dataclass(frozen=True)
class Verdict:
    """The outcome of :func:`verify_span`; ``faults`` pairs each fault with its detail."""

    ok: bool
    faults: tuple[tuple[Fault, str], ...] = ()


def hash_span(span: Mapping[str, Any]) -> str:
    """Hex of BLAKE3-256 over the RFC 8785 text of all members but ``curr_hash``, ``signature`` and those that are None.

    Raises ValueError for a value that is not JSON.
    """
    payload = {
        name: value
        for name, value in span.items()
        if value is not None and name not in ("curr_hash", "signature")
    }
    return blake3(canonical_json(payload).encode()).hexdigest()


def verify_span(span: Any, trusted_keys: Collection[str] | None = None) -> Verdict:
    """Verifies form, hash and signature, and that one of ``trusted_keys`` (hex), if given, signed. Never raises."""
    malformed = _malformation(span)
    if malformed is not None:
        return Verdict(False, (("malformed", malformed),))
    try:
        computed = hash_span(span)
    except (ValueError, OverflowError, RecursionError) as error:
        return Verdict(False, (("malformed", str(error)),))
    faults: list[tuple[Fault, str]] = []
    claimed, key = span["curr_hash"], span["public_key"]
    if computed != claimed:
        faults.append(("hash", f"curr_hash is {claimed}, the content hashes to {computed}"))
    if not verify_ed25519(bytes.fromhex(span["signature"]), bytes.fromhex(claimed), bytes.fromhex(key)):
        faults.append(("signature", f"signature is not one of {key} over curr_hash"))
    if trusted_keys is not None and key not in trusted_keys:
        faults.append(("untrusted", f"public_key {key} is not trusted"))
    return Verdict(not faults, tuple(faults))


def verify_ed25519(signature: bytes, message: bytes, public_key: bytes) -> bool:
    """Ed25519 (RFC 8032) with the rules of the ledger: neither key nor R is of small order or has an unreduced y."""
    if len(signature) != 64 or len(public_key) != 32:
        return False
    if _is_refused_point(public_key) or _is_refused_point(signature[:32]):
        return False
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def _is_refused_point(encoded: bytes) -> bool:
    y = int.from_bytes(encoded, "little") & (2**255 - 1)
    return y >= _FIELD_PRIME or y in _SMALL_ORDER_Y


def _malformation(span: Any) -> str | None:
    if not isinstance(span, Mapping):
        return "a span is a JSON object"
    if not _is_uuid(span.get("id")):
        return "id must be a UUID in lower case"
    seq = span.get("seq")
    if not isinstance(seq, int) or isinstance(seq, bool) or seq < 0:
        return "seq must be a whole number from 0"
    if not _is_moment(span.get("at")):
        return "at must be RFC 3339 in UTC with three fractional digits and Z"
    if span.get("parent_id") is not None and not _is_uuid(span["parent_id"]):
        return "parent_id must be a UUID in lower case"
    related = span.get("related_to")
    if related is not None and not (isinstance(related, list) and all(map(_is_uuid, related))):
        return "related_to must be a list of UUIDs in lower case"
    if span.get("prev_hash") is not None and not _is_hex(span["prev_hash"], 64):
        return "prev_hash must be 64 lower-case hex digits"
    for name, digits in (("curr_hash", 64), ("signature", 128), ("public_key", 64)):
        if not _is_hex(span.get(name), digits):
            return f"{name} must be {digits} lower-case hex digits"
    return None


def _is_uuid(value: Any) -> bool:
    return isinstance(value, str) and _UUID.fullmatch(value) is not None


def _is_hex(value: Any, digits: int) -> bool:
    return isinstance(value, str) and re.fullmatch(f"[0-9a-f]{{{digits}}}", value) is not None


def _is_moment(value: Any) -> bool:
    if not isinstance(value, str) or _AT.fullmatch(value) is None:
        return False
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True
