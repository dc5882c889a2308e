"""The life of a suggestion and of its deployment: states, transitions, ranking, messages; pure."""
