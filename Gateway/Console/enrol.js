// Enrols a person from one or several photographs.
import { call, gallery, operationId } from "./api.js";
import { Photo } from "./photo.js";
import { byId, make, plural, problemBox, warningBox } from "./ui.js";

let photo, files = [], operation;

export function startEnrol(getGallery, onenrolled) {
  photo = new Photo(byId("enrol-photo"), { many: true, onfiles: list => { files = list; operation = operationId(); byId("enrol-results").replaceChildren(); } });
  byId("enrol-form").addEventListener("submit", async event => {
    event.preventDefault();
    const results = byId("enrol-results");
    if (!getGallery()) return results.replaceChildren(warningBox("There is no gallery yet: create one first."));
    if (!files.length) return results.replaceChildren(warningBox("Choose a photo first."));
    byId("enrol-submit").disabled = true;
    photo.busy(true);
    try {
      const answer = await call(gallery(getGallery(), "/identities"), { method: "POST", form: form(), headers: { "Idempotency-Key": operation } });
      succeeded(answer, results);
      onenrolled();
    } catch (error) {
      failed(error, results);
    } finally {
      photo.busy(false);
      byId("enrol-submit").disabled = false;
    }
  });
}

function form() {
  const data = new FormData();
  for (const file of files) data.append("image", file);
  const identity = byId("enrol-identity").value.trim();
  if (identity) data.append("identity", identity);
  const pairs = byId("enrol-metadata").value.split("\n").map(l => l.trim()).filter(Boolean).map(l => {
    const colon = l.indexOf(":");
    return colon < 0 ? [l, ""] : [l.slice(0, colon).trim(), l.slice(colon + 1).trim()];
  });
  if (pairs.length) data.append("metadata", JSON.stringify(Object.fromEntries(pairs)));
  data.append("faces", byId("enrol-faces").value);
  data.append("onConflict", byId("enrol-allow").checked ? "allow" : "report");
  return data;
}

function succeeded(answer, results) {
  const replayed = answer.status === "replayed";
  results.replaceChildren(
    make("div", { class: "success" }, make("strong", {}, replayed ? `${answer.identity} had been enrolled already` : `Enrolled ${answer.identity}`), `${plural(answer.templates.length, "template")}; version ${answer.version}.`),
    ...answer.warnings.map(warningBox),
    ...answer.rejected.map(r => warningBox(`Photo ${r.image + 1} gave nothing: ${r.detail}`)));
  files = [];
  photo.clear();
  byId("enrol-allow").checked = false;
}

function failed(error, results) {
  const problem = error.problem ?? {};
  // A new try is a new operation, unless nobody knows what became of this one.
  if (error.status && error.status < 500) operation = operationId();
  results.replaceChildren(problemBox(error));
  if (problem.conflicts?.length) {
    results.append(make("ul", {}, ...problem.conflicts.map(c => make("li", {},
      c.kind === "nearDuplicate" ? `nearly the same as a photo of ${c.identity}` : `looks like ${c.identity}`, ` (score ${c.score.toFixed(3)})`))));
  }
  if (problem.rejected?.length > 1) results.append(make("ul", {}, ...problem.rejected.map(r => make("li", {}, `Photo ${r.image + 1}: ${r.detail}`))));
  const faces = problem.faces ?? [];
  const img = photo.img;
  if (faces.length && files.length === 1 && img?.naturalWidth) {
    photo.boxes(img.naturalWidth, img.naturalHeight, faces.map((f, i) => ({ box: f.box, kind: f.rejections.length ? "bad" : "unknown", label: `${i + 1}` })));
  }
}
