// Times, names and reasons in words. What guests have named reaches the page as text of nodes only, never as markup.

function duration(ns) {
  if (ns === null || ns === undefined) return "";
  const [value, unit] = ns >= 1e9 ? [ns / 1e9, "s"] : ns >= 1e6 ? [ns / 1e6, "ms"] : ns >= 1e3 ? [ns / 1e3, "µs"] : [ns, "ns"];
  return `${+value.toPrecision(value >= 1000 ? 4 : 3)} ${unit}`;
}

// A time since the start of the trace, to the digit that a step of `step` ns shows.
function moment(ns, step = 1000) {
  if (step >= 1e8) return `${+(ns / 1e9).toFixed(1)} s`;
  const digits = Math.max(0, Math.min(6, Math.ceil(6 - Math.log10(Math.max(step, 1)))));
  return `${(ns / 1e6).toFixed(digits)} ms`;
}

function count(n) {
  return Math.round(n).toLocaleString("en");
}

function compact(n) {
  return n.toLocaleString("en", { notation: "compact" });
}

function share(part, whole) {
  return whole > 0 ? `${(100 * part / whole).toPrecision(2)} %` : "0 %";
}

// The names in a trace's tables, as ends of sentences.
const SAYINGS = {
  place: {
    chosen: "the policy chose this queue", stays: "it stays where it was", forced: "the policy’s choice may not run it",
    calmest: "the calmest CPU of its pool", global: "one queue for all CPUs",
  },
  preempt_why: {
    slice: "its time slice was over", tick: "the policy’s tick", woken: "the policy prefers a thread that woke",
    importance: "a thread became more important", may_not_stay: "it may not stay on this CPU",
  },
  migrate_why: {
    balance: "the policy’s balance", affinity: "its affinity changed", cpu_leaves: "its CPU leaves",
    exclusive: "a CPU became exclusive", global: "to the one queue for all CPUs",
  },
  wake_cause: {
    timer: "a time-out", signal: "a signal", server: "the server", supervisor: "the supervisor", kernel: "the kernel",
    resume: "the end of a suspension", handed: "who handed its CPU over", claimed: "somebody whose event was lost",
  },
};

class Words {
  constructor(trace) {
    this.trace = trace;
  }

  thread(id) {
    return id >= 0 ? this.trace.threads.name[id] : "nobody";
  }

  actor(actor) {
    return this.trace.tables.actor[actor] || `CPU ${actor}`;
  }

  queue(queue) {
    const name = this.trace.tables.queue[queue];
    return name ? `the ${name} queue` : `the queue of CPU ${queue}`;
  }

  named(table, number) {
    return (this.trace.tables[table] || {})[number] ?? "";
  }

  saying(table, number) {
    const name = this.named(table, number);
    return SAYINGS[table][name] || name;
  }

  call(number) {
    const name = this.named("call", number);
    return name && name !== "none" ? name : "";
  }

  // What a thread sleeps on: "futex 0x1234 (call futex)".
  object(reason, object, call) {
    const low = reason & 0x7f;
    const name = this.named("reason", reason) || this.named("reason", low) || "an unknown reason";
    const where = object ? ` ${name.startsWith("futex") ? "0x" + object.toString(16) : object}` : "";
    const by = this.call(call);
    return `${name}${where}${by ? ` in ${by}()` : ""}`;
  }

  // All that is known of run k of a tile, in lines.
  run(tile, k, cpu, start) {
    const of = (name) => tile[name][k];
    const lines = [`${this.thread(of("thread") - 1)} ran on CPU ${cpu} for ${duration(of("ns"))} from ${moment(start)}`];
    lines.push(...this.before(of), this.after(of));
    if (of("host")) lines.push(`Host stall: the host did not run this CPU for ${duration(of("host"))} of this run`);
    return lines;
  }

  before(of) {
    const lines = [];
    const act = this.trace.acts[of("act")];
    const where = of("actor") ? ` on ${this.actor(of("actor") - 1)}` : "";
    if (act === "wake") {
      const cause = this.saying("wake_cause", of("cause"));
      const who = of("waker") ? `by ${this.thread(of("waker") - 1)}` : cause ? `by ${cause}` : "";
      const call = this.call(of("waker_call"));
      const slept = of("slept") ? ` after ${duration(of("slept"))} asleep on ${this.object(of("reason"), of("object"), of("call"))}` : "";
      lines.push(`Woken ${who}${where}${call ? ` in ${call}()` : ""}${slept}`);
    } else if (act === "spawn") {
      lines.push(`Created${of("waker") ? ` by ${this.thread(of("waker") - 1)}` : ""}${where}`);
    } else if (act) {
      lines.push(`${act === "preempt" ? "Preempted" : "Yielded"} before${where}`);
    }
    const place = (act === "wake" || act === "spawn") && this.saying("place", of("place"));
    if (place) lines.push(`Put there: ${place}`);
    const host = of("wait_host") ? `, of which the host took ${duration(of("wait_host"))}` : "";
    if (of("queue")) lines.push(`Run delay ${duration(of("wait"))} in ${this.queue(of("queue") - 1)}${host}`);
    if (of("moved_from")) {
      const why = this.saying("migrate_why", of("moved_why"));
      const by = of("moved_by") ? `, by ${this.thread(of("moved_by") - 1)}` : "";
      lines.push(`Migrated from ${this.queue(of("moved_from") - 1)} ${duration(of("moved_ago"))} before it ran${why ? `: ${why}` : ""}${by}`);
    }
    if (of("stolen")) lines.push(`Stolen: this CPU took it from ${this.queue(of("queue") - 1)}`);
    return lines;
  }

  after(of) {
    const how = this.trace.endings[of("how")];
    if (how === "preempt") {
      const why = this.saying("preempt_why", of("why"));
      const by = of("by") ? ` by ${this.thread(of("by") - 1)}` : "";
      const slice = of("slice") ? ` (its slice was ${duration(of("slice"))})` : "";
      return `Preempted${by}${why ? `: ${why}` : ""}${slice}`;
    }
    if (how === "yield") return `Yielded the CPU${this.call(of("end_call")) ? ` in ${this.call(of("end_call"))}()` : ""}`;
    if (how === "block") return `Went to sleep on ${this.object(of("end_reason"), of("end_object"), of("end_call"))}`;
    return how === "exit" ? "Exited" : "Still ran when the trace ended, or its end was lost";
  }
}
