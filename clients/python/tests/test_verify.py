"""The vectors that the ledger itself is tested with, in a second implementation."""

import json
import os
import struct
import unittest
from pathlib import Path
from typing import Any

from logline import canonical_json, uuid7, verify_span
from logline.canonical_json import number_text
from logline.verify import verify_ed25519

VECTORS = Path(os.environ.get("LOGLINE_VECTORS", Path(__file__).parents[3] / "test" / "vectors"))


def vectors(name: str) -> Any:
    return json.loads((VECTORS / name).read_text())


class Verification(unittest.TestCase):
    def test_documents_of_rfc_8785(self) -> None:
        for document in vectors("rfc8785.json")["documents"]:
            self.assertEqual(canonical_json(json.loads(document["input"])), document["output"], document["what"])

    def test_numbers_of_rfc_8785(self) -> None:
        for number in vectors("rfc8785.json")["numbers"]:
            (value,) = struct.unpack(">d", bytes.fromhex(number["bits"]))
            self.assertEqual(number_text(value), number["text"])

    def test_what_is_no_json_is_refused(self) -> None:
        for value in (float("nan"), float("inf"), 2**53 + 1, "\ud800", {"a": object()}, b"x", {"\udfff": 1}):
            with self.assertRaises(ValueError):
                canonical_json(value)

    def test_signatures_of_wycheproof_and_taming(self) -> None:
        for test in vectors("wycheproof-ed25519.json")["tests"]:
            verdict = verify_ed25519(*(bytes.fromhex(test[name]) for name in ("sig", "msg", "pk")))
            self.assertEqual(verdict, test["result"] == "valid", test["tcId"])
        for test in vectors("taming-eddsa.json")["tests"]:
            verdict = verify_ed25519(*(bytes.fromhex(test[name]) for name in ("signature", "message", "publicKey")))
            self.assertEqual(verdict, test["accepted"], test["what"])

    def test_whatever_is_no_span_is_malformed(self) -> None:
        for value in (None, 1, "x", [], {}, {"id": "x"}, {"id": uuid7(), "seq": True}):
            self.assertEqual([fault for fault, _ in verify_span(value).faults], ["malformed"])


if __name__ == "__main__":
    unittest.main()
