"""Speed, as ratios of times measured in one run."""
