// Calls the service with the key that is signed in.

import { isOperator, key } from "./session.js";

// A problem that the service reports (RFC 9457), or that it can't be reached.
export class Problem extends Error {
  constructor({ status, title, detail, errors = [] }) {
    super(detail ?? title);
    Object.assign(this, { status, title, detail, errors });
  }
}

export async function get(path, { tenant, parameters, signal } = {}) {
  const asked = new URLSearchParams(parameters ?? {}).toString();
  const response = await send(asked ? `${path}?${asked}` : path, { tenant, signal });
  return response.json();
}

export async function post(path, body, { tenant, signal } = {}) {
  const response = await send(path, {
    tenant,
    signal,
    method: "POST",
    body: JSON.stringify(body),
    headers: { "content-type": "application/json" },
  });
  return response.json();
}

// The rows of a query as CSV, to be saved.
export async function postForCsv(body, { tenant }) {
  const response = await send("/query?format=csv", {
    tenant,
    method: "POST",
    body: JSON.stringify(body),
    headers: { "content-type": "application/json" },
  });
  return response.blob();
}

async function send(path, { tenant, headers = {}, ...options }) {
  const signedIn = { ...headers, authorization: `Bearer ${key() ?? ""}` };
  // A header is bytes, and fetch sends each character as one byte.
  if (tenant && isOperator()) signedIn["event-tenant"] = asBytes(tenant);
  let response;
  try {
    response = await fetch(path, { ...options, headers: signedIn, cache: "no-store" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem({ status: 0, title: "The service can't be reached" });
  }
  if (!response.ok) {
    const problem = new Problem(await problemOf(response));
    // The key was revoked or has expired since the sign-in.
    if (problem.status === 401 && path !== "/session") {
      document.dispatchEvent(new CustomEvent("signedout", { detail: problem }));
    }
    throw problem;
  }
  return response;
}

async function problemOf(response) {
  try {
    return { status: response.status, ...(await response.json()) };
  } catch {
    return { status: response.status, title: response.statusText };
  }
}

function asBytes(text) {
  return String.fromCharCode(...new TextEncoder().encode(text));
}
