"""One request in, one sealed answer out."""
