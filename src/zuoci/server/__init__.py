"""Models over HTTP, without a page."""
