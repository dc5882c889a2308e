"""Whether everything around ha-ai is as it has to be, and what to do where it is not."""
