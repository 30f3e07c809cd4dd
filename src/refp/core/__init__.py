"""Common parts of all rooms: arrays, errors, flags, digests, files, parallel work."""
