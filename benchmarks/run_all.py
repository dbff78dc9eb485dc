"""Runs the benchmarks one after another, at most 30 minutes, and prints what fell behind the last recorded ratios.

    python benchmarks/run_all.py [NAME …] [--text FILE] [--songs FILE] [--minutes N] [--record]

NAME: only these, as lesson or throughput. FILE: tiny Shakespeare for quality, and a large corpus of songs for writing,
originality and tuning; without them, quality, originality and tuning are left out. Each benchmark is a process of its
own, prints its table and writes it to results/.

Only ratios are compared, since a ratio is of two things that were measured in turns in one process. recorded.json
holds the last ones of each kind of processor; --record replaces those of this one.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from common import RESULTS, machine

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

HERE = Path(__file__).parent
RECORDED = HERE / "recorded.json"
BEHIND = 0.9  # of the recorded ratio: a machine is never as quiet as it was


class Ratio(NamedTuple):
    """A column of a table that is compared.

    Attributes:
        benchmark: the name of the table.
        column: the name of the column.
        keys: the columns that tell its rows apart.
        less: whether less is better.
    """

    benchmark: str
    column: str
    keys: tuple[str, ...]
    less: bool = False


RATIOS = [
    Ratio("lesson", "times faster", ("sampling",)),
    Ratio("throughput", "ratio", ("cell", "precision")),
    Ratio("throughput", "share of the peak", ("cell", "precision")),
    Ratio("generation", "times the lesson", ("writing",)),
    Ratio("busy", "zuoci, times its idle", ("cell", "beside"), less=True),
    Ratio("rhymes", "guessed right", ("left out",)),
    Ratio("quality", "held out, state carried", ("budget, s",), less=True),
]


def commands(text: str | None, songs: str | None) -> dict[str, list[str] | None]:
    """The arguments of each benchmark, the quick ones first; None: a file is missing for it."""
    given = [songs] if songs else None
    return {
        "throughput": [],
        "generation": [],
        "start": [],
        "stanzas": [],
        "decoding": [],
        "rhymes": [],
        "lesson": [],
        "busy": [],
        "serving": [],
        "growth": [],
        "originality": given,
        "writing": given or [],
        "language": ["--pieces", "100"],
        "tuning": [*given, "--sizes", "5000", "20000"] if given else None,
        "quality": [text, "60", "600"] if text else None,
    }


def ratios(tables: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    """The ratios in the tables that benchmarks have written, by benchmark, column and row."""
    documents = {table["benchmark"]: table for table in tables}
    return {
        f"{ratio.benchmark}, {ratio.column}: {', '.join(str(row[key]) for key in ratio.keys)}": row[ratio.column]
        for ratio in RATIOS
        if ratio.benchmark in documents
        for row in documents[ratio.benchmark]["rows"]
        if row.get(ratio.column) is not None
    }


def behind(now: Mapping[str, float], recorded: Mapping[str, float]) -> list[str]:
    """A line for each ratio that is worse than the recorded one by more than a tenth."""
    less = tuple(f"{ratio.benchmark}, {ratio.column}: " for ratio in RATIOS if ratio.less)
    return [
        f"{name}: {value:.4g}, recorded {recorded[name]:.4g}"
        for name, value in now.items()
        if name in recorded
        and (value * BEHIND > recorded[name] if name.startswith(less) else value < BEHIND * recorded[name])
    ]


def run(chosen: Sequence[str], arguments: Mapping[str, list[str] | None], minutes: float) -> list[str]:
    """Runs benchmarks until the time is over. Returns the names of those that wrote a table."""
    end = time.monotonic() + 60.0 * minutes
    done: list[str] = []
    for name in chosen:
        given, left = arguments[name], end - time.monotonic()
        if given is None or left <= 0.0:
            print(f"\n## {name}: left out, {'it needs a file' if given is None else 'the time is over'}", flush=True)
            continue
        print(f"\n## {name}", flush=True)
        try:
            subprocess.run([sys.executable, str(HERE / f"{name}.py"), *given], check=True, timeout=left)
            done.append(name)
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
            print(f"{name} wrote no table: {error}", flush=True)
    return done


def main() -> None:
    names = [*commands(None, None)]
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("names", nargs="*", default=names, metavar="NAME", help=f"of {', '.join(names)}; default: all")
    parser.add_argument("--text", help="tiny Shakespeare, for quality")
    parser.add_argument("--songs", help="a text file with many songs, for writing, originality and tuning")
    parser.add_argument("--minutes", type=float, default=30.0, help="the time for all of them; default: 30")
    parser.add_argument("--record", action="store_true", help="keep the ratios as those of this kind of processor")
    options = parser.parse_args()
    if unknown := set(options.names) - set(names):
        parser.error(f"there is no benchmark {min(unknown)}; there are {', '.join(names)}")
    done = run(options.names, commands(options.text, options.songs), options.minutes)
    now = ratios(json.loads((RESULTS / f"{name}.json").read_text("utf-8")) for name in done if name != "growth")
    recorded = json.loads(RECORDED.read_text("utf-8"))
    kind = f"{machine()['processor']}, {machine()['cores']} cores"
    before = recorded.get(kind, {})
    print(f"\n{len(now.keys() & before.keys())} of {len(now)} ratios compared with those recorded for {kind}")
    print("\n".join(f"fell behind: {line}" for line in behind(now, before)) or "none fell behind")
    if options.record:
        recorded[kind] = {**before, **now}
        RECORDED.write_text(json.dumps(recorded, indent=2, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    main()
