"""The plant's subsystems, one a file: (parameters, state, actuators, what flows in) → (new state, flows).

Every kilowatt a part books to another is the very one it took from its own store, so that heat closes
whatever they are assembled to. `sim.assembly` chooses the parts a site needs.
"""
