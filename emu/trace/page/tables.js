// Tables: worst wake-ups, locks, system calls, messages, threads. A column is [title, cell of a row, class].

const MOST_ROWS = 100;

function table(title, say, rows, columns, empty) {
  const card = make("div", { class: "card" }, make("h3", {}, title), say && make("p", { class: "say" }, say));
  if (!rows.length) {
    card.append(make("p", { class: "say" }, empty));
    return card;
  }
  const head = make("tr", {}, ...columns.map(([name, , kind]) => make("th", { scope: "col", class: kind }, name)));
  const body = rows.slice(0, MOST_ROWS).map((row) =>
    make("tr", {}, ...columns.map(([, cell, kind]) => make("td", { class: kind }, cell(row)))));
  card.append(make("div", { class: "table", tabindex: 0, role: "region", "aria-label": title },
    make("table", {}, make("thead", {}, head), make("tbody", {}, ...body))));
  if (rows.length > MOST_ROWS) card.append(make("p", { class: "say" }, `and ${count(rows.length - MOST_ROWS)} more`));
  return card;
}

class Tables {
  constructor(trace, words, goTo, find) {
    Object.assign(this, { trace, words, goTo, find });
  }

  thread(id) {
    if (id < 0) return "nobody";
    return make("span", { style: "display:inline-flex;gap:6px;align-items:center" }, swatch(this.trace.colours[id]), this.words.thread(id));
  }

  time(start, end, cpu) {
    return make("button", { type: "button", onclick: () => this.goTo(start, end, cpu) }, moment(start, 1000));
  }

  wakes() {
    return table("Worst wake-ups", "From wake-up to run, without the host’s part. A time leads to its place above.",
      this.trace.worst, [
        ["at", (r) => this.time(r.start, r.end, r.cpu)],
        ["thread", (r) => this.thread(r.thread)],
        ["CPU", (r) => `${r.cpu}`, "n"],
        ["run delay", (r) => duration(r.end - r.start - r.host_ns), "n"],
        ["host", (r) => (r.host_ns ? duration(r.host_ns) : ""), "n"],
        ["woken by", (r) => this.wokenBy(r), "wide"],
      ], "No thread was woken and ran in this trace.");
  }

  wokenBy(row) {
    const who = row.waker >= 0 ? this.words.thread(row.waker) : this.words.saying("wake_cause", row.cause);
    return `${who} on ${this.words.actor(row.actor)}`.trim();
  }

  address(row) {
    const where = row.object ? `futex 0x${row.object.toString(16)}` : "futexes";
    return row.task >= 0 ? `${where} of task ${row.task}` : where;
  }

  locks() {
    const card = table("Contention by lock", "Sleeps on futexes. Who ended most of the waiting held the lock.",
      this.trace.locks, [
        ["lock", (r) => this.address(r)],
        ["sleeps", (r) => count(r.sleeps), "n"],
        ["threads", (r) => count(r.threads), "n"],
        ["slept in all", (r) => duration(r.total_ns), "n"],
        ["longest", (r) => duration(r.max_ns), "n"],
        ["woken by", (r) => r.wakers.map(([id, times, ns]) => `${this.words.thread(id)}: ${count(times)} × (${duration(ns)})`).join("; "), "wide"],
      ], "No thread slept on a futex in this trace.");
    const chains = this.trace.chains.filter((links) => links.length > 1);
    if (chains.length) {
      card.append(make("h3", { style: "margin-top:12px" }, "Who held whom up"), make("ol", { class: "chain" }, ...chains.map((links) => this.chain(links))));
    }
    return card;
  }

  chain(links) {
    const item = make("li", {}, this.time(links[0].start, links[0].end, 0), " ");
    links.forEach((link, k) => {
      item.append(`${this.words.thread(link.thread)} slept ${duration(link.end - link.start)} on ${this.address(link)}`);
      item.append(k + 1 < links.length ? "; meanwhile its waker " : `, woken by ${this.words.thread(link.waker)}`);
    });
    return item;
  }

  calls() {
    return table("System calls", "Times of calls that did not sleep, and of the sleeps in calls.", this.trace.calls, [
      ["call", (r) => this.words.call(r.call) || `${r.call}`],
      ["without sleep", (r) => count(r.count), "n"],
      ["time", (r) => duration(r.ns), "n"],
      ["longest", (r) => duration(r.max_ns), "n"],
      ["failed", (r) => (r.failed ? count(r.failed) : ""), "n"],
      ["sleeps", (r) => (r.slept ? count(r.slept) : ""), "n"],
      ["asleep", (r) => (r.slept ? duration(r.slept_ns) : ""), "n"],
      ["longest sleep", (r) => (r.slept ? duration(r.slept_max_ns) : ""), "n"],
    ], "This trace has no system calls: it was recorded by an older emu, or none was made.");
  }

  messages() {
    return table("Messages", "", this.trace.messages, [
      ["from", (r) => this.thread(r.from)],
      ["to", (r) => (r.to < -1 || r.to === -1 ? `port ${-r.to - 1}` : this.thread(r.to))],
      ["sent", (r) => count(r.count), "n"],
      ["bytes", (r) => count(r.bytes), "n"],
      ["received", (r) => (r.to >= 0 ? count(r.received) : ""), "n"],
    ], "No messages between threads in this trace.");
  }

  threads() {
    const t = this.trace.threads;
    const rows = t.name.map((name, id) => ({ name, id }));
    const whole = t.cpu_ns.reduce((sum, ns) => sum + ns, 0);
    return table("Threads", "CPU time and waits without the host’s part.", rows, [
      ["thread", (r) => make("span", { style: "display:inline-flex;gap:6px;align-items:center" }, swatch(this.trace.colours[r.id]),
        make("button", { type: "button", title: "Show this thread alone", onclick: () => this.find(r.id) }, r.name))],
      ["task", (r) => `${t.task[r.id] ?? ""}`, "n"],
      ["CPU time", (r) => `${duration(t.cpu_ns[r.id])}`, "n"],
      ["share", (r) => share(t.cpu_ns[r.id], whole), "n"],
      ["waited", (r) => duration(t.wait_ns[r.id]), "n"],
      ["slept", (r) => duration(t.sleep_ns[r.id]), "n"],
      ["runs", (r) => count(t.runs[r.id]), "n"],
      ["preempted", (r) => count(t.preempted[r.id]), "n"],
    ], "No threads in this trace.");
  }
}
