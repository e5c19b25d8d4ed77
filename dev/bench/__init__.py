"""`make bench`: what the product does, as ratios of what this machine's PostgreSQL does with the same rows in one run."""
