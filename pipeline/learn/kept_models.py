"""Models that learn day after day, as a store keeps them over a restart."""

import json

import structlog

from detectors.contract import DayLearner
from pipeline.core.core import LearningCore
from sinks.store import SqlStore

MODELS = "models"
MODELS_VERSION = 1

log = structlog.get_logger(__name__)


def restore_models(store: SqlStore, core: LearningCore) -> None:
    """Let the learners of a core go on from what the store keeps of them."""
    stored = store.snapshot(MODELS)
    if stored is None or stored.version != MODELS_VERSION:
        return
    learners = [each for each in core.detectors if isinstance(each, DayLearner)]
    for kind in core.models.restore(json.loads(stored.payload), learners):
        log.warning("a model is learned anew from the days that are judged", kind=kind)


def models_to_keep(core: LearningCore) -> bytes | None:
    """Return the models of a core to be kept, if they changed since this was asked last."""
    if not core.models.is_changed:
        return None
    core.models.is_changed = False
    return json.dumps(core.models.snapshot(), allow_nan=False, separators=(",", ":")).encode()
