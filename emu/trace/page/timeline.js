// The timeline of one trace: a row for each CPU. Where few runs are in view each is drawn; where many are, bins are, as high
// as the CPU was busy, and over them the runs that are wide enough to be seen.

const FEW_RUNS = 3000;
const MOST_RUNS = 30000;  // looked at one by one
const WIDE = 3;  // pixels of a run that is drawn over bins
const ARROW_ROOM = 8;  // pixels for each run in view, else no arrows are drawn
const AXIS = 16;
const STALL_LANE = 5;

class Timeline {
  constructor(trace, number, view, chunks, marks) {
    Object.assign(this, { trace, view, marks, number });
    this.words = new Words(trace);
    this.runs = new Runs(trace, number, chunks);
    this.cpus = trace.machine.cpus;
    this.row = Math.max(14, Math.min(34, Math.floor(560 / this.cpus)));
    this.height = AXIS + this.cpus * this.row + 4;
    this.selected = null;
    this.stalls = [];
    for (let cpu = 0; cpu < this.cpus; cpu++) {
      if (trace.stalls[cpu]) chunks.get(`${number}.stall.${cpu}`).then((found) => { this.stalls[cpu] = ends(found); view.draw(); });
    }
    this.all = make("canvas", { class: "all", "aria-hidden": "true" });
    this.canvas = make("canvas", {
      class: "runs", tabindex: 0, role: "application",
      "aria-label": `Timeline of ${trace.label}: a row for each of ${this.cpus} CPUs. Arrow keys move, plus and minus zoom,` +
        " brackets go from run to run; what is chosen is read below.",
    });
    this.element = make("div", { class: "timeline card" },
      make("h3", {}, trace.label), this.all, make("div", { class: "rows" }, this.canvas), this.keys());
    this.listen();
    view.listeners.push(() => this.draw());
  }

  keys() {
    const stall = drawPattern("#d8a3a3", 4, "#5a1010");
    stall.className = "swatch";
    const key = (...parts) => make("span", { class: "key" }, ...parts);
    return make("div", { class: "keys" }, key(stall, "the host did not run this CPU"), key("→ wake-up"), key("⇢ migration"), key("⋯ taken from another CPU’s queue"),
      key("height: how busy, where many runs share a pixel"));
  }

  listen() {
    makeMovable(this.canvas, this.view, {
      hover: (x, y, event) => this.hover(x, y, event),
      leave: () => this.marks.away(),
      click: (x, y) => this.choose(this.cpuAt(y), this.view.time(x, this.canvas.clientWidth)),
    });
    const go = (event) => {
      if (event.type === "pointermove" && !event.buttons) return;
      const at = (event.offsetX - GUTTER) / (this.all.clientWidth - GUTTER) * this.view.duration;
      this.view.show(at - this.view.span / 2, at + this.view.span / 2);
    };
    this.all.addEventListener("pointerdown", go);
    this.all.addEventListener("pointermove", go);
  }

  cpuAt(y) { return Math.max(0, Math.min(this.cpus - 1, Math.floor((y - AXIS) / this.row))); }

  rowTop(cpu) { return AXIS + cpu * this.row + 2; }

  get lane() { return this.row - STALL_LANE - 3; }

  async hover(x, y, event) {
    if (x < GUTTER || y < AXIS) return this.marks.away();
    const cpu = this.cpuAt(y);
    const time = this.view.time(x, this.canvas.clientWidth);
    const asked = this.asked = Symbol("hover");
    this.view.mark(time);
    const found = await this.runs.at(cpu, time, this.pixel_ns() * 2);
    if (asked === this.asked) this.marks.tell(await this.linesOf(found, cpu, time), event);
  }

  pixel_ns() { return this.view.span / Math.max(this.canvas.clientWidth - GUTTER, 1); }

  async linesOf(found, cpu, time) {
    const stall = this.stallAt(cpu, time);
    const host = stall ? [`Host stall of ${duration(stall)} here: not the policy’s doing`] : [];
    if (!found) return [`CPU ${cpu} idle at ${moment(time, this.pixel_ns())}`, ...host];
    const tile = await this.runs.get(found.cpu, found.k);
    return [...this.words.run(tile, found.run, cpu, tile.start[found.run]), ...host];
  }

  stallAt(cpu, time) {
    const stalls = this.stalls[cpu];
    if (!stalls) return 0;
    const k = lowerBound(stalls.n, (s) => stalls.end[s] >= time);
    return k < stalls.n && stalls.start[k] <= time ? stalls.ns[k] : 0;
  }

  // Choose the run at a time; what is known of it stays below the timeline.
  async choose(cpu, time) {
    await this.select(await this.runs.at(cpu, time, this.pixel_ns() * 3));
  }

  async select(found) {
    this.marks.clear();
    this.selected = found;
    if (found) {
      const tile = await this.runs.get(found.cpu, found.k);
      this.marks.say(this.words.run(tile, found.run, found.cpu, tile.start[found.run]).join("\n"));
    }
    this.view.draw();
  }

  async step(by) {
    const middle = (this.view.start + this.view.end) / 2;
    const next = this.selected
      ? await this.runs.beside(this.selected, by)
      : await this.runs.at(0, middle, this.view.duration);
    if (next) await this.reveal(next);
  }

  // Select a run, and move the view where it is outside.
  async reveal(found, zoom = false) {
    const tile = await this.runs.get(found.cpu, found.k);
    const [start, end] = [tile.start[found.run], tile.end[found.run]];
    const span = zoom ? Math.max((end - start) * 8, 20000) : this.view.span;
    if (zoom || start < this.view.start || start > this.view.end) {
      this.view.show((start + end - span) / 2, (start + end + span) / 2);
    }
    await this.select(found);
  }

  async stepCpu(by) {
    const cpu = Math.max(0, Math.min(this.cpus - 1, (this.selected?.cpu ?? 0) + by));
    const tile = this.selected && await this.runs.get(this.selected.cpu, this.selected.k);
    const time = tile ? tile.start[this.selected.run] : (this.view.start + this.view.end) / 2;
    const found = await this.runs.at(cpu, time, this.view.duration);
    if (found) await this.reveal(found);
  }

  // --- drawing ------------------------------------------------------------------------------------

  draw() {
    const begun = performance.now();
    const { context, width } = prepare(this.canvas, this.height);
    this.fills = this.fills?.context === context ? this.fills : new Fills(context);
    this.drawRows(context, width);
    drawTimeAxis(context, width, this.view, 0, this.height);
    const inView = this.runs.howMany(this.view.start, this.view.end);
    const finest = this.trace.duration / this.trace.levels.at(-1);
    const few = inView <= FEW_RUNS || (inView <= MOST_RUNS && this.pixel_ns() < finest);
    this.drawn = few ? "runs" : inView <= MOST_RUNS ? "both" : "bins";
    this.pending = 0;
    this.arrows = [];
    context.save();
    context.beginPath();
    context.rect(GUTTER, 0, width - GUTTER, this.height);
    context.clip();
    for (let cpu = 0; cpu < this.cpus; cpu++) {
      if (!few || !this.drawRuns(context, width, cpu, 0)) this.drawBins(context, width, cpu);
      if (this.drawn === "both") this.drawRuns(context, width, cpu, WIDE);
      this.drawStalls(context, width, cpu);
    }
    if (inView * ARROW_ROOM <= width) this.drawArrows(context, width);
    drawCursor(context, width, this.view, this.height);
    context.restore();
    this.drawAll();
    this.draw_ms = performance.now() - begun;
    if (!this.pending) (window.requestIdleCallback ?? setTimeout)(() => this.prepareStep());
  }

  // Open what a step of zoom would show, the middle half of the view, so that it is there when it is asked for.
  prepareStep() {
    const { start, end, span } = this.view;
    const [from, to] = [start + span / 4, end - span / 4];
    const all = this.runs.howMany(from, to) <= MOST_RUNS;
    for (let cpu = 0; cpu < this.cpus; cpu++) this.runs.prepare(cpu, from, to, this.pixel_ns() / 2, all);
  }

  drawRows(context, width) {
    context.textAlign = "right";
    for (let cpu = 0; cpu < this.cpus; cpu++) {
      context.fillStyle = theme("--lane");
      const end = Math.min(this.view.x(this.trace.duration, width), width);  // the other trace may be longer
      context.fillRect(GUTTER, this.rowTop(cpu), Math.max(end - GUTTER, 0), this.lane);
      context.fillStyle = theme("--soft");
      context.fillText(`CPU ${cpu}`, GUTTER - 8, this.rowTop(cpu) + this.lane / 2);
    }
  }

  alpha(id) { return this.marks.found < 0 || this.marks.found === id ? 1 : 0.15; }

  // A column of bins for each pixel: as high as the CPU was busy, in the colour of the thread that ran longest.
  drawBins(context, width, cpu) {
    let level = this.runs.level(this.pixel_ns());
    while (level > 0 && !this.binsOpen(level, cpu)) level -= 1;
    const bins = this.trace.levels[level];
    const perPixel = this.pixel_ns() / (this.trace.duration / bins);
    const top = this.rowTop(cpu);
    const end = Math.min(bins, Math.ceil(this.view.end / this.trace.duration * bins));
    let bin = Math.max(0, Math.floor(this.view.start / this.trace.duration * bins));
    const step = Math.max(1, Math.round(perPixel));
    for (bin -= bin % step; bin < end; bin += step) {
      let busy = 0;
      let most = 0;
      let thread = 0;
      for (let b = bin; b < Math.min(bin + step, end); b++) {
        const piece = this.runs.bins(level, cpu, Math.floor(b / Runs.PIECE));
        if (!piece) continue;
        const at = b % Runs.PIECE;
        const here = piece.busy ? piece.busy[at] / 255 : 0;
        busy += here;
        const wanted = this.marks.found >= 0 && piece.thread[at] - 1 === this.marks.found;
        if (here > most || wanted) [most, thread] = [wanted ? 2 : here, piece.thread[at]];
      }
      if (!busy) continue;
      const x = Math.round(this.view.x(bin / bins * this.trace.duration, width));
      const next = Math.round(this.view.x((bin + step) / bins * this.trace.duration, width));
      const height = Math.max(1, busy / step * this.lane);
      context.globalAlpha = this.alpha(thread - 1);
      context.fillStyle = this.fills.of(this.trace.colours[thread - 1]);
      context.fillRect(x, top + this.lane - height, Math.max(next - x, 1), height);
    }
    context.globalAlpha = 1;
  }

  binsOpen(level, cpu) {
    const bins = this.trace.levels[level];
    const first = Math.floor(Math.max(0, this.view.start / this.trace.duration * bins) / Runs.PIECE);
    const last = Math.floor(Math.min(bins - 1, this.view.end / this.trace.duration * bins) / Runs.PIECE);
    let open = true;
    for (let piece = first; piece <= last; piece++) open = this.runs.bins(level, cpu, piece) !== null && open;
    if (!open) this.pending += 1;
    return open;
  }

  // Each run of a CPU that is `narrowest` pixels wide; false where not all of their tiles are open yet.
  drawRuns(context, width, cpu, narrowest) {
    const { start, end } = this.view;
    const [first, last] = this.runs.tiles(cpu, start, end);
    const tiles = [];
    for (let k = first; k < last; k++) tiles.push(this.runs.now(cpu, k));
    if (tiles.includes(null)) {
      this.pending += 1;
      return false;
    }
    const scale = (width - GUTTER) / this.view.span;
    const top = this.rowTop(cpu);
    const inFull = !narrowest;
    let drawnTo = -1;
    tiles.forEach((tile, k) => {
      for (let run = lowerBound(tile.n, (r) => tile.end[r] >= start); run < tile.n && tile.start[run] <= end; run++) {
        const id = tile.thread[run] - 1;
        const x = Math.max(GUTTER + (tile.start[run] - start) * scale, GUTTER - 2);
        const right = Math.min(GUTTER + (tile.end[run] - start) * scale, width + 2);
        const chosen = this.isSelected(cpu, first + k, run);
        if (right - x < narrowest && !chosen) continue;
        if (right < drawnTo && this.marks.found !== id && !chosen) continue;
        const wide = Math.max(right - x, 1);
        drawnTo = Math.max(drawnTo, Math.floor(x + wide));
        if (narrowest) {
          context.fillStyle = theme("--lane");  // bins show through what is dimmed
          context.fillRect(x, top, wide, this.lane);
        }
        context.globalAlpha = this.alpha(id);
        context.fillStyle = wide > 4 ? this.fills.of(this.trace.colours[id]) : colourOf(this.trace.colours[id]);
        context.fillRect(x, top, wide > 3 ? wide - 0.6 : wide, this.lane);
        if (wide > 34) this.drawName(context, id, x, top, wide);
        if (inFull) this.arrows.push({ tile, run, cpu });
        if (chosen) this.drawFrame(context, x, top, wide);
      }
    });
    context.globalAlpha = 1;
    return true;
  }

  isSelected(cpu, k, run) {
    const s = this.selected;
    return s !== null && s.cpu === cpu && s.k === k && s.run === run;
  }

  drawName(context, id, x, top, wide) {
    const name = this.words.thread(id);
    const [number, ...rest] = name.split(":");
    const text = rest.length ? `${rest.join(":")} ${number.split("#")[0]}` : number;
    const colour = colourOf(this.trace.colours[id]);
    const fits = Math.floor((wide - 10) / 6.2);
    const shown = text.length > fits ? text.slice(0, Math.max(fits - 1, 1)) + "…" : text;
    context.textAlign = "left";
    if (this.trace.colours[id] >= COLOURS.length) {  // a plate below the letters, since the pattern would disturb
      context.fillStyle = colour;
      context.fillRect(x + 3, top + this.lane / 2 - 7, context.measureText(shown).width + 6, 14);
    }
    context.fillStyle = inkOn(colour);
    context.fillText(shown, x + 6, top + this.lane / 2 + 1);
  }

  drawFrame(context, x, top, wide) {
    context.globalAlpha = 1;
    context.strokeStyle = theme("--ink");
    context.lineWidth = 2;
    context.strokeRect(x, top - 1, Math.max(wide - 1, 2), this.lane + 2);
  }

  // The host's stalls have a lane of their own below the runs, hatched.
  drawStalls(context, width, cpu) {
    const stalls = this.stalls[cpu];
    if (!stalls) return;
    const y = this.rowTop(cpu) + this.lane + 1;
    const ink = theme("--ink");
    context.fillStyle = this.fills.get("#d8a3a3", 4, "#5a1010");
    let drawnTo = -1;
    for (let k = lowerBound(stalls.n, (s) => stalls.end[s] >= this.view.start); k < stalls.n; k++) {
      if (stalls.start[k] > this.view.end) break;
      const x = Math.max(this.view.x(stalls.start[k], width), GUTTER);
      const right = Math.max(this.view.x(stalls.end[k], width), x + 1);
      if (right <= drawnTo) continue;
      context.fillRect(x, y, right - x, STALL_LANE);
      drawnTo = right;
    }
    context.strokeStyle = ink;
  }

  // Where few runs are in view: who woke them from which CPU, and from which queue they came.
  drawArrows(context, width) {
    const middle = (cpu) => this.rowTop(cpu) + this.lane / 2;
    const floor = (cpu) => this.rowTop(cpu) + this.lane;
    for (const { tile, run, cpu } of this.arrows) {
      const start = tile.start[run];
      const from = tile.actor[run] - 1;
      if (this.alpha(tile.thread[run] - 1) < 1) continue;
      const act = this.trace.acts[tile.act[run]];
      if ((act === "wake" || act === "spawn") && from >= 0 && from < this.cpus) {
        const at = this.view.x(start - tile.wait[run], width);
        arrow(context, at, middle(from), this.view.x(start, width), from === cpu ? floor(cpu) - 2 : middle(cpu), theme("--ink"), []);
      }
      const queue = tile.moved_from[run] - 1;
      if (queue >= 0 && queue < this.cpus) {
        const at = this.view.x(start - tile.moved_ago[run], width);
        arrow(context, at, floor(queue), this.view.x(start, width), floor(cpu) - 3, theme("--warn"), [5, 3]);
      }
      const home = tile.queue[run] - 1;
      if (tile.stolen[run] && home >= 0 && home < this.cpus && home !== cpu) {
        const x = this.view.x(start, width);
        arrow(context, x - 8, floor(home), x, floor(cpu) - 3, theme("--warn"), [2, 3]);
      }
    }
  }

  // The whole trace in one strip: how busy all CPUs were together, and which part is shown.
  drawAll() {
    const height = 30;
    const { context, width } = prepare(this.all, height);
    const room = width - GUTTER;
    const bins = this.trace.levels[0];
    const busy = new Float64Array(bins);
    for (let cpu = 0; cpu < this.cpus; cpu++) {
      const piece = this.runs.bins(0, cpu, 0);
      if (piece?.busy) for (let b = 0; b < bins; b++) busy[b] += piece.busy[b];
    }
    context.fillStyle = theme("--lane");
    context.fillRect(GUTTER, 0, room, height);
    context.fillStyle = theme("--soft");
    context.textAlign = "right";
    context.fillText("all", GUTTER - 8, height / 2);
    const scale = room * this.trace.duration / this.view.duration / bins;
    for (let b = 0; b < bins; b++) {
      const high = busy[b] / 255 / this.cpus * (height - 4);
      if (high) context.fillRect(GUTTER + b * scale, height - high, Math.max(scale, 0.8), high);
    }
    const x = GUTTER + this.view.start / this.view.duration * room;
    const wide = Math.max(this.view.span / this.view.duration * room, 3);
    context.globalAlpha = 0.22;
    context.fillStyle = theme("--accent");
    context.fillRect(x, 0, wide, height);
    context.globalAlpha = 1;
    context.strokeStyle = theme("--accent");
    context.lineWidth = 1.5;
    context.strokeRect(x + 0.75, 0.75, Math.max(wide - 1.5, 1.5), height - 1.5);
  }
}

function arrow(context, x0, y0, x1, y1, colour, dashes) {
  context.strokeStyle = context.fillStyle = colour;
  context.lineWidth = 1.1;
  context.globalAlpha = 0.75;
  context.setLineDash(dashes);
  context.beginPath();
  context.moveTo(x0, y0);
  const bend = Math.min(Math.max((x1 - x0) / 2, 6), 60);
  context.bezierCurveTo(x0 + bend, y0, x1 - bend, y1, x1, y1);
  context.stroke();
  context.setLineDash([]);
  context.beginPath();
  context.moveTo(x1, y1);
  context.lineTo(x1 - 7, y1 - 3);
  context.lineTo(x1 - 7, y1 + 3);
  context.fill();
  context.globalAlpha = 1;
}

// Start and end of the stalls of a CPU.
function ends(stalls) {
  const found = { n: stalls.n, start: new Float64Array(stalls.n), end: new Float64Array(stalls.n), ns: stalls.ns };
  let time = 0;
  for (let k = 0; k < stalls.n; k++) {
    found.start[k] = time += stalls.gap[k];
    found.end[k] = time += stalls.ns[k];
  }
  return found;
}
