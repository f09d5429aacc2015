// Figures over time, on the timeline's axis: threads by state, stacked, and how many threads stand in each queue.

const STATES = [  // in the order in which they are stacked; pattern 0 is plain
  { name: "running", colour: "#0072b2", pattern: 0 },
  { name: "running, host away", colour: "#0072b2", pattern: 4 },
  { name: "waiting", colour: "#e69f00", pattern: 0 },
  { name: "waiting, host away", colour: "#e69f00", pattern: 4 },
  { name: "asleep", colour: "#b9c0c8", pattern: 0 },
];
const STATES_HEIGHT = 130;
const QUEUE_ROW = 16;

class OverTime {
  // mosts: {threads, depth}, the greatest of all traces, so that their axes are the same.
  constructor(trace, view, marks, mosts) {
    Object.assign(this, { trace, view, marks, mosts });
    this.bins = trace.states[STATES[0].name].length;
    this.queues = Object.keys(trace.queues).map(Number);
    this.states = make("canvas", { class: "plot", role: "img", "aria-label": `Threads of ${trace.label} by state over time` });
    this.depth = make("canvas", { class: "plot", role: "img", "aria-label": `Runnable threads of ${trace.label} in each queue over time` });
    const keys = STATES.map(({ name, colour, pattern }) => {
      const picture = drawPattern(colour, pattern, "#000000b0");
      picture.className = "swatch";
      return make("span", { class: "key" }, picture, name);
    });
    const width = duration(trace.duration / this.bins);
    this.element = make("div", { class: "chart card" },
      make("h3", {}, "Threads by state"), make("div", { class: "keys" }, ...keys), this.states,
      make("h3", { style: "margin-top:12px" }, "Runnable threads in each queue"), this.depth,
      make("p", { class: "say" }, `Means of ${width} each.`));
    for (const canvas of [this.states, this.depth]) {
      makeMovable(canvas, view, { hover: (x, y, event) => this.hover(canvas, x, event), leave: () => marks.away() });
    }
    view.listeners.push(() => this.draw());
  }

  bin(time) { return Math.max(0, Math.min(this.bins - 1, Math.floor(time / this.trace.duration * this.bins))); }

  hover(canvas, x, event) {
    const time = this.view.time(x, canvas.clientWidth);
    this.view.mark(time);
    if (time < 0 || time > this.trace.duration) return this.marks.away();
    const bin = this.bin(time);
    const figure = (value) => +value.toPrecision(3);
    const lines = canvas === this.states
      ? STATES.map(({ name }) => `${name}: ${figure(this.trace.states[name][bin])}`)
      : this.queues.map((queue) => `${this.name(queue)}: ${figure(this.trace.queues[queue][bin])}`).slice(0, 24);
    this.marks.tell([`Around ${moment(time)}`, ...lines], event);
  }

  name(queue) {
    return this.trace.tables.queue[queue] || `CPU ${queue}`;
  }

  draw() {
    this.drawStates();
    this.drawDepth();
  }

  // (left, right, bin) of the bins in view; of several that share a pixel the last.
  *columns(width) {
    const per = this.trace.duration / this.bins;
    const last = this.bin(this.view.end);
    for (let bin = this.bin(this.view.start); bin <= last; bin++) {
      if (bin * per > this.trace.duration) break;
      const left = Math.round(Math.max(this.view.x(bin * per, width), GUTTER));
      const right = Math.round(Math.min(this.view.x((bin + 1) * per, width), width));
      if (right > left || bin === last) yield [left, right, bin];
    }
  }

  drawStates() {
    const { context, width } = prepare(this.states, STATES_HEIGHT);
    this.fills = this.fills || new Fills(context);
    const room = STATES_HEIGHT - AXIS;
    const scale = room / Math.max(this.mosts.threads, 1);
    const before = new Float64Array(this.bins);
    for (const { name, colour, pattern } of STATES) {
      const values = this.trace.states[name];
      context.fillStyle = pattern ? this.fills.get(colour, pattern, "#000000b0") : colour;
      for (const [left, right, bin] of this.columns(width)) {
        const high = values[bin] * scale;
        if (high > 0.05) context.fillRect(left, STATES_HEIGHT - before[bin] - high, Math.max(right - left, 1), high);
        before[bin] += high;
      }
    }
    context.fillStyle = theme("--soft");
    context.textAlign = "right";
    const step = Math.max(1, niceStep(this.mosts.threads, 4));
    for (let n = 0; n <= this.mosts.threads; n += step) {
      context.fillText(count(n), GUTTER - 8, Math.min(STATES_HEIGHT - n * scale, STATES_HEIGHT - 6));
    }
    drawTimeAxis(context, width, this.view, 0, AXIS);
    drawCursor(context, width, this.view, STATES_HEIGHT);
  }

  drawDepth() {
    const height = Math.max(this.queues.length * QUEUE_ROW, QUEUE_ROW);
    const { context, width } = prepare(this.depth, height);
    context.textAlign = "right";
    this.queues.forEach((queue, row) => {
      context.fillStyle = theme("--lane");
      context.fillRect(GUTTER, row * QUEUE_ROW, width - GUTTER, QUEUE_ROW - 2);
      context.fillStyle = theme("--soft");
      context.fillText(this.name(queue), GUTTER - 8, row * QUEUE_ROW + QUEUE_ROW / 2);
      context.fillStyle = "#e69f00";
      for (const [left, right, bin] of this.columns(width)) {
        const high = this.trace.queues[queue][bin] / this.mosts.depth * (QUEUE_ROW - 3);
        if (high > 0.05) context.fillRect(left, (row + 1) * QUEUE_ROW - 2 - high, Math.max(right - left, 1), high);
      }
    });
    if (!this.queues.length) context.fillText("none", GUTTER - 8, QUEUE_ROW / 2);
    drawCursor(context, width, this.view, height);
  }
}

// The greatest number of threads, and of threads in one queue, of some traces.
function mostsOf(traces) {
  let [threads, depth] = [1, 1];
  for (const trace of traces) {
    const states = STATES.map(({ name }) => trace.states[name]);
    for (let bin = 0; bin < states[0].length; bin++) threads = Math.max(threads, states.reduce((sum, s) => sum + s[bin], 0));
    for (const values of Object.values(trace.queues)) for (const value of values) depth = Math.max(depth, value);
  }
  return { threads, depth };
}
