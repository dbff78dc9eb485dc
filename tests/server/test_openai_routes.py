"""With OpenAI's own client, over real connections."""

from __future__ import annotations

import math
import threading
import time
from typing import TYPE_CHECKING, Any

import httpx2
import numpy as np
import openai
import pytest

import zuoci
from zuoci import WriteConfig
from zuoci.server import openai_routes
from zuoci.server.app import ServerSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.conftest import Served


@pytest.fixture
def client(served: Served) -> Iterator[openai.OpenAI]:
    http = httpx2.Client(trust_env=False)
    with openai.OpenAI(base_url=f"{served.url}/v1", api_key=served.token, http_client=http) as one:
        yield one


@pytest.fixture(scope="module")
def writer(tiny: Path) -> zuoci.Writer:
    return zuoci.Writer.load(tiny)


def test_the_models_are_listed_and_described(client: openai.OpenAI) -> None:
    models = client.models.list().data
    assert {(model.id, model.object, model.owned_by) for model in models} >= {("tiny", "model", "zuoci")}
    assert client.models.retrieve("tiny") in models


def test_a_completion_is_what_the_library_writes(client: openai.OpenAI, writer: zuoci.Writer) -> None:
    answer = client.completions.create(model="tiny", prompt="山", max_tokens=40, seed=5, n=3, temperature=0.7)
    lyrics = writer.candidates("山", WriteConfig(length=40, seed=5, temperature=0.7), 3)
    assert ["山" + choice.text for choice in answer.choices] == [one.text for one in lyrics]
    assert [choice.seed for choice in answer.choices] == [one.seed for one in lyrics]  # pyright: ignore
    assert [(choice.index, choice.finish_reason) for choice in answer.choices] == [(k, "length") for k in range(3)]
    assert answer.object == "text_completion"
    assert answer.usage is not None
    usage = (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens)
    assert usage == (1, 120, 121)


def test_a_seed_that_was_drawn_writes_the_text_again(client: openai.OpenAI) -> None:
    first = client.completions.create(model="tiny", prompt="山", max_tokens=30).choices[0]
    other = client.completions.create(model="tiny", prompt="山", max_tokens=30).choices[0]
    again = client.completions.create(model="tiny", prompt="山", max_tokens=30, seed=first.seed)  # pyright: ignore
    assert first.text == again.choices[0].text
    assert first.text != other.text


def test_temperature_0_is_greedy(client: openai.OpenAI, writer: zuoci.Writer) -> None:
    answer = client.completions.create(model="tiny", prompt="山", max_tokens=20, temperature=0)
    assert "山" + answer.choices[0].text == writer.write("山", WriteConfig(length=20, greedy=True)).text


def test_several_openings_have_n_texts_each(client: openai.OpenAI, writer: zuoci.Writer) -> None:
    answer = client.completions.create(model="tiny", prompt=["山", "人"], max_tokens=9, seed=1, n=2, echo=True)
    config = WriteConfig(length=9, seed=1)
    wanted = [*writer.candidates("山", config, 2), *writer.candidates("人", config, 2)]
    assert [choice.text for choice in answer.choices] == [one.text for one in wanted]


@pytest.mark.parametrize("options", [{}, {"rhyme": "AA", "line_length": "5"}])
def test_a_stream_is_the_same_text(client: openai.OpenAI, options: dict[str, Any]) -> None:
    asked: dict[str, Any] = {
        "model": "tiny",
        "prompt": "山",
        "max_tokens": 60,
        "seed": 3,
        "n": 2,
        "extra_body": options,
    }
    whole = client.completions.create(**asked)
    texts, finishes = ["", ""], list[Any]()
    *chunks, last = client.completions.create(**asked, stream=True, stream_options={"include_usage": True})
    for chunk in chunks:
        assert (chunk.id, chunk.object, chunk.model) == (chunks[0].id, "text_completion", "tiny")
        assert chunk.usage is None
        for choice in chunk.choices:
            texts[choice.index] += choice.text
            finishes += [choice.finish_reason] if choice.finish_reason else []
    assert texts == [choice.text for choice in whole.choices]
    assert finishes == ["stop" if options else "length"] * 2
    assert last.choices == []
    assert last.usage == whole.usage


def test_a_chat_goes_on_with_its_last_user_message(client: openai.OpenAI, writer: zuoci.Writer) -> None:
    messages: Any = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "人"},
        {"role": "assistant", "content": "……"},
        {"role": "user", "content": [{"type": "text", "text": "山"}]},
    ]
    text = writer.write("山", WriteConfig(length=30, seed=2)).text
    answer = client.chat.completions.create(model="tiny", messages=messages, max_completion_tokens=30, seed=2)
    assert answer.choices[0].message.content == text[1:]
    assert answer.choices[0].message.role == "assistant"
    assert answer.object == "chat.completion"
    stream = client.chat.completions.create(model="tiny", messages=messages, max_tokens=30, seed=2, stream=True)
    chunks = [chunk.choices[0] for chunk in stream]
    assert chunks[0].delta.role == "assistant"
    assert "".join(chunk.delta.content or "" for chunk in chunks) == text[1:]
    assert [chunk.finish_reason for chunk in chunks][-1] == "length"


@pytest.mark.parametrize("temperature", [0.0, 0.9])
def test_logprobs_are_the_models_own(client: openai.OpenAI, writer: zuoci.Writer, temperature: float) -> None:
    answer = client.completions.create(
        model="tiny", prompt="山前", max_tokens=20, seed=4, logprobs=2, echo=True, temperature=temperature
    )
    choice = answer.choices[0]
    assert choice.logprobs is not None
    tokens, values, tops = choice.logprobs.tokens, choice.logprobs.token_logprobs, choice.logprobs.top_logprobs
    assert tokens is not None
    assert values is not None
    assert tops is not None
    assert "".join(tokens) == choice.text
    assert choice.logprobs.text_offset == list(range(22))
    assert values[0] is None
    config = WriteConfig(length=20, seed=4, greedy=True) if not temperature else WriteConfig(
        length=20, seed=4, temperature=temperature
    )  # fmt: skip
    assert -sum(values[2:]) / 20 == pytest.approx(writer.write("山前", config).nll, rel=1e-5)
    for char, value, top in zip(tokens[1:], values[1:], tops[1:], strict=True):
        assert top[char] == pytest.approx(value)
        assert 2 <= len(top) <= 3
        assert sum(map(math.exp, top.values())) <= 1 + 1e-6
        if not temperature and char in tokens[2:]:
            assert max(top.values()) >= value


def test_a_stream_has_the_logprobs_of_the_whole(client: openai.OpenAI) -> None:
    messages: Any = [{"role": "user", "content": "山"}]
    asked: dict[str, Any] = {"model": "tiny", "messages": messages, "max_tokens": 40, "seed": 1, "logprobs": True}
    whole = client.chat.completions.create(**asked, top_logprobs=3).choices[0].logprobs
    assert whole is not None
    assert whole.content is not None
    found: list[Any] = []
    for chunk in client.chat.completions.create(**asked, top_logprobs=3, stream=True):
        found += (chunk.choices[0].logprobs.content or []) if chunk.choices[0].logprobs else []
    assert found == whole.content
    assert len(found) == 40
    assert all(bytes(one.bytes).decode() == one.token and len(one.top_logprobs) == 3 for one in found)


def test_a_stop_string_ends_a_text_and_is_not_in_it(client: openai.OpenAI) -> None:
    asked: dict[str, Any] = {"model": "tiny", "prompt": "山", "max_tokens": 300, "seed": 1}
    text = client.completions.create(**asked).choices[0].text
    stop = text[20:22]
    choice = client.completions.create(**asked, stop=[stop, "🙂"]).choices[0]
    assert choice.text == text[: text.index(stop)]
    assert choice.finish_reason == "stop"
    streamed = "".join(chunk.choices[0].text for chunk in client.completions.create(**asked, stop=stop, stream=True))
    assert streamed == choice.text


def test_zuocis_options_are_further_fields(client: openai.OpenAI, writer: zuoci.Writer) -> None:
    form = {"acrostic": "山人", "rhyme": "AA", "line_length": "5", "max_copy": 9, "min_p": 0.02}
    answer = client.completions.create(model="tiny", prompt="", seed=8, extra_body=form)
    assert answer.choices[0].text == writer.write("", WriteConfig.model_validate({**form, "seed": 8})).text


def test_texts_are_the_same_alone_and_among_others(served: Served, writer: zuoci.Writer) -> None:
    configs = [WriteConfig(length=20 + 5 * k, seed=k, temperature=0.5 + k / 20) for k in range(24)]
    found: dict[int, str] = {}

    def ask(k: int) -> None:
        body = {"model": "tiny", "prompt": "山", "max_tokens": configs[k].length, "seed": k, "echo": True}
        answer = served.client.post("/v1/completions", json={**body, "temperature": configs[k].temperature})
        found[k] = answer.json()["choices"][0]["text"]

    threads = [threading.Thread(target=ask, args=(k,)) for k in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [found[k] for k in range(24)] == [writer.write("山", config).text for config in configs]
    assert served.engine.rows_taken == 0


@pytest.mark.parametrize(
    ("asked", "kind", "param", "words"),
    [
        ({"model": "none"}, openai.NotFoundError, None, "no model 'none'"),
        ({"model": "../tiny"}, openai.NotFoundError, None, "no model"),
        ({"n": 1000}, openai.BadRequestError, "n", "n must be"),
        ({"n": "1"}, openai.BadRequestError, "n", "n must be"),
        ({"max_tokens": 10**9}, openai.BadRequestError, "max_tokens", "max_tokens must be"),
        ({"temperature": -1}, openai.BadRequestError, "temperature", "temperature must be"),
        ({"presence_penalty": 0.5}, openai.BadRequestError, "presence_penalty", "presence_penalty must be"),
        ({"stop": ["x"] * 17}, openai.BadRequestError, "stop", "stop must have at most 16 items"),
        ({"extra_body": {"verse": 1}}, openai.BadRequestError, "verse", "no field 'verse'"),
        ({"extra_body": {"length": 10}}, openai.BadRequestError, "length", "no field 'length'"),
        ({"extra_body": {"rhyme": "A1"}}, openai.BadRequestError, "rhyme", "got '1'"),
        ({"extra_body": {"lines": 2}, "stop": ["x"]}, openai.BadRequestError, None, "a form ends by itself"),
        ({"extra_body": {"acrostic": "山€"}}, openai.BadRequestError, None, "never seen"),
        ({"extra_body": {"greedy": True}, "temperature": 0.5}, openai.BadRequestError, None, "exclude"),
        ({"prompt": "山" * 20_001}, openai.BadRequestError, "prompt", "prompt must have at most 20000 characters"),
        ({"prompt": [[1, 2]]}, openai.BadRequestError, None, "prompt must be a valid string"),
        ({"extra_body": {"acrostic": "山", "ban": "山"}}, openai.BadRequestError, None, "which ban forbids"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("stream", [False, True])
def test_what_is_wrong_is_said_as_openai_says_it(
    client: openai.OpenAI, asked: dict[str, Any], kind: type[openai.APIStatusError], param: str | None, words: str,
    stream: bool,
) -> None:  # fmt: skip
    with pytest.raises(kind, match=words) as raised:
        client.completions.create(**{"model": "tiny", "prompt": "山", "stream": stream, **asked})  # pyright: ignore
    assert isinstance(raised.value.body, dict)
    assert set(raised.value.body) == {"message", "type", "param", "code", "params"}
    assert param is None or raised.value.param == param


@pytest.mark.parametrize(
    ("method", "path", "data", "status"),
    [
        ("GET", "/v1/nothing", None, 404),
        ("GET", "/nothing.html", None, 404),
        ("GET", "/%2e%2e/app.py", None, 404),
        ("GET", "/v1/completions", None, 405),
        ("POST", "/v1/models", b"{}", 405),
        ("POST", "/v1/completions", b"{", 400),
        ("POST", "/v1/completions", b"[" * 100_000, 400),
        ("POST", "/v1/completions", b'{"model": "tiny", "seed": ' + b"9" * 5000 + b"}", 400),
        ("POST", "/v1/completions", b'{"model": "tiny", "temperature": NaN}', 400),
        ("POST", "/v1/completions", b'{"model": "\\ud800"}', 400),
        ("POST", "/v1/completions", b'{"model": "tiny", "\\ud800": 1}', 400),
        ("POST", "/v1/completions", b"\xff\xfe", 400),
        ("POST", "/v1/completions", b'"' + b"x" * 300_000 + b'"', 413),
    ],
)
def test_every_error_has_the_same_shape(
    served: Served, method: str, path: str, data: bytes | None, status: int
) -> None:
    answer = served.client.request(method, path, content=data, headers={"content-type": "application/json"})
    assert answer.status_code == status
    assert set(answer.json()["error"]) == {"message", "type", "param", "code", "params"}


def test_a_body_without_a_length_is_limited_too(served: Served) -> None:
    def pieces() -> Iterator[bytes]:
        for _ in range(80):
            yield b" " * 10_000

    answer = served.client.post("/v1/completions", content=pieces())
    assert answer.status_code == 413


def wait_until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 120
    while not true():
        assert time.monotonic() < end, "it did not come true"
        time.sleep(0.01)


LONG: dict[str, Any] = {"model": "tiny", "prompt": "山", "max_tokens": 10_000, "stream": True, "max_repeats": 0}


def test_beyond_capacity_one_is_told_so_at_once(served: Served) -> None:
    asked: list[httpx2.Request] = []
    http = httpx2.Client(trust_env=False, event_hooks={"request": [asked.append]})
    with (
        served.client.stream("POST", "/v1/completions", json={**LONG, "n": 32, "prompt": ["山"] * 4}) as stream,
        openai.OpenAI(base_url=f"{served.url}/v1", api_key=served.token, http_client=http) as client,
    ):
        pieces = stream.iter_bytes()  # whose end would end the stream
        next(pieces)
        with pytest.raises(openai.RateLimitError, match="128 texts are being written") as raised:
            client.completions.create(model="tiny", prompt="山", n=32)
        assert raised.value.response.headers["retry-after"] == "1"
        assert raised.value.response.headers["x-should-retry"] == "false"
        assert len(asked) == 1
        assert served.client.get("/health").json() == {"status": "ok"}
    wait_until(lambda: served.engine.rows_taken == 0)


def test_a_request_that_never_fits_is_no_matter_of_waiting(served: Served) -> None:
    answer = served.client.post("/v1/completions", json={**LONG, "n": 1, "rhyme": "AA", "particles": 256})
    assert answer.status_code == 400


@pytest.mark.parametrize("stream", [True, False])
def test_a_client_that_goes_away_frees_its_place(served: Served, stream: bool) -> None:
    body = {**LONG, "stream": stream, "n": 32}
    if stream:
        with served.client.stream("POST", "/v1/completions", json=body) as answer:
            pieces = answer.iter_bytes()
            next(pieces)
            assert served.engine.rows_taken == 32
    else:
        with pytest.raises(httpx2.ReadTimeout):
            served.client.post("/v1/completions", json=body, timeout=httpx2.Timeout(60, read=0.3))
    wait_until(lambda: served.engine.rows_taken == 0)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("chat/completions", {"n": 32, "max_tokens": 3000, "logprobs": True, "top_logprobs": 20}),
        ("completions", {"prompt": ["山"] * 16, "n": 2, "max_tokens": 2000, "logprobs": 5}),
        ("completions", {"prompt": "山" * 10_000, "n": 32, "max_tokens": 1, "logprobs": 0}),
        ("completions", {"lines": 200, "line_length": "50", "n": 32, "logprobs": 0}),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_has_so_many_logprobs_at_most(served: Served, path: str, body: dict[str, Any], stream: bool) -> None:
    body = {"model": "tiny", "stream": stream, **body}
    if path.startswith("chat"):
        body["messages"] = [{"role": "user", "content": "山"}]
    answer = served.client.post(f"/v1/{path}", json=body)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == "logprobs"
    assert "may have 250,000 log probabilities" in answer.json()["error"]["message"]


def test_a_large_answer_is_not_made_in_the_servers_own_thread(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[threading.Thread] = []
    of_completions = openai_routes.completion_logprobs

    def watched(*arguments: Any) -> Any:
        threads.append(threading.current_thread())
        return of_completions(*arguments)

    monkeypatch.setattr(openai_routes, "completion_logprobs", watched)
    body = {"model": "tiny", "prompt": ["山", "人"], "max_tokens": 3, "logprobs": 2}
    answer = served.client.post("/v1/completions", json=body)
    assert [len(choice["logprobs"]["tokens"]) for choice in answer.json()["choices"]] == [3, 3]
    assert len(threads) == 2
    assert all(thread.name.startswith("asyncio_") for thread in threads)  # of asyncio's pool, not its loop


def test_a_model_without_newlines_reads_spaces_in_their_place(
    make_model: Callable[..., zuoci.CharLM], serve: Callable[[ServerSettings], Any], tmp_path: Path
) -> None:
    """As a model trained with `join_lines` does."""
    writer = zuoci.Writer(make_model(" 山前路上人在唱歌里有"))
    zuoci.save(make_model(" 山前路上人在唱歌里有"), tmp_path / "joined")
    asked = {"model": "joined", "prompt": "山前路上\n人", "seed": 3, "echo": True, "logprobs": 1}
    with serve(ServerSettings([tmp_path / "joined"])) as one:
        for options in ({"max_tokens": 9}, {"lines": 2, "line_length": "4"}):
            answer = one.client.post("/v1/completions", json={**asked, **options}).json()
            (choice,) = answer["choices"]
            length = {"length": options["max_tokens"]} if "max_tokens" in options else options
            expected = writer.write("山前路上\n人", WriteConfig.model_validate({**length, "seed": 3}))
            assert choice["text"] == "".join(choice["logprobs"]["tokens"]) == expected.text
            assert answer["usage"]["prompt_tokens"] == 6


def test_a_request_names_a_voice(serve: Callable[[ServerSettings], Any], tuned: Path) -> None:
    texts = [
        zuoci.Writer.load(tuned, voice=voice).write("山", WriteConfig(length=20)).text for voice in (0.0, 0.5, 1.0)
    ]
    assert len(set(texts)) == 3
    body = {"model": "tuned", "max_tokens": 20, "seed": 0}
    with serve(ServerSettings([tuned], voice=0.5)) as one:
        for more, text in (({"voice": 0}, texts[0]), ({}, texts[1]), ({"voice": 1.0}, texts[2])):
            answer = one.client.post("/v1/completions", json={**body, "prompt": "山", "echo": True, **more}).json()
            assert answer["choices"][0]["text"] == text
            chat = {**body, "messages": [{"role": "user", "content": "山"}], **more}
            answer = one.client.post("/v1/chat/completions", json=chat).json()
            assert "山" + answer["choices"][0]["message"]["content"] == text
        for wrong, code in ((1.5, "out_of_range"), (-0.1, "out_of_range"), ("0.5", "wrong_value")):
            error = one.client.post("/v1/completions", json={**body, "voice": wrong}).json()["error"]
            assert (error["param"], error["code"]) == ("voice", code)


def test_the_fields_that_clients_send_at_their_defaults(client: openai.OpenAI, served: Served) -> None:
    first = client.chat.completions.create(
        model="tiny", messages=[{"role": "user", "content": "山"}], max_completion_tokens=9, seed=1
    )
    said = first.choices[0].message.model_dump()
    assert "tool_calls" in said
    body: dict[str, Any] = {
        "model": "tiny",
        "messages": [{"role": "user", "content": "山", "id": "1"}, said, {"role": "user", "content": "山"}],
        "max_completion_tokens": 9,
        "seed": 1,
        **dict.fromkeys(("audio", "prediction", "web_search_options", "user", "service_tier", "functions", "voice")),
        "tools": [],
        "tool_choice": "none",
        "parallel_tool_calls": False,
        "modalities": ["text"],
        "reasoning_effort": "none",
        "prompt_cache_key": "a",
        "stop": [""],
    }
    answer = served.client.post("/v1/chat/completions", json=body).json()
    assert answer["choices"][0]["message"]["content"] == first.choices[0].message.content
    for name, value in (("tool_choice", "required"), ("modalities", ["audio"]), ("tools", [{"type": "function"}])):
        error = served.client.post("/v1/chat/completions", json={**body, name: value}).json()["error"]
        assert error["code"] in ("wrong_value", "too_long")
        assert error["param"].startswith(name)


def test_seed_minus_1_is_a_random_one(client: openai.OpenAI) -> None:
    seeds = {client.completions.create(model="tiny", prompt="山", max_tokens=1, seed=-1).choices[0].seed for _ in "ab"}  # pyright: ignore
    assert len(seeds) == 2
    assert min(seeds) >= 0


@pytest.mark.parametrize("stream", [False, True])
def test_no_tokens_score_the_prompt(client: openai.OpenAI, writer: zuoci.Writer, stream: bool) -> None:
    asked: dict[str, Any] = {
        "model": "tiny",
        "prompt": ["山前一路", "人"],
        "max_tokens": 0,
        "logprobs": 0,
        "echo": True,
    }
    text, logprobs = ["", ""], list[float | None]()
    if stream:
        for chunk in client.completions.create(**asked, stream=True):
            for choice in chunk.choices:
                text[choice.index] += choice.text
                logprobs += (choice.logprobs and choice.logprobs.token_logprobs) or [] if choice.index == 0 else []
    else:
        answer = client.completions.create(**asked)
        text = [choice.text for choice in answer.choices]
        assert answer.choices[0].logprobs
        logprobs = list(answer.choices[0].logprobs.token_logprobs or [])  # pyright: ignore
        assert [choice.finish_reason for choice in answer.choices] == ["length"] * 2
        assert answer.usage
        assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (5, 0)
    assert text == ["山前一路", "人"]
    assert logprobs[0] is None
    ids = writer.vocabulary.encode("山前一路").tolist()
    state = writer.model.stepper.start(1)
    for place in range(1, 4):
        logits, state = writer.model.stepper.step(np.array([ids[place - 1]]), state)
        p = np.exp(logits[0] - logits[0].max())
        assert logprobs[place] == pytest.approx(math.log(p[ids[place]] / p.sum()), abs=1e-4)
    assert client.completions.create(model="tiny", prompt="山", max_tokens=0).choices[0].text == ""


def test_no_tokens_have_no_form_and_no_chat(served: Served) -> None:
    body: dict[str, Any] = {"model": "tiny", "max_tokens": 0}
    error = served.client.post("/v1/completions", json={**body, "lines": 2}).json()["error"]
    assert error["message"].startswith("max_tokens 0 writes nothing, but the other fields ask for a form")
    chat = {**body, "messages": [{"role": "user", "content": "山"}]}
    assert served.client.post("/v1/chat/completions", json=chat).json()["error"]["param"] == "max_tokens"


def test_a_body_without_its_type_gets_a_hint(served: Served) -> None:
    for headers in ({}, {"content-type": "application/x-www-form-urlencoded"}, {"content-type": "text/plain"}):
        answer = served.client.post("/v1/completions", content=b'{"model": "tiny"}', headers=headers)
        assert answer.status_code == 400
        assert "Content-Type: application/json" in answer.json()["error"]["message"]
