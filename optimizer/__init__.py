"""What to do: identification from telemetry, forecasts, the Pyomo formulation, the plan and its reasons."""
