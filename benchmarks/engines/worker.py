"""The loop of an engine process: one JSON request a line on stdin, one JSON answer a line on stdout.

Request: {"image": path, "task": "word" | "line" | "page", "language": hint, "want": "text" | "chars"}, text
unless told. Answer: {"text" or "chars", "wall", "cpu", "peak"}: seconds of this one reading, and the peak
resident size in bytes of the process so far. "chars": [sign, corners] of every character, in pixels of the
image. Each engine runs this in its own environment, so this file uses the standard library only.
"""

import json
import sys
import time
from pathlib import Path


def peak_memory():
    """Return the peak resident size of this process in bytes (Linux)."""
    rows = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(row.split()[1]) * 1024 for row in rows if row.startswith("VmHWM"))


def serve(read, locate=None):
    """Answer requests until stdin ends.

    `read(image, task, language)` gives the text of one image, `locate`, of the same, its characters.
    """
    ways = {"text": read, "chars": locate}
    answers, sys.stdout = sys.stdout, sys.stderr  # what a library prints must not mix with the answers
    for row in sys.stdin:
        request = json.loads(row)
        wall, cpu = time.perf_counter(), time.process_time()
        want = request.get("want", "text")
        answer = {
            want: ways[want](request["image"], request["task"], request.get("language", "eng")),
            "wall": time.perf_counter() - wall,
            "cpu": time.process_time() - cpu,
            "peak": peak_memory(),
        }
        answers.write(json.dumps(answer) + "\n")
        answers.flush()
