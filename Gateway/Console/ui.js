// Small helpers for building the page. Text is always set as text, never as markup.
export const byId = id => document.getElementById(id);

/** Makes an element: make("p", { class: "hint" }, "text", child). */
export function make(tag, attributes = {}, ...children) {
  const svg = ["svg", "rect", "text", "g", "title", "path"].includes(tag);
  const element = svg ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children.filter(c => c != null));
  return element;
}

export const number = n => Number(n).toLocaleString("en");

/** "1 in 1,000" for 0.001. */
export const oneIn = rate => rate > 0 ? `1 in ${number(Math.max(1, Math.round(1 / rate)))}` : "none";

export const plural = (n, one, many = one + "s") => `${number(n)} ${n === 1 ? one : many}`;

export const metadata = entries => Object.entries(entries ?? {}).map(([k, v]) => `${k}: ${v}`).join(" · ");

/** A problem as a box. */
export const problemBox = error => make("div", { class: "problem" }, make("strong", {}, error.problem?.title ?? "Something went wrong"), error.message);

export const warningBox = text => make("p", { class: "warning" }, text);

/** Shows or hides the page's alert. */
export function alertUser(error) {
  const box = byId("alert");
  box.hidden = !error;
  box.replaceChildren();
  if (error) box.append(make("strong", {}, error.problem?.title ?? "Something went wrong"), error.message);
}
