"""Training of networks, and the search for settings: the only room that imports torch."""
