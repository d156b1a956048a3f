"""Data sets (Section 4.1 of the paper): their videos and, for evaluation only, their ground-truth boxes."""
