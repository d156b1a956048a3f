"""Files that stages hand on: shards, checksums, provenance, and how they are written."""
