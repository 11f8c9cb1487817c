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
  ["fit", "Fit", "Show the whole graph, however small"],
];
const PAUSE = 1100; // milliseconds between steps while playing: time to read one sentence
const OWN_KEYS = { "data-lm-suppress-shortcuts": "true" };

function makeButton([action, label, hint]) {
  const button = element("button", { type: "button", "data-action": action, ...OWN_KEYS });
  button.title = hint ?? label;
  if (ARROWS[action]) {
    button.setAttribute("aria-label", label);
    button.innerHTML = `<svg viewBox="0 0 16 16" aria-hidden="true"><path d="${ARROWS[action]}"/></svg>`;
  } else button.textContent = label;
  return button;
}

// Everything inside one explorer. Nothing is looked up outside `root`, so that any number of them share a page.
// `folding(part)` asks for a part to be folded or unfolded; `canFold(part)` says whether that is possible here;
// `whole(key, step)` asks for all numbers of a tensor.
export class Player {
  constructor(root, { folding = () => {}, canFold = () => false, whole = () => {} } = {}) {
    Object.assign(this, { root, folding, canFold, whole, step: 0, timer: null });
    root.classList.add("ml-widget", "ml-explorer");
    for (const [name, value] of Object.entries({ tabindex: "0", role: "group", ...OWN_KEYS })) root.setAttribute(name, value);
    root.setAttribute("aria-label", "Computational graph explorer");
    this.bar = element("div", { class: "ml-bar" }, ...BUTTONS.map(makeButton));
    this.timeline = element("input", { type: "range", min: 0, step: 1, class: "ml-timeline", "aria-label": "Step", ...OWN_KEYS });
    this.counter = element("span", { class: "ml-counter" });
    const legend = element("span", { class: "ml-legend" });
    legend.innerHTML = "<b>value above</b> · <i>gradient below</i>";
    this.bar.append(this.timeline, this.counter, legend);
    this.parts = element("div", { class: "ml-parts" });
    this.stage = element("div", { class: "ml-stage" });
    this.sentence = element("p", { class: "ml-sentence", "aria-live": "polite" });
    root.replaceChildren(this.bar, this.sentence, this.stage, this.parts);
    this.bar.addEventListener("click", (event) => this.act(event.target.closest("button")?.dataset.action));
    this.timeline.addEventListener("input", () => { this.stop(); this.go(Number(this.timeline.value)); });
    this.parts.addEventListener("click", (event) => this.fold(event.target.closest("button")?.dataset.part));
    this.stage.addEventListener("click", (event) => this.press(event.target));
    this.stage.addEventListener("scroll", () => this.insertStrips() && this.show());
    root.addEventListener("keydown", (event) => this.onKey(event));
    this.watcher = new ResizeObserver(() => this.measure());
    this.watcher.observe(this.stage);
  }

  draw(svg, parts = [], strips = []) {
    if (typeof svg === "string") this.stage.innerHTML = svg; // Python escaped every name in it
    else this.stage.replaceChildren(svg);
    this.strips = strips.map((strip) => ({ ...strip, group: null }));
    Object.assign(this, { keyed: new Map(), marked: [], edges: new Map(), local: null });
    this.index(this.stage);
    this.parts.replaceChildren(...(parts.length ? [element("span", {}, "Parts:"), ...parts.map((part) => this.partButton(part))] : []));
  }

  index(drawing) {
    for (const found of drawing.querySelectorAll("[data-key]")) this.keyed.set(found.dataset.key, found);
    for (const found of drawing.querySelectorAll("[data-node], [data-edge], [data-stem]")) {
      this.marked.push(found);
      if (found.dataset.edge) this.edges.set(found.dataset.edge, found);
    }
    for (const found of drawing.querySelectorAll('[tabindex="0"]')) found.dataset.lmSuppressShortcuts = "true";
  }

  // Of a very wide drawing only the strips near the window are made, and the one where a node is that something happens at:
  // thousands of labels that nobody sees would hold up every picture. Says whether any came.
  insertStrips(node) {
    const missing = this.strips.filter(({ group }) => !group);
    if (!missing.length) return false;
    const svg = this.stage.querySelector("svg");
    const { x, width } = svg.viewBox.baseVal;
    const { left, width: wide } = svg.getBoundingClientRect();
    const [frame, pixel] = [this.stage.getBoundingClientRect(), width / (wide || width)];
    const from = x + (frame.left - left - frame.width / 2) * pixel;
    const to = x + (frame.right - left + frame.width / 2) * pixel;
    const wanted = missing.filter((strip) => (strip.left < to && strip.right > from) || strip.nodes.includes(node));
    for (const strip of wanted) {
      strip.group = drawn("g", {});
      strip.group.innerHTML = strip.svg;
      // In the drawing's order, which is the keyboard's, too.
      svg.insertBefore(strip.group, this.strips.slice(this.strips.indexOf(strip)).find(({ group }) => group?.parentNode)?.group ?? null);
      this.index(strip.group);
    }
    return wanted.length > 0;
  }

  partButton({ id, label, size, folded }) {
    const say = folded ? "Unfold" : "Fold";
    const button = element("button", { type: "button", "data-part": id, "aria-pressed": String(folded), ...OWN_KEYS });
    button.textContent = `${folded ? "+" : "−"} ${label}`;
    button.title = `${say} ${label} (${size} nodes)`;
    button.setAttribute("aria-label", button.title);
    button.disabled = !this.canFold(id);
    if (button.disabled) button.title += ": possible while the notebook runs";
    return button;
  }

  load(trace) {
    this.trace = JSON.parse(trace);
    this.lastForward = this.trace.events.filter((event) => event.phase === "forward").length;
    this.timeline.max = this.trace.events.length;
    this.go(this.step);
    this.measure();
  }

  act(action) {
    if (!action) return;
    if (action === "fit") return this.fit(!this.root.classList.contains("ml-fit"));
    if (action === "play") return this.timer ? this.stop() : this.play();
    this.stop();
    const last = this.trace.events.length;
    this.go({ first: 0, back: this.step - 1, step: this.step + 1, forward: this.lastForward, last }[action]);
  }

  // A wide or high drawing is scrolled through, or shrunk until all of it is seen.
  fit(whole) {
    this.root.classList.toggle("ml-fit", whole);
    this.button("fit").setAttribute("aria-pressed", String(whole));
    if (this.insertStrips()) this.show();
    this.follow(false);
  }

  measure() {
    if (this.trace && this.insertStrips()) this.show();
    const wide = this.stage.scrollWidth > this.stage.clientWidth + 1;
    const high = this.stage.clientHeight > window.innerHeight - 200; // the style leaves 250 pixels for all else, if labels stay readable
    this.button("fit").hidden = !(wide || high || this.root.classList.contains("ml-fit"));
  }

  // Scrolls sideways until what happens now is in sight.
  follow(smooth = true) {
    if (this.stage.scrollWidth <= this.stage.clientWidth + 1) return;
    const calm = !smooth || matchMedia("(prefers-reduced-motion: reduce)").matches;
    const scroll = (left) => this.stage.scrollTo({ left, behavior: calm ? "instant" : "smooth" });
    if (!this.step) return scroll(0);
    const active = this.stage.querySelector(".ml-node.ml-active") ?? this.stage.querySelector(".ml-active");
    if (!active) return;
    const [frame, box] = [this.stage.getBoundingClientRect(), active.getBoundingClientRect()];
    if (box.left > frame.left + 0.15 * frame.width && box.right < frame.right - 0.25 * frame.width) return;
    scroll(this.stage.scrollLeft + (box.left + box.right) / 2 - (frame.left + frame.right) / 2);
  }

  fold(part) {
    if (!part || !this.canFold(part)) return;
    this.stop();
    this.refocus = part;
    this.folding(part);
  }

  // A click in the drawing: a folded node opens, a heat map shows all its numbers, a node jumps to its next step.
  press(target) {
    const node = target.closest("[data-node]");
    const map = target.closest("[data-whole]");
    if (node?.dataset.unfold) this.fold(node.dataset.unfold);
    else if (map) this.openWhole(map);
    else if (node) this.jump(node.dataset.node);
  }

  jump(id) {
    const at = this.trace.events.map((event, index) => (event.node === id ? index + 1 : 0)).filter(Boolean);
    this.stop();
    if (at.length) this.go(at.find((step) => step > this.step) ?? at[0]);
  }

  openWhole(map) {
    const key = map.closest("[data-key]").dataset.key;
    const array = this.shownArray(key);
    if (!array) return;
    this.dialog?.remove();
    this.opener = map;
    this.dialog = element("dialog", { class: "ml-dialog", ...OWN_KEYS, "aria-label": map.getAttribute("aria-label") ?? key });
    this.dialog.addEventListener("close", () => this.opener?.focus({ preventScroll: true }));
    this.dialog.addEventListener("click", (event) => event.target === this.dialog && this.dialog.close());
    this.dialog.addEventListener("keydown", (event) => event.stopPropagation());
    this.root.append(this.dialog);
    this.wholeKey = key;
    this.fillWhole({ key, ...array, columns: columnsOf(array), rows: array.numbers.length / columnsOf(array) });
    this.dialog.showModal();
    if (array.shape.reduce((product, size) => product * size, 1) > array.numbers.length) this.whole(key, this.step);
  }

  // All numbers of a tensor as a table; a part of them first, the rest when Python has answered.
  fillWhole({ key, shape, text, numbers, rows, columns, largest }) {
    if (!this.dialog?.isConnected || key !== this.wholeKey) return;
    const table = element("table");
    for (let row = 0; row < rows; row++) {
      const line = table.insertRow();
      for (let column = 0; column < columns; column++) {
        const number = numbers[row * columns + column];
        const cell = line.insertCell();
        cell.textContent = shortNumber(number);
        cell.className = typeof number === "string" ? "ml-bad" : number < 0 ? "ml-minus" : "ml-plus";
        cell.style.setProperty("--ml-strength", largest && typeof number !== "string" ? `${(55 * Math.abs(number)) / largest}%` : "0%");
      }
    }
    const size = shape.reduce((product, length) => product * length, 1);
    const some = rows * columns < size ? `the first ${rows}×${columns} of [${shape.join("×")}]` : `all of [${shape.join("×")}]`;
    const close = element("button", { type: "button", ...OWN_KEYS }, "Close");
    close.addEventListener("click", () => this.dialog.close());
    const title = element("p", {}, element("strong", {}, this.dialog.getAttribute("aria-label").split(":")[0]), ` · ${some} · ${text.replace(/^\[[^\]]*\] /, "")}`);
    this.dialog.replaceChildren(title, element("div", { class: "ml-table", tabindex: "0", ...OWN_KEYS }, table), close);
  }

  shownArray(key) {
    let found = null;
    for (const event of [this.trace.start, ...this.trace.events.slice(0, this.step)])
      for (const [name, index] of event.shows) if (name === key) found = this.trace.arrays[index];
    return found;
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
    if (event.target.closest("dialog")) return;
    const pressed = event.key === "Enter" || event.key === " ";
    if (pressed && event.target.matches("[data-unfold], [data-whole]")) {
      event.preventDefault();
      event.stopPropagation();
      return this.press(event.target);
    }
    const action = { ArrowLeft: "back", ArrowRight: "step", Home: "first", End: "last", " ": "play" }[event.key];
    const onControl = event.target.matches("input, select"); // there the arrows move the slider
    const onButton = event.key === " " && event.target.matches("button"); // there Space presses the button
    if (!action || onControl || onButton || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    this.act(action);
  }

  go(step) {
    const before = this.step;
    this.step = Math.max(0, Math.min(this.trace.events.length, step));
    this.insertStrips(this.trace.events[this.step - 1]?.node);
    this.show();
    if (this.step || before) this.follow();
  }

  show() {
    const { events, start, arrays } = this.trace;
    const now = this.step ? events[this.step - 1] : start;
    const shown = new Map(start.shows);
    const marks = new Set();
    for (const event of events.slice(0, this.step)) {
      for (const [key, index] of event.shows) shown.set(key, index);
      for (const mark of event.marks) marks.add(mark);
    }
    const fresh = new Set(now.shows.map(([key]) => key));
    for (const [key, found] of this.keyed) {
      found.classList.toggle("ml-hidden", !shown.has(key) && !marks.has(key));
      found.classList.toggle("ml-now", now.phase !== "start" && (fresh.has(key) || now.marks.includes(key)));
      if (shown.has(key) && found.mlShown !== arrays[shown.get(key)]) {
        write(found, arrays[shown.get(key)]);
        found.mlShown = arrays[shown.get(key)];
      }
    }
    this.derive(now, shown);
    this.light(now, marks);
    this.sentence.textContent = now.sentence;
    this.sentence.classList.toggle("ml-alarm", now.phase === "failure" || now.marks.length > 0);
    const phase = now.phase === "start" ? "" : ` · ${now.phase}`;
    this.counter.textContent = `Step ${this.step} of ${events.length}${phase}`;
    this.timeline.value = this.step;
    this.timeline.setAttribute("aria-valuetext", this.counter.textContent);
    this.disable(["first", "back"], this.step === 0);
    this.disable(["step", "last"], this.step === events.length);
  }

  // The local derivative of the edge that a gradient comes back along. It is drawn when its step comes: a large graph has
  // hundreds, of which one is seen.
  derive(now, shown) {
    this.local?.remove();
    this.local = null;
    const name = `${now.node}:${now.position}`;
    const edge = this.edges.get(name);
    if (now.phase !== "backward" || !edge?.dataset.local) return;
    const [x, y, ...words] = edge.dataset.local.split(" ");
    const source = this.trace.nodes.find(({ id }) => id === now.node).reads[now.position];
    const text = drawn("text", { x, y, "data-local": `${now.node}<-${source}`, "data-position": now.position });
    text.textContent = words.join(" ");
    const number = this.trace.arrays[shown.get(`local:${name}`)];
    if (number) {
      const exact = drawn("tspan", { "data-exact": number.numbers[0], ...(number.broken && { class: "ml-broken" }) });
      exact.textContent = number.text;
      text.append(" = ", exact);
    }
    this.local = drawn("g", { class: "ml-local", "data-key": `local:${name}` });
    this.local.append(text);
    this.stage.querySelector("svg").append(this.local);
  }

  disable(actions, disabled) {
    for (const button of actions.map((action) => this.button(action))) {
      // A disabled button loses the focus, and the keyboard with it: the explorer takes it over.
      if (disabled && button === document.activeElement) this.root.focus({ preventScroll: true });
      button.disabled = disabled;
    }
  }

  light(now, marks) {
    this.root.classList.toggle("ml-phase-forward", now.phase === "forward");
    this.root.classList.toggle("ml-phase-backward", now.phase === "backward");
    const node = this.trace.nodes.find(({ id }) => id === now.node);
    const positions = now.position === null ? (node?.reads ?? []).map((_, index) => index) : [now.position];
    const isSeed = now.phase === "backward" && now.position === null;
    const edges = new Set(isSeed || !node || now.phase === "failure" ? [] : positions.map((position) => `${now.node}:${position}`));
    const lit = new Set(now.phase === "start" ? [] : now.shows.map(([key]) => key.replace(/^(value|grad):/, "")));
    if (now.phase === "forward") for (const source of node.reads) lit.add(source);
    for (const found of this.marked) {
      const { node: id, edge, stem } = found.dataset;
      found.classList.toggle("ml-active", edge !== undefined ? edges.has(edge) : stem !== undefined ? lit.has(stem) : id === now.node);
      if (id !== undefined) found.classList.toggle("ml-failed", marks.has(`note:${id}`));
      if (edge !== undefined) found.classList.toggle("ml-wrong", marks.has(`wrong:${edge}`));
      if (now.phase === "backward" && edges.has(edge)) pointBack(found);
    }
  }

  dispose() {
    clearInterval(this.timer);
    this.watcher.disconnect();
    this.dialog?.remove();
  }
}

function drawn(tag, attributes) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

// An arrowhead where an edge begins, for the gradient that comes back along it.
function pointBack(edge) {
  if (edge.querySelector(".ml-tail")) return;
  const { x, y } = edge.querySelector(".ml-line").getPointAtLength(0);
  edge.append(drawn("path", { class: "ml-tail", d: `M${x} ${y}l9 -5v10z` }));
}

function columnsOf({ shape, numbers }) {
  return shape.length < 2 ? numbers.length : Math.min(shape.at(-1), 8);
}

function shortNumber(number) {
  if (typeof number === "string") return { NaN: "NaN", Infinity: "∞", "-Infinity": "−∞" }[number];
  const size = Math.abs(number);
  const text = number === 0 ? "0" : size >= 1e4 || size < 1e-3 ? number.toExponential(1) : String(Number(number.toPrecision(3)));
  return text.replace("-", "−").replace("e-", "e−");
}

// Puts an array's numbers into its label: one number, or the cells of a heat map and its caption.
function write(label, array) {
  const text = label.querySelector("[data-exact]:is(text, tspan)") ?? label.querySelector("text.ml-caption");
  if (text) {
    text.textContent = array.shape.length ? array.caption : array.text;
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
    const words = cell.querySelector("text");
    if (words) words.textContent = array.cells ? array.cells[index] : broken ? (number === "NaN" ? "?" : shortNumber(number)) : number < 0 ? "−" : "";
  });
}

function render({ model, el }) {
  const root = el.appendChild(element("div"));
  const wish = (what) => {
    model.set("wish", { ...what, time: Date.now() });
    model.save_changes();
  };
  const player = new Player(root, { folding: (part) => wish({ fold: part }), canFold: () => true, whole: (key, step) => wish({ whole: key, step }) });
  const controls = new Controls(root.appendChild(element("div")), wish);
  const redraw = () => {
    const { svg, strips, parts, controls: shown } = model.get("picture");
    player.draw(svg, parts, strips);
    controls.draw(shown);
  };
  const reload = () => {
    player.load(model.get("trace"));
    controls.answered(player.trace.inputValues);
  };
  const repaint = () => {
    const typing = root.contains(document.activeElement) && document.activeElement.dataset.input;
    redraw();
    reload();
    if (typing) root.querySelector(`[data-input="${CSS.escape(typing)}"]`)?.focus({ preventScroll: true });
    focusPart(player);
  };
  const whole = () => player.fillWhole(model.get("whole"));
  repaint();
  model.on("change:picture", repaint);
  model.on("change:trace", reload);
  model.on("change:whole", whole);
  return () => {
    model.off("change:picture", repaint);
    model.off("change:trace", reload);
    model.off("change:whole", whole);
    player.dispose();
  };
}

// The button that folded a part was drawn anew: the keyboard goes on from there.
function focusPart(player) {
  if (player.refocus) player.parts.querySelector(`[data-part="${CSS.escape(player.refocus)}"]`)?.focus({ preventScroll: true });
  player.refocus = null;
}

export function startPages() {
  for (const root of document.querySelectorAll(".ml-explorer[data-waiting]")) {
    root.removeAttribute("data-waiting");
    const { start, views } = JSON.parse(root.querySelector("script").textContent);
    const [drawing, note] = [root.querySelector("svg"), root.querySelector(".ml-note")];
    let now = views[start];
    const show = (view, svg) => {
      now = view;
      player.draw(svg ?? view.svg, view.parts);
      player.load(view.trace);
      focusPart(player);
    };
    const other = (part) => views[now.turns?.[part]];
    const player = new Player(root, { canFold: (part) => Boolean(other(part)), folding: (part) => show(other(part)) });
    const first = drawing.cloneNode(true);
    now.svg = first.outerHTML;
    show(now, drawing);
    if (note) root.append(note);
  }
}

export default { render };
