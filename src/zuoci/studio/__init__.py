"""The studio: its page in the browser, and the page's own API."""
