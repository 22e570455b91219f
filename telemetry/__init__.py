"""How we hear and speak to a facility: gateways, polling, data quality, historian, feeds."""
