// The strip of the run's main figures, some with a sparkline.
const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const SVG = "http://www.w3.org/2000/svg";

export const count = (value) => whole.format(value);
export const fixed = (value, digits = 2) => (value == null ? "–" : value.toFixed(digits));

export const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

// A value of one of the environment's figures, and its unit. agent/envs/figures.py has the same rules in Python.
export function shown(figure, value) {
  if (value == null) return ["–", ""];
  if (figure.summary === "rate") return [whole.format(value * 100), "%"];
  return [Math.abs(value) >= 1000 ? whole.format(value) : fixed(value), figure.unit];
}

// The value that summarises training.
const summary = (figure) => figure[figure.summary] ?? figure.mean;

export function duration(seconds) {
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  if (hours) return `${hours} h ${String(minutes).padStart(2, "0")} min`;
  return minutes ? `${minutes} min ${String(Math.floor(seconds) % 60).padStart(2, "0")} s` : `${Math.floor(seconds)} s`;
}

// Draws the values that are not null as a line over time, from the left edge to the right.
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
  const { history } = report;
  const line = (values) => sparkline(history.seconds, values ?? []);
  const boxes = [
    figure("Steps per second", count(report.steps_per_s), "", "", line(history.steps_per_s)),
    figure("Mean return", fixed(report.mean_return), "", "", line(history.mean_return)),
  ];
  for (const one of report.figures.filter((one) => one.headline)) {
    const [value, unit] = shown(one, summary(one));
    const mean = summary(one) === one.mean ? "" : `mean ${shown(one, one.mean).join(" ")}`;
    const more = [unit, mean].filter(Boolean).join(" · ");
    boxes.push(figure(capital(one.label), value, more, "", line(history.figures[one.name])));
  }
  boxes.push(figure("Steps", count(report.steps), "", `${count(report.updates)} updates`));
  boxes.push(figure("Episodes", count(report.episodes), "", `trained for ${duration(report.seconds)}`));
  const { best, last } = report.evaluation ?? {};
  if (best) {
    const first = report.figures.find((one) => one.headline && best.figures[one.name] != null);
    const told = first ? ` · ${first.label} ${shown(first, best.figures[first.name]).join(" ")}` : "";
    const back = report.restored ? ` · went back ${report.restored}×` : "";
    boxes.push(figure("Best evaluation", fixed(best.mean_reward), "", `${best.actions}, newest ${fixed(last.mean_reward)}${told}${back}`));
  }
  const lost = report.lost ? `${report.lost} lost` : "none lost";
  const staleness = report.staleness == null ? "" : ` · staleness ${count(report.staleness.median)}`;
  boxes.push(figure("Workers", count(report.workers.length), "", lost + staleness));
  where.replaceChildren(...boxes);
}
