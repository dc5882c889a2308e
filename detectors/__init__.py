"""Detectors, one module each: they learn; pure, synchronous, without I/O or clock."""
