"""Makes the filter of what a base model has read: `base-windows.safetensors` in the model's folder.

    python tools/make_base_filter.py LANGUAGE CORPUS [FOLDER]

LANGUAGE is `zh` or `en`, CORPUS the text that the base model was trained on. The bundled songs are added, except those
held apart. FOLDER is `src/zuoci/data/base-LANGUAGE`. The same text gives the same bytes. Takes less than a minute and
1 GB of memory for 8 million characters.
"""

from __future__ import annotations

import sys
from pathlib import Path

from zuoci import load_lyrics
from zuoci.text.folder import BASE_WINDOWS
from zuoci.text.window_filter import WindowFilter

DATA = Path(__file__).parent.parent / "src" / "zuoci" / "data"

# Chosen for 2.4 and 1.1 MB; see docs/format.md. Chinese verse repeats no six characters by chance. In English, sixteen
# letters are three words, and stand in two texts by chance so often that longer spans are needed.
SIZES = {
    "zh": {"window": 6, "bits": 2, "known_from": 13},
    "en": {"window": 16, "bits": 1, "known_from": 32},
}


def windows_of(text: str, language: str) -> WindowFilter:
    """The windows of what a base model has read.

    Args:
        text: all that the model has read but the bundled songs.
        language: the name of the base model.
    """
    lyrics = load_lyrics("zh" if language == "zh" else "en")
    songs = "".join(song.text for song in lyrics.songs if not song.held_apart)
    return WindowFilter.of(f"{text}\n\n{songs}", name=language, **SIZES[language])


def main() -> None:
    """Makes the file."""
    if len(sys.argv) not in (3, 4) or sys.argv[1] not in SIZES:
        sys.exit("usage: python tools/make_base_filter.py zh|en CORPUS [FOLDER]")
    language = sys.argv[1]
    folder = Path(sys.argv[3]) if len(sys.argv) == 4 else DATA / f"base-{language}"
    data = windows_of(Path(sys.argv[2]).read_text("utf-8"), language).to_bytes()
    (folder / BASE_WINDOWS).write_bytes(data)
    print(f"{len(data):,} bytes: {folder / BASE_WINDOWS}", file=sys.stderr)


if __name__ == "__main__":
    main()
