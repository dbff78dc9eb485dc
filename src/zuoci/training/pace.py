"""How fast this machine trains a model, in each of the ways in which a step can be computed.

`machine` measures at the start of a run and takes the fastest way; the recipe `auto` chooses the size of a model by the
pace. Steps of the very shapes of the run are timed in turns, the least of several times counts, and what is far behind
after a short sequence is not tried with a long one. Precisions and libraries are compared by the processor time that
they take, which other programs hardly change; numbers of threads can only be compared by the time on the clock. All of
it takes a third of a second. A process measures a shape once: its runs with the same settings give the same bytes.

Dimensions: T time, B batch, V vocabulary.
"""

from __future__ import annotations

import math
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

import torch

from zuoci.model.language_model import CharLM
from zuoci.model.products import Library, has_bfloat16, has_onednn
from zuoci.model.threads import core_count
from zuoci.text.batches import Batch
from zuoci.text.vocabulary import Vocabulary
from zuoci.training.gradients import Gradients, Workers

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from zuoci.model.config import ModelConfig
    from zuoci.model.language_model import Implementation

Precision: TypeAlias = Literal["float32", "bfloat16"]

# Seconds to compare precisions and libraries, then numbers of threads, and to time one way alone. A very slow machine
# may need more.
_SECONDS, _SECONDS_FOR_THREADS, _SECONDS_ALONE = 0.2, 0.08, 0.03
_SHORT = 8  # the first comparison is of sequences of this fraction of their length
_FAR_BEHIND = 3.0  # times the least
# Fewer threads have to need at most this part of the least time with all cores, every time. And the measurement has to
# have had this much processor time a second: if not, other programs had the cores.
_CLEARLY, _UNDISTURBED = 0.9, 0.8


class Way(NamedTuple):
    """How a step is computed: settings of a run, by their names."""

    precision: Precision
    products: Library
    threads: int


class Shape(NamedTuple):
    """What a step computes.

    Attributes:
        model: the settings of the model.
        vocab_size: the number of different characters.
        batch_size: sequences per minibatch.
        seq_len: characters per sequence.
        path: the implementation of the layers, as in `CharLM.path`.
        device: where the step runs.
    """

    model: ModelConfig
    vocab_size: int
    batch_size: int
    seq_len: int
    path: Implementation = "auto"
    device: torch.device = torch.device("cpu")


def ways_of(shape: Shape, precision: str = "auto", products: str = "auto", threads: int = 0) -> list[Way]:
    """The precisions and libraries that the settings leave open and the machine has, with a thread for each core.

    The arguments are the settings of a run. The first way needs the most memory.
    """
    on_cpu = shape.device.type == "cpu"
    threads = min(threads or core_count(), shape.batch_size) if on_cpu else 1
    narrow = has_bfloat16() if on_cpu else torch.cuda.is_bf16_supported()
    precisions = ["float32", *["bfloat16"] * narrow] if precision == "auto" else [precision]
    libraries = ["torch", *["onednn"] * (on_cpu and has_onednn())] if products == "auto" else [products]
    return [Way(each, library, threads) for each in precisions for library in libraries]  # pyright: ignore


@dataclass(frozen=True)
class Pace:
    """What was measured.

    Attributes:
        way: the fastest way.
        speed: its characters a second.
        others: how fast the other ways are, as fractions of that.
    """

    way: Way
    speed: float
    others: dict[Way, float]


@cache
def measure(shape: Shape, precision: str = "auto", products: str = "auto", threads: int = 0) -> Pace:
    """Finds the fastest of the ways that the settings leave open.

    Only the fastest precision and library are measured with fewer threads: half as many, a quarter, …, one.

    Args:
        shape: the shapes of a step.
        precision: auto: compare those that the machine has.
        products: auto: compare the libraries.
        threads: 0: compare numbers of threads.
    """
    ways = ways_of(shape, precision, products, threads)
    costs = {way: min(each) for way, each in _costs(shape, ways, _SECONDS, _cost_clock(shape.device)).items()}
    best = min(costs, key=costs.__getitem__)
    others = {way: costs[best] / cost for way, cost in costs.items() if way != best}
    if threads or best.threads == 1:
        return Pace(best, shape.batch_size * best.threads / costs[best], others)
    fewer = [best._replace(threads=best.threads >> k) for k in range(best.threads.bit_length())]
    used, began = time.process_time(), time.perf_counter()
    times = _costs(shape, fewer, _SECONDS_FOR_THREADS, time.perf_counter, far_behind=math.inf)
    best = fewest_threads(times, (time.process_time() - used) / (time.perf_counter() - began))
    others |= {way: min(times[best]) / min(each) for way, each in times.items() if way != best}
    return Pace(best, shape.batch_size / min(times[best]), others)


def fewest_threads(times: Mapping[Way, Sequence[float]], share: float) -> Way:
    """The first way, unless one with fewer threads was clearly faster every time, and other programs had no part in it.

    Args:
        times: the seconds of a step in each way, several times.
        share: processor time of this process for each second of the measurement.
    """
    most, *fewer = times
    clearly = [way for way in fewer if max(times[way]) < _CLEARLY * min(times[most]) and share >= _UNDISTURBED]
    return min(clearly, key=lambda way: max(times[way]), default=most)


@cache
def speed_as(shape: Shape, way: Way) -> float:
    """Characters a second in one way, if all of its threads have a core."""
    (costs,) = _costs(shape, [way], _SECONDS_ALONE, _cost_clock(shape.device)).values()
    return shape.batch_size * way.threads / min(costs)


def _cost_clock(device: torch.device) -> Callable[[], float]:
    """The processor time of this process; on a GPU, and on Windows where that is coarse, the time on the clock."""
    return time.process_time if device.type == "cpu" and sys.platform != "win32" else time.perf_counter


def _costs(
    shape: Shape,
    ways: Sequence[Way],
    seconds: float,
    cost_clock: Callable[[], float],
    far_behind: float = _FAR_BEHIND,
) -> dict[Way, list[float]]:
    """The seconds by `cost_clock` of one character in each sequence, for each of some ways, several times."""
    vocabulary = Vocabulary(chr(0x10000 + i) for i in range(shape.vocab_size))
    model = CharLM(shape.model, vocabulary).to(shape.device)
    model.path = shape.path
    for param in model.parameters():
        param.data.fill_(0.01)
    with ExitStack() as stack:
        steps = [_step_of(model, shape, way, stack) for way in ways]
        return dict(zip(ways, race(steps, shape.seq_len, seconds, cost_clock, far_behind=far_behind), strict=True))


def _step_of(model: CharLM, shape: Shape, way: Way, stack: ExitStack) -> Callable[[int], object]:
    """A function of the length of the sequences that computes the gradient of a minibatch."""
    model.products = way.products
    dtype = torch.bfloat16 if way.precision == "bfloat16" else model.output.weight.dtype
    gradients = Gradients(model, stack.enter_context(Workers(way.threads)), dtype, seed=0)
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(shape.vocab_size, (shape.seq_len, shape.batch_size), generator=generator)
    state = gradients.initial_state(shape.batch_size)

    return lambda length: gradients.compute(Batch(ids[:length], ids[:length]), state)


def race(
    steps: Sequence[Callable[[int], object]],
    length: int,
    seconds: float,
    cost_clock: Callable[[], float],
    clock: Callable[[], float] = time.perf_counter,
    *,
    far_behind: float = _FAR_BEHIND,
) -> list[list[float]]:
    """What one character of each step costs, several times.

    Args:
        steps: functions of the length of the sequences.
        length: the length of the sequences in the run.
        seconds: about how long the measurement may take.
        cost_clock: returns the seconds that are compared.
        clock: returns seconds.
        far_behind: what costs so many times the least in a short sequence is not tried with a long one.
    """
    begin = clock()

    def cost(step: Callable[[int], object], size: int) -> float:
        before = cost_clock()
        step(size)
        return (cost_clock() - before) / size

    short = max(1, length // _SHORT)
    costs = [min(cost(step, short), cost(step, short)) for step in steps]  # the first call allocates memory
    near = [k for k, each in enumerate(costs) if each <= far_behind * min(costs)]
    left = begin + seconds - clock()
    a_character = (seconds - left) / (2 * short * len(steps))
    size = max(short, min(length, int(left / (3 * len(near) * a_character))))  # so that there is time for three turns
    taken = [[] if k in near else [each] for k, each in enumerate(costs)]
    while len(taken[near[0]]) < 2 or clock() < begin + seconds:
        for k in near:
            taken[k].append(cost(steps[k], size))
    return taken
