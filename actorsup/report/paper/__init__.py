"""The paper's tables and figures, with published and measured rows."""
