"""A tiny corpus, tiny real models and a real server on this machine, shared by the tests."""

from __future__ import annotations

import signal
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zuoci.model.threads import pin_libraries

pin_libraries()  # before numpy is loaded, as the command line does, so that both compute the same bytes

import hypothesis  # noqa: E402
import pytest  # noqa: E402
import torch  # noqa: E402

import zuoci  # noqa: E402
from zuoci.text.corpus import Song  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from pathlib import Path

    import httpx2

    from zuoci.server.app import ServerSettings
    from zuoci.server.engine import Engine

if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # as in a shell's background, where tests of Ctrl-C would wait
    signal.signal(signal.SIGINT, signal.default_int_handler)

# A busy machine is no failure, and no example comes by chance; `pytest --hypothesis-profile=search` looks for others.
patient: dict[str, Any] = {"deadline": None, "suppress_health_check": [hypothesis.HealthCheck.too_slow]}
hypothesis.settings.register_profile("search", **patient)
hypothesis.settings.register_profile("zuoci", derandomize=True, **patient)
hypothesis.settings.load_profile("zuoci")

LINES = "山前{n}路\n路上{n}人\n人在唱{n}\n歌里有{n}\n"


@pytest.fixture
def corpus() -> zuoci.Corpus:
    """Twelve songs that differ, of 25 characters each."""
    return zuoci.Corpus(tuple(Song("songs.txt", f"第{n}首\n{LINES.format(n=n)}\n") for n in "一二三四五六七八九十百千"))


@pytest.fixture
def settings() -> zuoci.Settings:
    """A run of a second or less."""
    return zuoci.resolve("lyrics", {"epochs": 3, "hidden_size": 16, "embedding_size": 8, "batch_size": 4, "seq_len": 8})


@pytest.fixture
def model(corpus: zuoci.Corpus) -> zuoci.CharLM:
    """An untrained model that knows the corpus's characters."""
    config = zuoci.ModelConfig(hidden_size=12, embedding_size=5)
    return zuoci.CharLM(config, zuoci.Vocabulary(corpus.text)).initialise(torch.Generator().manual_seed(1)).eval()


@pytest.fixture
def folder(model: zuoci.CharLM, tmp_path: Path) -> Path:
    """That model, saved."""
    return zuoci.save(model, tmp_path / "model")


@pytest.fixture
def make_model() -> Callable[..., zuoci.CharLM]:
    """Makes a model with weights large enough that every character matters."""

    def make(characters: str = "\n 山前路上人在唱歌里有", **settings: Any) -> zuoci.CharLM:
        config = zuoci.ModelConfig.model_validate({"hidden_size": 13, **settings})
        model = zuoci.CharLM(config, zuoci.Vocabulary(characters))
        model.initialise(torch.Generator().manual_seed(7))
        with torch.no_grad():
            for name, weight in model.named_parameters():
                if "bias" in name and ("bias_hh" not in name or config.cell == "gru"):
                    weight.uniform_(-0.5, 0.5, generator=torch.Generator().manual_seed(len(name)))
                else:
                    weight *= 2.5
        return model.eval()

    return make


@dataclass(frozen=True)
class Served:
    """A server that runs.

    Attributes:
        url: its URL, without a slash at the end.
        token: the token that requests carry; "": none.
        engine: its engine.
        model: the folder of the model that it serves, `tiny`.
        home: the studio's folder of models.
        client: an HTTP client with the token.
    """

    url: str
    token: str
    engine: Engine
    model: Path
    home: Path
    client: httpx2.Client


@contextmanager
def running(settings: ServerSettings) -> Generator[Served]:
    """Runs a server in a thread, then ends it as a signal would. With `StudioSettings`, the server is a studio."""
    import httpx2

    from zuoci.server.app import Application
    from zuoci.server.run import listen, make_server
    from zuoci.studio.app import Studio, StudioSettings

    app = Studio(settings) if isinstance(settings, StudioSettings) else Application(settings)
    server = make_server(app)
    socket = listen(settings.host, settings.port)
    thread = threading.Thread(target=server.run, args=([socket],))
    thread.start()
    while not server.started:
        time.sleep(0.01)
    url = f"http://127.0.0.1:{socket.getsockname()[1]}"
    token = app.access.key
    headers = {b"authorization": f"Bearer {token}".encode()} if token else {}
    home = settings.home if isinstance(settings, StudioSettings) else settings.models[0]
    model = settings.models[0] if settings.models else home
    try:
        with httpx2.Client(base_url=url, headers=headers, timeout=60, trust_env=False) as client:
            yield Served(url, token, app.engine, model, home, client)
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small model of the bundled lyrics, saved with all that training saves."""
    corpus = zuoci.Corpus(zuoci.load_lyrics("zh").songs[:40])
    sizes = {"epochs": 1, "hidden_size": 24, "embedding_size": 12, "precision": "float32", "threads": 1}
    *_, end = zuoci.train(corpus, zuoci.resolve("lyrics", sizes), device="cpu")
    assert isinstance(end, zuoci.EndReport)
    return zuoci.save_trained(end, tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="session")
def tuned(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that says that it started from `tiny`, with other weights, and so with a voice."""
    model = zuoci.load(tiny)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for weight in model.parameters():
            weight += 0.5 * torch.randn(weight.shape, generator=generator)
    return zuoci.save(model, tmp_path_factory.mktemp("models") / "tuned", training={"base": str(tiny)})


@pytest.fixture(scope="session")
def serve() -> Callable[[ServerSettings], Any]:
    """`running`, for tests that want a server of their own."""
    return running


@pytest.fixture(scope="session")
def served(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The studio, with room for 128 rows."""
    from zuoci.studio.app import StudioSettings

    with running(StudioSettings([tiny], home=tmp_path_factory.mktemp("studio") / "home", rows=128)) as one:
        yield one
