"""What a developer's machine needs and production does not: servers from wheels, the runner, the tools of `make`."""
