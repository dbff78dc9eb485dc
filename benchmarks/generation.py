"""Characters a second in writing: the lesson's predict_rnn against a Writer with the same weights.

python benchmarks/generation.py [--processor-time]
"""

from __future__ import annotations

from zuoci.model.threads import pin_libraries

pin_libraries()  # as the command line does; before torch loads numpy

import torch  # noqa: E402

import zuoci  # noqa: E402
from common import median_seconds, publish  # noqa: E402
from zuoci import lesson  # noqa: E402

ROUNDS = 7
ALONE, MANY, LENGTH = 2000, 256, 100


def main() -> None:
    text = zuoci.load_lyrics("zh").text.replace("\n", " ")[:10_000]
    chars = sorted(set(text))
    char_to_idx = {char: i for i, char in enumerate(chars)}
    V, H, device = len(chars), lesson.num_hiddens, torch.device("cpu")
    model = trained(text, chars)
    params = of_lesson(model)
    opening = "分开"

    def predict() -> str:
        return lesson.predict_rnn(
            opening, ALONE, lesson.rnn, params, lesson.init_rnn_state, H, V, device, chars, char_to_idx
        )

    writer = zuoci.Writer(model)
    greedy = zuoci.WriteConfig(length=ALONE, greedy=True)
    assert writer.write(opening, greedy).text == predict(), "the texts differ"
    many = [zuoci.WriteConfig(length=LENGTH, seed=seed) for seed in range(MANY)]
    all_greedy = [zuoci.WriteConfig(length=LENGTH, greedy=True)] * MANY
    seconds = median_seconds(
        [
            predict,
            lambda: writer.write(opening, greedy),
            lambda: writer.write(opening, zuoci.WriteConfig(length=ALONE)),
            lambda: writer.write_many([opening] * MANY, all_greedy),
            lambda: writer.write_many([opening] * MANY, many),
        ],
        ROUNDS,
    )
    names = [
        "lesson.predict_rnn",
        "Writer, greedy",
        "Writer, drawn",
        f"{MANY} at once, greedy",
        f"{MANY} at once, drawn",
    ]
    counts = [ALONE, ALONE, ALONE, MANY * LENGTH, MANY * LENGTH]
    rates = [count / taken for count, taken in zip(counts, seconds, strict=True)]
    rows = [
        {"writing": name, "characters/s": rate, "times the lesson": rate / rates[0]}
        for name, rate in zip(names, rates, strict=True)
    ]
    publish("generation", rows, hidden_size=H, vocab_size=V)


def trained(text: str, chars: list[str]) -> zuoci.CharLM:
    """A model of the lesson's size that has learnt enough to write something."""
    corpus = zuoci.Corpus((zuoci.Song("lesson", text),))
    *_, end = zuoci.train(corpus, zuoci.resolve("fast", {"epochs": 6, "validation": 0.0}), device="cpu")
    assert isinstance(end, zuoci.EndReport)
    assert list(end.model.vocabulary.characters) == chars
    return end.model


def of_lesson(model: zuoci.CharLM) -> list[torch.Tensor]:
    """Its weights, as the lesson lays them out."""
    layer = model.layers[0]
    w_ih, w_hh, b_ih, b_hh = (value.detach() for value in layer.parameters())
    return [w_ih.t(), w_hh.t(), b_ih + b_hh, model.output.weight.detach().t(), model.output.bias.detach()]


if __name__ == "__main__":
    main()
