"""`zuoci serve`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from zuoci.cli import say
from zuoci.errors import SettingsError

KEY = "ZUOCI_KEY"  # of the environment, which others cannot read as they can a command line

Host = Annotated[str, typer.Option(help="The address to listen on; one that others can reach needs a key.")]
Port = Annotated[int, typer.Option(help="The port; 0: any free one.", min=0, max=65535)]
Key = Annotated[
    str,
    typer.Option(
        help="What requests must carry: Authorization: Bearer KEY; by default nothing (serve) or a new token (studio).",
        envvar=KEY,
        show_default=False,
    ),
]


def command(
    model: Annotated[list[Path], typer.Argument(metavar="MODEL …", help="Folders that training has written.")],
    host: Host = "127.0.0.1",
    port: Port = 8000,
    key: Key = "",
    rows: Annotated[int, typer.Option(help="Texts that are written side by side, at most.", min=1, max=65536)] = 512,
) -> None:
    """Serves models to clients of the OpenAI API: /v1/models, /v1/completions, /v1/chat/completions."""
    check_extra()
    from zuoci.model.checkpoint import load
    from zuoci.server.models import Library
    from zuoci.studio.app import ServerSettings, listen, make_app, make_server, run, url_of

    for folder in model:
        load(folder)  # what is wrong with it is said now, and not to the first client
    settings = ServerSettings(model, host=host, port=port, key=key, rows=rows)
    server = make_server(make_app(settings))
    sockets = [listen(host, port)]
    names = ", ".join(Library(model).look())
    whom = "" if key else " to every user of this machine (--key keeps others out)"
    say(f"serving {names} at {url_of(host, sockets[0])}v1{whom}; Ctrl-C ends it")
    run(server, sockets)


def check_extra() -> None:
    """Makes sure that what a server needs is installed.

    Raises:
        SettingsError: it is not.
    """
    try:
        import fastapi  # noqa: F401  # pyright: ignore[reportUnusedImport]
        import uvicorn  # noqa: F401  # pyright: ignore[reportUnusedImport]
    except ImportError:
        raise SettingsError("serving needs fastapi and uvicorn: pip install 'zuoci[studio]'") from None
