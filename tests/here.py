"""Work in this process instead of its own, where a test looks at or changes what goes on in it."""

from speechlip.workers.events import NO_LIMITS
from speechlip.workers.outcomes import outcomes


def in_this_process(
    work,
    tasks,
    workers,
    advanced,
    lost,
    replaced=lambda event: None,
    limits=NO_LIMITS,
    light=False,
    engine=None,
):
    """As ``workers.outcomes``, which does it where there are several workers."""
    if min(workers, len(tasks)) > 1:
        yield from outcomes(work, tasks, workers, advanced, lost, replaced, limits, light)
    else:
        yield from ((task, work(task, advanced)) for task in tasks)
