"""What pages and API do alike, for each kind of thing."""
