"""The faces in a browser."""
