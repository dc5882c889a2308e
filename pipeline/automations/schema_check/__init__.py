"""Automations that others wrote: valid, invalid and why, or outside what we know enough of to say."""

from pipeline.automations.schema_check.judgement import Kind, Verdict, judge

__all__ = ["Kind", "Verdict", "judge"]
