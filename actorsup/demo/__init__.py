"""The demo's own videos, stills and tracking sequences, generated."""
