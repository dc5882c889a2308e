"""Check of automations that others wrote: valid, invalid and why, or outside the rules known here."""

from pipeline.automations.schema_check.judgement import Kind, Verdict, judge

__all__ = ["Kind", "Verdict", "judge"]
