"""Video decoding, and the frame store that later stages read."""

SCHEMA = "frames/1"
"""Schema of a shard of frames."""
