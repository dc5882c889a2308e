"""The drills there are, each in a small form for every change and a full one for every release.

A drill stands in the module of its subject, in that module's `DRILLS`.
"""

from benchmarks.drills import absence, clock, network, order, poisoning, power, refusing, stores, workers
from benchmarks.drills.drill import Drill

DRILLS: dict[str, Drill] = {
    **workers.DRILLS,
    **network.DRILLS,
    **absence.DRILLS,
    **stores.DRILLS,
    **poisoning.DRILLS,
    **refusing.DRILLS,
    **order.DRILLS,
    **power.DRILLS,
    **clock.DRILLS,
}
