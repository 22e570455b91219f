"""The main job on a site that does not exist: simulator and controller as two programs, two wires between."""
