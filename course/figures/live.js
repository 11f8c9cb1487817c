// A picture drawn by Python and the controls that change it.

function render({ model, el }) {
  const root = el.appendChild(element("div", { class: "ml-widget ml-live" }));
  const image = root.appendChild(element("img", { draggable: "false" }));
  image.style.cssText = "display:block;max-width:100%;max-height:60vh;background:white";
  const controls = new Controls(root.appendChild(element("div")), (wish) => {
    model.set("wish", wish);
    model.save_changes();
  });
  let address = null;
  const show = () => {
    const old = address;
    address = URL.createObjectURL(new Blob([model.get("picture")], { type: "image/png" }));
    image.src = address;
    if (old) image.decode().finally(() => URL.revokeObjectURL(old));
  };
  const tell = () => {
    const { alt, values, drag } = model.get("about");
    image.alt = alt;
    image.style.cursor = drag ? "ew-resize" : "default";
    image.style.touchAction = drag ? "pan-y" : "auto";
    controls.answered(values);
  };

  const follow = (event) => {
    const { drag } = model.get("about");
    const frame = image.getBoundingClientRect();
    const [left, top, right, bottom] = drag.box;
    const [x, y] = [(event.clientX - frame.left) / frame.width, (event.clientY - frame.top) / frame.height];
    if (event.type === "pointerdown" && (x < left || x > right || y < top || y > bottom)) return false;
    controls.ask(drag.name, drag.low + ((x - left) / (right - left)) * (drag.high - drag.low));
    return true;
  };
  let held = false;
  image.addEventListener("pointerdown", (event) => {
    if (!model.get("about").drag) return;
    held = follow(event);
    if (held) image.setPointerCapture(event.pointerId);
  });
  image.addEventListener("pointermove", (event) => held && follow(event));
  image.addEventListener("pointerup", () => { held = false; });
  image.addEventListener("pointercancel", () => { held = false; });

  controls.draw(model.get("controls"));
  show();
  tell();
  model.on("change:picture", show);
  model.on("change:about", tell);
  return () => {
    model.off("change:picture", show);
    model.off("change:about", tell);
    if (address) URL.revokeObjectURL(address);
  };
}

export default { render };
