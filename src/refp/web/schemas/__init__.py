"""Schemas of the API."""
