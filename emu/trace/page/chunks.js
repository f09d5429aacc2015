// Chunks of columns (emu/trace/report/pack.py): base64 of deflated planes of bytes, in <script type="text/plain"> elements.
//
// A chunk is opened when something of it is shown.  `now` gives its columns if it is open, else null, and opens it;
// whoever asked is told by `chunks.opened` and draws again.  The oldest of many open ones are forgotten.

class Chunks {
  static MOST = 600;

  constructor() {
    this.open = new Map();
    this.opening = new Map();
    this.opened = () => {};
  }

  now(id) {
    const found = this.open.get(id);
    if (found) {
      this.open.delete(id);  // and back in, as the newest
      this.open.set(id, found);
      return found;
    }
    this.get(id).then(() => this.opened());
    return null;
  }

  // A promise of the columns: {n, name: Float64Array, …}.
  get(id) {
    if (this.open.has(id)) return Promise.resolve(this.open.get(id));
    if (!this.opening.has(id)) {
      this.opening.set(id, this.read(id).then((columns) => {
        this.opening.delete(id);
        this.open.set(id, columns);
        if (this.open.size > Chunks.MOST) this.open.delete(this.open.keys().next().value);
        return columns;
      }));
    }
    return this.opening.get(id);
  }

  async read(id) {
    let element = document.getElementById(id);
    if (!element && document.readyState === "loading") {  // it stands further below, and the page is still being read
      await new Promise((go) => document.addEventListener("DOMContentLoaded", go, { once: true }));
      element = document.getElementById(id);
    }
    if (!element) return { n: 0 };
    const text = atob(element.textContent);
    const bytes = new Uint8Array(text.length);
    for (let k = 0; k < text.length; k++) bytes[k] = text.charCodeAt(k);
    const plain = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    return Chunks.columns(new Uint8Array(await new Response(plain).arrayBuffer()));
  }

  // A column becomes numbers when it is first asked for: to draw runs takes three of thirty.
  static columns(bytes) {
    let at = bytes.indexOf(10);
    const head = JSON.parse(new TextDecoder().decode(bytes.subarray(0, at)));
    const found = { n: head.n };
    at += 1;
    for (const [name, planes] of head.columns) {
      const first = at;
      let values = null;
      Object.defineProperty(found, name, { get: () => (values = values || Chunks.numbers(bytes, first, planes, head.n)) });
      at += planes * head.n;
    }
    return found;
  }

  static numbers(bytes, at, planes, n) {
    const values = new Float64Array(n);
    let weight = 1;
    for (let plane = 0; plane < planes; plane++) {
      for (let k = 0; k < n; k++) values[k] += bytes[at + k] * weight;
      at += n;
      weight *= 256;
    }
    return values;
  }
}
