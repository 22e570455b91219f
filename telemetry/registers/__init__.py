"""Registers: how numbers lie in them, how to read many at once, and maps of them."""

from plant.register_map import load_register_map
from telemetry.registers.blocks import Block, plan_blocks, split
from telemetry.registers.checks import check_register_map
from telemetry.registers.codec import NotRepresentable, decode, encode, registers_of, resolution

__all__ = [
    "Block",
    "NotRepresentable",
    "check_register_map",
    "decode",
    "encode",
    "load_register_map",
    "plan_blocks",
    "registers_of",
    "resolution",
    "split",
]
