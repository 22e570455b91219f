"""How the simulated site shows itself to the world: Modbus TCP and a Prometheus exporter."""
