// The studio's JSON API, as docs/api.md has it.

const TOKEN = "zuoci token"; // where the tab keeps it

const given = new URLSearchParams(location.search).get("token");
if (given) {
  sessionStorage.setItem(TOKEN, given);
  history.replaceState(null, "", location.pathname + location.hash); // it is not for the history
}
const token = sessionStorage.getItem(TOKEN) ?? "";

/** What went wrong, in one line. `status` 0: the server could not be reached; `param`: the field at fault, or null. */
export class ApiError extends Error {
  constructor(status, { message = "", param = null, code = null } = {}) {
    super(message || `${status}`);
    Object.assign(this, { status, param, code });
  }
}

export const get = (path) => ask("GET", path);
export const post = (path, body = {}, signal = undefined) => ask("POST", path, body, signal);
export const drop = (path) => ask("DELETE", path);
export const model = (id) => `/models/${encodeURIComponent(id)}`;
export const training = (id) => `/training/${encodeURIComponent(id)}`;

async function ask(method, path, body, signal) {
  return (await request(method, path, body, signal)).json();
}

/** The file behind a path, to be saved. */
export async function file(path) {
  return (await request("GET", path)).blob();
}

/**
 * The events of an answer.
 * @yields {{event: string, data: object}}
 */
export async function* events(method, path, body, signal) {
  const { body: stream } = await request(method, path, body, signal);
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      const parts = (text + value).split("\n\n");
      text = parts.pop();
      for (const part of parts) {
        const found = parse(part);
        if (!found) continue;
        if (found.event === "error") throw new ApiError(422, found.data.error);
        yield found;
      }
    }
  } finally {
    reader.cancel().catch(() => {}); // whoever stops listening ends the work
  }
}

function parse(part) {
  const lines = part.split("\n").filter((line) => line && !line.startsWith(":"));
  const field = (name) =>
    lines.filter((line) => line.startsWith(`${name}:`)).map((line) => line.slice(name.length + 1).replace(/^ /, ""));
  const [event] = field("event");
  return event ? { event, data: JSON.parse(field("data").join("\n")) } : null;
}

async function request(method, path, body, signal) {
  const key = String.fromCharCode(...new TextEncoder().encode(token)); // fetch sends a byte for each character
  const headers = { Authorization: `Bearer ${key}` };
  const binary = body instanceof Blob;
  if (body !== undefined) headers["Content-Type"] = binary ? "application/octet-stream" : "application/json";
  let answer;
  try {
    answer = await fetch(`/api${path}`, {
      method,
      headers,
      signal,
      body: binary || body === undefined ? body : JSON.stringify(body),
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0);
  }
  if (answer.ok) return answer;
  const { error } = await answer.json().catch(() => ({}));
  throw new ApiError(answer.status, error);
}
