// The run's recordings: the newest and the best replays, and videos.
import { capital, count, duration, fixed, shown } from "./strip.js";

const section = document.getElementById("replays");
const [table, head, body, title] = ["table", "thead", "tbody", "h3"].map((name) => section.querySelector(name));
const when = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
let order = "newest";
let figures = []; // the environment's headlines
let found = { count: 0, newest: [], best: [], videos: [] };

function link(path, text) {
  const one = document.createElement("a");
  one.href = path.split("/").map(encodeURIComponent).join("/");
  one.textContent = text;
  return one;
}

function cell(content, kind = "") {
  const one = document.createElement("td");
  one.className = kind;
  one.append(...[content].flat());
  return one;
}

function date(text) {
  const time = new Date(text);
  return Number.isNaN(time.getTime()) ? text : when.format(time);
}

function row(replay) {
  const one = document.createElement("tr");
  const files = [link(replay.movie, ".m64"), link(replay.facts, ".json")];
  for (const file of files) file.download = "";
  files[1].className = "more"; // a phone has room for one link: the movie
  one.append(
    cell(date(replay.recorded)),
    cell(replay.worker),
    cell(replay.step == null ? "–" : count(replay.step), "more number"),
    cell(fixed(replay.return), "number"),
    ...figures.map((one, place) => cell(shown(one, replay.figures[one.name]).join(" "), kindOf(place))),
    cell(duration(replay.seconds), "more number"),
    cell(files),
  );
  return one;
}

// A phone has room for one of the environment's figures.
const kindOf = (place) => (place ? "more number" : "number");

function heading(text, kind = "") {
  const one = document.createElement("th");
  one.className = kind;
  one.textContent = text;
  return one;
}

// Called with each report of the run: the environment's headlines become columns of the table.
export function know(newest) {
  const names = (known) => known.map((one) => one.label).join();
  if (names(newest) === names(figures) && head.hasChildNodes()) return;
  figures = newest;
  const row = document.createElement("tr");
  row.append(
    ...["Recorded", "Worker"].map((text) => heading(text)),
    heading("Step", "more number"),
    heading("Return", "number"),
    ...figures.map((one, place) => heading(capital(one.label), kindOf(place))),
    heading("Length", "more number"),
    heading("Files"),
  );
  head.replaceChildren(row);
  draw();
}

function draw() {
  const none = "No replays yet. They appear when workers record episodes.";
  document.getElementById("count").textContent = found.count ? `${count(found.count)} in all` : none;
  table.hidden = found.count === 0;
  for (const button of section.querySelectorAll("[data-order]")) button.hidden = table.hidden;
  body.replaceChildren(...found[order].map(row));
  title.hidden = found.videos.length === 0;
  const videos = found.videos.map((video) => {
    const one = document.createElement("li");
    const size = document.createElement("span");
    size.className = "quiet";
    size.textContent = `  ${(video.bytes / 1e6).toFixed(1)} MB, ${when.format(new Date(video.modified * 1000))}`;
    one.append(link(video.file, video.file.replace(/^videos\//, "")), size);
    return one;
  });
  document.getElementById("videos").replaceChildren(...videos);
}

for (const button of section.querySelectorAll("[data-order]")) {
  button.addEventListener("click", () => {
    order = button.dataset.order;
    for (const one of section.querySelectorAll("[data-order]")) one.setAttribute("aria-pressed", one === button);
    draw();
  });
}

know([]);

export async function refresh() {
  const answer = await fetch("recordings.json", { signal: AbortSignal.timeout(8000), cache: "no-store" }).catch(() => null);
  if (answer?.ok) found = await answer.json();
  draw();
}
