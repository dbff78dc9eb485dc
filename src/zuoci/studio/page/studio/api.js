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
   * @param {{message?: string, param?: string | null, code?: string | null, params?: Record<string, any>}} [error]
   */
  constructor(status, { message = "", param = null, code = null, params = {} } = {}) {
    super(message || `${status}`);
    this.status = status;
    this.param = param;
    this.code = code;
    this.params = params; // the values in the message
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

/** The path of a corpus. @param {string} id */
export const corpusPath = (id) => `/corpora/${encodeURIComponent(id)}`;

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

/**
 * Sends a Blob, and tells how far that has come, which `fetch` cannot.
 * @param {string} path
 * @param {Blob} body
 * @param {AbortSignal} signal
 * @param {(part: number) => void} progress gets the part of the bytes that have been sent, from 0 to 1
 * @returns {Promise<any>} the JSON of the answer
 */
export function upload(path, body, signal, progress) {
  return new Promise((resolve, reject) => {
    const sending = new XMLHttpRequest();
    sending.open("POST", `/api${path}`);
    sending.setRequestHeader("Authorization", authorization());
    sending.setRequestHeader("Content-Type", "application/octet-stream");
    sending.upload.addEventListener("progress", ({ loaded, total }) => progress(total ? loaded / total : 1));
    sending.addEventListener("load", () => {
      const document = parseJson(sending.responseText);
      if (sending.status < 400) resolve(document);
      else reject(new ApiError(sending.status, document?.error));
    });
    sending.addEventListener("error", () => reject(new ApiError(0)));
    sending.addEventListener("abort", () => reject(new DOMException("aborted", "AbortError")));
    signal.addEventListener("abort", () => sending.abort());
    sending.send(body);
  });
}

/** @param {string} text */
function parseJson(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function authorization() {
  return `Bearer ${String.fromCharCode(...new TextEncoder().encode(token))}`; // a header may only hold bytes
}

/** @param {string} method @param {string} path @param {object} [body] @param {AbortSignal} [signal] */
async function request(method, path, body, signal) {
  /** @type {Record<string, string>} */
  const headers = { Authorization: authorization() };
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
