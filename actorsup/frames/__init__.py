"""Video decoding, and the frame store that the later stages read."""

SCHEMA = "frames/1"
"""Schema name and version of a frame store (a shard of frames)."""
