"""Outside systems that results go to: one module for each."""
