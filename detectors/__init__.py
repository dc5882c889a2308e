"""What is learned: one module a detector; pure, synchronous, without I/O or clock."""
