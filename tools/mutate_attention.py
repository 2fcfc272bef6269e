"""Break attention mechanisms on purpose and see that a test turns red; fail if a break goes unseen.

Each mutant is one line of `foveal/attention` changed in a temporary copy; the tests named beside it run
there, in a process of their own, forked from one that has torch loaded. `--only WORD` takes some of them.
"""

from __future__ import annotations

import argparse
import gc
import multiprocessing
import multiprocessing.pool
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from importlib import import_module
from inspect import isfunction
from pathlib import Path

import pytest
from attention_mutants import BREAKS

PLUGIN = "_hypothesis_pytestplugin"
LOADED_ONCE = (
    *("hypothesis.strategies", "torch._dynamo", "torch.distributed.tensor", "torch.utils.checkpoint"),
    *("einops", "jaxtyping", "numpy.testing", "onnxruntime", "_pytest.debugging", "_pytest.junitxml", PLUGIN),
)
"""What takes long to import and is not broken: loaded before the processes are forked."""

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Mutant:
    """What is broken (`was` → `now` in `file`), and the tests (in `tests`, matching `match`) that see it."""

    meaning: str
    file: str
    was: str
    now: str
    tests: str
    match: str


def mutants() -> list[Mutant]:
    """List every mutant."""
    return [
        Mutant(meaning, f"{file}.py", was, now, tests, match)
        for file, entries in BREAKS.items()
        for meaning, was, now, tests, match in entries
    ]


class Named:
    """A plugin that leaves out functions without any of some words in their names: to parametrise the others
    takes longer than to run those that are wanted.
    """

    def __init__(self, words: set[str]) -> None:
        self.words = words

    @pytest.hookimpl(tryfirst=True)
    def pytest_pycollect_makeitem(self, name: str, obj: object) -> list[pytest.Item] | None:
        """Make nothing of these; leave others to pytest."""
        unwanted = isfunction(obj) and not any(word in name for word in self.words)
        return [] if unwanted else None


@contextmanager
def broken(mutant: Mutant | None) -> Iterator[Path]:
    """Yield the package, made of links, and the tests of attention, with the mutant's line changed."""
    with tempfile.TemporaryDirectory() as folder:
        copy, plain = Path(folder), shutil.ignore_patterns("kernels")
        shutil.copytree(ROOT / "tests" / "attention", copy / "tests", ignore=plain)
        (copy / "foveal" / "attention").mkdir(parents=True)
        linked = [one for one in (ROOT / "foveal").iterdir() if one.name != "attention"]
        for one in (*linked, *(ROOT / "foveal" / "attention").iterdir()):  # compiled modules too
            (copy / one.relative_to(ROOT)).symlink_to(one)
        shutil.copy(ROOT / "pyproject.toml", copy)
        if mutant is not None:
            file = copy / "foveal" / "attention" / mutant.file
            text = file.read_text("utf-8")
            if mutant.was not in text:
                raise ValueError(f"{mutant.file} has no {mutant.was!r}: mend tools/mutate_attention.py")
            file.unlink()
            file.write_text(text.replace(mutant.was, mutant.now, 1), "utf-8")
        yield copy


def run_tests(mutant: Mutant | None, tests: str, matches: list[str]) -> int:
    """Return pytest's exit code: 0 all passed, 1 some failed, above that nothing was tested."""
    sys.dont_write_bytecode = True
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    match, named = " or ".join(f"({one})" for one in matches), Named({one.split()[0] for one in matches})
    with broken(mutant) as copy, open(os.devnull, "w") as nowhere:  # noqa: PTH123
        os.chdir(copy)
        sys.path.insert(0, str(copy))
        options = [
            "-x",
            "--assert=plain",
            "--hypothesis-seed=0",
            "-p",
            "no:cacheprovider",
            "-p",
            PLUGIN,
            f"--rootdir={copy}",
        ]
        with redirect_stdout(nowhere), redirect_stderr(nowhere):
            code = pytest.main([*options, "-k", match, f"tests/{tests}"], plugins=[named])
        os.chdir(ROOT)
        return int(code)


def try_mutant(mutant: Mutant) -> tuple[str, float]:
    """Return what became of a mutant: "caught", "SURVIVED", or why it could not be tried; and the seconds."""
    start = time.perf_counter()
    try:
        code = run_tests(mutant, mutant.tests, [mutant.match])
    except ValueError as error:
        return str(error), 0.0
    fate = {0: "SURVIVED", 1: "caught"}.get(code, f"no tests ran (pytest {code})")
    return fate, time.perf_counter() - start


def whole_is_sound(chosen: list[Mutant]) -> bool:
    """Return whether the tests that are to catch the mutants pass when nothing is broken."""
    matches = {
        file: {m.match for m in chosen if m.tests == file} for file in {m.tests for m in chosen}
    }
    jobs = [(None, file, sorted(words)) for file, words in matches.items()]
    with forked(len(jobs)) as pool:
        return all(code == 0 for code in pool.starmap(run_tests, jobs, chunksize=1))


def forked(jobs: int) -> multiprocessing.pool.Pool:
    """Return a pool in which every job has a process of its own, as many at once as there are processors."""
    assert "foveal.attention" not in sys.modules, "the copies would not be seen"
    workers = min(jobs, os.cpu_count() or 1)
    gc.freeze()  # what is loaded here is no garbage there
    return multiprocessing.get_context("fork").Pool(workers, maxtasksperchild=1)


def main() -> int:
    """Try every mutant; return 1 if one survives or cannot be tried."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="mutants whose file or meaning holds this word")
    word = parser.parse_args().only
    chosen = [mutant for mutant in mutants() if word in mutant.file or word in mutant.meaning]
    if not chosen:
        parser.error(f"no mutant is called '{word}'")
    start = time.perf_counter()
    for module in LOADED_ONCE:
        import_module(module)
    if not whole_is_sound(chosen):
        print("the tests fail with nothing broken: run pytest tests/attention", file=sys.stderr)
        return 1
    with forked(len(chosen)) as pool:
        fates = list(pool.imap(try_mutant, chosen, chunksize=1))
    for mutant, (fate, seconds) in zip(chosen, fates, strict=True):
        print(f"{fate:10} {seconds:5.1f} s  {mutant.file:16} {mutant.meaning}")
    caught = sum(fate == "caught" for fate, _ in fates)
    print(f"{caught} of {len(fates)} caught in {time.perf_counter() - start:.0f} s", file=sys.stderr)
    return int(caught < len(fates))


if __name__ == "__main__":
    sys.exit(main())
