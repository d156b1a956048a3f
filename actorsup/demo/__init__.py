"""The demo's own videos, stills and tracking sequences, generated.

What they look like is frozen, so that no figure is tuned by tuning the videos: how hard they
are is in the commit that froze them, and is printed by ``benchmarks/demo_difficulty.py``.
"""
