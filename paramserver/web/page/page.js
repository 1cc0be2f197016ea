// Fetches the run's report once a second and shows it.
import { strip } from "./strip.js";
import { Tiles } from "./tiles.js";
import { know, refresh } from "./recordings.js";

const ASK_MS = 1000;
const GONE_MS = 5000; // timeout without a new report; the server writes one a second
const UNANSWERED = 2; // failed requests in a row that mean "gone": the page's server ends with the run's server
const RECORDINGS_MS = 10000;
const $ = (id) => document.getElementById(id);
const tiles = new Tiles($("workers"));
let heard = performance.now(); // time of the newest report
let written = 0;
let unanswered = 0;
let known = false;

function show(report) {
  $("run").textContent = `${report.run} · ${report.env_id}`;
  document.title = `${report.run} · a3c64`;
  $("tensorboard").hidden = !report.server.tensorboard_port;
  $("tensorboard").href = `http://${location.hostname}:${report.server.tensorboard_port}/`;
  $("warning").hidden = !report.warning;
  if ($("warning").textContent !== report.warning) $("warning").textContent = report.warning;
  strip($("strip"), report);
  tiles.show(report.workers);
  know(report.figures.filter((one) => one.headline));
  $("nobody").hidden = report.workers.length > 0;
}

function judge(report) {
  const silent = performance.now() - heard;
  const gone = silent > GONE_MS || unanswered >= UNANSWERED;
  document.body.classList.toggle("stale", gone);
  $("notice").hidden = !gone;
  const seconds = Math.round(silent / 1000);
  $("notice").textContent = known
    ? `The server is gone. These figures are ${seconds} s old. The page updates again when the server is back.`
    : `No server has answered for ${seconds} s. The page updates when one answers.`;
  if (gone) $("nobody").hidden = true;
  const over = report?.over ? `over: ${report.over}` : report?.workers.length ? "training" : "waiting for workers";
  $("state").textContent = gone ? "server gone" : report ? over : $("state").textContent;
  $("state").className = !gone && report && over === "training" ? "training" : "";
  if (gone) tiles.rest();
}

async function ask() {
  let report;
  try {
    const answer = await fetch("run.json", { signal: AbortSignal.timeout(GONE_MS), cache: "no-store" });
    if (answer.ok) report = await answer.json();
    unanswered = 0;
  } catch {
    unanswered += 1;
    // no answer: judge() shows a notice if this lasts
  }
  if (report && report.at !== written) {
    written = report.at;
    heard = performance.now();
    known = true;
    show(report);
  }
  judge(report);
}

async function forever(task, pause) {
  for (;;) {
    if (!document.hidden) await task().catch(console.error);
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}

document.addEventListener("visibilitychange", () => {
  if (!document.hidden) heard = performance.now(); // a hidden page does not fetch reports
});
forever(ask, ASK_MS);
forever(refresh, RECORDINGS_MS);
