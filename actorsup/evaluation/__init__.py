"""Recall and average precision of tubes (Sections 4.1, 4.3, 4.4), and their tables."""
