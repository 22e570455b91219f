"""Plants of other programs behind `plant.ports.Plant`."""
