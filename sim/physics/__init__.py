"""Pure physics, one machine a file: NumPy in, NumPy out, any leading batch dimensions.

Units are the house's own (°C, K, kW, kJ, kg/s, m³/s); every function cites its source.
"""
