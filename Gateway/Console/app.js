// The console page: tabs, the gallery chosen, the key, and the pulse of the status.
import { call, gallery, key } from "./api.js";
import { startEnrol } from "./enrol.js";
import { identifyAgain, startIdentify } from "./identify.js";
import { showPeople, startPeople } from "./people.js";
import { refreshStatus } from "./status.js";
import { alertUser, byId, make, plural } from "./ui.js";

const tabs = [...document.querySelectorAll("[role=tab]")];
const nameOf = tab => tab.id.slice("tab-".length);
const current = () => nameOf(tabs.find(t => t.getAttribute("aria-selected") === "true"));
const chosenGallery = () => byId("gallery").value;

function select(name, focus = false) {
  for (const tab of tabs) {
    const on = nameOf(tab) === name;
    tab.setAttribute("aria-selected", String(on));
    tab.tabIndex = on ? 0 : -1;
    byId(`panel-${nameOf(tab)}`).hidden = !on;
    if (on && focus) tab.focus();
  }
  history.replaceState(null, "", `#${name}`);
  alertUser(null);
  if (name === "people") showPeople();
  if (name === "status") pulse();
}

tabs.forEach((tab, i) => {
  tab.addEventListener("click", () => select(nameOf(tab)));
  tab.addEventListener("keydown", event => {
    const to = { ArrowRight: i + 1, ArrowLeft: i - 1, Home: 0, End: tabs.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    select(nameOf(tabs[(to + tabs.length) % tabs.length]), true);
  });
});

// Status and galleries, every five seconds while the page is seen.
let timer;
async function pulse() {
  clearTimeout(timer);
  try {
    fill(await refreshStatus(current() === "status"));
    if (!byId("alert").hidden && byId("alert").dataset.from === "pulse") alertUser(null);
  } catch (error) {
    if (error.status !== 401) {
      alertUser(error);
      byId("alert").dataset.from = "pulse";
    }
  }
  if (!document.hidden) timer = setTimeout(pulse, 5000);
}
document.addEventListener("visibilitychange", () => document.hidden || pulse());

function fill(galleries) {
  const choice = byId("gallery"), before = choice.value || sessionStorage.getItem("facesearch.gallery");
  const texts = galleries.map(g => `${g.id} (${plural(g.identities, "person", "people")})`);
  if (choice.options.length === galleries.length && galleries.every((g, i) => choice.options[i].value === g.id && choice.options[i].text === texts[i]) && galleries.length) return;
  choice.replaceChildren(...(galleries.length ? galleries.map((g, i) => make("option", { value: g.id }, texts[i])) : [make("option", { value: "" }, "none yet")]));
  if (galleries.some(g => g.id === before)) choice.value = before;
}

function galleryChanged() {
  sessionStorage.setItem("facesearch.gallery", chosenGallery());
  if (current() === "people") showPeople();
  if (current() === "identify") identifyAgain();
}
byId("gallery").addEventListener("change", galleryChanged);
byId("health").addEventListener("click", () => select("status", true));

// The key.
const keyDialog = byId("key-dialog");
function askKey() {
  if (keyDialog.open) return;
  byId("key").value = key.get();
  keyDialog.returnValue = "";
  keyDialog.showModal();
}
byId("key-button").addEventListener("click", askKey);
// Enter in the field means "use it", not the first button of the form.
byId("key").addEventListener("keydown", event => { if (event.key === "Enter") { event.preventDefault(); keyDialog.close("save"); } });
keyDialog.addEventListener("close", () => {
  if (keyDialog.returnValue === "save") key.set(byId("key").value.trim());
  else if (keyDialog.returnValue === "clear") key.set("");
  else return;
  byId("key").value = "";
  alertUser(null);
  pulse();
  galleryChanged();
});
let askedOnce = false;
document.addEventListener("key-needed", event => {
  alertUser(event.detail);
  byId("health").dataset.state ||= "degraded";
  if (!askedOnce) askKey();
  askedOnce = true;
});

// A new gallery.
const galleryDialog = byId("gallery-dialog");
byId("new-gallery").addEventListener("click", () => { byId("gallery-problem").hidden = true; galleryDialog.showModal(); });
byId("gallery-cancel").addEventListener("click", () => galleryDialog.close());
byId("gallery-form").addEventListener("submit", async event => {
  event.preventDefault();
  const name = byId("gallery-name").value.trim(), description = byId("gallery-description").value.trim();
  try {
    await call(gallery(name), { method: "PUT", json: { ...(description ? { description } : {}), threshold: { targetFpir: Number(byId("gallery-fpir").value) } } });
    galleryDialog.close();
    byId("gallery-form").reset();
    sessionStorage.setItem("facesearch.gallery", name);
    byId("gallery").value = "";
    await pulse();
    byId("gallery").value = name;
    galleryChanged();
  } catch (error) {
    byId("gallery-problem").textContent = error.message;
    byId("gallery-problem").hidden = false;
  }
});

startIdentify(chosenGallery);
startEnrol(chosenGallery, pulse);
startPeople(chosenGallery, pulse);
const wanted = location.hash.slice(1);
select(tabs.some(t => nameOf(t) === wanted) ? wanted : "identify");
pulse();
call("/api/v1/version").then(v => { byId("version").textContent = `FaceSearch ${v.version}`; }).catch(() => {});
