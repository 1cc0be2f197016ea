// The strip of vital figures, some with a sparkline.
const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const SVG = "http://www.w3.org/2000/svg";

export const count = (value) => whole.format(value);
export const fixed = (value, digits = 2) => (value == null ? "–" : value.toFixed(digits));

export function duration(seconds) {
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  if (hours) return `${hours} h ${String(minutes).padStart(2, "0")} min`;
  return minutes ? `${minutes} min ${String(Math.floor(seconds) % 60).padStart(2, "0")} s` : `${Math.floor(seconds)} s`;
}

// The values that are there, as a line over time from the left edge to the right.
export function sparkline(seconds, values) {
  const points = values.map((value, i) => [seconds[i], value]).filter(([, value]) => value != null);
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "spark");
  svg.setAttribute("viewBox", "0 0 100 20");
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("aria-hidden", "true");
  if (points.length > 1) {
    const first = points[0][0];
    const span = points.at(-1)[0] - first || 1;
    const low = Math.min(...points.map((p) => p[1]));
    const height = Math.max(...points.map((p) => p[1])) - low || 1;
    const place = ([t, v]) => `${(((t - first) / span) * 100).toFixed(2)} ${(18.5 - ((v - low) / height) * 17).toFixed(2)}`;
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("d", `M${points.map(place).join("L")}`);
    svg.append(path);
  }
  return svg;
}

function figure(name, value, unit, more, line) {
  const box = document.createElement("div");
  const [term, data] = [document.createElement("dt"), document.createElement("dd")];
  term.textContent = name;
  data.textContent = value;
  if (unit) {
    const small = document.createElement("small");
    small.textContent = ` ${unit}`;
    data.append(small);
  }
  box.append(term, data);
  if (line) return box.append(line), box;
  const said = document.createElement("dd");
  said.className = "more-said";
  said.textContent = more ?? "";
  box.append(said);
  return box;
}

export function strip(where, report) {
  const { history, means } = report;
  const line = (name) => sparkline(history.seconds, history[name]);
  const boxes = [
    figure("Steps per second", count(report.steps_per_s), "", "", line("steps_per_s")),
    figure("Mean return", fixed(means["rollout/ep_rew_mean"]), "", "", line("return")),
  ];
  if (report.best.best_lap_s) {
    const mean = means["env/best_lap_s"];
    const unit = mean == null ? "s" : `s · mean ${fixed(mean, 1)}`;
    boxes.push(figure("Best lap", fixed(report.best.best_lap_s[0]), unit, "", line("best_lap")));
  } else if (means["env/progress"] != null) {
    boxes.push(figure("Progress", fixed(means["env/progress"]), "", "", line("progress")));
  }
  boxes.push(figure("Steps", count(report.steps), "", `${count(report.updates)} updates`));
  boxes.push(figure("Episodes", count(report.episodes), "", `trained for ${duration(report.seconds)}`));
  const { best, last } = report.evaluation ?? {};
  if (best) {
    const rate = best.means.finish_rate;
    const finished = rate == null ? "" : ` · finished ${Math.round(rate * 100)} %`;
    boxes.push(figure("Best evaluation", fixed(best.mean_reward), "", `newest ${fixed(last.mean_reward)}${finished}`));
  }
  const lost = report.lost ? `${report.lost} lost` : "none lost";
  const staleness = report.staleness == null ? "" : ` · staleness ${count(report.staleness.median)}`;
  boxes.push(figure("Workers", count(report.workers.length), "", lost + staleness));
  where.replaceChildren(...boxes);
}
