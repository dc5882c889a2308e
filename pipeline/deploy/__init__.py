"""Brings Home Assistant to what was approved, and looks after it; alone holds the administrator's token."""
