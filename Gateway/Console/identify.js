// "Who is this?": boxes on the photograph, and candidates for each face.
import { call, gallery } from "./api.js";
import { Photo } from "./photo.js";
import { byId, make, metadata, oneIn, problemBox, warningBox } from "./ui.js";

let photo, file, currentGallery, asked = 0;

export function startIdentify(getGallery) {
  currentGallery = getGallery;
  photo = new Photo(byId("identify-photo"), { onfiles: files => { file = files[0]; identify(); } });
  for (const id of ["identify-top", "identify-faces"]) byId(id).addEventListener("change", () => file && identify());
}

/** Asks again when another gallery is chosen. */
export const identifyAgain = () => file && identify();

async function identify() {
  const results = byId("identify-results"), mine = ++asked;
  if (!currentGallery()) {
    results.replaceChildren(warningBox("There is no gallery yet: create one first, and enrol somebody."));
    return;
  }
  photo.busy(true);
  try {
    const form = new FormData();
    form.append("image", file);
    form.append("top", byId("identify-top").value || "5");
    form.append("faces", byId("identify-faces").value);
    const answer = await call(gallery(currentGallery(), "/identify"), { method: "POST", form });
    if (mine === asked) show(answer, results);
  } catch (error) {
    if (mine === asked) results.replaceChildren(problemBox(error));
  } finally {
    if (mine === asked) photo.busy(false);
  }
}

function show(answer, results) {
  const cards = answer.results.map((result, i) => card(result, i));
  const choose = i => {
    photo.choose(i);
    cards.forEach((c, at) => c.classList.toggle("chosen", at === i));
    cards[i]?.scrollIntoView({ block: "nearest", behavior: "smooth" });
  };
  photo.boxes(answer.width, answer.height, answer.results.filter(r => r.face).map(r => ({ box: r.face.box, kind: r.decision, label: r.decision === "match" ? r.candidates[0].identity : r.decision })), choose);
  cards.forEach((c, i) => c.addEventListener("mouseenter", () => photo.choose(i)));
  const t = answer.timings;
  results.replaceChildren(
    ...answer.warnings.map(warningBox),
    ...cards,
    make("p", { class: "small" }, `${answer.model}, generation ${answer.generation} · ${answer.shardsAnswered} of ${answer.shardsTotal} shards · `
      + `${t.totalMs.toFixed(0)} ms (faces ${t.analyseMs.toFixed(0)}, embedding ${t.embedMs.toFixed(0)}, search ${t.searchMs.toFixed(1)})`));
}

function card(result, i) {
  const [best] = result.candidates, threshold = result.threshold;
  const title = result.decision === "match" ? best.identity : result.decision === "ambiguous" ? "One of several" : "Nobody in this gallery";
  const why = result.decision === "ambiguous"
    ? `The best two are closer than the margin of ${result.margin.toFixed(2)}.`
    : `The line is the threshold ${threshold.threshold.toFixed(3)} (${threshold.source}): about ${oneIn(threshold.fpir)} strangers would pass it, and ${oneIn(threshold.fmr)} single comparisons.`;
  return make("article", { class: `result ${result.decision}`, "aria-label": `Face ${i + 1}: ${result.decision}` },
    make("header", {}, make("span", { class: "hint" }, `Face ${i + 1}`), make("strong", {}, title), make("span", { class: `badge ${result.decision}` }, result.decision)),
    result.candidates.length
      ? make("ol", { class: "candidates" }, ...result.candidates.map(c => candidate(c, threshold.threshold)))
      : make("p", { class: "hint" }, "The gallery is empty, or the filter leaves nobody."),
    make("p", { class: "small" }, why));
}

function candidate(c, threshold) {
  const share = s => `${Math.max(0, Math.min(1, s)) * 100}%`;
  const fill = make("i"), line = make("b");
  fill.style.width = share(c.score);
  line.style.left = share(threshold);
  const meta = metadata(c.metadata);
  return make("li", {},
    make("span", { class: "name" }, c.identity),
    make("span", { class: "score" }, c.score.toFixed(3)),
    make("span", { class: `bar ${c.score >= threshold ? "over" : ""}`, "aria-hidden": "true" }, fill, line),
    meta ? make("span", { class: "meta" }, meta) : null);
}

