"""Requests: their bodies, forms and files, who may send them, and errors as answers."""
