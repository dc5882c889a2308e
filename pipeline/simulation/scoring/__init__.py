"""Score of what was found in a generated household, against what was planted in it."""

from pipeline.simulation.scoring.scores import KindScore, Scores, Share, Verdict, total
from pipeline.simulation.scoring.scoring import score

__all__ = ["KindScore", "Scores", "Share", "Verdict", "score", "total"]
