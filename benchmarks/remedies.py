"""Do remedies help, and do they ever harm? Lines are read with and without them (foveal/reading/remedy.py).

    python benchmarks/remedies.py SET… [--model fast] [--limit 200] [--gain 5] [--words]

Prints for each set: words read; words whose looks went wrong; words that were read again; how many of these
made their line better, worse, or neither, by edits to the truth; the CER before and after; and the share of
the line model's CPU time. `--gain`: how much likelier a remedy's reading must be; `--words`: print them.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

from foveal.images import pages
from foveal.measure.rules import rule_named, rule_of
from foveal.measure.sets import read_crops
from foveal.measure.text import edit_distance
from foveal.reading import remedy
from foveal.reading.decode import Floats
from foveal.reading.line_graphs import load_line
from foveal.reading.readings import Reading
from foveal.reading.remedy import Remedied
from foveal.reading.transcribe import Observation, Transcriber


def undone(reading: Reading, place: int) -> str:
    """Return the text of a reading, one of its words as it was before it was read again."""
    words = [word.text for word in reading.words]
    was = reading.words[place].remedy
    words[place] = words[place] if was is None else was.before
    return " ".join(filter(None, words))


class Timed(Transcriber):
    """A Transcriber that counts the CPU seconds it gives to remedies."""

    spent = 0.0

    def _remedies(self, seen: Observation, features: Floats) -> list[list[Remedied]]:
        start = time.thread_time()
        found = super()._remedies(seen, features)
        self.spent += time.thread_time() - start
        return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sets", nargs="+", type=Path)
    parser.add_argument("--model", default="fast")
    parser.add_argument("--limit", type=int, default=200)
    parser.add_argument("--gain", type=float, default=remedy.GAIN)
    parser.add_argument("--words", action="store_true", help="print every word that was read again")
    asked = parser.parse_args()
    remedy.GAIN = asked.gain
    graphs = load_line(asked.model)
    transcriber = Timed(graphs.glance, graphs.fixate, alphabet=graphs.alphabet, remedies=True)
    print("words  faulty  again  better  worse  neither  CER before   after   cost  set")
    for folder in asked.sets:
        rule = rule_named(rule_of(folder))
        crops = read_crops(folder)
        crops = crops[:: max(1, len(crops) // asked.limit)][: asked.limit]
        images = [next(iter(pages(crop.image))).pixels for crop in crops]
        count: Counter[str] = Counter()
        transcriber.spent, start = 0.0, time.process_time()
        observed = transcriber.observe(images)
        cost = transcriber.spent / (time.process_time() - start)
        for seen, crop in zip(observed, crops, strict=True):
            after = transcriber.decide(seen)
            before = transcriber.decide(replace(seen, remedies=[[] for _ in seen.spans]))
            truth = rule(crop.text)
            edits = edit_distance(rule(after.text), truth)
            count["words"] += len(after.words)
            count["faulty"] += sum(bool(one) for one in seen.remedies)
            count["signs"] += len(truth)
            count["after"] += edits
            count["before"] += edit_distance(rule(before.text), truth)
            for place, word in enumerate(after.words):
                if word.remedy:
                    change = edits - edit_distance(rule(undone(after, place)), truth)
                    effect = "better" if change < 0 else "worse" if change > 0 else "neither"
                    count[effect] += 1
                    if asked.words:
                        print(f"  {effect}: {word.remedy.before} → {word.text} ({word.remedy.kind})")
        again = count["better"] + count["worse"] + count["neither"]
        rates = f"{count['before'] / count['signs']:10.4f}  {count['after'] / count['signs']:6.4f}"
        print(
            f"{count['words']:5}  {count['faulty']:6}  {again:5}  {count['better']:6}  {count['worse']:5}  "
            f"{count['neither']:7}  {rates}  {cost:5.1%}  {folder.name}"
        )


if __name__ == "__main__":
    main()
