"""Decoding, and the store of frames that later stages read."""
