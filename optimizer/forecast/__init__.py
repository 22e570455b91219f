"""Forecasts: IT load, weather, and the feeds' carbon and price, each from nothing later than now."""

from optimizer.forecast.forecaster import Forecaster

__all__ = ["Forecaster"]
