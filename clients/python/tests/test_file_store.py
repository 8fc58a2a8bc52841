"""The file that keeps a queue."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import unittest
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from logline import FileStore, LogLineError, SpanQueue, uuid7

ADDS_FOR_EVER = """
import sys
from logline import FileStore, SpanQueue
def never(texts):
    import time; time.sleep(1000)
queue = SpanQueue(never, store=FileStore(sys.argv[1]), max_queued=10**9)
while True:
    print(queue.add({"entity_type": "note", "who": "p", "this": "x" * 300}), flush=True)
"""


def note(this: str) -> dict[str, Any]:
    return {"entity_type": "note", "who": "p", "this": this, "id": uuid7(), "at": "2026-01-01T00:00:00.000Z"}


class AFileStore(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name) / "spans.ndjson"

    def left(self) -> list[str]:
        store = FileStore(self.path)
        texts = [text for _, text in store.open()]
        store.close()
        return texts

    def test_what_add_returned_for_survives_kill_9(self) -> None:
        with subprocess.Popen([sys.executable, "-c", ADDS_FOR_EVER, str(self.path)], stdout=subprocess.PIPE) as child:
            assert child.stdout is not None
            first = [child.stdout.readline().decode().strip() for _ in range(200)]
            child.send_signal(signal.SIGKILL)
            rest = child.stdout.read().decode().split("\n")
        # The last line may be half printed.
        told = first + rest[:-1]
        kept = {json.loads(text)["id"] for text in self.left()}
        self.assertEqual([id for id in told if id not in kept], [])

    def test_takes_one_process_at_a_time(self) -> None:
        store = FileStore(self.path)
        store.open()
        with self.assertRaisesRegex(RuntimeError, f"held by process {os.getpid()}"):
            FileStore(self.path).open()
        store.close()
        self.assertEqual(self.left(), [])

    def test_forgets_a_half_written_last_line_and_no_damaged_one(self) -> None:
        self.path.write_bytes(b'{"n":1,"span":{"a":1}}\n{"n":2,"span":{"a":2}}\n{"done":[1]}\n{"n":3,"sp')
        self.assertEqual(self.left(), ['{"a":2}'])
        self.path.write_bytes(b'{"n":1,"span":{"a":1}}\nnonsense\n{"n":2,"span":{"a":2}}\n')
        with self.assertRaisesRegex(ValueError, "line 2, is damaged"):
            self.left()
        self.assertFalse(Path(f"{self.path}.lock").exists())

    def test_a_queue_goes_on_with_what_the_one_before_could_not_send(self) -> None:
        def unreachable(_: Sequence[str]) -> Any:
            raise LogLineError("nobody there", status=0, type="network")

        queue = SpanQueue(unreachable, store=FileStore(self.path))
        drafts = [note(str(at)) for at in range(20)]
        for draft in drafts:
            queue.add(draft)
        with self.assertRaises(LogLineError):
            queue.close()
        sent: list[str] = []

        def take(texts: Sequence[str]) -> Any:
            sent.extend(json.loads(text)["this"] for text in texts)
            return texts, {}

        with SpanQueue(take, store=FileStore(self.path)) as later:
            later.add(note("20"))
        self.assertEqual(sent, [str(at) for at in range(21)])
        self.assertEqual(self.left(), [])

    def test_threads_that_add_at_once_lose_nothing(self) -> None:
        sent: list[str] = []

        def take(texts: Sequence[str]) -> Any:
            sent.extend(json.loads(text)["this"] for text in texts)
            return texts, {}

        queue = SpanQueue(take, store=FileStore(self.path))

        def add(thread: int) -> None:
            for at in range(50):
                queue.add(note(f"{thread}.{at}"))

        threads = [threading.Thread(target=add, args=(thread,)) for thread in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        queue.close()
        self.assertEqual(sorted(sent), sorted(f"{thread}.{at}" for thread in range(8) for at in range(50)))

    def test_does_not_grow_with_what_is_settled(self) -> None:
        store = FileStore(self.path)
        store.open()
        text = json.dumps({"a": "x" * 10_000})
        for n in range(1, 400):
            store.add(n, text)
            store.done([n])
        self.assertLess(self.path.stat().st_size, 2 * 2**20)
        store.close()


if __name__ == "__main__":
    unittest.main()
