"""What makes a person's word count: signed commands, the key that signs them, and what they decide."""
