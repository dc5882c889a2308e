"""All that people read: sentences, explanations, pictures, the words of suggestions."""
