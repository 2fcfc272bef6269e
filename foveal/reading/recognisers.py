"""What reads strips with a model of any kind: glance and fixations, CTC alone, or a decoder that spells."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from foveal.alphabet import Alphabet
from foveal.errors import ConfigError, MissingExtra
from foveal.reading.asked import SearchSpec
from foveal.reading.engine import open_session
from foveal.reading.line_graphs import (
    MARK,
    RECOGNISERS,
    LineGraphs,
    check,
    is_adapter,
    is_file,
    is_run,
    load_line,
    opened,
)
from foveal.reading.readings import Reading
from foveal.reading.scribe import Scribe
from foveal.reading.steps import Glances, GraphGlance, GraphSteps, Spells
from foveal.reading.stored import raw_data
from foveal.reading.transcribe import transcriber_of

STEP = "step.onnx"
"""What the bytes of a step's graph are named in a file that spells, whose own graph is the beginning."""


class Recognised(NamedTuple):
    """A recogniser without fixations, and the alphabet it writes in."""

    recogniser: Spells | Glances
    alphabet: Alphabet


class Reads(Protocol):
    """What pages and strips are read with: a Transcriber, or a Scribe."""

    model: str

    def read(
        self,
        images: Sequence[NDArray[np.uint8]],
        *,
        looks: bool = False,
        again: bool = True,
        one_text: bool = False,
    ) -> list[Reading]:
        """Return the reading of each strip: see `Transcriber.read`."""
        ...


def load_reads(
    model: str,
    threads: int = 1,
    *,
    language: str = "auto",
    context: bool | None = None,
    remedies: bool = False,
    search: SearchSpec | None = None,
) -> Reads:
    """Return what reads with a model: an embedded one, a file, or the weights of a training run (by torch).

    The options are those of Reader. Raises what `load_line` does, ConfigError for an option that cannot
    act on this kind of model, and MissingExtra for a training run where torch is not installed.
    """
    check(model)
    found = _of_run(model, threads) if is_run(model) else of_file(model)
    at_a_time = 1 if is_run(model) else threads  # torch shares out its own products
    if isinstance(found, LineGraphs):
        if search is not None:
            refuse_search(model, search)
        aids = {"language": language, "context": context, "remedies": remedies}
        return transcriber_of(found, model, at_a_time, **aids)  # type: ignore[arg-type]  # each of its own type
    _refuse_help(model, language=language, context=context, remedies=remedies)
    looked_for = None if search is None else search.search(found.alphabet)
    return Scribe(found.recogniser, found.alphabet, search=looked_for, model=model, threads=at_a_time)


def refuse_search(model: str, search: SearchSpec) -> None:
    """Raise ConfigError where a search is asked of a model that glances and fixates."""
    if search.acts:
        raise ConfigError(
            f"{model}: its texts are fixated, not searched for: no beam or language is fused",
            remedy="leave out --beam and --fuse; --context lets a language decide here",
        )


def _refuse_help(model: str, *, language: str, context: bool | None, remedies: bool) -> None:
    """Raise ConfigError where help with fixations is asked of a model that has none."""
    asked = {"--language": language not in ("auto", "none"), "--context": context, "--remedies": remedies}
    for option in (name for name, given in asked.items() if given):
        raise ConfigError(
            f"{model}: {option} does nothing for a recogniser without fixations",
            remedy="leave it out; --fuse lets a language decide",
        )


def of_file(model: str) -> LineGraphs | Recognised:
    """Return what a file, or an embedded model, answers to those who read. Raises what `load_line` does."""
    if is_file(model) and not is_adapter(model):
        changed = Path(model).stat().st_mtime_ns
        session = opened(model, changed, 1)
        facts = session.get_modelmeta().custom_metadata_map
        if facts[MARK] in RECOGNISERS:
            alphabet = Alphabet(facts["characters"])
            if facts[MARK] == "ctc":
                return Recognised(GraphGlance(session), alphabet)
            return Recognised(GraphSteps(session, _step(model, changed)), alphabet)
    return load_line(model)


@lru_cache(maxsize=8)
def _step(path: str, changed: int) -> Any:  # noqa: ARG001  # part of the key
    """Return the session of a step: a graph of its own, as bytes within its file."""
    data = Path(path).read_bytes()
    return open_session(data[raw_data(data)[STEP]], 1)


def _of_run(model: str, threads: int) -> LineGraphs | Recognised:
    try:
        from foveal.models.torch_halves import load_run
    except ModuleNotFoundError as error:
        raise MissingExtra(
            f"{model}: reading with a training run needs {error.name}", remedy='pip install "foveal[train]"'
        ) from error
    return load_run(model, threads)
