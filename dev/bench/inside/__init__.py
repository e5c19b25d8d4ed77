"""The parts of `make bench` that run the product's own code, each in a process of its own (`dev.bench.product`)."""
