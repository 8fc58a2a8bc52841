"""A stranger's program: ``poster.py FIRST COUNT STORE``, with URL and TOKEN in the environment. Prints how far it has
come, which is where it goes on after a kill -9. Does what poster-process.ts does, with the spans of numbered-span.ts."""

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from logline import FileStore, LogLine, LogLineError

TOGETHER = 100


def numbered_span(number: int) -> dict:
    at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(milliseconds=number)
    return {
        "id": f"00000000-0000-7000-8000-{number:012x}",
        "at": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "entity_type": "hammer_reading",
        "who": "hammer",
        "this": str(number),
        "metadata": {"reading": number / 7, "text": "x" * 200},
    }


def main() -> None:
    first, count, store = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    ledger = LogLine(os.environ["URL"], os.environ["TOKEN"])
    queue = ledger.queue(store=FileStore(store), on_refused=lambda refusal: print(f"refused {refusal}", flush=True))
    # Writes of several threads share one wait for the disk.
    with ThreadPoolExecutor(16) as threads:
        for start in range(first, count, TOGETHER):
            numbers = range(start, min(start + TOGETHER, count))
            list(threads.map(lambda number: queue.add(numbered_span(number)), numbers))
            print(f"added {numbers.stop}", flush=True)
    while len(queue) > 0:
        try:
            queue.flush()
        except LogLineError as error:
            print(f"stalled {error}", flush=True)
    queue.close()
    print("done", flush=True)


main()
