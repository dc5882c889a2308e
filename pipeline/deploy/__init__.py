"""Deploys approved automations and watches them; the only room that holds the administrator's token."""
