"""What a rhyme costs: stanzas of four lines of seven, rhymed AABB, beside the same without a rhyme.

    python benchmarks/stanzas.py [--processor-time]

With the base model zh, and with a model of the lesson's size trained for a few seconds; one stanza after another, and
64 at once. Both ways take turns.
"""

from __future__ import annotations

from zuoci.model.threads import pin_libraries

pin_libraries()  # as the command line does; before torch loads numpy

import zuoci  # noqa: E402
from common import median_seconds, publish  # noqa: E402
from generation import trained  # noqa: E402
from zuoci.model.base import bundled_folder  # noqa: E402

ROUNDS = 3
ALONE, MANY = 8, 64
WAYS = {"without a rhyme": {}, "rhymed AABB": {"rhyme": "AABB"}}


def main() -> None:
    text = zuoci.load_lyrics("zh").text.replace("\n", " ")[:10_000]
    writers = {
        "zh": zuoci.Writer.load(bundled_folder("zh")),
        "rnn 256, V 1,004": zuoci.Writer(trained(text, sorted(set(text)))),
    }
    rows = [row for name, writer in writers.items() for count in (1, MANY) for row in measure(name, writer, count)]
    publish("stanzas", rows, lines=4, syllables=7)


def measure(name: str, writer: zuoci.Writer, count: int) -> list[dict[str, object]]:
    """Both ways with one model, one stanza after another or many at once."""
    seconds = median_seconds([lambda way=way: write(writer, way, count) for way in WAYS], ROUNDS)
    texts = ALONE if count == 1 else count
    return [
        {
            "model": name,
            "stanzas at once": count,
            "form": way,
            "seconds a stanza": taken / texts,
            "times that without a rhyme": taken / seconds[0],
        }
        for way, taken in zip(WAYS, seconds, strict=True)
    ]


def write(writer: zuoci.Writer, way: str, count: int) -> None:
    """Writes 64 stanzas at once, or some one after another."""
    wish = {"lines": 4, "line_length": "7", **WAYS[way]}
    if count == 1:
        for seed in range(ALONE):
            writer.write("我", zuoci.WriteConfig.model_validate({**wish, "seed": seed}))
    else:
        configs = [zuoci.WriteConfig.model_validate({**wish, "seed": seed}) for seed in range(count)]
        writer.write_many(["我"] * count, configs)


if __name__ == "__main__":
    main()
