"""Flow of the stream: consumers, the learning core, simulation, settings and the command line."""
