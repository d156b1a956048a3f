"""Actor attention (Section 3.2): from tubes and video labels to scored tubes."""
