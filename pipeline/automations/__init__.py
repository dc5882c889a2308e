"""What an automation is: rendered, read, compared, checked; pure."""
