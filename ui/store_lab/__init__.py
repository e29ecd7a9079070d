"""The Store page: where a collection's vectors are, and how they get elsewhere."""
