"""The client against a running ledger: LOGLINE_URL, LOGLINE_TOKEN."""

import os
import socket
import threading
import unittest
from http.server import BaseHTTPRequestHandler, HTTPServer
from itertools import islice
from typing import Any

from logline import LogLine, LogLineError, SpansRefusedError, uuid7, verify_span


def note(this: str, **more: Any) -> dict[str, Any]:
    return {"entity_type": "note", "who": "python", "this": this, **more}


@unittest.skipUnless(os.environ.get("LOGLINE_URL"), "needs a running ledger: set LOGLINE_URL and LOGLINE_TOKEN")
class AgainstALedger(unittest.TestCase):
    def setUp(self) -> None:
        self.ledger = LogLine(os.environ["LOGLINE_URL"], lambda: os.environ["LOGLINE_TOKEN"])

    def test_what_the_ledger_signs_verifies_and_a_change_is_noticed(self) -> None:
        odd = {"z": [1e20, 0.1, -0.0, 2**53, "ü \u2028 \U0001f600", None, {"\ufb33": 1, "\U0001f600": 2}]}
        span = self.ledger.append(note("odd", metadata=odd))
        self.assertEqual(verify_span(span, {span["public_key"]}).faults, ())
        span["metadata"]["z"][6]["\ufb33"] = 2
        self.assertEqual([fault for fault, _ in verify_span(span).faults], ["hash"])
        self.assertFalse(verify_span(span, set()).ok)

    def test_sent_twice_is_stored_once(self) -> None:
        draft = note("twice", id=uuid7(), at="2026-01-01T00:00:00.000Z")
        self.assertEqual(self.ledger.append(draft), self.ledger.append(draft))

    def test_faulty_spans_are_reported_and_the_rest_is_stored(self) -> None:
        trace = uuid7()
        drafts = [note("" if at % 40 == 7 else f"n{at}", trace_id=trace) for at in range(120)]
        outcome = self.ledger.append_all(drafts)
        self.assertEqual((len(outcome.spans), len(outcome.refused)), (117, 3))
        self.assertEqual(outcome.refused[0].error.errors[0]["pointer"], "/this")
        listed = {span["id"] for span in self.ledger.timeline(trace_id=trace, limit=50)}
        self.assertEqual(listed, {span["id"] for span in outcome.spans})

    def test_versions_follow_the_newest(self) -> None:
        span = self.ledger.append(note("v0"))
        for at in (1, 2):
            self.ledger.append_version(span["id"], note(f"v{at}"))
        self.assertEqual([version["seq"] for version in self.ledger.entity(span["id"])], [2, 1, 0])

    def test_the_queue_stores_everything_and_the_feed_goes_on_behind_any_span(self) -> None:
        trace = uuid7()
        with self.ledger.queue(max_spans=50) as queue:
            for at in range(230):
                queue.add(note(str(at), trace_id=trace))
        feed = list(islice(self.ledger.subscribe(trace_id=trace, limit=100), 230))
        self.assertEqual([delivery.span["this"] for delivery in feed], [str(at) for at in range(230)])
        for at in (0, 99, 100, 228):
            after = next(self.ledger.subscribe(from_=feed[at].cursor, trace_id=trace, limit=100))
            self.assertEqual(after.span["this"], str(at + 1))

    def test_a_queue_reports_what_is_refused(self) -> None:
        queue = self.ledger.queue()
        for this in ("a", "", "b"):
            queue.add(note(this))
        with self.assertRaises(SpansRefusedError) as raised:
            queue.close()
        self.assertEqual([refusal.draft["this"] for refusal in raised.exception.refused], [""])

    def test_a_refusal_says_what_the_ledger_said(self) -> None:
        with self.assertRaises(LogLineError) as raised:
            self.ledger.append({"entity_type": "note", "who": "python"})
        self.assertEqual((raised.exception.status, raised.exception.errors[0]["pointer"]), (400, "/this"))


class Answering(BaseHTTPRequestHandler):
    """Answers what its server's script says, and keeps what it was sent."""

    def do_POST(self) -> None:
        self.server.sent.append((self.path, self.rfile.read(int(self.headers["content-length"]))))  # type: ignore[attr-defined]
        status, body, *headers = self.server.script.pop(0)  # type: ignore[attr-defined]
        self.send_response(status)
        for name, value in (("content-length", str(len(body))), *headers):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


class WhenSomethingGoesWrong(unittest.TestCase):
    def setUp(self) -> None:
        self.server = HTTPServer(("127.0.0.1", 0), Answering)
        self.server.sent = []  # type: ignore[attr-defined]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)

    def script(self, *answers: Any) -> None:
        self.server.script = list(answers)  # type: ignore[attr-defined]

    @property
    def sent(self) -> list[tuple[str, bytes]]:
        return self.server.sent  # type: ignore[attr-defined,no-any-return]

    def test_an_append_is_sent_again_with_the_same_id_and_time(self) -> None:
        now = ("retry-after", "0")
        self.script((503, b"{}", now), (429, b"{}", now), (500, b"{}", now), (201, b'{"span":{"id":"x"}}'))
        self.assertEqual(LogLine(self.url).append(note("x")), {"id": "x"})
        self.assertEqual(len({body for _, body in self.sent}), 1)
        self.assertEqual(len(self.sent), 4)

    def test_a_run_is_asked_for_again_only_when_it_did_not_begin(self) -> None:
        now = ("retry-after", "0")
        self.script((503, b'{"began":false}', now), (200, b'{"result":1}'))
        self.assertEqual(LogLine(self.url).execute("f"), {"result": 1})
        for status in (500, 503):
            self.script((status, b"{}", now))
            with self.assertRaises(LogLineError):
                LogLine(self.url).execute("f")

    def test_redirects_are_not_followed_and_refusals_not_repeated(self) -> None:
        for status in (307, 400, 403, 409):
            self.script((status, b"{}", ("location", "http://127.0.0.1:9/")))
            with self.assertRaises(LogLineError) as raised:
                LogLine(self.url, "t").append(note("x"))
            self.assertEqual(raised.exception.status, status)

    def test_a_token_function_is_asked_again_once_at_401(self) -> None:
        tokens = iter("abc")
        self.script((401, b"{}"), (201, b'{"span":{}}'), (401, b"{}"), (401, b"{}"))
        ledger = LogLine(self.url, lambda: next(tokens))
        ledger.append(note("x"))
        with self.assertRaises(LogLineError):
            ledger.append(note("x"))
        self.assertEqual(len(self.sent), 4)

    def test_nobody_there_is_a_network_error_at_the_deadline_and_the_queue_keeps_its_spans(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{free.getsockname()[1]}"
        queue = LogLine(url, deadline_s=0.05).queue(max_queued=1)
        queue.add(note("x"))
        with self.assertRaises(TimeoutError):
            queue.add(note("y"), timeout_s=0.01)
        with self.assertRaises(LogLineError) as raised:
            queue.flush()
        self.assertEqual((raised.exception.status, raised.exception.type, len(queue)), (0, "network", 1))


if __name__ == "__main__":
    unittest.main()
