"""Actor linking (Section 3.1, Algorithm 1): detections into tubes."""
