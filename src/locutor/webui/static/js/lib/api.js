// The public REST API, as any other client would call it.

import { sentence, t } from "./words.js";

/** @typedef {{authenticated: boolean, key_required: boolean, scopes: string[], csrf_token?: string | null}} Session */

/** @type {Session | null} */
let session = null;

/** What the service answered instead of what was asked for. */
export class ApiError extends Error {
  /** @param {number} status @param {string} kind @param {string} message */
  constructor(status, kind, message) {
    super(message);
    this.status = status;
    this.kind = kind;
  }
}

/** Who this page is; sends to the login where one is needed. */
export async function openSession() {
  session = /** @type {Session} */ (await get("/auth/session"));
  if (!session.authenticated && !location.pathname.endsWith("/login")) {
    location.assign(`/webui/login?next=${encodeURIComponent(location.pathname + location.search)}`);
  }
  return session;
}

export const currentSession = () => session;

/** Query values that are there, as a query string. @param {string} path @param {Record<string, unknown>} values */
export function withQuery(path, values) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) {
    if (value !== null && value !== undefined && value !== "") query.set(name, String(value));
  }
  return query.size ? `${path}?${query}` : path;
}

/** @param {string} path @param {AbortSignal} [signal] @returns {Promise<any>} */
export const get = (path, signal) => send("GET", path, undefined, signal);
/** @param {string} path @param {unknown} [body] @param {AbortSignal} [signal] @returns {Promise<any>} */
export const post = (path, body, signal) => send("POST", path, body, signal);
/** @param {string} path @param {unknown} body @returns {Promise<any>} */
export const patch = (path, body) => send("PATCH", path, body);
/** @param {string} path @returns {Promise<any>} */
export const remove = (path) => send("DELETE", path);

/**
 * Objects go as JSON, FormData and URLSearchParams as forms.
 * @param {string} method @param {string} path @param {unknown} [body] @param {AbortSignal} [signal]
 * @returns {Promise<any>}
 */
export async function send(method, path, body, signal) {
  /** @type {Record<string, string>} */
  const headers = { Accept: "application/json" };
  if (session?.csrf_token && method !== "GET") headers["X-CSRF-Token"] = session.csrf_token;
  const isForm = body instanceof FormData || body instanceof URLSearchParams;
  if (body !== undefined && !isForm) headers["Content-Type"] = "application/json";
  const payload = body === undefined ? undefined : isForm ? body : JSON.stringify(body);
  const answer = await reach(path, { method, headers, body: /** @type {BodyInit | undefined} */ (payload), signal });
  if (!answer.ok) throw await refusal(answer);
  if (answer.status === 204) return null;
  return answer.headers.get("Content-Type")?.includes("json") ? answer.json() : answer.blob();
}

/** @param {string} path @param {RequestInit} request */
async function reach(path, request) {
  try {
    return await fetch(path, request);
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError(0, "Unreachable", t("The service does not answer. Is it still running? Nothing you wrote is lost."));
  }
}

/** @param {Response} answer */
async function refusal(answer) {
  let kind = "HTTPError";
  let detail = `${answer.status} ${answer.statusText}`;
  try {
    const body = await answer.json();
    kind = body.error?.type ?? body.error ?? kind;
    detail = body.error?.message ?? (typeof body.detail === "string" ? body.detail : detail);
  } catch {
    // a proxy's own page: the status is all there is to say
  }
  if (answer.status === 401 && !location.pathname.endsWith("/login")) {
    location.assign(`/webui/login?next=${encodeURIComponent(location.pathname)}`);
  }
  const advice = answer.status === 429 ? " " + t("Try again in a moment.") : "";
  return new ApiError(answer.status, kind, sentence(detail) + advice);
}
