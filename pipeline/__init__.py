"""How it flows: consumers, the learning core, simulation, settings and the command line."""
