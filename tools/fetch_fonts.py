"""Fetch openly licensed faces by package name from Debian and npm and pack them for rendering.

    python tools/fetch_fonts.py OUT_DIR [--list foveal/synth/fonts.tsv] [--cache .fonts] [--jobs 2] [--update]

The list has one row a face: file, kind, family, style, package, licence, characters. The package is
`deb:name=version`, `deb:name/folder=version` or `npm:@scope/name@version`; the faces of a Fontsource package
are named as its files are: family `abel`, style `400 normal`. A family `*` takes every face of the package.
Each face is cut to the alphabet and those letters of other scripts that are drawn (foveal/synth/foreign.py),
with its kerning in one table, and written as WOFF2; OUT_DIR/fonts.tsv then lists what was packed with every
character it holds, and OUT_DIR/words.json.gz holds the words to write with them. `--update` writes the list
again, with what was found and a count of characters.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import re
import subprocess
import tarfile
import unicodedata
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import astuple, dataclass, fields, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from fontTools import subset
from fontTools.merge import Merger
from fontTools.merge import Options as MergeOptions
from fontTools.ttLib import TTFont, newTable
from fontTools.ttLib.tables._k_e_r_n import KernTable_format_0
from PIL import ImageFont

from foveal.alphabet import ALPHABET, FOREIGN
from foveal.synth.foreign import foreign_characters
from foveal.synth.lexicon import Lexicon, foreign_words

LICENCES = re.compile(
    r"(?<![a-z])(?:OFL|SIL|Open ?Font|Apache|MIT|Expat|BSD|[AL]?GPL|Vera|GUST|LPPL|LaTeX|CC0|CC-BY(?!-N)|"
    r"public-domain|ParaType|EPL|UFL|Unlicense|Artistic)(?![a-z])",
    re.IGNORECASE,
)
DROPPED = [
    "BASE",
    "COLR",
    "CPAL",
    "FFTM",
    "Feat",
    "GDEF",
    "GPOS",
    "GSUB",
    "Glat",
    "Gloc",
    "MATH",
    "SVG ",
    "Silf",
]
DROPPED += ["Sill", "gasp", "kern", "morx"]
DROPPED += ["HVAR", "MVAR", "STAT", "avar", "cvar", "fvar", "gvar"]  # leaves a variable face its default
PART = re.compile(r"(.+)-latin-(\d+|wght)-(normal|italic)")
"""The name of a face's Latin part in a package of Fontsource, which has one file a script."""
KERNED = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz.,;:-'’”"
LETTERS = set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz.,")


@dataclass(frozen=True)
class Row:
    """One face of the list; `file` is its name in the pack."""

    file: str
    kind: str
    family: str
    style: str
    package: str
    licence: str
    characters: str


def read_list(path: Path) -> list[Row]:
    """Return the rows of a list; a column it does not have is empty."""
    with path.open(encoding="utf-8", newline="") as stream:
        rows = csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE)
        return [Row(**{field.name: row.get(field.name) or "" for field in fields(Row)}) for row in rows]


def write_list(path: Path, rows: list[Row]) -> None:
    """Write rows as the list that `read_list` reads."""
    lines = ["\t".join(field.name for field in fields(Row))]
    lines += ["\t".join(astuple(row)) for row in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def unpack(package: str, cache: Path) -> Path:
    """Fetch one package with its registry's own client, unpack it under `cache`, and return the folder."""
    source, _, spec = package.partition(":")
    if source == "npm":
        return _unpack_npm(spec, cache)
    name = re.split(r"[/=]", spec)[0]
    folder = cache / "x" / name
    if not folder.exists():
        downloads = cache / "deb"
        downloads.mkdir(parents=True, exist_ok=True)
        if not list(downloads.glob(f"{name}_*.deb")):
            subprocess.run(["apt-get", "download", name], cwd=downloads, check=True)
        folder.mkdir(parents=True)
        subprocess.run(["dpkg", "-x", next(downloads.glob(f"{name}_*.deb")), folder], check=True)
    inner = re.match(r"[^/=]+/([^=]+)", spec)
    return folder if not inner else folder / "usr/share/texlive/texmf-dist/fonts" / inner[1]


def _unpack_npm(spec: str, cache: Path) -> Path:
    stem = spec.lstrip("@").replace("/", "-").replace("@", "-")
    folder, downloads = cache / "x" / stem, cache / "npm"
    downloads.mkdir(parents=True, exist_ok=True)
    if not folder.exists():
        if not list(downloads.glob(f"{stem}*.tgz")):
            subprocess.run(["npm", "pack", "--silent", spec], cwd=downloads, check=True)
        with tarfile.open(next(downloads.glob(f"{stem}*.tgz"))) as archive:
            archive.extractall(folder, filter="data")
    return folder


def font_files(folder: Path) -> list[Path]:
    """Return the outline fonts of an unpacked package; TeX Live keeps them by format."""
    if "texmf-dist" in folder.parts and not folder.exists():
        found = itertools.chain.from_iterable(
            part.rglob("*")
            for form in ("opentype", "truetype")
            for part in (folder.parent / form).glob(f"*/{folder.name}")
        )
    else:
        found = folder.rglob("*")
    return sorted(path for path in found if _is_font(path) and path.is_file())


def _is_font(path: Path) -> bool:
    suffix = path.suffix.lower()
    return suffix in (".ttf", ".otf") or (suffix == ".woff2" and PART.fullmatch(path.stem) is not None)


def names_of(path: Path) -> set[tuple[str, str]]:
    """Return the (family, style) pairs by which a face calls itself, or its package calls it."""
    part = PART.fullmatch(path.stem)
    if part:  # the weights of a family may all have one name inside
        return {(part[1], f"{part[2]} {part[3]}")}
    try:
        font = TTFont(path, lazy=True)
        pairs = {
            (font["name"].getDebugName(a) or "", font["name"].getDebugName(b) or "")
            for a, b in ((1, 2), (16, 17))
        }
        shown = ImageFont.truetype(str(path), 20).getname()
        return pairs | {(shown[0] or "", shown[1] or "")}
    except Exception as error:  # a damaged font file is skipped, and said
        print(f"skipped {path.name}: {error}")
        return set()


def find(rows: list[Row], cache: Path) -> Iterator[tuple[Row, Path]]:
    """Yield every listed face with its file; what is not found is named on stdout."""
    for package, group in itertools.groupby(
        sorted(rows, key=lambda row: row.package), lambda row: row.package
    ):
        names = {path: names_of(path) for path in font_files(unpack(package, cache))}
        for row in group:
            if row.family == "*":
                for path, pairs in names.items():
                    family, style = max(pairs, default=("", ""))
                    yield replace(row, family=family, style=style), path
                continue
            path = next((path for path, pairs in names.items() if (row.family, row.style) in pairs), None)
            if path is None:
                print(f"not found: {package} {row.family} {row.style}")
            else:
                yield row, path


@lru_cache(maxsize=1)
def wanted() -> str:
    """Return the alphabet and the letters of other scripts that are drawn to be told from it."""
    return ALPHABET.replace(FOREIGN, "") + "".join(
        char for char in foreign_characters(foreign_words()) if char not in ALPHABET
    )


def cut(path: Path, out: Path) -> str:
    """Write the part of a face that is drawn to `out` as WOFF2 and return the characters it holds."""
    options = subset.Options(hinting=False, layout_features=[], name_IDs=[1, 2], notdef_outline=True)
    options.drop_tables += DROPPED
    with _load(path, options) as font:
        held = [char for char in wanted() if ord(char) in font.getBestCmap()]
        cutter = subset.Subsetter(options)
        cutter.populate(unicodes=[ord(char) for char in held])
        cutter.subset(font)
        _add_kerning(font, _kerning(path))
        font.flavor = "woff2"
        font.save(str(out))
    drawn = ImageFont.truetype(str(out), 32)
    return "".join(char for char in held if _is_drawn(drawn, char))


def _load(path: Path, options: subset.Options) -> TTFont:
    """Open a face, with the letters of its other Latin file if it has one."""
    more = path.with_name(path.name.replace("-latin-", "-latin-ext-"))
    if more == path or not more.exists():
        return subset.load_font(str(path), options)
    merger = Merger(MergeOptions(drop_tables=[*DROPPED, "cvt ", "fpgm", "prep"]))
    return merger.merge([str(path), str(more)])


def _kerning(path: Path) -> dict[tuple[str, str], float]:
    """Return the kerning of common pairs in em, as the shaper applies it."""
    font = ImageFont.truetype(str(path), 200, layout_engine=ImageFont.Layout.RAQM)
    features = ["-liga", "-clig", "-calt", "-dlig", "-ccmp", "-rlig"]
    width = {char: font.getlength(char, features=features) for char in KERNED}
    pairs = {
        (a, b): (font.getlength(a + b, features=features) - width[a] - width[b]) / 200
        for a in KERNED
        for b in KERNED
    }
    return {pair: value for pair, value in pairs.items() if 0.008 < abs(value) < 0.4}


def _add_kerning(font: TTFont, kerning: dict[tuple[str, str], float]) -> None:
    names, units = font.getBestCmap(), font["head"].unitsPerEm
    table = KernTable_format_0()
    table.coverage, table.apple = 1, False
    table.kernTable = {
        (names[ord(a)], names[ord(b)]): round(value * units)
        for (a, b), value in kerning.items()
        if ord(a) in names and ord(b) in names
    }
    if table.kernTable:
        font["kern"] = newTable("kern")
        font["kern"].version, font["kern"].kernTables = 0, [table]


def _is_drawn(font: ImageFont.FreeTypeFont, char: str) -> bool:
    """Say whether a face has ink of its own for a character, not a box, a bare letter or "s" for "ß"."""
    if char == " ":
        return bool(font.getlength(char) > 0)
    try:
        mask = np.array(font.getmask(char))
    except OSError:  # FreeType refuses an outline or two of some WOFF2 files
        return False
    others = {"\U000f1234", unicodedata.normalize("NFD", char)[0]} - {char}
    if not mask.any() or any(np.array_equal(mask, np.array(font.getmask(other))) for other in others):
        return False
    return char != "ß" or font.getmask("ß").size[1] > 1.1 * font.getmask("s").size[1]


def pack(row: Row, path: Path, out_dir: Path) -> Row | None:
    """Cut one face into the pack and return its row, or nothing if it is not usable for Latin text."""
    try:
        slug = re.sub(r"[^a-z0-9]+", "-", f"{row.family} {row.style} {path.stem}".lower()).strip("-")
        out = out_dir / f"{slug[:80]}.woff2"
        characters = cut(path, out)
    except Exception as error:  # fonts break in countless ways: skip it, and say so
        print(f"skipped {path.name}: {type(error).__name__}: {error}")
        return None
    missing = LETTERS.union("" if row.kind == "black" else "0123456789").difference(characters)
    if not missing:
        return replace(row, file=out.name, characters=characters)
    print(f"dropped {path.name}: it has no {''.join(sorted(missing))[:20]}")
    out.unlink()
    return None


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out_dir", type=Path)
    parser.add_argument("--list", type=Path, default=Path("foveal/synth/fonts.tsv"))
    parser.add_argument("--cache", type=Path, default=Path(".fonts"))
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--update", action="store_true", help="write --list again with what was packed")
    options = parser.parse_args()
    options.out_dir.mkdir(parents=True, exist_ok=True)
    rows = [row for row in read_list(options.list) if LICENCES.search(row.licence)]
    found = list({path: (row, path) for row, path in find(rows, options.cache)}.values())
    with ProcessPoolExecutor(options.jobs) as pool:
        packed = pool.map(pack, *zip(*found, strict=True), itertools.repeat(options.out_dir), chunksize=4)
        kept = sorted((row for row in packed if row), key=lambda row: (row.kind, row.family, row.style))
    write_list(options.out_dir / "fonts.tsv", kept)
    if options.update:
        write_list(options.list, [replace(row, characters=str(len(row.characters))) for row in kept])
    Lexicon.build().save(options.out_dir / "words.json.gz")
    size = sum(path.stat().st_size for path in options.out_dir.iterdir())
    print(f"{len(kept)} faces, {size / 2**20:.1f} MiB in {options.out_dir}")


if __name__ == "__main__":
    main()
