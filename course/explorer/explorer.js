// The explorer in the browser: shows one step of a trace in a drawing made by Python. The same file serves the widget
// (render, called by anywidget) and a page without Python (startPages).

const ARROWS = {
  first: "M2 2h2v12H2zM14 2v12L5 8z",
  last: "M12 2h2v12h-2zM2 2v12l9-6z",
};
const BUTTONS = [
  ["first", "First (Home)"],
  ["back", "Back", "One step back (←)"],
  ["step", "Step", "One step (→)"],
  ["forward", "Forward pass", "To the end of the forward pass"],
  ["last", "Last (End)"],
  ["play", "Play", "Play (Space)"],
];
const PAUSE = 1100; // milliseconds between steps while playing: time to read one sentence

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

function makeButton([action, label, hint]) {
  const button = element("button", { type: "button", "data-action": action, "data-lm-suppress-shortcuts": "true" });
  button.title = hint ?? label;
  if (ARROWS[action]) {
    button.setAttribute("aria-label", label);
    button.innerHTML = `<svg viewBox="0 0 16 16" aria-hidden="true"><path d="${ARROWS[action]}"/></svg>`;
  } else button.textContent = label;
  return button;
}

// Everything inside one explorer. Nothing is looked up outside `root`, so that any number of them share a page.
export class Player {
  constructor(root) {
    this.root = root;
    this.step = 0;
    this.timer = null;
    root.classList.add("ml-explorer");
    for (const [name, value] of Object.entries({ tabindex: "0", role: "group", "data-lm-suppress-shortcuts": "true" }))
      root.setAttribute(name, value);
    root.setAttribute("aria-label", "Computational graph explorer");
    this.bar = element("div", { class: "ml-bar" }, ...BUTTONS.map(makeButton));
    this.counter = element("span", { class: "ml-counter" });
    const legend = element("span", { class: "ml-legend" });
    legend.innerHTML = "<b>value above</b> · <i>gradient below</i>";
    this.bar.append(this.counter, legend);
    this.stage = element("div", { class: "ml-stage" });
    this.sentence = element("p", { class: "ml-sentence", "aria-live": "polite" });
    root.replaceChildren(this.bar, this.sentence, this.stage);
    this.bar.addEventListener("click", (event) => this.act(event.target.closest("button")?.dataset.action));
    root.addEventListener("keydown", (event) => this.onKey(event));
  }

  draw(svg) {
    if (typeof svg === "string") this.stage.innerHTML = svg; // Python escaped every name in it
    else this.stage.replaceChildren(svg);
    this.keyed = new Map([...this.stage.querySelectorAll("[data-key]")].map((found) => [found.dataset.key, found]));
    this.marked = [...this.stage.querySelectorAll("[data-node], [data-edge], [data-stem]")];
  }

  load(trace) {
    this.trace = trace;
    this.lastForward = trace.events.filter((event) => event.phase === "forward").length;
    this.go(this.step);
  }

  act(action) {
    if (!action) return;
    if (action === "play") return this.timer ? this.stop() : this.play();
    this.stop();
    const last = this.trace.events.length;
    this.go({ first: 0, back: this.step - 1, step: this.step + 1, forward: this.lastForward, last }[action]);
  }

  play() {
    if (this.step === this.trace.events.length) this.go(0);
    this.timer = setInterval(() => {
      this.go(this.step + 1);
      if (this.step === this.trace.events.length) this.stop();
    }, PAUSE);
    this.button("play").textContent = "Pause";
  }

  stop() {
    clearInterval(this.timer);
    this.timer = null;
    this.button("play").textContent = "Play";
  }

  button(action) {
    return this.bar.querySelector(`[data-action="${action}"]`);
  }

  onKey(event) {
    const action = { ArrowLeft: "back", ArrowRight: "step", Home: "first", End: "last", " ": "play" }[event.key];
    const onSlider = event.target.matches("input"); // there the arrows move the slider
    const onButton = event.key === " " && event.target.matches("button"); // there Space presses the button
    if (!action || onSlider || onButton || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    this.act(action);
  }

  go(step) {
    const { events, start } = this.trace;
    this.step = Math.max(0, Math.min(events.length, step));
    const now = this.step ? events[this.step - 1] : start;
    const shown = new Map(start.shows);
    for (const event of events.slice(0, this.step)) for (const [key, array] of event.shows) shown.set(key, array);
    const fresh = new Set(now.shows.map(([key]) => key));
    for (const [key, found] of this.keyed) {
      found.classList.toggle("ml-hidden", !shown.has(key));
      found.classList.toggle("ml-now", now.phase !== "start" && (fresh.has(key) || key === `local:${now.node}:${now.position}`));
      if (key.startsWith("local:")) found.classList.toggle("ml-hidden", key !== `local:${now.node}:${now.position}`);
      if (shown.has(key)) write(found, shown.get(key));
    }
    this.light(now);
    this.sentence.textContent = now.sentence;
    const phase = now.phase === "start" ? "" : ` · ${now.phase}`;
    this.counter.textContent = `Step ${this.step} of ${events.length}${phase}`;
    this.disable(["first", "back"], this.step === 0);
    this.disable(["step", "last"], this.step === events.length);
  }

  disable(actions, disabled) {
    for (const button of actions.map((action) => this.button(action))) {
      // A disabled button loses the focus, and the keyboard with it: the explorer takes it over.
      if (disabled && button === document.activeElement) this.root.focus({ preventScroll: true });
      button.disabled = disabled;
    }
  }

  light(now) {
    this.root.classList.toggle("ml-phase-forward", now.phase === "forward");
    this.root.classList.toggle("ml-phase-backward", now.phase === "backward");
    const node = this.trace.nodes.find(({ id }) => id === now.node);
    const positions = now.position === null ? (node?.reads ?? []).map((_, index) => index) : [now.position];
    const isSeed = now.phase === "backward" && now.position === null;
    const edges = new Set(isSeed || !node ? [] : positions.map((position) => `${now.node}:${position}`));
    const lit = new Set(now.phase === "start" ? [] : now.shows.map(([key]) => key.replace(/^(value|grad):/, "")));
    if (now.phase === "forward") for (const { source } of node.reads) lit.add(source);
    for (const found of this.marked) {
      const { node: id, edge, stem } = found.dataset;
      found.classList.toggle("ml-active", edge !== undefined ? edges.has(edge) : stem !== undefined ? lit.has(stem) : id === now.node);
    }
  }

  dispose() {
    clearInterval(this.timer);
  }
}

// Puts an array's numbers into its label: one number, or the cells of a heat map and its caption.
function write(label, array) {
  const text = label.querySelector("[data-exact]:is(text, tspan)") ?? label.querySelector("text.ml-caption");
  if (text) {
    text.textContent = array.text;
    text.classList.toggle("ml-broken", array.broken);
  }
  if (text?.dataset.exact !== undefined) text.dataset.exact = String(array.numbers[0]);
  const title = label.querySelector("title");
  if (title) title.textContent = title.textContent.replace(/(= |: )[^=:]*$/, `$1${array.shape.length ? array.text : array.numbers[0]}`);
  label.querySelectorAll(".ml-cell").forEach((cell, index) => {
    const number = array.numbers[index];
    const broken = typeof number === "string";
    cell.dataset.exact = String(number);
    cell.setAttribute("class", `ml-cell ${broken ? "ml-bad" : number < 0 ? "ml-minus" : "ml-plus"}`);
    cell.querySelector("rect").setAttribute("fill-opacity", broken ? 1 : array.largest ? (0.6 * Math.abs(number)) / array.largest : 0);
    cell.querySelector("text").textContent = array.cells[index];
  });
}

// Sliders ask Python for new numbers, one request at a time: the newest wish waits until the answer is there.
class Sliders {
  constructor(model, root) {
    this.model = model;
    this.box = root.appendChild(element("div", { class: "ml-sliders" }));
    this.waiting = null;
    this.sent = 0;
  }

  draw() {
    this.box.replaceChildren(
      ...this.model.get("picture").sliders.map(({ name, label, low, high, step }) => {
        const input = element("input", {
          type: "range", min: low, max: high, step, "data-input": name, "aria-label": label, "data-lm-suppress-shortcuts": "true",
        });
        input.addEventListener("input", () => this.ask({ ...this.waiting, [name]: Number(input.value) }));
        return element("label", {}, element("i", {}, label), input, element("output"));
      }),
    );
  }

  ask(wish) {
    this.waiting = wish;
    if (this.sent && Date.now() - this.sent < 2000) return; // after two silent seconds Python is asked again
    this.sent = Date.now();
    this.model.set("wish", { inputs: wish, time: this.sent });
    this.model.save_changes();
    this.waiting = null;
  }

  answered(trace) {
    this.sent = 0;
    for (const input of this.box.querySelectorAll("input")) {
      const { value } = trace.values[input.dataset.input];
      if (!this.waiting) input.value = value.numbers[0];
      input.nextSibling.textContent = value.text;
    }
    if (this.waiting) this.ask(this.waiting);
  }
}

function render({ model, el }) {
  const root = el.appendChild(element("div"));
  const player = new Player(root);
  const sliders = new Sliders(model, root);
  const redraw = () => { player.draw(model.get("picture").svg); sliders.draw(); };
  const reload = () => { player.load(model.get("trace")); sliders.answered(model.get("trace")); };
  const repaint = () => { redraw(); reload(); };
  repaint();
  model.on("change:picture", repaint);
  model.on("change:trace", reload);
  return () => {
    model.off("change:picture", repaint);
    model.off("change:trace", reload);
    player.dispose();
  };
}

export function startPages() {
  for (const root of document.querySelectorAll(".ml-explorer[data-waiting]")) {
    root.removeAttribute("data-waiting");
    const trace = JSON.parse(root.querySelector("script").textContent);
    const [drawing, note] = [root.querySelector("svg"), root.querySelector(".ml-note")];
    const player = new Player(root);
    player.draw(drawing);
    player.load(trace);
    if (note) root.append(note);
  }
}

export default { render };
