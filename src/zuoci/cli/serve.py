"""`zuoci serve`: models behind the OpenAI-compatible API."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from zuoci.cli import say
from zuoci.cli.write import Voice
from zuoci.errors import SettingsError

Host = Annotated[str, typer.Option(help="Address to listen on; one that other machines can reach needs --key.")]
Port = Annotated[int, typer.Option(help="Port to listen on; 0: any free one.", min=0, max=65535)]
Key = Annotated[
    str,
    typer.Option(
        help="API key that requests must carry (Authorization: Bearer KEY); by default none (serve) or a new token "
        "(studio).",
        envvar="ZUOCI_KEY",  # other users can read a command line, but not the environment
        show_default=False,
    ),
]


def command(
    model: Annotated[
        list[Path],
        typer.Argument(metavar="MODEL …", help="Folders of trained models, or zh and en, the base models."),
    ],
    host: Host = "127.0.0.1",
    port: Port = 8000,
    key: Key = "",
    voice: Voice = 1.0,
    rows: Annotated[
        int,
        typer.Option(
            help="Texts written at the same time, at most; one with a form counts as its particles.", min=1, max=65536
        ),
    ] = 4096,
) -> None:
    """Serves models over the OpenAI API: /v1/models, /v1/completions, /v1/chat/completions."""
    check_extra()
    from zuoci.server.app import Application, ServerSettings
    from zuoci.server.run import listen, make_server, run, url_of
    from zuoci.writing.writer import Writer

    for folder in model:  # whoever starts the server is told of a damaged model, not the first client
        Writer.load(folder, voice=voice)
    app = Application(ServerSettings(model, host=host, port=port, key=key, rows=rows, voice=voice))
    sockets = [listen(host, port)]
    names = ", ".join(app.models.refresh())
    whom = "" if key else " to every user of this machine (--key keeps others out)"
    say(f"serving {names} at {url_of(host, sockets[0])}v1{whom}; Ctrl-C ends it")
    run(make_server(app), sockets)


def check_extra() -> None:
    """Makes sure that the libraries are installed that a server needs.

    Raises:
        SettingsError: they are not.
    """
    try:
        import fastapi  # noqa: F401  # pyright: ignore[reportUnusedImport]
        import uvicorn  # noqa: F401  # pyright: ignore[reportUnusedImport]
    except ImportError:
        raise SettingsError("a server needs fastapi and uvicorn: pip install 'zuoci[studio]'") from None
