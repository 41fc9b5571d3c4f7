// The HTTP API as the page uses it. The key lives in this tab's session storage and goes nowhere but here.
const storage = "facesearch.key";

export const key = {
  get: () => sessionStorage.getItem(storage) ?? "",
  set: value => value ? sessionStorage.setItem(storage, value) : sessionStorage.removeItem(storage),
};

/** A problem (RFC 9457) that the server answered. */
export class Problem extends Error {
  constructor(problem) {
    super(problem.detail || problem.title || "The request failed.");
    this.problem = problem;
    this.slug = (problem.type ?? "").replace("urn:facesearch:problem:", "");
  }
}

/** Calls the API; answers the JSON body, or throws a Problem. */
export async function call(path, { method = "GET", json, form, headers = {} } = {}) {
  const request = { method, headers: { ...headers }, cache: "no-store" };
  if (key.get()) request.headers["X-Api-Key"] = key.get();
  if (json !== undefined) {
    request.body = JSON.stringify(json);
    request.headers["Content-Type"] = "application/json";
  } else if (form) {
    request.body = form;
  }
  let response;
  try {
    response = await fetch(path, request);
  } catch {
    throw new Problem({ title: "No answer", detail: "The server cannot be reached. Is it running?" });
  }
  const text = await response.text();
  let body = null;
  try { body = text ? JSON.parse(text) : null; } catch { /* not JSON: the status tells */ }
  if (!response.ok && !(path.startsWith("/health") && body?.checks)) {
    const problem = new Problem(body ?? { title: `Status ${response.status}`, detail: `The server answered with status ${response.status}.` });
    problem.status = response.status;
    if (response.status === 401) document.dispatchEvent(new CustomEvent("key-needed", { detail: problem }));
    throw problem;
  }
  return body;
}

export const gallery = (name, rest = "") => `/api/v1/galleries/${encodeURIComponent(name)}${rest}`;

/** A new operation id: repeating the request with it is safe. */
export const operationId = () => "console-" + Array.from(crypto.getRandomValues(new Uint8Array(12)), b => b.toString(16).padStart(2, "0")).join("");
