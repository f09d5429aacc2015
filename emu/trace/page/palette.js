// Colours of threads: eight that colour-blind people tell apart (Okabe and Ito), each with four patterns, and letters.

const COLOURS = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442", "#8c8c8c"];
const DARK_INK = ["#e69f00", "#cc79a7", "#56b4e9", "#f0e442", "#8c8c8c", "#009e73"];
const PATTERNS = 4;

function colourOf(id) {
  return id < 0 ? "transparent" : COLOURS[id % COLOURS.length];
}

function inkOn(colour) {
  return DARK_INK.includes(colour) ? "#101418" : "#ffffff";
}

// Gives each trace `colours`, a number for each thread: threads of one name have one colour in all traces.
function assignColours(traces) {
  const known = new Map();
  for (const trace of traces) {
    trace.colours = trace.threads.name.map((name) => {
      if (!known.has(name)) known.set(name, known.size);
      return known.get(name);
    });
  }
}

// A CanvasPattern or colour of such a number; made once for each context.
class Fills {
  constructor(context) {
    this.context = context;
    this.made = new Map();
  }

  of(id) {
    const number = Math.floor(id / COLOURS.length) % PATTERNS;
    return number ? this.get(colourOf(id), number) : colourOf(id);
  }

  get(colour, number, ink = "#000000a0") {
    const key = `${colour} ${number} ${ink}`;
    if (!this.made.has(key)) this.made.set(key, this.context.createPattern(drawPattern(colour, number, ink), "repeat"));
    return this.made.get(key);
  }
}

// 1 rising lines, 2 dots, 3 bars, 4 crossed lines.
function drawPattern(colour, number, ink) {
  const tile = document.createElement("canvas");
  tile.width = tile.height = 8;
  const c = tile.getContext("2d");
  c.fillStyle = colour;
  if (colour !== "none") c.fillRect(0, 0, 8, 8);
  c.strokeStyle = c.fillStyle = ink;
  c.lineWidth = 1.4;
  c.beginPath();
  if (number === 1 || number === 4) for (const x of [-8, 0, 8]) { c.moveTo(x, 8); c.lineTo(x + 8, 0); }
  if (number === 4) for (const x of [-8, 0, 8]) { c.moveTo(x, 0); c.lineTo(x + 8, 8); }
  if (number === 3) { c.moveTo(2, 0); c.lineTo(2, 8); c.moveTo(6, 0); c.lineTo(6, 8); }
  c.stroke();
  if (number === 2) for (const [x, y] of [[1, 1], [5, 5]]) c.fillRect(x, y, 2, 2);
  return tile;
}

// A small picture of one, for legends and tables.
function swatch(id) {
  const canvas = document.createElement("canvas");
  canvas.width = 44;
  canvas.height = 28;
  canvas.className = "swatch";
  canvas.setAttribute("aria-hidden", "true");
  const c = canvas.getContext("2d");
  c.fillStyle = new Fills(c).of(id);
  c.fillRect(0, 0, 44, 28);
  return canvas;
}

// A colour of page.css in the theme that is shown, as a canvas understands it.
const themeColours = new Map();

function theme(name) {
  if (!themeColours.has(name)) {
    const probe = make("span", { style: `color: var(${name})` });
    document.body.append(probe);
    themeColours.set(name, getComputedStyle(probe).color);
    probe.remove();
  }
  return themeColours.get(name);
}
