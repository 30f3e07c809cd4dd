"""Requests: bodies, forms, files, access control, and error responses."""
