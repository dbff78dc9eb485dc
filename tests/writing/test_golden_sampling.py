"""Golden cases of sampling, which the Python tests and the JavaScript tests both read.

Each case in tests/golden/sampling.json holds `logits` (float32 values), the ids that are `forbidden`, the settings,
and some `uniforms` from [0, 1). The results are `kept`, the ids that can still be drawn, and `chosen`, one id for
each uniform. After a deliberate change, write the file anew: `python tests/writing/test_golden_sampling.py`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from zuoci.writing.config import Sampling
from zuoci.writing.sampling import (
    apply_temperature,
    greedy,
    keep_allowed,
    keep_min_p,
    keep_top_k,
    keep_top_p,
    probabilities,
    sample,
)

FILE = Path(__file__).parents[1] / "golden" / "sampling.json"
OFF: dict[str, Any] = {"forbidden": [], "temperature": 1.0, "top_k": 0, "top_p": 1.0, "min_p": 0.0, "greedy": False}
UNIFORMS = [0.0, 0.13, 0.31, 0.47, 0.62, 0.78, 0.91, 1.0 - 2.0**-53]

PLAIN = [1.5, -0.25, 3.0, 0.5, 2.25, -1.0, 0.0, 2.75]
PEAK = [0.0, 6.0, 1.0, 5.0, -2.0, 0.5]
TIES = [2.0, 1.0, 2.0, 0.0, 1.0, 2.0]
EVEN = [0.5, 0.5, 0.5, 0.5]
FAR = [-40.0, 40.0, 39.0, 0.0, 38.5]
CASES: list[tuple[str, list[float], dict[str, Any]]] = [
    ("nothing set", PLAIN, {}),
    ("nothing set, equal logits", EVEN, {}),
    ("one character", [0.75], {}),
    ("one character, all settings", [-3.0], {"temperature": 0.5, "top_k": 3, "top_p": 0.5, "min_p": 0.5}),
    ("temperature below 1", PLAIN, {"temperature": 0.4}),
    ("temperature above 1", PLAIN, {"temperature": 2.5}),
    ("temperature near 0", PLAIN, {"temperature": 0.001}),
    ("temperature of 100", PLAIN, {"temperature": 100.0}),
    ("logits far apart", FAR, {}),
    ("logits far apart, temperature of 50", FAR, {"temperature": 50.0}),
    ("greedy", PLAIN, {"greedy": True}),
    ("greedy takes the first of equal ones", TIES, {"greedy": True}),
    ("greedy, the most probable one forbidden", PLAIN, {"greedy": True, "forbidden": [2]}),
    ("top_k 1", PLAIN, {"top_k": 1}),
    ("top_k 3", PLAIN, {"top_k": 3}),
    ("top_k above the size of the vocabulary", PLAIN, {"top_k": 20}),
    ("top_k keeps those equal to the last", TIES, {"top_k": 4}),
    ("top_k 1 keeps all equal maxima", TIES, {"top_k": 1}),
    ("top_k counts after forbidding", PLAIN, {"top_k": 2, "forbidden": [2, 7]}),
    ("top_k above what is not forbidden", PLAIN, {"top_k": 5, "forbidden": [0, 1, 2, 3, 4]}),
    ("top_k with a temperature", PLAIN, {"top_k": 4, "temperature": 3.0}),
    ("top_p 0.5", PLAIN, {"top_p": 0.5}),
    ("top_p 0.9", PLAIN, {"top_p": 0.9}),
    ("top_p near 0 keeps one", PLAIN, {"top_p": 1e-9}),
    ("top_p of equal ones keeps those with the lowest ids", EVEN, {"top_p": 0.5}),
    ("top_p splits equal ones", TIES, {"top_p": 0.4}),
    ("top_p counts after forbidding", PLAIN, {"top_p": 0.5, "forbidden": [2]}),
    ("top_p is measured before a high temperature", PEAK, {"top_p": 0.95, "temperature": 5.0}),
    ("top_p is measured before a low temperature", PLAIN, {"top_p": 0.9, "temperature": 0.3}),
    ("min_p 0.2", PLAIN, {"min_p": 0.2}),
    ("min_p 1 keeps all equal maxima", TIES, {"min_p": 1.0}),
    ("min_p is measured before a high temperature", PEAK, {"min_p": 0.1, "temperature": 5.0}),
    ("min_p is measured before a low temperature", PLAIN, {"min_p": 0.3, "temperature": 0.25}),
    ("min_p counts after forbidding", PEAK, {"min_p": 0.1, "forbidden": [1, 3]}),
    ("top_p is measured among what top_k keeps", PLAIN, {"top_k": 3, "top_p": 0.6}),
    ("min_p after top_p", PLAIN, {"top_p": 0.95, "min_p": 0.4}),
    ("all settings", PLAIN, {"temperature": 1.7, "top_k": 6, "top_p": 0.85, "min_p": 0.25, "forbidden": [7]}),
    ("all but one forbidden", PLAIN, {"top_k": 3, "top_p": 0.5, "forbidden": [0, 1, 2, 4, 5, 6, 7]}),
]  # fmt: skip


def result(logits: list[float], settings: dict[str, Any]) -> tuple[list[int], list[int]]:
    """The ids that are kept, and the id that is chosen for each of `UNIFORMS`."""
    count = len(UNIFORMS)
    allowed = np.ones(len(logits), np.bool_)
    allowed[settings["forbidden"]] = False
    left = keep_allowed(np.tile(np.array(logits, np.float32), (count, 1)), allowed)
    if settings["greedy"]:
        return np.flatnonzero(left[0] > -np.inf).tolist(), greedy(left).tolist()
    chosen = sample(
        left, [Sampling(**{name: settings[name] for name in Sampling._fields})], [count], np.array(UNIFORMS)
    )
    kept = keep_top_k(left[:1], np.array([settings["top_k"]]))
    kept = keep_min_p(keep_top_p(kept, np.array([settings["top_p"]])), np.array([settings["min_p"]]))
    return np.flatnonzero(kept[0] > -np.inf).tolist(), chosen.tolist()


def golden() -> list[dict[str, Any]]:
    return json.loads(FILE.read_text("utf-8"))["cases"]


@pytest.mark.parametrize("case", golden() if FILE.exists() else [], ids=lambda case: case["name"])
def test_sampling_gives_the_golden_results(case: dict[str, Any]) -> None:
    assert case["uniforms"] == UNIFORMS
    assert result(case["logits"], case) == (case["kept"], case["chosen"])


def test_the_file_holds_all_cases_and_no_uniform_lies_at_an_edge() -> None:
    """Rounding differs between languages: what decides must lie further away than that."""
    assert [case["name"] for case in golden()] == [name for name, _, _ in CASES]
    for case in golden():
        logits = np.full((1, len(case["logits"])), -np.inf)
        logits[0, case["kept"]] = np.array(case["logits"])[case["kept"]]
        bounds = probabilities(apply_temperature(logits, np.array([case["temperature"]]))).cumsum()
        for uniform in [] if case["greedy"] else case["uniforms"][1:-1]:
            assert np.abs(bounds[:-1] - uniform).min(initial=1.0) > 1e-4 or len(case["kept"]) == 1, case["name"]


def main() -> None:
    cases: list[dict[str, Any]] = []
    for name, logits, changed in CASES:
        settings = {**OFF, **changed}
        kept, chosen = result(logits, settings)
        cases.append({"name": name, "logits": logits, **settings, "uniforms": UNIFORMS, "kept": kept, "chosen": chosen})
    FILE.write_text('{"cases": [\n' + ",\n".join(json.dumps(case) for case in cases) + "\n]}\n", "utf-8")


if __name__ == "__main__":
    main()
