// Puts the page together, and what one may do with keys, search and theme.

class Page {
  constructor(report) {
    this.traces = report.traces;
    assignColours(this.traces);
    this.perOctave = report.per_octave;
    this.chunks = new Chunks();
    this.view = new View(Math.max(...this.traces.map((trace) => trace.duration)));
    this.chunks.opened = () => this.view.draw();
    this.found = -1;  // the thread that is looked for, of all traces by its number
    this.active = 0;  // the timeline that keys speak to
    this.two = this.traces.length > 1;
    this.drawSummary();
    this.drawTimelines();
    this.drawLatencies();
    this.drawTables();
    this.drawParts();
    this.listen();
    this.view.listeners.push(() => this.say("range", `${moment(this.view.start, this.view.span / 100)} to ${moment(this.view.end, this.view.span / 100)} (${duration(this.view.span)})`));
    this.view.draw();
  }

  at(id) { return document.getElementById(id); }

  say(id, text) { this.at(id).textContent = text; }

  sides(...children) { return make("div", { class: this.two ? "sides two" : "sides" }, ...children); }

  // --- parts ----------------------------------------------------------------------------------------

  drawSummary() {
    this.at("summary").append(this.sides(...this.traces.map((trace) => this.summary(trace))));
  }

  summary(trace) {
    const m = trace.machine;
    const wake = trace.latencies["wake-up to run"];
    const figures = [
      [count(trace.events), "events"], [duration(trace.duration), "recorded"], [count(trace.threads.name.length), "threads"],
      [count(trace.figures.switches / Math.max(trace.duration / 1e9, 1e-9)), "switches a second"],
      [wake.count ? duration(wake.percentiles.p50) : "none", "wake-up to run, median"],
      [wake.count ? duration(wake.percentiles.p99) : "none", "wake-up to run, p99"],
      [share(trace.figures.busy_ns, trace.duration * m.cpus), "of the CPUs’ time busy"],
      [share(trace.figures.stall_ns, trace.duration * m.cpus), "of the CPUs’ time taken by the host"],
    ];
    const copy = make("button", { type: "button", onclick: () => this.copy(trace.replay, copy) }, "Copy");
    return make("div", { class: "card" },
      make("div", { class: "machine" }, make("strong", {}, trace.file),
        make("span", {}, `policy ${m.policy}`), make("span", {}, `${m.cpus} CPUs`), make("span", {}, `seed ${m.seed}`),
        ...m.parameters.map(([name, value]) => make("span", {}, `${name}=${value}`)), make("span", {}, trace.date)),
      trace.notes.length ? make("ul", { class: "notes", role: "alert" }, ...trace.notes.map((note) => make("li", {}, note))) : null,
      make("div", { class: "numbers" }, ...figures.map(([value, name]) =>
        make("div", { class: "number" }, make("b", {}, value), make("span", {}, name)))),
      make("div", { class: "replay" }, make("code", { "aria-label": "The command that replays this" }, trace.replay), copy));
  }

  async copy(text, button) {
    try {
      await navigator.clipboard.writeText(text);
    } catch {  // not allowed here: by way of a selected field
      const field = make("textarea", { style: "position:fixed;opacity:0" });
      field.value = text;
      document.body.append(field);
      field.select();
      document.execCommand("copy");
      field.remove();
    }
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  }

  drawTimelines() {
    const mosts = mostsOf(this.traces);
    this.timelines = this.traces.map((trace, k) => new Timeline(trace, k, this.view, this.chunks, this.marksOf(k)));
    this.overTime = this.traces.map((trace, k) => new OverTime(trace, this.view, this.marksOf(k), mosts));
    this.at("timelines").append(this.sides(...this.timelines.map((timeline) => timeline.element)));
    this.at("over-time").append(this.sides(...this.overTime.map((chart) => chart.element)));
    this.timelines.forEach((timeline, k) => timeline.canvas.addEventListener("focus", () => { this.active = k; }));
    this.say("detail", "Point at a run to see why it began and ended; a click keeps it here. Wheel or + − zoom, drag or ← → move, ? lists the keys.");
    const legend = this.at("legend");
    this.traces.forEach((trace, side) => trace.threads.name.slice(0, 16).forEach((name, id) => {
      legend.append(make("button", { type: "button", "aria-pressed": "false", "data-side": side, "data-id": id, title: "Show this thread alone",
        onclick: () => this.find(this.found === id && this.side === side ? -1 : id, side) }, swatch(trace.colours[id]), this.two ? `${"AB"[side] ?? side}: ${name}` : name));
    }));
  }

  // What a timeline or chart of one trace does with the shared parts of the page.
  marksOf(side) {
    const page = this;
    return {
      get found() { return page.found >= 0 && page.side !== side ? -1 : page.found; },
      tell: (lines, event) => page.tell(lines, event),
      away: () => { page.at("tip").hidden = true; page.view.mark(null); },
      say: (text) => { page.active = side; page.say("detail", text); },
      clear: () => page.timelines.forEach((timeline) => { timeline.selected = null; }),
    };
  }

  tell(lines, event) {
    const tip = this.at("tip");
    tip.textContent = lines.join("\n");
    tip.hidden = false;
    const { width, height } = tip.getBoundingClientRect();
    const x = event.clientX + 16 + width > innerWidth ? Math.max(event.clientX - width - 12, 4) : event.clientX + 16;
    const y = event.clientY + 18 + height > innerHeight ? Math.max(event.clientY - height - 12, 4) : event.clientY + 18;
    tip.style.left = `${x}px`;
    tip.style.top = `${y}px`;
  }

  drawLatencies() {
    const names = Object.keys(this.traces[0].latencies);
    for (const name of names) {
      const all = this.traces.map((trace) => trace.latencies[name]);
      const axes = axesOf(all);
      all.forEach((one, k) => this.at("latencies").append(histogram(name, one, axes, this.perOctave, this.two && this.traces[k].label)));
    }
  }

  drawTables() {
    const sides = this.traces.map((trace, k) => new Tables(trace, new Words(trace), (start, end, cpu) => this.goTo(k, start, end, cpu), (id) => this.find(id, k, true)));
    for (const [id, name, makeTable] of [
      ["wakes", "Worst wake-ups", (s) => s.wakes()], ["locks", "Locks", (s) => s.locks()], ["calls", "System calls", (s) => s.calls()],
      ["messages", "Messages", (s) => s.messages()], ["threads", "Threads", (s) => s.threads()],
    ]) {
      this.at("tables").append(make("section", { id, "aria-label": name }, this.sides(...sides.map(makeTable))));
    }
  }

  drawParts() {
    const parts = [["timeline-part", "Timeline"], ["latency-part", "Latencies"], ["wakes", "Wake-ups"], ["locks", "Locks"], ["calls", "Calls"], ["messages", "Messages"], ["threads", "Threads"]];
    this.at("parts").append(...parts.map(([id, name]) => make("a", { href: `#${id}` }, name)));
  }

  // A place in a timeline: the run that ends a wait from `start` to `end`.
  async goTo(side, start, end, cpu) {
    const span = Math.max((end - start) * 3, 20000);
    this.view.show((start + end - span) / 2, (start + end + span) / 2);
    this.at("timeline-part").scrollIntoView({ block: "start" });
    await this.timelines[side].choose(cpu, end + 1);
  }

  // --- search ---------------------------------------------------------------------------------------

  find(id, side = 0, show = false) {
    this.found = id;
    this.side = side;
    for (const button of this.at("legend").children) {
      button.setAttribute("aria-pressed", `${Number(button.dataset.id) === id && Number(button.dataset.side) === side}`);
    }
    this.view.draw();
    if (show) this.at("timeline-part").scrollIntoView({ block: "start" });
  }

  matches(text) {
    const wanted = text.trim().toLowerCase();
    if (!wanted) return [];
    const found = [];
    this.traces.forEach((trace, side) => trace.threads.name.forEach((name, id) => {
      if (found.length < 50 && name.toLowerCase().includes(wanted)) found.push({ side, id, name });
    }));
    return found;
  }

  drawMatches() {
    const [list, input] = [this.at("matches"), this.at("search")];
    const found = this.matches(input.value);
    list.replaceChildren(...found.map((match, k) => make("li", { role: "option", id: `match-${k}`, "aria-selected": `${k === this.chosen}`,
      onmousedown: (event) => { event.preventDefault(); this.take(match); } },
      swatch(this.traces[match.side].colours[match.id]), make("span", {}, match.name), make("span", {}, duration(this.traces[match.side].threads.cpu_ns[match.id]) + (this.two ? ` (${"AB"[match.side] ?? match.side})` : "")))));
    list.hidden = !found.length;
    input.setAttribute("aria-expanded", `${!list.hidden}`);
    if (found.length) input.setAttribute("aria-activedescendant", `match-${this.chosen}`);
    return found;
  }

  async take({ id, side }) {
    this.at("matches").hidden = true;
    this.at("search").setAttribute("aria-expanded", "false");
    this.find(id, side);
    this.active = side;
    this.timelines[side].canvas.focus();
    await this.nextOfThread(1, this.view.start - 1);
  }

  async nextOfThread(step, from) {
    if (this.found < 0) return;
    const timeline = this.timelines[this.side];
    const selected = timeline.selected;
    let time = from ?? (this.view.start + this.view.end) / 2;
    if (from === undefined && selected) time = (await timeline.runs.get(selected.cpu, selected.k)).start[selected.run];
    const next = await timeline.runs.ofThread(this.found, time, step);
    if (next) await timeline.reveal(next);
    else this.say("detail", `No run of ${timeline.words.thread(this.found)} ${step > 0 ? "after" : "before"} ${moment(time)}`);
  }

  // --- keys and buttons -----------------------------------------------------------------------------

  listen() {
    const timeline = () => this.timelines[this.active];
    this.keys = [
      ["+ −", "zoom in and out", { "+": () => this.view.zoom(0.5), "=": () => this.view.zoom(0.5), "-": () => this.view.zoom(2) }],
      ["← →", "move", { ArrowLeft: () => this.view.pan(-0.25), ArrowRight: () => this.view.pan(0.25) }],
      ["0", "the whole trace", { 0: () => this.view.all() }],
      ["[ ]", "the run before, after", { "[": () => timeline().step(-1), "]": () => timeline().step(1) }],
      ["↑ ↓", "the CPU above, below", { ArrowUp: () => timeline().stepCpu(-1), ArrowDown: () => timeline().stepCpu(1) }],
      ["Enter", "zoom to the chosen run", { Enter: () => timeline().selected && timeline().reveal(timeline().selected, true) }],
      ["/", "find a thread", { "/": () => this.at("search").focus() }],
      ["n p", "its next run, the one before", { n: () => this.nextOfThread(1), p: () => this.nextOfThread(-1) }],
      ["Esc", "show all threads again", { Escape: () => { this.find(-1); this.at("search").value = ""; } }],
      ["c", "copy the command that replays this", { c: () => document.querySelectorAll(".replay button")[this.active].click() }],
      ["t", "light or dark", { t: () => this.turnTheme() }],
      ["?", "these keys", { "?": () => this.at("help").showModal() }],
    ];
    this.at("keys").append(...this.keys.flatMap(([name, what]) => [make("dt", {}, name), make("dd", {}, what)]));
    const acts = Object.assign({}, ...this.keys.map(([, , map]) => map));
    document.addEventListener("keydown", (event) => this.key(event, acts));
    this.at("zoom-in").onclick = () => this.view.zoom(0.5);
    this.at("zoom-out").onclick = () => this.view.zoom(2);
    this.at("zoom-all").onclick = () => this.view.all();
    this.at("theme").onclick = () => this.turnTheme();
    this.at("help-button").onclick = () => this.at("help").showModal();
    this.listenToSearch();
    const redraw = () => { themeColours.clear(); this.view.draw(); };
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
    addEventListener("resize", redraw);
  }

  key(event, acts) {
    const target = event.target;
    if (event.ctrlKey || event.metaKey || event.altKey || target.matches("input, textarea, dialog *")) return;
    const onTimeline = target.matches(".runs, body");
    if (event.key.startsWith("Arrow") && !onTimeline) return;
    if (event.key === "Enter" && !onTimeline) return;
    if (event.key.startsWith("Arrow") && event.key.match(/Up|Down/) && !target.matches(".runs")) return;
    if (!(event.key in acts)) return;
    event.preventDefault();
    acts[event.key]();
  }

  listenToSearch() {
    const input = this.at("search");
    this.chosen = 0;
    input.addEventListener("input", () => { this.chosen = 0; this.drawMatches(); });
    input.addEventListener("blur", () => { this.at("matches").hidden = true; });
    input.addEventListener("keydown", (event) => {
      const found = this.matches(input.value);
      if (event.key === "ArrowDown") this.chosen = Math.min(this.chosen + 1, found.length - 1);
      else if (event.key === "ArrowUp") this.chosen = Math.max(this.chosen - 1, 0);
      else if (event.key === "Enter" && found.length) return this.take(found[this.chosen]);
      else if (event.key === "Escape") { input.value = ""; this.find(-1); this.timelines[this.active].canvas.focus(); }
      else return;
      event.preventDefault();
      this.drawMatches();
    });
  }

  turnTheme() {
    const root = document.documentElement;
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
    themeColours.clear();
    this.view.draw();
  }
}

window.page = new Page(JSON.parse(document.getElementById("report").textContent));
