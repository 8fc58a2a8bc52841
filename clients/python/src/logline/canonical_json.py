"""The canonical text of a JSON value: RFC 8785 (JCS)."""

from __future__ import annotations

import json
import math
from decimal import Decimal
from typing import Any


def canonical_json(value: Any) -> str:
    """The RFC 8785 text of a value made of dict, list, tuple, str, int, float, bool and None.

    Raises ValueError for anything that JSON or a double cannot represent exactly.
    """
    if value is None:
        return "null"
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, int):
        if int(float(value)) != value:
            raise ValueError(f"{value} is not a number that a double holds exactly")
        return number_text(float(value))
    if isinstance(value, float):
        return number_text(value)
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(canonical_json, value)) + "]"
    if isinstance(value, dict):
        # Big-endian bytes compare in the order of UTF-16 code units.
        names = sorted(value, key=lambda name: name.encode("utf-16-be", "surrogatepass"))
        return "{" + ",".join(f"{_string(name)}:{canonical_json(value[name])}" for name in names) + "}"
    raise ValueError(f"{type(value).__name__} is not a JSON value")


def number_text(value: float) -> str:
    """A double as ECMAScript prints it (ECMA-262, Number::toString)."""
    if not math.isfinite(value):
        raise ValueError(f"{value} is not a JSON number")
    if value == 0:
        return "0"
    # Python prints the same, shortest digits as ECMAScript; only their layout differs.
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    assert isinstance(exponent, int)
    text = "".join(map(str, digits))
    point = len(text) + exponent
    if len(text) <= point <= 21:
        body = text + "0" * (point - len(text))
    elif 0 < point <= 21:
        body = f"{text[:point]}.{text[point:]}"
    elif -6 < point <= 0:
        body = "0." + "0" * -point + text
    else:
        fraction = f".{text[1:]}" if len(text) > 1 else ""
        body = f"{text[0]}{fraction}e{'+' if point > 0 else '-'}{abs(point - 1)}"
    return f"-{body}" if sign else body


def _string(text: str) -> str:
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError("a lone surrogate is not text")
    # Without ensure_ascii, json.dumps escapes exactly the characters of RFC 8785 section 3.2.2.2.
    return json.dumps(text, ensure_ascii=False)
