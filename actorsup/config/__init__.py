"""The configuration: read, completed and checked."""
