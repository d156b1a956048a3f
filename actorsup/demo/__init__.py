"""The demo's generated videos, detector images and tracking sequences.

Their appearance is frozen, so that no result is tuned by tuning the videos. The commit that froze them
says how hard they are, and ``benchmarks/demo_difficulty.py`` prints it.
"""
