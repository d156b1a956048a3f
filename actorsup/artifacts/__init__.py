"""Files that stages exchange: shards, checksums, provenance and atomic writes."""
