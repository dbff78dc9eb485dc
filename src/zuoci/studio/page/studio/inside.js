// Look inside: what the model expected at each place of a text, and what its units did there.

import { events, model, post } from "./api.js";
import { by, button, element, recall, remember, say } from "../shared/dom.js";
import { Pace } from "./pace.js";
import { StatePicture } from "./state.js";

const MEMORY = "zuoci inside";
const LOUD = 8; // nats from which on a colour grows no deeper
const LENGTH = 120; // characters to watch
const READABLE = 40; // milliseconds a character
const APART = 12; // pixels between the middles of two lines, at least
const PAUSE = 400; // milliseconds without a change before a text is read

export class Inside {
  constructor(studio) {
    this.studio = studio;
    this.found = null; // the last inspection, with `states` as bytes
    this.place = -1;
    this.unit = -1; // -1: colours show surprise
    this.running = null;
    this.note = null;
    this.picture = new StatePicture(by("state-picture"), (unit) => this.#choose(unit));
    by("source").maxLength = studio.session.limits.text;
    by("source").value = recall(MEMORY).text ?? "";
    by("source-box").hidden = true;
    by("source").addEventListener("input", () => {
      clearTimeout(this.waiting);
      this.waiting = setTimeout(() => this.read(), PAUSE);
    });
    by("fetch").addEventListener("click", () => this.#take(studio.places.write.text));
    by("edit-text").addEventListener("click", () => this.#edit(by("source-box").hidden));
    by("watch").addEventListener("click", () => this.watch());
    by("unwatch").addEventListener("click", () => this.stop());
    by("unit").addEventListener("input", () => this.#choose(by("unit").value === "" ? -1 : Number(by("unit").value)));
    by("reading").addEventListener("keydown", (event) => this.#key(event));
    by("reading").addEventListener("pointerover", (event) => this.#point(event));
    by("reading").addEventListener("click", (event) => this.#point(event));
  }

  show() {
    if (!by("source").value) by("source").value = this.studio.places.write.text;
    if (!this.found) this.read();
  }

  speak() {
    if (this.found) this.#render();
    this.#state();
  }

  changeModel() {
    this.found = null;
    this.stop();
    if (!by("inside-place").hidden) this.read();
  }

  #take(text) {
    by("source").value = text;
    this.read();
  }

  #edit(open) {
    by("source-box").hidden = !open;
    by("edit-text").setAttribute("aria-expanded", String(open));
    if (open) by("source").focus();
  }

  /** Reads the text with the model. */
  async read() {
    const text = by("source").value;
    remember(MEMORY, { text });
    if (!text.trim()) {
      this.found = null;
      this.#edit(true);
      this.#render();
      return;
    }
    try {
      const found = await post(`${model(this.studio.model)}/inspect`, { text });
      if (text !== by("source").value) return;
      this.found = { ...found, states: signed(found.states) };
      this.note = (t) => t.inspected({ count: found.characters.length, nll: found.nll, perplexity: found.perplexity });
      this.place = -1;
      if (this.unit >= found.hidden_size) this.unit = -1;
    } catch (error) {
      this.found = null;
      this.note = this.studio.tell(error);
    }
    this.#render();
  }

  /** Lets the model write, then shows each character with the state that it left, one after the other. */
  async watch() {
    this.stop();
    const run = (this.running = new AbortController());
    const opening = by("opening").value;
    const { temperature, min_p, top_p, top_k, max_copy } = this.studio.places.write.options.values();
    this.note = (t) => t.writing;
    this.#edit(false);
    this.#state();
    try {
      let text = "";
      const body = { opening, length: LENGTH, temperature, min_p, top_p, top_k, max_copy };
      for await (const { event, data } of events("POST", `${model(this.studio.model)}/write`, body, run.signal)) {
        if (event === "begin") text = data.opening;
        if (event === "piece") text += data.text;
      }
      by("source").value = text.trim();
      await this.read();
      if (this.running === run && this.found) await this.#play();
    } catch (error) {
      if (error.name !== "AbortError") this.note = this.studio.tell(error);
    }
    if (this.running !== run) return;
    this.running = null;
    this.#state();
  }

  async #play() {
    const nodes = [...by("reading").querySelectorAll(".char")];
    const size = this.found.hidden_size;
    for (const node of nodes) node.classList.add("unwritten");
    this.pace = new Pace(
      (places) => {
        for (const i of places) nodes[i].classList.remove("unwritten");
        const last = places.at(-1);
        this.picture.draw(this.found.states.subarray(last * size, (last + 1) * size), this.unit);
      },
      { every: READABLE, behind: Infinity },
    );
    this.pace.push(...nodes.keys());
    await this.pace.done();
    for (const node of nodes) node.classList.remove("unwritten");
  }

  stop() {
    this.running?.abort();
    this.pace?.stop();
  }

  #state() {
    by("watch").hidden = this.running !== null;
    by("unwatch").hidden = this.running === null;
    by("scale").hidden = !this.found;
    const t = this.studio.words();
    say(
      by("inside-status"),
      this.note ? this.note(t) + (this.found?.unknown ? ` · ${t.unknown(this.found.unknown)}` : "") : "",
    );
  }

  // The text

  #render() {
    const t = this.studio.words();
    const list = by("reading");
    if (!this.found) {
      list.replaceChildren(element("span", { className: "blank", textContent: t.insideBlank }));
      list.removeAttribute("aria-activedescendant");
    } else {
      list.replaceChildren(
        ...this.found.characters.flatMap(({ char, nll }, i) => {
          const node = element("span", { id: `char-${i}`, className: "char", textContent: char === "\n" ? "↵" : char });
          node.dataset.place = i;
          node.setAttribute("role", "option");
          node.setAttribute("aria-selected", "false");
          node.setAttribute("aria-label", `${this.#name(char)}, ${t.nats(nll)}`);
          return char === "\n" ? [node, element("br")] : [node];
        }),
      );
    }
    this.#colour();
    this.#units();
    this.#here();
    this.#state();
  }

  #colour() {
    const nodes = by("reading").querySelectorAll(".char");
    for (const [i, node] of nodes.entries()) {
      const value = this.unit < 0 ? this.found.characters[i].nll / LOUD : this.#value(i, this.unit);
      node.classList.toggle("below", value < 0);
      node.style.setProperty("--heat", `${Math.round(Math.min(Math.abs(value), 1) * 72)}%`);
    }
    const t = this.studio.words();
    const ends = this.unit < 0 ? ["0", `${LOUD}`] : ["−1", "1"];
    const bar = element("span", { className: this.unit < 0 ? "bar" : "bar both" });
    const name = this.unit < 0 ? t.scaleSurprise : `${t.unit} ${this.unit}`;
    by("scale").replaceChildren(
      element("span", { textContent: ends[0] }),
      bar,
      element("span", { textContent: `${ends[1]}　${name}` }),
    );
    by("unit").value = this.unit < 0 ? "" : this.unit;
    if (this.found) by("unit").max = this.found.hidden_size - 1;
  }

  #value(i, unit) {
    return this.found.states[i * this.found.hidden_size + unit] / 127;
  }

  #name(char) {
    const t = this.studio.words();
    return { "\n": t.newlineName, " ": t.spaceName }[char] ?? char;
  }

  #point({ target }) {
    if (target.dataset.place !== undefined) this.#go(Number(target.dataset.place));
  }

  #key(event) {
    if (!this.found) return;
    const last = this.found.characters.length - 1;
    const line = (step) => this.#beside(Math.max(this.place, 0), step);
    const to = {
      ArrowRight: () => this.place + 1,
      ArrowLeft: () => this.place - 1,
      ArrowDown: () => line(1),
      ArrowUp: () => line(-1),
      Home: () => 0,
      End: () => last,
    }[event.key];
    if (!to) return;
    event.preventDefault();
    this.#go(Math.min(Math.max(to(), 0), last));
  }

  /** The place above or below one, in the line before or after its own. */
  #beside(place, step) {
    const boxes = [...by("reading").querySelectorAll(".char")].map((node) => node.getBoundingClientRect());
    const middle = ({ top, bottom }) => (top + bottom) / 2;
    const here = middle(boxes[place]);
    const further = boxes
      .filter((box) => (middle(box) - here) * step > APART)
      .map((box) => Math.abs(middle(box) - here));
    const near = Math.min(...further);
    const sides = boxes.map((box, i) => ({ i, away: Math.abs(box.left - boxes[place].left), box }));
    const row = sides.filter(({ box }) => Math.abs((middle(box) - here) * step - near) < APART);
    return row.reduce((best, one) => (one.away < best.away ? one : best), { i: place, away: Infinity }).i;
  }

  #go(place) {
    if (!this.found || this.running) return;
    by(`char-${this.place}`)?.setAttribute("aria-selected", "false");
    this.place = place;
    by(`char-${place}`).setAttribute("aria-selected", "true");
    by("reading").setAttribute("aria-activedescendant", `char-${place}`);
    this.#here();
  }

  #here() {
    const t = this.studio.words();
    if (!this.found || this.place < 0) {
      by("here").replaceChildren(element("p", { className: "help", textContent: t.hereNone }));
      return;
    }
    const { char, nll, likeliest } = this.found.characters[this.place];
    const size = this.found.hidden_size;
    const state = this.found.states.subarray(this.place * size, (this.place + 1) * size);
    const rows = likeliest.map(([other, chance]) => {
      const bar = element("span", { className: "chance" });
      bar.style.width = `${Math.max(chance * 100, 0.5)}%`;
      const name = element("b", {
        textContent: other === "\n" ? "↵" : other === " " ? "␣" : other,
        title: this.#name(other),
      });
      return element(
        "li",
        { className: other === char ? "came" : "" },
        name,
        element("span", { className: "track" }, bar),
        element("span", { textContent: t.chance(chance) }),
      );
    });
    const unit =
      this.unit < 0
        ? []
        : [
            element("p", {
              className: "help",
              textContent: t.unitValue(this.unit, this.#value(this.place, this.unit)),
            }),
          ];
    by("here").replaceChildren(
      element(
        "p",
        { className: "this" },
        element("b", { textContent: this.#name(char) }),
        ` ${t.surprise(nll, t.chance(Math.exp(-nll)))}`,
      ),
      element("ol", { className: "likeliest" }, ...rows),
      ...unit,
    );
    this.picture.draw(state, this.unit);
  }

  // The units

  #units() {
    const t = this.studio.words();
    const groups = this.found ? Object.entries(this.found.units).filter(([, units]) => units.length) : [];
    const chip = (name, unit) => {
      const node = button(name, () => this.#choose(unit), "chip");
      node.setAttribute("aria-pressed", String(unit === this.unit));
      node.dataset.unit = unit;
      return node;
    };
    const rows = groups.map(([name, units]) =>
      element(
        "div",
        { className: "group" },
        element("span", { className: "small", textContent: t.follows[name] ?? name }),
        ...units
          .slice(0, 4)
          .map(({ unit, correlation }) => chip(`${unit} · ${correlation.toFixed(2).replace("-", "−")}`, unit)),
      ),
    );
    const none = element("p", { className: "help", textContent: t.followsNone });
    by("found").replaceChildren(chip(t.bySurprise, -1), ...(rows.length ? rows : [none]));
  }

  #choose(unit) {
    if (!this.found || !Number.isInteger(unit) || unit >= this.found.hidden_size) return;
    this.unit = Math.max(unit, -1);
    this.#colour();
    for (const node of by("found").querySelectorAll(".chip")) {
      node.setAttribute("aria-pressed", String(Number(node.dataset.unit) === this.unit));
    }
    this.#here();
  }
}

function signed(base64) {
  return Int8Array.from(atob(base64), (char) => (char.charCodeAt(0) << 24) >> 24);
}
