// A place to choose, drop or paste a photograph, which then shows faces as boxes.
import { make } from "./ui.js";

export class Photo {
  /** onfiles gets an array of files. */
  constructor(place, { many = false, onfiles }) {
    this.place = place;
    this.many = many;
    this.onfiles = onfiles;
    this.input = make("input", { type: "file", accept: "image/*", id: `${place.id}-file`, multiple: many, onchange: () => this.take(this.input.files) });
    this.drop = make("label", { class: "drop", for: this.input.id });
    this.view = make("div");
    place.append(this.input, this.drop, this.view);
    this.invite();
    place.addEventListener("dragover", e => { e.preventDefault(); place.classList.add("over"); });
    place.addEventListener("dragleave", () => place.classList.remove("over"));
    place.addEventListener("drop", e => { e.preventDefault(); place.classList.remove("over"); this.take(e.dataTransfer.files); });
    document.addEventListener("paste", e => { if (place.offsetParent && e.clipboardData.files.length) this.take(e.clipboardData.files); });
  }

  invite() {
    const icon = make("svg", { viewBox: "0 0 24 24", "aria-hidden": "true" },
      make("path", { d: "M4 8V6a2 2 0 0 1 2-2h2M16 4h2a2 2 0 0 1 2 2v2M20 16v2a2 2 0 0 1-2 2h-2M8 20H6a2 2 0 0 1-2-2v-2M12 11.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5zM7.5 17c.4-2.6 2-4 4.5-4s4.100 1.400 4.500 4z", fill: "none", stroke: "currentColor", "stroke-width": "1.6", "stroke-linecap": "round", "stroke-linejoin": "round" }));
    this.drop.replaceChildren(icon, make("strong", {}, this.many ? "Choose photos" : "Choose a photo"), make("span", {}, "or drop or paste it here"));
    this.drop.classList.remove("chosen");
  }

  take(list) {
    const files = [...list].slice(0, this.many ? 16 : 1);
    if (files.length === 0) return;
    this.show(files);
    this.onfiles(files);
  }

  clear() {
    this.input.value = "";
    this.view.replaceChildren();
    this.drop.hidden = false;
    for (const url of this.urls ?? []) URL.revokeObjectURL(url);
    this.urls = [];
  }

  show(files) {
    for (const url of this.urls ?? []) URL.revokeObjectURL(url);
    this.urls = files.map(f => URL.createObjectURL(f));
    this.img = make("img", { src: this.urls[0], alt: "The chosen photograph" });
    this.img.addEventListener("error", () => { this.caption.textContent = "This browser cannot show the file; the server may still read it."; this.caption.hidden = false; });
    this.caption = make("figcaption", { hidden: true });
    this.figure = make("figure", { class: "picture" }, this.img, this.caption);
    const another = make("div", { class: "row" }, make("button", { type: "button", class: "quiet", onclick: () => this.input.click() }, this.many ? "Other photos" : "Another photo"));
    const thumbs = files.length > 1 ? make("ul", { class: "thumbs" }, ...this.urls.slice(1).map(u => make("li", {}, make("img", { src: u, alt: "" })))) : null;
    another.style.marginTop = ".75rem";
    this.view.replaceChildren(this.figure, ...(thumbs ? [thumbs] : []), another);
    this.drop.hidden = true;
  }

  busy(on) {
    this.figure?.querySelector(".busy")?.remove();
    if (on) this.figure?.append(make("div", { class: "busy" }));
    this.place.setAttribute("aria-busy", String(on));
  }

  /** faces: [{ box, label, kind }]; width and height are those the boxes refer to. */
  boxes(width, height, faces, onchoose = () => {}) {
    this.figure.querySelector("svg")?.remove();
    const svg = make("svg", { viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "xMidYMid meet", role: "group", "aria-label": "Faces" });
    const size = Math.max(width, height) / 38;
    this.rects = faces.map(({ box, label, kind }, i) => {
      const place = { x: box.x, y: box.y, width: box.width, height: box.height, rx: box.width / 12 };
      const rect = make("rect", { ...place, class: `face-box ${kind}`, "data-face": i, onclick: () => onchoose(i) }, make("title", {}, label));
      const tag = make("text", { x: box.x + box.width / 2, y: Math.max(size, box.y - size * 0.35), "text-anchor": "middle", "font-size": size, "stroke-width": size / 5, class: "face-tag" }, faces.length > 12 ? String(i + 1) : label);
      svg.append(make("rect", { ...place, class: "face-shade" }), rect, tag);
      return rect;
    });
    this.figure.append(svg);
  }

  choose(i) {
    this.rects?.forEach((r, at) => r.classList.toggle("chosen", at === i));
  }
}
