// A tile for each worker: its live screen (view-only) and its figures.
import { count, fixed } from "./strip.js";

const RETRY_MS = [1000, 2000, 4000, 8000]; // retry intervals after a screen was lost; the last one repeats
const novnc = import("./novnc/core/rfb.js").then((module) => module.default);

function element(kind, name, text = "") {
  const one = document.createElement(kind);
  one.className = name;
  one.textContent = text;
  return one;
}

class Tile {
  constructor(index, near) {
    this.root = element("article", "tile");
    this.root.dataset.worker = index;
    this.near = near; // an IntersectionObserver: reports when the tile scrolls into view
    this.frame = element("div", "frame");
    this.screen = element("div", "screen");
    this.says = element("p", "says");
    this.open = element("button", "open");
    this.open.type = "button";
    this.open.setAttribute("aria-label", `Worker ${index}: enlarge`);
    this.open.addEventListener("click", () => this.enlarge(!this.root.classList.contains("large")));
    // The button covers the screen, so that keys and clicks do not reach noVNC. noVNC is view-only as well.
    this.frame.append(this.screen, this.says, this.open);
    const caption = element("div", "caption");
    this.state = element("span", "state");
    caption.append(element("strong", "", `Worker ${index}`), this.state);
    this.figures = element("div", "figures");
    this.hint = element("p", "hint");
    this.root.append(this.frame, caption, this.figures, this.hint);
    this.inSight = false;
    this.failures = 0;
    near.observe(this.root);
  }

  show(worker) {
    this.state.textContent = worker.state;
    this.state.classList.toggle("working", worker.state === "working");
    this.state.title = worker.name;
    const restarts = worker.restarts + (worker.emulator_restarts ? ` + ${worker.emulator_restarts}` : "");
    const figures = [
      ["steps/s", count(worker.steps_per_s)],
      ["return", fixed(worker.mean_return)],
      ["staleness", worker.staleness],
      ["restarts", restarts],
    ];
    this.figures.replaceChildren(
      ...figures.map(([name, value]) => {
        const one = element("div", "", value);
        one.prepend(element("span", "", name));
        return one;
      }),
    );
    this.hint.textContent = worker.vnc
      ? `No VNC server lets this page in at ${worker.vnc} yet.`
      : "No screen: start workers with --vnc-port 5901 to watch them here. Workers that joined from another machine " +
        `have neither screens nor replays on this page. This one connects from ${worker.host || "an unknown address"}.`;
    if (worker.screen !== this.token) {
      this.disconnect();
      this.token = worker.screen;
      this.failures = 0;
    }
    this.root.classList.toggle("blind", !this.token);
    this.tend();
  }

  // The server is gone, so the worker's state is unknown.
  rest() {
    this.resting = true;
    this.state.textContent = "unknown";
    this.state.classList.remove("working");
    for (const one of this.figures.children) one.lastChild.textContent = "–";
    this.tend();
  }

  tell(text) {
    this.says.textContent = text;
  }

  // Connect only while the tile is visible, because a connected viewer costs the worker time for rendering.
  tend() {
    const wanted = this.token && this.inSight && !document.hidden && !this.resting;
    if (!wanted) this.disconnect();
    else if (!this.rfb && !this.due) this.connect();
  }

  async connect() {
    const token = this.token;
    this.due = setTimeout(() => {}, 0);
    if (!this.root.querySelector("canvas")) this.tell("connecting …");
    let RFB;
    try {
      RFB = await novnc;
    } catch {
      this.tell("noVNC is missing: run `make setup`.");
      return; // `due` stays set, so there is no retry
    }
    this.due = undefined;
    if (token !== this.token || !this.root.isConnected || this.rfb) return;
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const rfb = new RFB(this.screen, `${scheme}://${location.host}/screen?token=${token}`, { shared: true });
    Object.assign(rfb, { viewOnly: true, scaleViewport: true, focusOnClick: false, background: "transparent" });
    rfb.addEventListener("connect", () => {
      this.failures = 0;
      this.tell("");
    });
    rfb.addEventListener("disconnect", () => {
      if (this.rfb !== rfb) return;
      this.rfb = undefined;
      if (this.token) this.tell("no picture yet");
      this.due = setTimeout(() => {
        this.due = undefined;
        this.tend();
      }, RETRY_MS[Math.min(this.failures++, RETRY_MS.length - 1)]);
    });
    this.rfb = rfb;
  }

  disconnect() {
    const rfb = this.rfb;
    this.rfb = undefined;
    rfb?.disconnect();
  }

  enlarge(large) {
    this.root.classList.toggle("large", large);
    document.documentElement.style.overflow = large ? "hidden" : "";
    if (!large) this.open.focus({ preventScroll: true });
  }

  remove() {
    if (this.root.classList.contains("large")) this.enlarge(false);
    this.near.unobserve(this.root);
    this.token = undefined;
    this.disconnect();
    clearTimeout(this.due);
    this.root.remove();
  }
}

export class Tiles {
  constructor(where) {
    this.where = where;
    this.tiles = new Map(); // index -> Tile
    this.near = new IntersectionObserver((seen) => {
      for (const { target, isIntersecting } of seen) {
        const tile = this.tiles.get(Number(target.dataset.worker));
        if (!tile) continue;
        tile.inSight = isIntersecting;
        tile.tend();
      }
    });
    document.addEventListener("visibilitychange", () => this.tiles.forEach((tile) => tile.tend()));
    document.addEventListener("keydown", ({ key }) => {
      if (key === "Escape") this.tiles.forEach((tile) => tile.root.classList.contains("large") && tile.enlarge(false));
    });
  }

  show(workers) {
    const here = new Set(workers.map((worker) => worker.index));
    for (const [index, tile] of this.tiles) {
      if (here.has(index)) continue;
      tile.remove();
      this.tiles.delete(index);
    }
    workers.forEach((worker, place) => {
      let tile = this.tiles.get(worker.index);
      if (!tile) {
        tile = new Tile(worker.index, this.near);
        this.tiles.set(worker.index, tile);
      }
      tile.resting = false;
      if (this.where.children[place] !== tile.root) this.where.insertBefore(tile.root, this.where.children[place] ?? null);
      tile.show(worker);
    });
  }

  // The server is gone: disconnect all screens until it is back.
  rest() {
    for (const tile of this.tiles.values()) if (!tile.resting) tile.rest();
  }
}
