// What part of time is shown, by all timelines and charts at once, and the canvases that show it.

const GUTTER = 62;  // left of the time axis, for names of rows
const SHORTEST_NS = 200;

class View {
  constructor(duration) {
    this.duration = Math.max(duration, SHORTEST_NS);
    this.start = 0;
    this.end = this.duration;
    this.cursor = null;  // a time that all charts mark
    this.listeners = [];
    this.asked = false;
  }

  get span() { return this.end - this.start; }

  // Everything is drawn anew, once, before the next picture.
  draw() {
    if (this.asked) return;
    this.asked = true;
    requestAnimationFrame(() => {
      this.asked = false;
      for (const listener of this.listeners) listener();
    });
  }

  show(start, end) {
    const span = Math.min(Math.max(end - start, SHORTEST_NS), this.duration);
    this.start = Math.min(Math.max((start + end - span) / 2, 0), this.duration - span);
    this.end = this.start + span;
    this.draw();
  }

  zoom(factor, around = (this.start + this.end) / 2) {
    const span = Math.min(Math.max(this.span * factor, SHORTEST_NS), this.duration);
    const left = (around - this.start) / this.span;
    const start = around - left * span;
    this.show(start, start + span);
  }

  pan(part) {
    this.show(this.start + part * this.span, this.end + part * this.span);
  }

  all() { this.show(0, this.duration); }

  x(time, width) { return GUTTER + (time - this.start) / this.span * (width - GUTTER); }

  time(x, width) { return this.start + (x - GUTTER) / (width - GUTTER) * this.span; }

  mark(time) {
    this.cursor = time;
    this.draw();
  }
}

// A canvas as sharp as the screen: its context, in CSS pixels, cleared; height in CSS pixels.
function prepare(canvas, height) {
  const width = canvas.clientWidth || canvas.parentElement.clientWidth;
  const ratio = window.devicePixelRatio || 1;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    canvas.style.height = `${height}px`;
  }
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  context.font = "11px system-ui, 'DejaVu Sans', sans-serif";
  context.textBaseline = "middle";
  return { context, width };
}

// The step between two marks of an axis: 1, 2 or 5 times a power of ten, at most `most` of them.
function niceStep(span, most) {
  const rough = span / Math.max(most, 1);
  const power = 10 ** Math.floor(Math.log10(rough));
  return power * ([1, 2, 5, 10].find((k) => k * power >= rough) || 10);
}

function drawTimeAxis(context, width, view, y, bottom) {
  const step = niceStep(view.span, (width - GUTTER) / 110);
  context.fillStyle = theme("--soft");
  context.strokeStyle = theme("--line");
  context.textAlign = "left";
  context.lineWidth = 1;
  context.beginPath();
  for (let t = Math.ceil(view.start / step) * step; t <= view.end; t += step) {
    const x = Math.round(view.x(t, width)) + 0.5;
    context.moveTo(x, y);
    context.lineTo(x, bottom);
    if (x < width - 60) context.fillText(moment(t, step), x + 3, y + 6);
  }
  context.stroke();
}

function drawCursor(context, width, view, height) {
  if (view.cursor === null || view.cursor < view.start || view.cursor > view.end) return;
  context.strokeStyle = theme("--accent");
  context.setLineDash([3, 3]);
  context.beginPath();
  const x = Math.round(view.x(view.cursor, width)) + 0.5;
  context.moveTo(x, 0);
  context.lineTo(x, height);
  context.stroke();
  context.setLineDash([]);
}

// Wheel zooms, dragging moves, a click is told. Handlers get (x, y) in the canvas.
function makeMovable(canvas, view, { hover, leave, click }) {
  let from = null;
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    const rest = event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY);
    if (rest) view.pan((event.deltaX || event.deltaY) / 1000);
    else view.zoom(1.0018 ** event.deltaY, view.time(Math.max(event.offsetX, GUTTER), canvas.clientWidth));
  }, { passive: false });
  canvas.addEventListener("pointerdown", (event) => {
    from = { x: event.offsetX, start: view.start, span: view.span, moved: false };
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!from) return hover && hover(event.offsetX, event.offsetY, event);
    const dx = event.offsetX - from.x;
    if (!from.moved && Math.abs(dx) < 4) return;
    from.moved = true;
    canvas.classList.add("dragging");
    const start = from.start - dx / (canvas.clientWidth - GUTTER) * from.span;
    view.show(start, start + from.span);
  });
  const stop = (event) => {
    if (from && !from.moved && event.type === "pointerup" && click) click(event.offsetX, event.offsetY);
    from = null;
    canvas.classList.remove("dragging");
  };
  canvas.addEventListener("pointerup", stop);
  canvas.addEventListener("pointercancel", stop);
  canvas.addEventListener("pointerleave", () => leave && leave());
}

// A new element with text and attributes; children are nodes or text, never markup.
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}
