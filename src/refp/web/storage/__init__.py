"""Files that a server keeps: images, sweeps, models, reports, archives."""
