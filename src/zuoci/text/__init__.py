"""Text on disk → character ids.

In the order of the data: `sources` (files → bytes), `encoding` and `characters` (bytes → text), `corpus` (songs),
`vocabulary` (characters ↔ ids), `batches` (minibatches). Beside it: `songbook` (the format of the bundled lyrics),
`fingerprint` and `suffixes` (to find copied text), `folder` (the files of a saved model).
"""
