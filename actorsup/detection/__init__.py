"""Actor detection (Section 3.1): actors of interest in every frame."""
