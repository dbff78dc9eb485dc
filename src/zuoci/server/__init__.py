"""Models over HTTP: the OpenAI-compatible API, and what any API of zuoci is made of."""
