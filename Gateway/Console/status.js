// Live status: readiness, galleries, models.
import { call } from "./api.js";
import { byId, make, number, oneIn } from "./ui.js";

/** Shows what was fetched; gives back the galleries. */
export async function refreshStatus(detailed) {
  const health = await call("/health/ready").catch(error => ({ status: "unhealthy", checks: [{ name: "server", status: "unhealthy", detail: error.message, data: {} }] }));
  const words = { healthy: "ready", degraded: "ready, with a remark", unhealthy: "not ready" };
  byId("health").dataset.state = health.status;
  const text = words[health.status] ?? health.status;
  if (byId("health-text").textContent !== text) byId("health-text").textContent = text;
  const galleries = (await call("/api/v1/galleries")).items;
  if (detailed) {
    const models = await call("/api/v1/models");
    showTiles(health, galleries, models);
    byId("status-checks").replaceChildren(...health.checks.map(check));
    table("status-galleries", ["Gallery", "People#", "Templates#", "Threshold#", "Strangers passing", "Model", "Moving to", "Shards"], galleries.map(g => [
      g.id, number(g.identities), number(g.templates), g.threshold.threshold.toFixed(3), `${oneIn(g.threshold.fpir)} (${g.threshold.source})`, g.model, moving(g.reembedding),
      g.shards.map(s => s.state).join(", ")]));
    table("status-models", ["Model", "Kind", "Status", "Licence", "SHA-256"], models.items.map(m => [m.name, m.kind, m.status, m.licence, m.sha256.slice(0, 12) + "…"]));
  }
  return galleries;
}

/** A gallery's move to another model, in words and a bar. */
function moving(move) {
  if (!move) return "";
  const share = move.total ? move.moved / move.total : 1;
  const words = { preparing: "preparing", backfilling: `${Math.floor(100 * share)} %`, catchingUp: "catching up", verifying: "verifying", active: `switched; ${move.oldModel} is kept`, retiring: "erasing the other generation" };
  const text = make("span", {}, `${move.newModel}: ${words[move.phase] ?? move.phase}${move.throttle > 0.05 ? `, resting ${Math.round(100 * move.throttle)} %` : ""}`);
  if (move.phase !== "backfilling") return text;
  return make("div", {}, make("progress", { max: 1, value: share, "aria-label": `Move of ${move.gallery}` }), text);
}

function showTiles(health, galleries, models) {
  const sum = field => number(galleries.reduce((total, g) => total + g[field], 0));
  const embedder = health.checks.find(c => c.name === "embedder");
  const tiles = [[sum("identities"), "people"], [sum("templates"), "templates"], [number(galleries.length), "galleries"],
    [embedder?.data?.provider ?? "none", "execution provider"], [models.detector ?? "none", "face detector"]];
  byId("status-tiles").replaceChildren(...tiles.map(([value, label]) => make("div", { class: "tile" }, make("b", {}, value), make("span", {}, label))));
}

const check = c => make("li", { "data-state": c.status }, make("span", { class: "dot", "aria-hidden": "true" }), make("strong", {}, `${c.name}: ${c.status}`), make("p", {}, c.detail ?? ""));

function table(id, heads, rows) {
  const numeric = heads.map(h => h.endsWith("#"));
  const cell = (tag, text, i) => make(tag, { class: numeric[i] ? "number" : null, scope: tag === "th" ? "col" : null }, text);
  byId(id).replaceChildren(
    make("thead", {}, make("tr", {}, ...heads.map((h, i) => cell("th", h.replace("#", ""), i)))),
    make("tbody", {}, ...(rows.length ? rows.map(r => make("tr", {}, ...r.map((t, i) => cell("td", t, i)))) : [make("tr", {}, make("td", { colspan: heads.length, class: "hint" }, "none"))])));
}
