"""The figures of a run as one report, and as a point of every chart."""

from typing import TYPE_CHECKING

from a3c64.wire.report import RunReport

if TYPE_CHECKING:
    from a3c64.paramserver.service import Service


def report_of(service: "Service") -> RunReport:
    """Return a report on the run, for status, the web page and health checks."""
    w, m = service.weights, service.metrics
    return RunReport(
        server=service.server,
        run=service.run_name,
        env_id=w.hyperparameters.env_id,
        steps=w.step,
        steps_per_s=round(m.fps, 1),
        updates=w.version,
        over=service.over,
        seconds=round(service.seconds, 1),
        evaluators=len(service.evaluators),
        evaluation=service.evaluations.report(),
        restored=service.guard.restored,
        warning=service.guard.warning,
        episodes=m.episodes,
        workers=tuple(member.report(service.clock()) for member in service.roster.members()),
        joined=service.roster.joined,
        lost=service.roster.lost,
        refused=dict(m.refused),
        refused_connections=m.refused_connections,
        staleness=m.staleness_figures(),
        mean_return=m.mean_return,
        mean_length=m.mean_length,
        figures=m.figure_reports(),
        failures=service.failures,
    )


def scalars_of(service: "Service") -> dict[str, float]:
    """Return one TensorBoard point of every tag."""
    weights, metrics = service.weights, service.metrics
    return {
        **metrics.rollout(),
        **metrics.drain_training(),
        "train/learning_rate": weights.learning_rate,
        **({"train/pace": pace} if (pace := weights.pace.value) is not None else {}),
        **{f"time/server_{section}": share for section, share in service.timings.drain().items()},
        **service.guard.scalars(),
        "time/fps": metrics.fps,
        "time/total_timesteps": float(weights.step),
        "workers/alive": float(len(service.roster)),
        "workers/joined": float(service.roster.joined),
        "workers/lost": float(service.roster.lost),
        "workers/refused": float(metrics.refused.total()),
        **{f"outside/{name}_failures": float(count) for name, count in service.failures.items()},
        "workers/refused_connections": float(metrics.refused_connections),
    }
