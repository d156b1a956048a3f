"""Data sets (Section 4.1): which videos there are; for evaluation only, where actions are."""
