// Requests to the studio's JSON API (docs/api.md). Every view uses it.

/** @import {ServerEvent} from "./types.js" */

const TOKEN_KEY = "zuoci token"; // in the tab's storage

const given = new URLSearchParams(location.search).get("token");
if (given) {
  sessionStorage.setItem(TOKEN_KEY, given);
  history.replaceState(null, "", location.pathname + location.hash); // keeps the token out of the browser's history
}
const token = sessionStorage.getItem(TOKEN_KEY) ?? "";

/** An error answer: `status` 0 if the server could not be reached; `param`: the field that is wrong, or null. */
export class ApiError extends Error {
  /**
   * @param {number} status
   * @param {{message?: string, param?: string | null, code?: string | null}} [error]
   */
  constructor(status, { message = "", param = null, code = null } = {}) {
    super(message || `${status}`);
    this.status = status;
    this.param = param;
    this.code = code;
  }
}

/** Whether a request was aborted by the page itself. @param {unknown} error */
export function isAbort(error) {
  return error instanceof Error && error.name === "AbortError";
}

/** @param {string} path @returns {Promise<any>} the JSON of the answer */
export const get = (path) => json("GET", path);

/**
 * @param {string} path
 * @param {object} [body] a Blob is sent as it is
 * @param {AbortSignal} [signal]
 * @returns {Promise<any>}
 */
export const post = (path, body = {}, signal) => json("POST", path, body, signal);

/** @param {string} path @param {object} body @returns {Promise<any>} */
export const put = (path, body) => json("PUT", path, body);

/** Sends DELETE. @param {string} path @returns {Promise<any>} */
export const remove = (path) => json("DELETE", path);

/** The path of a model. @param {string} id */
export const modelPath = (id) => `/models/${encodeURIComponent(id)}`;

/** The path of a song. @param {string} id */
export const songPath = (id) => `/songs/${encodeURIComponent(id)}`;

/** The path of a training run. @param {string} id */
export const runPath = (id) => `/training/${encodeURIComponent(id)}`;

/** @param {string} method @param {string} path @param {object} [body] @param {AbortSignal} [signal] */
async function json(method, path, body, signal) {
  return (await request(method, path, body, signal)).json();
}

/** Downloads a file. @param {string} path */
export async function download(path) {
  return (await request("GET", path)).blob();
}

/**
 * The server-sent events of an answer. Leaving the loop early ends the work on the server.
 * @param {string} method
 * @param {string} path
 * @param {object} [body]
 * @param {AbortSignal} [signal]
 * @returns {AsyncGenerator<ServerEvent>}
 */
export async function* events(method, path, body, signal) {
  const { body: stream } = await request(method, path, body, signal);
  if (!stream) return;
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      const parts = (text + value).split("\n\n");
      text = parts.pop() ?? "";
      for (const part of parts) {
        const found = parseEvent(part);
        if (!found) continue;
        if (found.event === "error") throw new ApiError(422, found.data.error);
        yield found;
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

/** Parses one event; null for a comment. @param {string} part @returns {ServerEvent | null} */
export function parseEvent(part) {
  const lines = part.split("\n").filter((line) => line && !line.startsWith(":"));
  /** @param {string} name */
  const field = (name) =>
    lines.filter((line) => line.startsWith(`${name}:`)).map((line) => line.slice(name.length + 1).replace(/^ /, ""));
  const [event] = field("event");
  return event ? { event, data: JSON.parse(field("data").join("\n")) } : null;
}

/** @param {string} method @param {string} path @param {object} [body] @param {AbortSignal} [signal] */
async function request(method, path, body, signal) {
  const key = String.fromCharCode(...new TextEncoder().encode(token)); // a header may only hold bytes
  /** @type {Record<string, string>} */
  const headers = { Authorization: `Bearer ${key}` };
  const binary = body instanceof Blob;
  if (body) headers["Content-Type"] = binary ? "application/octet-stream" : "application/json";
  const content = binary ? body : body && JSON.stringify(body);
  let answer;
  try {
    answer = await fetch(`/api${path}`, { method, headers, signal, body: content });
  } catch (error) {
    if (isAbort(error)) throw error;
    throw new ApiError(0);
  }
  if (answer.ok) return answer;
  const { error } = await answer.json().catch(() => ({}));
  throw new ApiError(answer.status, error);
}
