"""A facility that does not exist: physics, weather, workload, local control, and its faces to the world."""
