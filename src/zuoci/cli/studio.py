"""`zuoci studio`: the page in the browser."""

from __future__ import annotations

import threading
import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from zuoci.cli import say
from zuoci.cli.serve import Host, Key, Port, check_extra


def command(
    model: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[MODEL …]", help="Folders of trained models.", show_default=False),
    ] = None,
    models: Annotated[
        Path | None,
        typer.Option(
            help="Folder of further models, into which new ones are trained; by default one in your data folder.",
            metavar="DIR",
        ),
    ] = None,
    songs: Annotated[
        Path | None,
        typer.Option(
            help="Folder of your songs, plain text files; by default zuoci in your home folder.", metavar="DIR"
        ),
    ] = None,
    host: Host = "127.0.0.1",
    port: Port = 8760,
    key: Key = "",
    browser: Annotated[bool, typer.Option(help="Open the page in a browser.")] = True,
) -> None:
    """Opens a page in the browser to write, look inside models, train and export them."""
    check_extra()
    from zuoci.model.checkpoint import load_weights
    from zuoci.server.models import default_home
    from zuoci.server.run import listen, make_server, run, url_of
    from zuoci.studio.app import Studio, StudioSettings
    from zuoci.studio.home import claim

    for folder in model or ():
        load_weights(folder)
    home = (models or default_home()).absolute()
    song_folder = (songs or Path.home() / "zuoci").absolute()
    settings = StudioSettings(model or (), home=home, songs=song_folder, host=host, port=port, key=key)
    settings.access()  # raises what is wrong with the settings before anything is written
    with claim(home) as claimed:
        if claimed.url:
            say(f"a studio with the models in {home} runs already, at {claimed.url}; end it to start another one")
            if browser:
                webbrowser.open(claimed.page)
            return
        app = Studio(settings)
        sockets = [listen(host, port)]
        url = url_of(host, sockets[0], app.access.key)
        claimed.announce(url)
        say(f"the studio is at {url}; its models are in {home}, your songs in {song_folder}; Ctrl-C ends it")
        if browser:
            threading.Timer(0.5, webbrowser.open, [claimed.page]).start()
        run(make_server(app), sockets)
