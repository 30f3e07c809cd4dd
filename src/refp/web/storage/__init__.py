"""Files of a server: images, sweeps, models, reports, archives."""
