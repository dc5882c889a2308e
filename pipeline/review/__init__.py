"""Takes what people say to suggestions: signed commands, and presses that Home Assistant confirms."""
