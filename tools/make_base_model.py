"""Makes the base models that come with zuoci, from text that is free: `python tools/make_base_model.py zh CORPORA`.

The corpora are `base-zh.txt` or `base-en.txt`, with `base-manifest.json`, which says for each part who wrote it and why
it is free. A base model reads the old parts first and the modern ones and the bundled songs last, since what is read
last counts most. It never reads the songs that are held apart: they judge it. docs/experiments.md has the measurements
behind the values here.

Each stage is a training run of its own in the working folder. A run that is stopped goes on when the command is given
again; a stage that is done is not repeated. At the end the weights are written as int8 into `src/zuoci/data`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from make_base_filter import windows_of
from zuoci.model.checkpoint import load, save
from zuoci.model.language_model import CharLM
from zuoci.model.quantisation import decode, encode
from zuoci.model.random import key_of
from zuoci.model.threads import core_count
from zuoci.text.corpus import Corpus, Song, load_lyrics
from zuoci.text.folder import is_model
from zuoci.text.vocabulary import Vocabulary
from zuoci.training.adapt import mix_with_counts
from zuoci.training.baseline import score_by_counting
from zuoci.training.evaluation import Score, evaluate
from zuoci.training.gradients import Workers
from zuoci.training.job import Job
from zuoci.training.recipe import resolve
from zuoci.training.reports import EvalReport

if TYPE_CHECKING:
    from collections.abc import Sequence

_JUDGED_BY = "the bundled songs held apart"
RARE = 10  # a character that the corpora have less often is left out, with the lines that it stands in


@dataclass(frozen=True)
class Stage:
    """A training run.

    Attributes:
        name: the name of its folder.
        parts: the groups of the manifest that it reads.
        songs: how often it reads the bundled songs, for each time it reads the rest.
        settings: differences from the settings that all stages share.
    """

    name: str
    parts: tuple[str, ...]
    songs: int
    settings: dict[str, Any]


SHARED: dict[str, Any] = {
    "cell": "gru",
    "initialisation": "orthogonal",
    "batch_size": 64,
    "seq_len": 64,
    "warmup_steps": 100,
    "weight_decay": 0.05,
    "final_rate": 0.02,
    "validation_split": "songs",
    "fingerprint": False,
}
MODELS: dict[str, dict[str, Any]] = {
    "zh": {"hidden_size": 1024, "embedding_size": 256, "tie_embedding": True},
    "en": {"hidden_size": 1024, "embedding_size": 64},
}
STAGES: dict[str, tuple[Stage, ...]] = {
    "zh": (
        Stage(
            "old",
            ("classical", "yuanqu", "vernacular"),
            0,
            {"epochs": 1, "learning_rate": 2e-3, "schedule": "constant", "dropout": 0.1},
        ),
        Stage(
            "modern",
            ("modern-prose", "modern-verse"),
            2,
            {"epochs": 4, "learning_rate": 2e-3, "dropout": 0.25, "keep": "best"},
        ),
        Stage(
            "songs",
            ("modern-verse",),
            1,
            {"epochs": 8, "learning_rate": 7e-4, "dropout": 0.4, "keep": "best", "patience": 2},
        ),
    ),
    "en": (
        Stage(
            "verse",
            ("poems", "children", "hymns", "ballads", "songs"),
            2,
            {"epochs": 1, "learning_rate": 2e-3, "schedule": "constant", "dropout": 0.1},
        ),
        Stage(
            "songs",
            ("children", "ballads", "songs"),
            4,
            {"epochs": 2, "learning_rate": 2e-3, "dropout": 0.1, "keep": "best"},
        ),
    ),
}


@dataclass(frozen=True)
class Corpora:
    """What a base model may read.

    Attributes:
        parts: the text of each group of the manifest.
        songs: the bundled songs, those held apart included.
        vocabulary: the characters that are not rare.
        about: the facts of the manifest on this language.
    """

    parts: dict[str, str]
    songs: Corpus
    vocabulary: Vocabulary
    about: dict[str, Any]


def read_corpora(language: str, folder: Path, rare: int = RARE) -> Corpora:
    """Reads the corpora of a language, and checks them against the manifest."""
    about = json.loads((folder / "base-manifest.json").read_text("utf-8"))[language]
    data = (folder / about["file"]).read_bytes()
    if hashlib.sha256(data).hexdigest() != about["sha256"]:
        raise SystemExit(f"{folder / about['file']} is not the file of the manifest: its SHA-256 is another")
    text = data.decode()
    songs = load_lyrics(language, choruses="once")  # pyright: ignore[reportArgumentType]
    counts = Counter(text)
    known = {char for char, count in counts.items() if count >= rare}
    vocabulary = Vocabulary(known | set("".join(song.text for song in songs.songs if not song.held_apart)))
    parts = {
        group["group"]: "".join(
            line + "\n" for line in text[group["start"] : group["end"]].split("\n") if set(line) <= known
        )
        for group in about["groups"]
    }
    return Corpora(parts, songs, vocabulary, about)


def stage_corpus(corpora: Corpora, stage: Stage) -> Corpus:
    """The text of a stage, and the songs held apart, which it is judged by."""
    old = [Song(name, corpora.parts[name].rstrip("\n") + "\n\n") for name in stage.parts]
    songs = [song for song in corpora.songs.songs if not song.held_apart] * stage.songs
    apart = [
        Song(song.source, corpora.vocabulary.adapt(song.text)[0], held_apart=True)
        for song in corpora.songs.songs
        if song.held_apart
    ]
    return Corpus((*old, *songs, *apart))


def train_stage(folder: Path, corpora: Corpora, stage: Stage, settings: dict[str, Any], model: CharLM | None) -> CharLM:
    """Trains a stage in its folder, or goes on with it, or loads what it gave."""
    if is_model(folder):
        return load(folder)
    wanted = resolve("lyrics", {**SHARED, **settings, **stage.settings})
    if model is None:
        generator = torch.Generator().manual_seed(key_of(wanted.training.seed, "base model"))
        model = CharLM(wanted.model, corpora.vocabulary).initialise(generator, wanted.training.initialisation)
    else:
        before, model = model, CharLM(wanted.model, corpora.vocabulary)
        model.load_state_dict(before.state_dict())
    with Job(folder, resume=None, save_every=120) as job:
        job.prepare(stage_corpus(corpora, stage), wanted, model=model)
        for event in job:
            if isinstance(event, EvalReport):
                held_out = event.validation.nll if event.validation else 0.0
                print(
                    f"{stage.name}: epoch {event.epoch:.2f}, {event.characters:,} characters, {event.seconds:.0f} s, "
                    f"nats {event.train.nll:.3f}, songs held apart {held_out:.4f}",
                    flush=True,
                )
    return load(folder)


def finish(model: CharLM, corpora: Corpora, language: str, folder: Path) -> None:
    """Adds the counts of the bundled songs, and saves the model in 8 bits with its card and figures."""
    heard = [song.text for song in corpora.songs.songs if not song.held_apart]
    held_out = model.vocabulary.encode(
        "".join(corpora.vocabulary.adapt(song.text)[0] for song in corpora.songs.songs if song.held_apart)
    )
    model.load_arrays(decode(encode(model.weights().arrays)))
    network = evaluate(model, held_out, of=_JUDGED_BY)
    with Workers(core_count()) as workers:
        ids = model.vocabulary.encode("".join(heard))
        mixed = mix_with_counts(model, ids, held_out, workers, of=_JUDGED_BY)
    assert mixed
    read = sum(len(part) for part in corpora.parts.values())
    figures = {
        "characters": read + len("".join(heard)),
        "songs": len(heard),
        "vocab_size": len(model.vocabulary),
        "parameters": model.parameter_count,
        "validation": mixed.as_dict(),
        "baseline": score_by_counting(ids, len(model.vocabulary), held_out, of=_JUDGED_BY).as_dict(),
    }
    print(f"songs held apart: network {network.nll:.4f} nats, with counts {mixed.nll:.4f}")
    settings = resolve("lyrics", {**SHARED, **MODELS[language], **STAGES[language][-1].settings}).training
    save(
        model,
        folder,
        training=settings.model_dump(mode="json"),
        report=figures,
        card=card(corpora, language, [network, mixed]),
        base_windows=windows_of("".join(corpora.parts.values()), language),
        overwrite=True,
        in_8_bits=True,
    )


def card(corpora: Corpora, language: str, scores: Sequence[Score]) -> str:
    """The model card: what the model has read, why that is free, and how well it does."""
    rows: list[str] = []
    works: list[str] = []
    for group in corpora.about["groups"]:
        name, title = group["group"], group["name"]
        sources = [source for source in corpora.about["sources"] if source["group"] == name]
        rows.append(f"| {title} | {len(corpora.parts[name]):,} | {len(sources)} |")
        works += [f"- {_work(source)}" for source in sources]
    songs = [song for song in corpora.songs.songs if not song.held_apart]
    rows.append(f"| songs that come with zuoci (CC0) | {sum(len(song.text) for song in songs):,} | {len(songs)} |")
    figures = "\n".join(f"| {score.protocol} | {score.nll:.3f} | {score.perplexity:.1f} |" for score in scores)
    table, listed = "\n".join(rows), "\n".join(works)
    return f"""---
library_name: zuoci
pipeline_tag: text-generation
license: cc0-1.0
language: {language}
---

# The base model `{language}` of zuoci

A character-level recurrent language model, from which `zuoci train` starts. Every character that it has read is free:
works whose authors died long ago, and the songs that come with zuoci. It has never read a lyric in copyright. Made with
tools/make_base_model.py. Write with it: `zuoci write {language}`

| text | nats per character | perplexity |
| --- | --- | --- |
{figures}

| what it has read | characters | works |
| --- | --- | --- |
{table}

Lines with characters that stand in the corpora less than {RARE} times are left out.

## Each work, and why it is free

{listed}
"""


def _work(source: dict[str, Any]) -> str:
    """A work in one line: title, author, and why it is free."""
    author = source.get("author") or "anonymous"
    reason = (source.get("public_domain") or "traditional").removesuffix("; see us_doubt")
    doubt = f" ({source['us_doubt']})" if source.get("us_doubt") else ""
    return f"{source['title']}, {author}: {reason}{doubt}"


def main() -> None:
    """Trains all stages of a language and writes its model into the package."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("language", choices=list(STAGES))
    parser.add_argument("corpora", type=Path, help="folder with base-zh.txt, base-en.txt and base-manifest.json")
    parser.add_argument("--work", type=Path, default=Path("base-models"), help="folder for the runs of the stages")
    parser.add_argument("--out", type=Path, help="folder of the model; default: in src/zuoci/data")
    options = parser.parse_args()
    corpora = read_corpora(options.language, options.corpora)
    model = None
    for stage in STAGES[options.language]:
        folder = options.work / f"{options.language}-{stage.name}"
        model = train_stage(folder, corpora, stage, MODELS[options.language], model)
    assert model is not None
    data = Path(__file__).resolve().parents[1] / "src" / "zuoci" / "data"
    finish(model, corpora, options.language, options.out or data / f"base-{options.language}")


if __name__ == "__main__":
    main()
