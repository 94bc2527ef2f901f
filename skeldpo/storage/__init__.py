"""A run's files: records in, records out, on a disk or an object store."""
