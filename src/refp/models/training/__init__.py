"""Training of networks and search for settings: the only package that imports torch."""
