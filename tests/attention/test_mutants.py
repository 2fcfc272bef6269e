"""The tests of attention can fail: each break made on purpose is seen, and one unseen would be reported."""

from __future__ import annotations

import multiprocessing
import subprocess
import sys
from pathlib import Path

import pytest

TOOLS = Path(__file__).parents[2] / "tools"
pytestmark = pytest.mark.skipif(
    "fork" not in multiprocessing.get_all_start_methods(),
    reason="processes are forked from one with torch loaded",
)

NOTHING_BROKEN = """
import sys, attention_mutants, mutate_attention
attention_mutants.BREAKS.clear()
attention_mutants.BREAKS["scores"] = [("nothing", "return", "return", "test_scores.py", "variance_near")]
sys.exit(mutate_attention.main())
"""


@pytest.mark.skipif(not TOOLS.exists(), reason="only in a checkout")
def test_every_break_is_seen() -> None:
    ran = subprocess.run(
        [sys.executable, TOOLS / "mutate_attention.py"], capture_output=True, text=True, check=False
    )
    unseen = [line for line in ran.stdout.splitlines() if not line.startswith("caught")]
    assert ran.returncode == 0, unseen or ran.stderr
    assert len(ran.stdout.splitlines()) > 60


@pytest.mark.skipif(not TOOLS.exists(), reason="only in a checkout")
def test_a_break_that_no_test_sees_is_reported() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", NOTHING_BROKEN], cwd=TOOLS, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 1
    assert ran.stdout.startswith("SURVIVED")
