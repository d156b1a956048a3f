"""Files that pipeline stages exchange: shards, checksums, provenance and atomic writes."""
