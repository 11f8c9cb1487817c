// Controls that ask Python for new numbers, shared by all pictures in the browser. Put before each widget's own script.

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

// Each control is {kind, name, label, value, text} with what its kind needs. One request at a time: the newest wish waits
// until the answer is there; after two silent seconds Python is asked again.
class Controls {
  constructor(box, send) {
    this.box = box;
    this.send = send;
    this.box.classList.add("ml-controls");
    this.waiting = null;
    this.sent = 0;
  }

  draw(controls) {
    this.controls = new Map(controls.map((control) => [control.name, control]));
    this.box.replaceChildren(...controls.map((control) => this.make(control)));
  }

  make(control) {
    const shared = { "data-input": control.name, "data-lm-suppress-shortcuts": "true" };
    const name = element("span", { class: "ml-control-name" }, control.label);
    if (control.kind === "choice") {
      const options = control.options.map((option) => element("option", { value: option }, option));
      const select = element("select", shared, ...options);
      select.value = control.value;
      select.addEventListener("change", () => this.ask(control.name, select.value));
      return element("label", {}, name, select);
    }
    if (control.kind === "switch") {
      const box = element("input", { ...shared, type: "checkbox" });
      box.checked = control.value;
      box.addEventListener("change", () => this.ask(control.name, box.checked));
      return element("label", {}, box, name);
    }
    const { low, high, step } = control;
    const slider = element("input", { ...shared, type: "range", min: low, max: high, step });
    this.put(slider, control);
    slider.addEventListener("input", () => this.ask(control.name, control.log ? 10 ** slider.value : Number(slider.value)));
    return element("label", {}, name, slider, element("output", {}, control.text));
  }

  put(slider, { value, text, log }) {
    slider.value = log ? Math.log10(value) : value;
    slider.setAttribute("aria-valuetext", text);
  }

  ask(name, value) {
    this.waiting = { ...this.waiting, [name]: value };
    if (this.sent && Date.now() - this.sent < 2000) return;
    this.sent = Date.now();
    this.send({ values: this.waiting, time: this.sent });
    this.waiting = null;
  }

  // Python's answer: for each name the value that now holds and its text.
  answered(values) {
    this.sent = 0;
    for (const [name, { value, text }] of Object.entries(values)) {
      const control = { ...this.controls.get(name), value, text };
      const input = [...this.box.querySelectorAll("[data-input]")].find((found) => found.dataset.input === name);
      if (!input || this.waiting) continue;
      if (control.kind === "choice") input.value = value;
      else if (control.kind === "switch") input.checked = value;
      else this.put(input, control);
      if (control.kind === "slider") input.nextSibling.textContent = text;
    }
    if (this.waiting) this.ask(...Object.entries(this.waiting).at(-1));
  }
}

