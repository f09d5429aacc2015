// The runs of one trace: which tiles and bins show a stretch of time, and finding runs in them.

class Runs {
  static PIECE = 8192;  // bins of a chunk, as in levels.py

  constructor(trace, number, chunks) {
    this.trace = trace;
    this.number = number;
    this.chunks = chunks;
    this.byStart = trace.tiles.flatMap((tiles, cpu) => tiles.map(([start, end], k) => ({ cpu, k, start, end })));
    this.byStart.sort((a, b) => a.start - b.start);
  }

  // [first, last) of a CPU's tiles that have runs between two times.
  tiles(cpu, start, end) {
    const tiles = this.trace.tiles[cpu];
    const first = lowerBound(tiles.length, (k) => tiles[k][1] >= start);
    const last = lowerBound(tiles.length, (k) => tiles[k][0] > end);
    return [first, Math.max(first, last)];
  }

  // About how many runs there are between two times, on all CPUs.
  howMany(start, end) {
    let sum = 0;
    this.trace.tiles.forEach((tiles, cpu) => {
      const [first, last] = this.tiles(cpu, start, end);
      for (let k = first; k < last; k++) {
        const [from, to, runs] = tiles[k];
        sum += runs * Math.min(1, (Math.min(to, end) - Math.max(from, start)) / Math.max(to - from, 1));
      }
    });
    return sum;
  }

  id(cpu, k) { return `${this.number}.run.${cpu}.${k}`; }

  // An open tile with `start` and `end` of its runs, or null.
  now(cpu, k) { return this.timed(this.chunks.now(this.id(cpu, k)), cpu, k); }

  async get(cpu, k) { return this.timed(await this.chunks.get(this.id(cpu, k)), cpu, k); }

  timed(tile, cpu, k) {
    if (tile && !tile.start) {
      tile.start = new Float64Array(tile.n);
      tile.end = new Float64Array(tile.n);
      let time = this.trace.tiles[cpu][k][0];
      for (let run = 0; run < tile.n; run++) {
        tile.start[run] = time += tile.gap[run];
        tile.end[run] = time += tile.ns[run];
      }
    }
    return tile;
  }

  // The level whose bins are no wider than `ns`, else the finest.
  level(ns) {
    const levels = this.trace.levels;
    const fits = levels.findIndex((bins) => this.trace.duration / bins <= ns);
    return fits < 0 ? levels.length - 1 : fits;
  }

  binId(level, cpu, piece) { return `${this.number}.bin.${level}.${cpu}.${piece}`; }

  bins(level, cpu, piece) { return this.chunks.now(this.binId(level, cpu, piece)); }

  // Open a CPU's bins of about `ns` between two times, and with `all` its runs; nobody waits for them.
  prepare(cpu, start, end, ns, all) {
    const level = this.level(ns);
    const piece = (time) => Math.floor(time / this.trace.duration * this.trace.levels[level] / Runs.PIECE);
    const last = Math.min(piece(end), piece(this.trace.duration - 1));
    for (let k = Math.max(piece(start), 0); k <= last; k++) this.chunks.get(this.binId(level, cpu, k));
    const [first, behind] = all ? this.tiles(cpu, start, end) : [0, 0];
    for (let k = first; k < behind; k++) this.chunks.get(this.id(cpu, k));
  }

  // {cpu, k, run} of the run at a time, or the nearest within `slack` ns; null where there is none.
  async at(cpu, time, slack) {
    const [first, last] = this.tiles(cpu, time - slack, time + slack);
    let best = null;
    for (let k = first; k < Math.min(last, first + 3); k++) {
      const tile = await this.get(cpu, k);
      const run = lowerBound(tile.n, (r) => tile.end[r] >= time);
      for (const r of [run - 1, run]) {
        if (r < 0 || r >= tile.n) continue;
        const away = Math.max(tile.start[r] - time, time - tile.end[r], 0);
        if (away <= slack && (!best || away < best.away)) best = { cpu, k, run: r, away };
      }
    }
    return best;
  }

  // The run before (-1) or after (1) one, on its CPU.
  async beside({ cpu, k, run }, step) {
    const tile = await this.get(cpu, k);
    if (run + step >= 0 && run + step < tile.n) return { cpu, k, run: run + step };
    const other = k + step;
    if (other < 0 || other >= this.trace.tiles[cpu].length) return null;
    const next = await this.get(cpu, other);
    return { cpu, k: other, run: step > 0 ? 0 : next.n - 1 };
  }

  // The first run of a thread that begins after a time (step 1), or the last one before (-1), on any CPU.
  async ofThread(id, time, step) {
    const order = step > 0 ? this.byStart : [...this.byStart].sort((a, b) => b.end - a.end);
    let best = null;
    for (const { cpu, k, start, end } of order) {
      if (step > 0 ? end <= time : start >= time) continue;
      if (best && (step > 0 ? start > best.start : end < best.start)) break;
      const tile = await this.get(cpu, k);
      for (let n = 0; n < tile.n; n++) {
        const run = step > 0 ? n : tile.n - 1 - n;
        if (tile.thread[run] - 1 !== id || (step > 0 ? tile.start[run] <= time : tile.start[run] >= time)) continue;
        if (!best || (step > 0 ? tile.start[run] < best.start : tile.start[run] > best.start)) {
          best = { cpu, k, run, start: tile.start[run], end: tile.end[run] };
        }
        break;
      }
    }
    return best;
  }
}

// The least k of 0 … n that satisfies a condition which all greater ones satisfy too.
function lowerBound(n, condition) {
  let low = 0;
  let high = n;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (condition(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}
