"""`foveal explain --heads`: the heads of the line model on the lines that are shown."""

from __future__ import annotations

from pathlib import Path

from foveal.batch.outputs import whole, write_text
from foveal.errors import ConfigError
from foveal.explain.examiner import Examiner
from foveal.explain.explanation import Explanation, as_png
from foveal.probe.line import line_maps, load_line
from foveal.probe.picture import heads_picture, heads_table
from foveal.probe.study import as_read, study
from foveal.reading.steer import Held


def save_heads(explanation: Explanation, folder: str | Path) -> list[Path]:
    """Write `line-NN-heads.png` and `.tsv` for the chosen line, or the first that is shown; return both.

    Takes some 20 seconds: the line is read once for every head. Raises ConfigError where nothing was read.
    """
    if not explanation.shown:
        raise ConfigError("there is no line whose heads could be shown")
    number = explanation.shown[0]
    held = explanation.page.lines[number - 1].held
    words = Examiner(held.model).words([held.strip.image])[0] if isinstance(held, Held) else []
    if not words or not isinstance(held, Held):
        raise ConfigError(f"line {number} has no pixels to ask", remedy="read it with looks=True")
    model, line = load_line(held.model), as_read(words)
    heads = study(model, [line])
    maps = {name: each.double().numpy() for name, each in line_maps(model, words).items()}
    picture, rows = (Path(folder) / f"line-{number:02}-heads.{kind}" for kind in ("png", "tsv"))
    with whole(picture) as file:
        file.write(as_png(heads_picture(line, maps, heads)))
    write_text(rows, heads_table(heads))
    return [picture, rows]
