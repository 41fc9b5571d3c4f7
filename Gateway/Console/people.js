// Browses a gallery page by page, and erases.
import { call, gallery, operationId } from "./api.js";
import { alertUser, byId, make, metadata, plural } from "./ui.js";

const size = 25;
let currentGallery, changed, starts = [""], page = 0;

export function startPeople(getGallery, onchanged) {
  currentGallery = getGallery;
  changed = onchanged;
  byId("people-next").addEventListener("click", () => { page++; load(); });
  byId("people-previous").addEventListener("click", () => { page--; load(); });
}

/** The first page of the gallery chosen. */
export function showPeople() {
  starts = [""];
  page = 0;
  return load();
}

async function load() {
  const list = byId("people-list"), name = currentGallery();
  if (!name) return list.replaceChildren(empty("There is no gallery yet."));
  try {
    const answer = await call(gallery(name, `/identities?limit=${size}${starts[page] ? `&after=${encodeURIComponent(starts[page])}` : ""}`));
    if (answer.items.length === 0 && page > 0) { page--; return load(); }
    starts[page + 1] = answer.next;
    list.replaceChildren(...(answer.items.length ? answer.items.map(person) : [empty("Nobody is enrolled in this gallery yet.")]));
    byId("people-next").disabled = !answer.next;
    byId("people-previous").disabled = page === 0;
    byId("people-page").textContent = answer.items.length ? `Page ${page + 1}` : "";
    byId("people-count").textContent = `${answer.items.length} on this page`;
    alertUser(null);
  } catch (error) {
    alertUser(error);
  }
}

const empty = text => make("li", { class: "empty" }, make("span"), make("span", {}, text));

function person(identity) {
  const avatar = make("span", { class: "avatar", "aria-hidden": "true" }, initials(identity.id));
  avatar.style.background = `hsl(${hue(identity.id)} 55% 38%)`;
  const meta = [plural(identity.templates.length, "template"), metadata(identity.metadata), `changed ${new Date(identity.updatedAt).toLocaleString()}`].filter(Boolean).join(" · ");
  return make("li", { "data-identity": identity.id }, avatar,
    make("div", {}, make("div", { class: "name" }, identity.id), make("div", { class: "meta" }, meta)),
    make("button", { type: "button", class: "quiet danger", "aria-label": `Erase ${identity.id}`, onclick: () => erase(identity.id) }, "Erase"));
}

function erase(id) {
  const dialog = byId("erase-dialog");
  byId("erase-name").textContent = id;
  dialog.returnValue = "";
  dialog.onclose = async () => {
    if (dialog.returnValue !== "erase") return;
    try {
      await call(gallery(currentGallery(), `/identities/${encodeURIComponent(id)}`), { method: "DELETE", headers: { "Idempotency-Key": operationId() } });
      await load();
      byId("people-count").textContent = `${id} was erased.`;
      changed();
    } catch (error) {
      alertUser(error);
    }
  };
  dialog.showModal();
}

const initials = id => id.split(/[^\p{L}\p{N}]+/u).filter(Boolean).slice(0, 2).map(w => w[0].toUpperCase()).join("") || "?";

const hue = id => [...id].reduce((h, c) => (h * 31 + c.codePointAt(0)) % 360, 7);
