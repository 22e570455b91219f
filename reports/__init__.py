"""What it was worth: measurement and verification, energy and carbon reports, their writers."""
