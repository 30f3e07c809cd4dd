"""What every room uses: arrays, errors, flags, digests, files, parallel work."""
