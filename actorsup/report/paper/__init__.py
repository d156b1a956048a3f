"""The paper's tables and figures, measured rows beside published ones."""
