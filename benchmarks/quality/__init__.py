"""How right the detectors are: on generated homes, on recorded ones, and where nothing is to be found."""
